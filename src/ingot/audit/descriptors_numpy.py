"""The descriptors in NumPy: the reference of the compiled ones, and what there is without a compiler."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from vesin import NeighborList

from ingot.audit.frames import Frames
from ingot.audit.tied_shell import tied_rows

Values = NDArray[np.float64]

_BLOCK = 64
"""Environments whose neighbour matrices are held at once: they stay in the cache."""


def numpy_environments(
    frames: Frames, species: int, neighbors: int, cutoff: float, tie: float, coincident: float
) -> Values:
    """Descriptors of all atoms (see :mod:`ingot.audit.descriptors`); lengths in A.

    Raises :class:`ValueError` with the number of the first atom that is nearer than ``coincident`` to another.
    """
    parts = []
    for start, centre, kind, vector in _neighbors_of_frames(frames, cutoff, coincident):
        atoms = int(frames.offsets[start + 1] - frames.offsets[start])
        shells = [_shell(centre[kind == a], vector[kind == a], atoms, neighbors, cutoff, tie) for a in range(species)]
        pairs = [(a, b) for a in range(species) for b in range(a, species)]
        second = [_second_part(shells[a], shells[b], neighbors, a == b) for a, b in pairs]
        parts.append(np.concatenate([*(shell.first_part(neighbors) for shell in shells), *second], axis=1))
    width = species * (2 * neighbors - 1) + species * (species - 1) // 2 * neighbors
    return np.concatenate([np.empty((0, width)), *parts])


def _neighbors_of_frames(
    frames: Frames, cutoff: float, coincident: float
) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.int32], Values]]:
    """For every frame its number, and the centre, species and displacement of every neighbour."""
    search = NeighborList(cutoff=float(cutoff), full_list=True, n_threads=1)
    for number, (first, last) in enumerate(zip(frames.offsets[:-1], frames.offsets[1:], strict=True)):
        centre, neighbor, distance, vector = search.compute(
            points=np.ascontiguousarray(frames.positions[first:last]),
            box=frames.cells[number],
            periodic=frames.pbc[number].astype(bool),
            quantities="ijdD",
        )
        if len(distance) and distance.min() < coincident:
            raise ValueError(int(first + centre[distance < coincident].min()))
        yield number, centre.astype(np.int64), frames.kinds[first:last][neighbor.astype(np.int64)], vector


@dataclass(frozen=True)
class _Shell:
    """Neighbours of one species, (atoms, width), nearest first; the weight of missing ones is zero."""

    distance: Values
    root_weight: Values
    vector: Values
    inner: NDArray[np.int64]
    """Neighbours nearer than the shell that straddles the last place; all that have a place, where none does."""
    tied: NDArray[np.int64]
    """Members of that shell, or 0."""

    def first_part(self, k: int) -> Values:
        return np.asarray(self.root_weight[:, :k] ** 2 / self.distance[:, :k])


def _shell(centre: NDArray[np.int64], vector: Values, atoms: int, k: int, cutoff: float, tie: float) -> _Shell:
    order = np.argsort(centre, kind="stable")
    centre, vector = centre[order], vector[order]
    count = np.bincount(centre, minlength=atoms)
    column = np.arange(len(centre)) - np.repeat(np.cumsum(count) - count, count)
    width = max(k, int(count.max(initial=0)))
    distance = np.full((atoms, width), np.inf)
    distance[centre, column] = np.linalg.norm(vector, axis=1)
    # Missing neighbours lie far apart, so that no separation among them vanishes.
    placed = np.broadcast_to(1e6 * (1.0 + np.arange(width))[:, None], (atoms, width, 3)).copy()
    placed[centre, column] = vector
    nearest = np.argsort(distance, axis=1, kind="stable")
    distance = np.take_along_axis(distance, nearest, 1)
    placed = np.take_along_axis(placed, nearest[:, :, None], 1)
    missing = np.isinf(distance)
    last = np.where(count >= k, distance[:, k - 1], np.inf)[:, None]
    inner = (distance < last - tie).sum(axis=1)
    shell = ((distance <= last + tie) & ~missing).sum(axis=1) - inner
    contested = (count > k) & (inner + shell > k)
    distance = np.where(missing, cutoff, distance)  # where the weight is zero
    root_weight = np.maximum(1.0 - (distance / cutoff) ** 2, 0.0)
    return _Shell(
        distance, root_weight, placed, np.where(contested, inner, np.minimum(count, k)), np.where(contested, shell, 0)
    )


def _second_part(rows: _Shell, entries: _Shell, k: int, square: bool) -> Values:
    """Averages of the sorted rows of ``R_jl``, j over ``rows`` and l over ``entries``, largest first."""
    result = np.empty((len(rows.distance), k - square))
    for start in range(0, len(result), _BLOCK):
        block = slice(start, start + _BLOCK)
        matrix = _matrix(rows, entries, np.arange(len(result))[block], (k, k), square)
        matrix.sort(axis=2)
        result[block] = matrix[:, :, ::-1][:, :, : k - square].mean(axis=1)
    shapes = np.stack([rows.inner, rows.tied, entries.inner, entries.tied], axis=1)
    contested = np.flatnonzero((rows.tied > 0) | (entries.tied > 0))
    for shape in np.unique(shapes[contested], axis=0):
        alike = contested[(shapes[contested] == shape).all(axis=1)]
        of_rows, of_entries = (int(shape[0]), int(shape[1])), (int(shape[2]), int(shape[3]))
        for some in np.array_split(alike, -(-len(alike) // 16)):
            matrix = _matrix(rows, entries, some, (sum(of_rows), sum(of_entries)), square)
            result[some] = tied_rows(matrix, of_rows, of_entries, k, square)
    return result


def _matrix(rows: _Shell, entries: _Shell, some: NDArray[np.int64], shape: tuple[int, int], square: bool) -> Values:
    """``R_jl = s_j s_l / r_jl`` of ``some`` environments, (environments, *shape), zero on the diagonal of a square."""
    own, other = (some, slice(shape[0])), (some, slice(shape[1]))
    squared = np.zeros((len(some), *shape))
    for axis in range(3):
        difference = rows.vector[own][:, :, None, axis] - entries.vector[other][:, None, :, axis]
        difference *= difference
        squared += difference
    if square:
        squared[:, np.arange(shape[0]), np.arange(shape[0])] = np.inf
    weights = rows.root_weight[own][:, :, None] * entries.root_weight[other][:, None, :]
    # Missing neighbours of two species may be put on one point: nothing over nothing.
    return np.divide(weights, np.sqrt(squared), out=np.zeros_like(squared), where=weights > 0)
