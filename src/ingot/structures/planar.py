"""Planar defects: stackings of close-packed layers, and surfaces."""

import numpy as np
from ase import Atoms

from ingot.structures.errors import StructureError
from ingot.structures.lattices import Lattice, build_lattice, nearest_neighbor_distance

_SHIFTS = {"A": (0.0, 0.0), "B": (1 / 3, 1 / 3), "C": (2 / 3, 2 / 3)}


def stacked_layers(element: str, sequence: str, volume_per_atom: float) -> Atoms:
    """Close-packed layers in a sequence such as ``ABC`` (fcc), ``AB`` (hcp), ``ABAC`` (dhcp), ``ABCAB`` (with a fault).

    One atom per layer, ideal spacing; ``volume_per_atom`` in A^3. Repeated periodically, two like layers must
    not meet.
    """
    letters = sequence.upper()
    if len(letters) < 2 or set(letters) - _SHIFTS.keys():
        raise StructureError(f"a stacking is written with the letters A, B and C, such as 'ABCAB', not {sequence!r}")
    for k, letter in enumerate(letters):
        if letter == letters[k - 1]:
            raise StructureError(f"the stacking {sequence!r} puts two layers {letter} on each other (it is periodic)")
    a = nearest_neighbor_distance(volume_per_atom)
    spacing = a * np.sqrt(2 / 3)
    cell = np.array([[a, 0, 0], [a / 2, a * np.sqrt(3) / 2, 0], [0, 0, len(letters) * spacing]])
    fractional = [(*_SHIFTS[letter], k / len(letters)) for k, letter in enumerate(letters)]
    return Atoms(element * len(letters), scaled_positions=fractional, cell=cell, pbc=True)


def surface_slab(
    element: str, lattice: Lattice, volume_per_atom: float, miller: tuple[int, int, int], layers: int, vacuum: float
) -> Atoms:
    """A slab of ``layers`` (h k l) planes with ``vacuum`` (A) between it and its periodic images.

    ``volume_per_atom`` (A^3) is that of the crystal it is cut from.
    """
    from ase.build import surface  # here: it starts slowly

    if not any(miller):
        raise StructureError("the Miller indices of a surface cannot all be zero")
    crystal = build_lattice(element, lattice, volume_per_atom, conventional=True)
    # Periodic below and not in ASE, which would wrap atoms at -1e-17 to the other side of the slab.
    slab = surface(crystal, miller, layers, vacuum=vacuum / 2)
    return Atoms(slab.get_chemical_symbols(), positions=slab.positions, cell=slab.cell.array, pbc=True)
