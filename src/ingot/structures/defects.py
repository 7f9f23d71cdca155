"""Point defects."""

import numpy as np
from ase import Atoms

from ingot.structures.errors import StructureError


def with_vacancy(atoms: Atoms, rng: np.random.Generator) -> Atoms:
    """The crystal without one atom, drawn at random; the cell stays."""
    if len(atoms) < 2:
        raise StructureError("a vacancy needs a cell of at least two atoms; repeat the lattice")
    result = atoms.copy()
    del result[int(rng.integers(len(atoms)))]
    return result
