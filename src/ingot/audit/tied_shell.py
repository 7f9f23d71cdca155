"""The descriptor where a shell of equally distant neighbours straddles the k-th place.

With m neighbours strictly nearer than the k-th and t in its shell, only k - m of the t
have a place, and which ones would depend on the order of the atoms. Here every member
takes the place with the probability that a fair draw of the k - m would give it: a member
counts ``(k - m) / t``, and beside a member that is in, each other one counts
``(k - m - 1) / (t - 1)``. The counts of a row add up to k, and a sorted row becomes a step
function on [0, k] whose k unit intervals are the sorted columns. For t = k - m this is
the plain definition.
"""

import numpy as np


def tied_second_part(matrix: np.ndarray, inner: int, k: int) -> np.ndarray:
    """The k - 1 averaged columns, largest first, of ``matrix`` (environments, m + t, m + t).

    The first ``inner`` neighbours are nearer than the tied shell; the diagonal is zero.
    """
    size = matrix.shape[1]
    shell = size - inner
    places = k - inner
    row_count = np.ones(size)
    row_count[inner:] = places / shell
    count = np.tile(row_count, (size, 1))
    count[inner:, inner:] = (places - 1) / (shell - 1)
    np.fill_diagonal(count, 1.0)
    order = np.argsort(matrix, axis=2)
    value = np.take_along_axis(matrix, order, 2)
    width = np.take_along_axis(np.broadcast_to(count, matrix.shape), order, 2)
    right = np.cumsum(width, axis=2)[..., None]
    left = right - width[..., None]
    column = np.arange(1, k)  # column 0 is the self entry
    covered = np.clip(np.minimum(right, column + 1) - np.maximum(left, column), 0.0, None)
    mean_row: np.ndarray = np.einsum("j,ejl,ejlc->ec", row_count, value, covered) / k
    return mean_row[:, ::-1]
