"""All neighbour pairs within a cutoff, for any cell: periodic, mixed, skewed, tiny, left-handed or none."""

import numpy as np
from vesin import NeighborList

from ingot.arrays import Cell, Periodicity, Positions
from ingot.neighbors.errors import NeighborError
from ingot.neighbors.sorting import lexicographic_order

_SMALLEST_HEIGHT = 0.1
"""In angstrom: a periodic cell thinner than this is a mistake, not a structure."""

_FARTHEST = 2.0**30
"""In cells: shifts are integers of 32 bits."""


def complete_cell(cell: Cell, pbc: Periodicity) -> np.ndarray:
    """The cell with its vectors along non-periodic directions replaced by unit normals to the periodic ones.

    This changes no distance, because no image is ever taken along them, and makes any
    cell of a slab, wire or cluster (zero, short or degenerate vectors) invertible.
    Raises :class:`NeighborError` for a zero or flat cell along periodic directions.
    """
    vectors = np.array(cell, dtype=np.float64, order="C")
    periodic = np.asarray(pbc, dtype=bool)
    if vectors.shape != (3, 3) or periodic.shape != (3,) or not np.isfinite(vectors).all():
        raise NeighborError(f"expected a finite (3, 3) cell and three flags, got {cell!r} and {pbc!r}")
    zero = periodic & ~vectors.any(axis=1)
    if zero.any():
        raise NeighborError(
            f"the structure is periodic along cell vector {int(np.flatnonzero(zero)[0])}, which is zero: "
            "set the cell, or pbc to False there"
        )
    kept = vectors[periodic]
    # The right singular vectors beyond the rank span the space normal to the periodic vectors.
    if not periodic.all():
        vectors[~periodic] = np.linalg.svd(kept)[2][len(kept) :] if len(kept) else np.eye(3)
    areas = np.linalg.norm(np.cross(vectors[[1, 2, 0]], vectors[[2, 0, 1]]), axis=1)
    heights = abs(np.linalg.det(vectors)) / np.maximum(areas, 1e-300)
    if (heights[periodic] < _SMALLEST_HEIGHT).any():
        raise NeighborError(
            f"the cell is flat: its heights are {np.round(heights[periodic], 4).tolist()} A, "
            f"at least {_SMALLEST_HEIGHT} A is needed; check the cell vectors"
        )
    return vectors


def checked_structure(
    positions: Positions, cell: Cell, pbc: Periodicity, cutoff: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Positions, complete cell and periodic directions as compiled code wants them, or :class:`NeighborError`."""
    points = np.ascontiguousarray(positions, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3 or not np.isfinite(points).all():
        raise NeighborError("positions must be finite numbers of shape (atoms, 3): the simulation may have blown up")
    if not np.isfinite(cutoff) or cutoff <= 0:
        raise NeighborError(f"the cutoff must be a positive length in angstrom, got {cutoff!r}")
    periodic = np.ascontiguousarray(pbc, dtype=bool)
    box = complete_cell(cell, periodic)
    away = np.abs(np.linalg.solve(box.T, points.T)[periodic]).max(initial=0.0)
    if away > _FARTHEST:
        raise NeighborError(f"an atom is {away:.1e} cells away from the origin: the simulation may have blown up")
    return points, box, periodic


def found_pairs(
    points: np.ndarray, box: np.ndarray, periodic: np.ndarray, cutoff: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """What :func:`neighbor_pairs` gives, of a checked structure, in the order in which the pairs were found."""
    search = NeighborList(cutoff=float(cutoff), full_list=True, n_threads=1)
    i, j, shift, distance = search.compute(points=points, box=box, periodic=periodic, quantities="ijSd")
    return i.astype(np.int64), j.astype(np.int64), shift, distance


def neighbor_pairs(
    positions: Positions, cell: Cell, pbc: Periodicity, cutoff: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Every ordered pair closer than ``cutoff`` (A): ``centre, neighbour, shift, distance``.

    The displacement of a pair is ``positions[neighbour] + shift @ cell - positions[centre]``; positions
    may lie outside the cell. An atom neighbours its own images. Pairs are sorted by
    centre, neighbour and shift, so that the order depends on the structure only.
    Raises :class:`NeighborError` for a bad cutoff, cell or positions that are not finite.
    """
    i, j, shift, distance = found_pairs(*checked_structure(positions, cell, pbc, cutoff), cutoff)
    order = lexicographic_order(i, j, *shift.T)
    return i[order].astype(np.int32), j[order].astype(np.int32), shift[order].astype(np.int32), distance[order]
