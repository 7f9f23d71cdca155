"""The k-point mesh of a cell: its density, and a shift that keeps the lattice's symmetry.

A Monkhorst-Pack mesh shifted by half a step converges faster than one through the zone
centre, but only where the shifted points still map onto each other under the point group of
the lattice (they do not in the planes of hexagonal and in face-centred primitive cells); elsewhere a
shifted mesh would break degeneracies and give a crystal spurious forces and stresses.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

_STRAIN_TOLERANCE = 0.1  # of the metric: a crystal strained by up to 5 % keeps the mesh of the perfect one
_LONGEST = 3  # lattice vectors with components up to this are tried as images of a basis vector


@dataclass(frozen=True)
class KpointMesh:
    """Subdivisions of the three reciprocal vectors, and the shift in units of one subdivision (0, 1/2 or 1/4)."""

    subdivisions: tuple[int, int, int]
    shift: tuple[float, float, float]

    @property
    def center(self) -> tuple[float, float, float]:
        """The first point in fractional coordinates of the reciprocal cell."""
        x, y, z = (s / n for s, n in zip(self.shift, self.subdivisions, strict=True))
        return (x, y, z)

    @property
    def points(self) -> int:
        """Points that remain when time reversal pairs k with -k; an upper estimate for costs."""
        return int(np.prod(self.subdivisions)) // 2 + 1


def kpoint_mesh(cell: np.ndarray, length: float, subdivisions: tuple[int, int, int] | None = None) -> KpointMesh:
    """The mesh for a cell (3, 3; A) at a k-point density given by a length (A).

    n_i = ceil(length |b_i| / 2 pi), where |b_i| / 2 pi is the inverse distance of neighbouring lattice
    planes: the supercell that the mesh stands for is at least ``length`` thick in every direction. The
    shift is half a step, or a quarter of the reciprocal vector where n_i = 1, along the largest set of
    directions that keeps the point group of the lattice; with n_i = 1 the point 1/4 and its time-reversed
    partner average the band structure better than the zone centre does.
    """
    if subdivisions is None:
        spacing = np.linalg.norm(np.linalg.inv(cell), axis=0)  # columns of the inverse are b_i / 2 pi
        x, y, z = (max(1, int(np.ceil(round(length * float(s), 6)))) for s in spacing)
        subdivisions = (x, y, z)
    group = _mesh_point_group(cell, subdivisions)
    for directions in sorted(product((1, 0), repeat=3), key=lambda d: (-sum(d), tuple(-x for x in d))):
        shifted = np.array([(0.5 if n > 1 else 0.25) * d for n, d in zip(subdivisions, directions, strict=True)])
        if all(_maps_onto_itself(shifted, rotation, subdivisions) for rotation in group):
            return KpointMesh(subdivisions, (float(shifted[0]), float(shifted[1]), float(shifted[2])))
    return KpointMesh(subdivisions, (0.0, 0.0, 0.0))


def lattice_point_group(cell: np.ndarray, tolerance: float = _STRAIN_TOLERANCE) -> list[np.ndarray]:
    """Integer matrices M with (M cell)(M cell)^T = cell cell^T within a relative tolerance of the metric."""
    metric = cell @ cell.T
    scale = np.sqrt(np.outer(np.diag(metric), np.diag(metric)))
    candidates = np.array(list(product(range(-_LONGEST, _LONGEST + 1), repeat=3)))
    squares = np.einsum("ni,ij,nj->n", candidates, metric, candidates)
    images = [candidates[np.abs(squares / metric[i, i] - 1) < tolerance] for i in range(3)]
    group = []
    for rows in product(*images):
        matrix = np.array(rows)
        if (
            abs(round(np.linalg.det(matrix))) == 1
            and (np.abs(matrix @ metric @ matrix.T - metric) < tolerance * scale).all()
        ):
            group.append(matrix)
    return group


def _mesh_point_group(cell: np.ndarray, subdivisions: tuple[int, int, int]) -> list[np.ndarray]:
    """Rotations of fractional k that map the unshifted mesh onto itself.

    Where lattice vectors (rows) turn to M cell, fractional k (columns) turn to M^-1 k.
    """
    n = np.array(subdivisions)
    rotations = [np.rint(np.linalg.inv(matrix)).astype(int) for matrix in lattice_point_group(cell)]
    # k_j = i_j / n_j maps to sum_j R_ij i_j / n_j, which must be a multiple of 1 / n_i
    return [r for r in rotations if (np.mod(r * n[:, None], n[None, :]) == 0).all()]


def _maps_onto_itself(shift: np.ndarray, rotation: np.ndarray, subdivisions: tuple[int, int, int]) -> bool:
    """Whether a rotation takes the shifted mesh to itself or to its time-reversed partner."""
    n = np.array(subdivisions)
    image = n * (rotation @ (shift / n))
    return any(np.allclose(np.mod(image - sign * shift + 1e-9, 1), 0, atol=1e-6) for sign in (1, -1))
