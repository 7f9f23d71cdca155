"""QUESTS descriptors of atom-centred environments: what an atom's nearest neighbours look like.

Schwalbe-Koda et al., Nat. Commun. 16, 4014 (2025). With the ``k`` nearest neighbours of
atom i, ``w(r) = (1 - (r/rc)^2)^2`` and ``s = sqrt(w)``, the 2k - 1 components (1/A) are

* ``w(r_ij) / r_ij``, nearest first (k values);
* the matrix ``R_jl = s_ij s_il / r_jl`` among the neighbours, each row sorted, its zero
  self entry dropped, averaged over the rows, largest first (k - 1 values).

Missing neighbours are zeros. The descriptor is blind to species.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from ase import Atoms
from vesin import NeighborList

from ingot.arrays import Descriptors
from ingot.audit.errors import AuditError
from ingot.audit.tied_shell import tied_second_part
from ingot.neighbors import NeighborError, complete_cell

TIE_TOLERANCE = 1e-5
"""In angstrom: neighbours at the k-th distance within this belong to one shell (positions are stored to 1e-6)."""

_COINCIDENT = 1e-3
"""In angstrom: two atoms closer than this are one atom written twice."""

_BLOCK = 64
"""Environments whose neighbour matrices are held at once: they stay in the cache."""


def environment_descriptors(frames: Sequence[Atoms], neighbors: int = 32, cutoff_angstrom: float = 5.0) -> Descriptors:
    """Descriptors of every atom of every frame, (environments, 2 neighbors - 1), in 1/A.

    Any periodicity (mixed too), handedness and size of the cell is taken as it is; in cells
    smaller than the cutoff atoms neighbour their own images. Where a shell of equally distant
    neighbours straddles the k-th place (k = 32 cuts the third shell of perfect fcc), its
    members share the remaining places equally (see :mod:`ingot.audit.tied_shell`), so that
    the result is invariant under permutation, rotation and the choice of supercell. No frames
    give no rows. Raises :class:`AuditError` for coincident atoms, positions that are not
    finite, a zero cell along a periodic direction, or settings out of bounds.

    >>> from ase.build import bulk
    >>> environment_descriptors([bulk("Al", cubic=True)]).shape
    (4, 63)
    """
    if neighbors < 2:
        raise AuditError(f"a descriptor needs at least 2 neighbours, got {neighbors!r}")
    if not (np.isfinite(cutoff_angstrom) and cutoff_angstrom > 0):
        raise AuditError(f"the cutoff must be a positive length in angstrom, got {cutoff_angstrom!r}")
    blocks = [
        _descriptors(distance, vector, neighbors, cutoff_angstrom)
        for distance, vector in _gathered(frames, neighbors, cutoff_angstrom)
    ]
    return np.concatenate(blocks) if blocks else np.empty((0, 2 * neighbors - 1))


def _gathered(frames: Sequence[Atoms], neighbors: int, cutoff: float) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Neighbours of many small frames together, so that blocks are full; bounded memory."""
    waiting: list[tuple[np.ndarray, np.ndarray]] = []
    environments = 0
    for number, atoms in enumerate(frames):
        try:
            waiting.append(_sorted_neighbors(atoms, neighbors, cutoff))
        except (AuditError, NeighborError) as error:
            name = atoms.info.get("structure_id", "no id")
            raise AuditError(f"frame {number} ({name}, {atoms.get_chemical_formula()}): {error}") from None
        environments += len(atoms)
        if environments >= 32 * _BLOCK or number == len(frames) - 1:
            width = max(distance.shape[1] for distance, _ in waiting)
            yield tuple(
                np.concatenate(part) for part in zip(*(_widened(*pair, width) for pair in waiting), strict=True)
            )  # type: ignore[misc]
            waiting, environments = [], 0


