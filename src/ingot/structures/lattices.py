"""Perfect crystals of any element at a given volume per atom."""

from typing import Literal

import numpy as np
from ase import Atoms

from ingot.errors import near_name
from ingot.structures.errors import StructureError

Lattice = Literal["fcc", "bcc", "hcp", "sc", "diamond"]
"""The lattices that :func:`build_lattice` knows; hcp has the ideal c/a."""

_VOLUME_OF_CUBE = {"fcc": 4, "bcc": 2, "sc": 1, "diamond": 8}  # atoms per conventional cube
_IDEAL_RATIO = np.sqrt(8 / 3)


def build_lattice(
    element: str,
    lattice: Lattice,
    volume_per_atom: float,
    conventional: bool = False,
    repeat: tuple[int, ...] = (1, 1, 1),
) -> Atoms:
    """A perfect crystal: the primitive cell, or the conventional one (a cube; for hcp a rectangular box).

    ``volume_per_atom`` in A^3; the nearest-neighbor distance follows from it.

    >>> len(build_lattice("Al", "fcc", 16.5)), len(build_lattice("Al", "fcc", 16.5, conventional=True))
    (1, 4)
    """
    from ase.build import bulk  # here: it starts slowly

    if volume_per_atom <= 0:
        raise StructureError(f"volume per atom must be positive, not {volume_per_atom} A^3")
    if lattice == "hcp":
        a = float((volume_per_atom * 4 / (np.sqrt(3) * _IDEAL_RATIO)) ** (1 / 3))
        atoms = bulk(element, "hcp", a=a, c=float(_IDEAL_RATIO * a), orthorhombic=conventional)
    elif lattice in _VOLUME_OF_CUBE:
        a = float((_VOLUME_OF_CUBE[lattice] * volume_per_atom) ** (1 / 3))
        atoms = bulk(element, lattice, a=a, cubic=conventional)
    else:
        known = [*_VOLUME_OF_CUBE, "hcp"]
        raise StructureError(f"unknown lattice {lattice!r}{near_name(lattice, known)}; known: {', '.join(known)}")
    atoms.set_initial_magnetic_moments(None)
    return atoms.repeat(repeat)


def nearest_neighbor_distance(volume_per_atom: float) -> float:
    """Nearest-neighbor distance (A) of the close packing with this volume per atom (A^3)."""
    return float((np.sqrt(2) * volume_per_atom) ** (1 / 3))
