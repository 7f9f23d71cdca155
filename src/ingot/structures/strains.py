"""Homogeneous deformations of a crystal."""

from collections.abc import Sequence

import numpy as np
from ase import Atoms


def random_strain(magnitude: float, rng: np.random.Generator) -> np.ndarray:
    """A symmetric strain (3, 3) of random direction whose largest principal strain has this magnitude."""
    values = rng.normal(size=(3, 3))
    strain = values + values.T
    return np.asarray(strain * (magnitude / np.abs(np.linalg.eigvalsh(strain)).max()))


def voigt_strain(components: Sequence[float]) -> np.ndarray:
    """The symmetric strain (3, 3) of six Voigt components xx yy zz yz xz xy; shears are engineering strains."""
    xx, yy, zz, yz, xz, xy = components
    return np.array([[xx, xy / 2, xz / 2], [xy / 2, yy, yz / 2], [xz / 2, yz / 2, zz]])


def strained(atoms: Atoms, strain: np.ndarray) -> Atoms:
    """The crystal deformed by 1 + strain; fractional coordinates stay."""
    result = atoms.copy()
    result.set_cell(atoms.cell.array @ (np.eye(3) + strain).T, scale_atoms=True)
    return result
