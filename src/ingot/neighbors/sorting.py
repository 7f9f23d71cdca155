"""Rows of integers in lexicographic order, by sorting one integer per row where all of it fits into 63 bits."""

import numpy as np

_BITS = 63


def lexicographic_order(*columns: np.ndarray) -> np.ndarray:
    """The permutation that sorts rows by the first column, then the second, and so on.

    >>> lexicographic_order(np.array([1, 0, 1]), np.array([0, 5, -7])).tolist()
    [1, 2, 0]
    """
    lowest, bits = _ranges(columns)
    if sum(bits) > _BITS:
        return np.lexsort(columns[::-1])
    return np.argsort(_packed(columns, lowest, bits), kind="stable")


def lexicographically_sorted(*columns: np.ndarray) -> list[np.ndarray]:
    """The columns (int32) of the sorted rows.

    >>> [c.tolist() for c in lexicographically_sorted(np.array([1, 0, 1]), np.array([0, 5, -7]))]
    [[0, 1, 1], [5, -7, 0]]
    """
    lowest, bits = _ranges(columns)
    if sum(bits) > _BITS:
        order = np.lexsort(columns[::-1])
        return [column[order].astype(np.int32) for column in columns]
    keys = _packed(columns, lowest, bits)
    keys.sort()
    found = []
    for low, width in zip(reversed(lowest), reversed(bits), strict=True):
        column = (keys & ((1 << width) - 1)).astype(np.int32)
        column += low
        found.append(column)
        keys >>= width
    return found[::-1]


def _ranges(columns: tuple[np.ndarray, ...]) -> tuple[list[int], list[int]]:
    """Of every column the lowest value, and the bits that the values above it take."""
    if not len(columns[0]):
        return [0] * len(columns), [0] * len(columns)
    lowest = [int(column.min()) for column in columns]
    return lowest, [(int(column.max()) - low).bit_length() for column, low in zip(columns, lowest, strict=True)]


def _packed(columns: tuple[np.ndarray, ...], lowest: list[int], bits: list[int]) -> np.ndarray:
    keys = np.zeros(len(columns[0]), np.int64)
    for column, low, width in zip(columns, lowest, bits, strict=True):
        keys <<= width
        keys += column.astype(np.int64, copy=False) - low if low else column.astype(np.int64, copy=False)
    return keys
