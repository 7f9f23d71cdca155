"""Which atoms are crystal and which are melt: the coherence of bond orientations among neighbours."""

import numpy as np
from ase import Atoms
from jaxtyping import Float
from scipy.special import sph_harm_y

from ingot.neighbors import neighbor_pairs

SHELL = {"fcc": 12, "hcp": 12, "bcc": 14}
"""Neighbours that carry the order: the first shell, in bcc the first two."""

_FEWEST = 24
"""Atoms below which a cell is too small for neighbours to be others than an atom's own images."""

MOLTEN = 0.45
"""A cell with a smaller mean bond coherence is a melt: these have 0.2 to 0.4, crystals near melting 0.6 or more."""


def nearest_neighbors(atoms: Atoms, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices (atoms, count) and unit vectors (atoms, count, 3) of each atom's nearest neighbours.

    A fixed number needs no cutoff, and so no knowledge of density or temperature. The cell is periodic.
    """
    density = len(atoms) / atoms.get_volume()
    reach = (3 * 2.5 * count / (4 * np.pi * density)) ** (1 / 3)
    while True:
        i, j, shift, distance = neighbor_pairs(atoms.positions, atoms.cell.array, atoms.pbc, reach)
        if np.bincount(i, minlength=len(atoms)).min() >= count:
            break
        reach *= 1.3
    order = np.lexsort((distance, i))
    i, j, shift, distance = i[order], j[order], shift[order], distance[order]
    first = np.searchsorted(i, np.arange(len(atoms)))[:, None] + np.arange(count)
    vectors = atoms.positions[j] + shift @ atoms.cell.array - atoms.positions[i]
    return j[first], (vectors / distance[:, None])[first]


def bond_coherence(atoms: Atoms, count: int = 12, degree: int = 6) -> Float[np.ndarray, " atoms"]:
    """How alike the surroundings of neighbouring atoms are oriented: 1 in a perfect crystal, near 0 in a melt.

    The mean over an atom's ``count`` nearest neighbours of the normalised product of their
    bond-order vectors q_6m (P. R. ten Wolde, M. J. Ruiz-Montero, D. Frenkel, J. Chem. Phys. 104,
    9932, 1996), averaged once more over the atom and these neighbours, which separates the
    phases better (W. Lechner and C. Dellago, J. Chem. Phys. 129, 114707, 2008).
    """
    neighbor, direction = nearest_neighbors(atoms, count)
    polar = np.arccos(np.clip(direction[..., 2], -1.0, 1.0))
    azimuth = np.arctan2(direction[..., 1], direction[..., 0])
    m = np.arange(-degree, degree + 1)
    q = sph_harm_y(degree, m, polar[..., None], azimuth[..., None]).mean(axis=1)
    q /= np.linalg.norm(q, axis=1, keepdims=True)
    alike = np.einsum("im,ijm->ij", q, q[neighbor].conj()).real.mean(axis=1)
    return np.asarray((alike + alike[neighbor].sum(axis=1)) / (1 + count))


def crystalline_fraction(atoms: Atoms) -> float | None:
    """Share of the atoms with crystal around them; nothing for few atoms or a cell that is not periodic.

    The bond coherence of crystals (of any lattice) is above that of melts and glasses; see :data:`MOLTEN`. In a cell of
    a dozen atoms each neighbours its own images, which are oriented as it is: there the number means nothing.
    """
    if len(atoms) < _FEWEST or not atoms.pbc.all():
        return None
    return float(np.mean(bond_coherence(atoms) > MOLTEN))


def profile(
    values: Float[np.ndarray, " atoms"], heights: Float[np.ndarray, " atoms"], slabs: int
) -> tuple[Float[np.ndarray, " slabs"], np.ndarray]:
    """Mean of ``values`` in equal slabs of the reduced coordinate ``heights``, and the atoms in each (NaN if none)."""
    slab = np.floor((heights % 1.0) * slabs).astype(int) % slabs
    number = np.bincount(slab, minlength=slabs)
    total = np.bincount(slab, weights=values, minlength=slabs)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan), number
