"""Random displacements of atoms."""

import numpy as np
from ase import Atoms

from ingot.structures.errors import StructureError
from ingot.structures.structure import check_structure

_ATTEMPTS = 100


def rattled(atoms: Atoms, amplitude: float, rng: np.random.Generator) -> Atoms:
    """Atoms displaced by independent normal deviates of standard deviation ``amplitude`` (A) per component.

    The mean displacement is taken out. Draws that bring atoms impossibly close are drawn again;
    :class:`StructureError` after a hundred of them.
    """
    for _ in range(_ATTEMPTS):
        shift = rng.normal(scale=amplitude, size=(len(atoms), 3))
        result = atoms.copy()
        result.positions += shift - shift.mean(axis=0)
        try:
            check_structure(result)
        except StructureError:
            continue
        return result
    raise StructureError(
        f"a rattle of {amplitude} A brought atoms impossibly close {_ATTEMPTS} times in a row; use a smaller amplitude"
    )
