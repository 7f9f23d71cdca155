"""Kernel sums in NumPy: one matrix product per tile, tiles as the sizes have it.

Every tile is full (short ones are padded), because BLAS gives other last bits to ragged edges when its number of
threads changes: results are the same bits for any number of threads.
"""

import numpy as np
from numpy.typing import NDArray

from ingot.audit.ordered import in_order

Values = NDArray[np.float64]

_ROWS = 512
"""Rows and columns of a tile: 2 MB in float64."""


def log_sums_between(y: Values, x: Values, centre: Values, bandwidth: float, precision: str, threads: int) -> Values:
    """``ln sum_j K(y_i, x_j)`` for every row of ``y``."""
    left, right = (_scaled(part, centre, bandwidth, precision) for part in (y, x))
    columns, norms = _padded(right, np.inf)

    def rows(start: int) -> Values:
        block, block_norms = _padded(left[start : start + _ROWS], 0.0)
        largest = np.full(_ROWS, -np.inf)
        total = np.zeros(_ROWS)
        tile = np.empty((_ROWS, _ROWS), columns.dtype)
        for begin in range(0, len(columns), _ROWS):
            np.matmul(block, columns[begin : begin + _ROWS].T, out=tile)
            tile -= norms[begin : begin + _ROWS]
            top = np.maximum(largest, tile.max(axis=1))
            tile -= top[:, None].astype(tile.dtype)
            np.exp(tile, out=tile)
            total = total * np.exp(largest - top) + tile.sum(axis=1)
            largest = top
        sums: Values = largest - block_norms + np.log(total)
        return sums[: len(left) - start]

    return np.concatenate([np.empty(0), *in_order(rows, range(0, len(left), _ROWS), threads)])


def log_sums_within(x: Values, centre: Values, bandwidth: float, precision: str, threads: int) -> Values:
    """``ln sum_j K(x_i, x_j)`` within one set, the self term exactly 1."""
    points, norms = _padded(_scaled(x, centre, bandwidth, precision), np.inf)
    total = np.zeros(len(points))

    def block_row(start: int) -> tuple[int, Values]:
        rows = slice(start, start + _ROWS)
        partial = np.zeros(len(points) - start)
        tile = np.empty((_ROWS, _ROWS), points.dtype)
        for begin in range(start, len(points), _ROWS):
            columns = slice(begin, begin + _ROWS)
            np.matmul(points[rows], points[columns].T, out=tile)
            tile -= norms[rows, None]
            tile -= norms[columns]
            np.minimum(tile, 0.0, out=tile)
            np.exp(tile, out=tile)
            if begin == start:
                np.fill_diagonal(tile, 1.0)
            else:
                partial[begin - start : begin - start + _ROWS] += tile.sum(axis=0)
            partial[:_ROWS] += tile.sum(axis=1)
        return start, partial

    for start, partial in in_order(block_row, range(0, len(points), _ROWS), threads):
        total[start:] += partial
    return np.asarray(np.log(total[: len(x)]))


def _scaled(x: Values, centre: Values, bandwidth: float, precision: str) -> NDArray[np.floating]:
    return np.ascontiguousarray((x - centre) / bandwidth, dtype=precision)


def _padded(points: NDArray[np.floating], norm: float) -> tuple[NDArray[np.floating], NDArray[np.floating]]:
    """Points up to a full tile, and half their squared norms, ``norm`` on the padding."""
    extra = -len(points) % _ROWS
    norms = 0.5 * np.einsum("ij,ij->i", points, points)
    return np.pad(points, ((0, extra), (0, 0))), np.pad(norms, (0, extra), constant_values=norm)