def _widened(distance: np.ndarray, vector: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    extra = width - distance.shape[1]
    return (
        np.pad(distance, ((0, 0), (0, extra)), constant_values=np.inf),
        np.pad(vector, ((0, 0), (0, extra), (0, 0))),
    )


def _sorted_neighbors(atoms: Atoms, neighbors: int, cutoff: float) -> tuple[np.ndarray, np.ndarray]:
    """Distances (atoms, width) nearest first, infinite where missing, and their displacements."""
    count = len(atoms)
    positions = np.ascontiguousarray(atoms.positions, dtype=np.float64)
    if not np.isfinite(positions).all():
        raise AuditError("positions are not finite numbers: the simulation may have blown up")
    periodic = np.asarray(atoms.pbc, dtype=bool)
    search = NeighborList(cutoff=float(cutoff), full_list=True, n_threads=1)
    centre, distance, vector = search.compute(
        points=positions, box=complete_cell(atoms.cell.array, periodic), periodic=periodic, quantities="idD"
    )
    if len(distance) and distance.min() < _COINCIDENT:
        raise AuditError(
            f"atom {int(centre[distance.argmin()])} coincides with another (distance {distance.min():.1e} A): "
            "remove the duplicate or correct the cell"
        )
    order = np.argsort(centre, kind="stable")
    centre, distance, vector = centre[order].astype(np.int64), distance[order], vector[order]
    found = np.bincount(centre, minlength=count)
    column = np.arange(len(centre)) - np.repeat(np.cumsum(found) - found, found)
    width = max(neighbors, int(found.max(initial=0)))
    padded = np.full((count, width), np.inf)
    padded[centre, column] = distance
    displaced = np.zeros((count, width, 3))
    displaced[centre, column] = vector
    nearest = np.argsort(padded, axis=1, kind="stable")
    return np.take_along_axis(padded, nearest, 1), np.take_along_axis(displaced, nearest[:, :, None], 1)


def _descriptors(distance: np.ndarray, vector: np.ndarray, k: int, cutoff: float) -> np.ndarray:
    """Descriptors of environments whose neighbours are sorted by distance."""
    result = np.empty((len(distance), 2 * k - 1))
    missing = np.isinf(distance)
    distance = np.where(missing, cutoff, distance)  # where the weight is zero
    # Missing neighbours lie far apart, so that no separation among them vanishes.
    vector = np.where(missing[:, :, None], 1e6 * (1.0 + np.arange(distance.shape[1]))[:, None], vector)
    root_weight = np.maximum(1.0 - (distance / cutoff) ** 2, 0.0)
    result[:, :k] = root_weight[:, :k] ** 2 / distance[:, :k]
    for start in range(0, len(distance), _BLOCK):
        rows = slice(start, start + _BLOCK)
        overlap = _neighbor_matrix(root_weight[rows, :k], vector[rows, :k])
        overlap.sort(axis=2)
        result[rows, k:] = overlap[:, :, :0:-1].mean(axis=1)
    inner = (distance < distance[:, k - 1 : k] - TIE_TOLERANCE).sum(axis=1)
    shell = ((distance <= distance[:, k - 1 : k] + TIE_TOLERANCE) & ~missing).sum(axis=1) - inner
    for m, t in sorted(set(zip(inner[inner + shell > k].tolist(), shell[inner + shell > k].tolist(), strict=True))):
        tied = np.flatnonzero((inner == m) & (shell == t))
        for part in np.array_split(tied, -(-len(tied) // 16)):
            overlap = _neighbor_matrix(root_weight[part, : m + t], vector[part, : m + t])
            result[part, k:] = tied_second_part(overlap, inner=m, k=k)
    return result


def _neighbor_matrix(root_weight: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """``R_jl = s_j s_l / r_jl`` (environments, neighbours, neighbours), zero on the diagonal."""
    squared = np.zeros((len(vector), vector.shape[1], vector.shape[1]))
    for axis in range(3):
        difference = vector[:, :, None, axis] - vector[:, None, :, axis]
        difference *= difference
        squared += difference
    diagonal = np.arange(vector.shape[1])
    squared[:, diagonal, diagonal] = np.inf
    matrix = np.sqrt(squared, out=squared)
    np.divide(root_weight[:, :, None] * root_weight[:, None, :], matrix, out=matrix)
    return matrix
