"""Sums of Gaussian kernels between sets of descriptors, in logarithms, with bounded memory.

``ln sum_j exp(-|y_i - x_j|^2 / 2 h^2)`` for every row of y. Squared distances come from one matrix
product per tile, on centred data: ``-|y - x|^2 / 2 = y.x - |y|^2/2 - |x|^2/2``. The sum is a
streaming log-sum-exp, so that an environment hundreds of bandwidths away has a finite
value where a plain sum is zero.

The tiles and the order of summation depend on the sizes only, and every tile is full
(short ones are padded), because BLAS gives other last bits to ragged edges when its
number of threads changes: results are the same bits for any number of threads.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, TypeVar

import numpy as np

from ingot.arrays import Descriptors
from ingot.audit.errors import AuditError

Precision = Literal["float64", "float32"]
T = TypeVar("T")

_ROWS = 512
"""Rows and columns of a tile: 2 MB in float64."""


def log_kernel_sums(
    y: Descriptors, x: Descriptors, bandwidth: float, precision: Precision = "float64", threads: int = 1
) -> np.ndarray:
    """``ln sum_j K(y_i, x_j)`` for every row of ``y``, float64.

    ``bandwidth`` in the unit of the descriptors (1/A). The error of a value is at most a few
    ulps of ``|x/h|^2``: 1e-9 for metals in float64; see :func:`float32_error`. Raises :class:`AuditError` for an
    empty ``x``, widths that differ, values that are not finite, a bandwidth that is not positive.
    """
    y, x = checked(y, "y"), checked(x, "x")
    if y.shape[1] != x.shape[1]:
        raise AuditError(
            f"descriptors of {y.shape[1]} and {x.shape[1]} components cannot be compared: "
            "use the same number of neighbours for both sets"
        )
    if not len(x):
        raise AuditError("the reference set is empty: there is nothing to compare with")
    left, right = _scaled(y, x, bandwidth, precision)
    columns, norms = _padded(right, np.inf)

    def rows(start: int) -> np.ndarray:
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
        sums: np.ndarray = largest - block_norms + np.log(total)
        return sums[: len(left) - start]

    return _joined(_in_order(rows, range(0, len(left), _ROWS), threads))


def log_kernel_sums_self(
    x: Descriptors, bandwidth: float, precision: Precision = "float64", threads: int = 1
) -> np.ndarray:
    """``ln sum_j K(x_i, x_j)`` within one set, the self term exactly 1: half the work of two sets."""
    x = checked(x, "x")
    left, _ = _scaled(x, x, bandwidth, precision)
    points, norms = _padded(left, np.inf)
    total = np.zeros(len(points))

    def block_row(start: int) -> tuple[int, np.ndarray]:
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

    for start, partial in _in_order(block_row, range(0, len(points), _ROWS), threads):
        total[start:] += partial
    return np.log(total[: len(x)])


def float32_error(y: Descriptors, x: Descriptors, bandwidth: float) -> float:
    """A bound on the error of a logarithmic kernel sum in float32: rounding of the squared norms."""
    left, right = _scaled(checked(y, "y"), checked(x, "x"), bandwidth, "float64")
    norms = [float(np.einsum("ij,ij->i", part, part).max(initial=0.0)) for part in (left, right)]
    return 8.0 * float(np.finfo(np.float32).eps) * (1.0 + sum(norms))


def checked(x: Descriptors, name: str) -> np.ndarray:
    """``x`` as a finite float64 matrix, or an :class:`AuditError`."""
    matrix = np.asarray(x, dtype=np.float64)
    if matrix.ndim != 2:
        raise AuditError(f"{name} must be a matrix (environments, features), got shape {matrix.shape}")
    if not np.isfinite(matrix).all():
        row = int(np.flatnonzero(~np.isfinite(matrix).all(axis=1))[0])
        raise AuditError(f"{name} holds values that are not finite, first in row {row}")
    return matrix


def _scaled(y: np.ndarray, x: np.ndarray, bandwidth: float, precision: Precision) -> tuple[np.ndarray, np.ndarray]:
    """Both sets in units of the bandwidth, about the mean of ``x`` (this keeps the products small)."""
    if not (np.isfinite(bandwidth) and bandwidth > 0):
        raise AuditError(f"the bandwidth must be a positive number (1/A), got {bandwidth!r}")
    if precision not in ("float64", "float32"):
        raise AuditError(f"precision {precision!r} is not known; accepted: float64, float32")
    centre = x.mean(axis=0) if len(x) else 0.0
    return tuple(np.ascontiguousarray((part - centre) / bandwidth, dtype=precision) for part in (y, x))  # type: ignore[return-value]


def _padded(points: np.ndarray, norm: float) -> tuple[np.ndarray, np.ndarray]:
    """Points up to a full tile, and half their squared norms, ``norm`` on the padding."""
    extra = -len(points) % _ROWS
    norms = 0.5 * np.einsum("ij,ij->i", points, points)
    return np.pad(points, ((0, extra), (0, 0))), np.pad(norms, (0, extra), constant_values=norm)


def _in_order(work: Callable[[int], T], starts: range, threads: int) -> Iterator[T]:
    """Results in the order of ``starts``; at most ``threads`` are held."""
    if threads <= 1:
        yield from map(work, starts)
        return
    with ThreadPoolExecutor(threads) as pool:
        for first in range(0, len(starts), threads):
            yield from pool.map(work, starts[first : first + threads])


def _joined(parts: Iterator[np.ndarray]) -> np.ndarray:
    arrays = list(parts)
    return np.concatenate(arrays) if arrays else np.empty(0)
