"""The crystals that are compared: primitive cells of the common lattices, and the strains that probe them."""

import math
from typing import Literal, get_args

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.data import atomic_numbers, chemical_symbols, reference_states
from numpy.typing import NDArray

from ingot.benchmarks.errors import BenchmarkError
from ingot.errors import near_name

LatticeName = Literal["fcc", "bcc", "hcp", "sc", "diamond"]
LATTICES: tuple[str, ...] = get_args(LatticeName)

IDEAL_C_OVER_A = math.sqrt(8 / 3)
"""c/a of close-packed hard spheres."""

VOLUME_RATIO = {"fcc": 1.0, "hcp": 1.0, "bcc": 1.02, "sc": 1.2, "diamond": 1.6}
"""Where to start looking for a lattice's volume per atom, relative to fcc; typical of simple metals, only a guess."""

_ATOMS_PER_CUBE = {"fcc": 4, "bcc": 2, "sc": 1, "diamond": 8}


def lattice_constant(lattice: str, volume: float, c_over_a: float = IDEAL_C_OVER_A) -> float:
    """``a`` in angstrom of a lattice with ``volume`` A^3 per atom (hcp: the basal ``a``)."""
    _check_lattice(lattice)
    if lattice == "hcp":
        return float((4 * volume / (math.sqrt(3) * c_over_a)) ** (1 / 3))
    return float((volume * _ATOMS_PER_CUBE[lattice]) ** (1 / 3))


def volume_per_atom(lattice: str, a: float, c_over_a: float = IDEAL_C_OVER_A) -> float:
    """A^3 per atom of a lattice with constant ``a`` in angstrom."""
    _check_lattice(lattice)
    if lattice == "hcp":
        return math.sqrt(3) / 4 * c_over_a * a**3
    return a**3 / _ATOMS_PER_CUBE[lattice]


def primitive_cell(element: str, lattice: str, volume: float, c_over_a: float = IDEAL_C_OVER_A) -> Atoms:
    """The primitive cell (one atom; two in hcp and diamond) of an element at ``volume`` A^3 per atom.

    Cubic lattices have their cube axes along x, y, z.
    """
    _check_element(element)
    a = lattice_constant(lattice, volume, c_over_a)
    if lattice == "hcp":
        return bulk(element, "hcp", a=a, c=c_over_a * a)
    return bulk(element, lattice, a=a)


def experimental_volume(element: str) -> float:
    """A^3 per atom of the element's ground-state crystal, from ASE's table of measured lattices: a start for searches.

    Raises :class:`BenchmarkError` when the table has no simple lattice for the element.
    """
    _check_element(element)
    state = reference_states[atomic_numbers[element]] or {}
    lattice = state.get("symmetry")
    if lattice not in LATTICES:
        raise BenchmarkError(
            f"no tabulated simple lattice of {element} (ASE lists {lattice!r}): state lattice_constant_angstrom"
        )
    return volume_per_atom(lattice, state["a"], state.get("c/a", IDEAL_C_OVER_A))


def strained(atoms: Atoms, strain: NDArray[np.float64]) -> Atoms:
    """A copy under a homogeneous symmetric (3, 3) strain, r -> (1 + strain) r; scaled positions are kept."""
    result = atoms.copy()
    result.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
    return result


def orthorhombic_strain(delta: float) -> NDArray[np.float64]:
    """The volume-conserving strain with E = E0 + V (C11 - C12) delta^2 + O(delta^4) in a cubic crystal.

    M. J. Mehl, Phys. Rev. B 47, 2493 (1993).
    """
    return np.diag([delta, -delta, delta**2 / (1 - delta**2)])


def monoclinic_strain(delta: float) -> NDArray[np.float64]:
    """The volume-conserving strain with E = E0 + V C44 delta^2 / 2 + O(delta^4) in a cubic crystal.

    M. J. Mehl, Phys. Rev. B 47, 2493 (1993).
    """
    return np.array([[0.0, delta / 2, 0.0], [delta / 2, 0.0, 0.0], [0.0, 0.0, delta**2 / (4 - delta**2)]])


def _check_lattice(lattice: str) -> None:
    if lattice not in LATTICES:
        raise BenchmarkError(
            f"lattice {lattice!r} is not known{near_name(lattice, LATTICES)}; accepted: {', '.join(LATTICES)}"
        )


def _check_element(element: str) -> None:
    if element not in atomic_numbers or element == "X":
        raise BenchmarkError(f"{element!r} is not an element{near_name(element, chemical_symbols[1:])}")
