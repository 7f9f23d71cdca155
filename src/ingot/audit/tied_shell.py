"""The descriptor where a shell of equally distant neighbours straddles the k-th place.

With m neighbours strictly nearer than the k-th and t in its shell, only k - m of the t
have a place, and which ones would depend on the order of the atoms. Here every member
takes the place with the probability that a fair draw of the k - m would give it: a member
counts ``(k - m) / t``, and beside a member that is in, each other one counts
``(k - m - 1) / (t - 1)``. The counts of a row add up to k, and a sorted row becomes a step
function on [0, k] whose k unit intervals are the sorted columns. For t = k - m this is
the plain definition. Shells of two species are drawn independently of each other.
"""

import numpy as np
from numpy.typing import NDArray


def tied_rows(
    matrix: NDArray[np.float64], rows: tuple[int, int], entries: tuple[int, int], k: int, square: bool
) -> NDArray[np.float64]:
    """The averaged columns, largest first, of ``matrix`` (environments, rows, entries): (environments, k or k - 1).

    ``rows`` and ``entries``: how many neighbours are nearer than the tied shell, and its members (0: no tie).
    ``square``: both are the same neighbours, the diagonal is zero and has no column.
    """
    row_count, entry_count = _counts(*rows, k), _counts(*entries, k)
    count = np.tile(entry_count, (len(row_count), 1))
    inner, shell = entries
    if square:
        if shell > 1:
            count[inner:, inner:] = (k - inner - 1) / (shell - 1)
        np.fill_diagonal(count, 0.0)
    order = np.argsort(-matrix, axis=2)
    value = np.take_along_axis(matrix, order, 2)
    width = np.take_along_axis(np.broadcast_to(count, matrix.shape), order, 2)
    right = np.cumsum(width, axis=2)[..., None]
    left = right - width[..., None]
    column = np.arange(k - square)
    covered = np.clip(np.minimum(right, column + 1) - np.maximum(left, column), 0.0, None)
    averaged: NDArray[np.float64] = np.einsum("j,ejl,ejlc->ec", row_count, value, covered) / k
    return averaged


def _counts(inner: int, shell: int, k: int) -> NDArray[np.float64]:
    return np.concatenate([np.ones(inner), np.full(shell, (k - inner) / shell if shell else 0.0)])
