"""One canonical form of a structure, and the identity that hashes it.

A structure is an :class:`ase.Atoms` whose ``info`` may hold ``structure_id``, ``family``
and ``parent`` (strings), ``charge`` (elementary charges, default 0) and
``spin_multiplicity`` (2S + 1, default 1). The canonical form is what is labelled and
stored, so that a structure means the same numbers wherever it is read.
"""

import hashlib
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import covalent_radii

from ingot.structures.errors import StructureError

INFO_KEYS = ("structure_id", "family", "parent", "charge", "spin_multiplicity")
"""The keys of ``info`` that have a meaning everywhere in Ingot."""

_CLOSEST_FRACTION = 0.4  # of the sum of covalent radii; the bond of H2 has 1.2, a hot melt seldom less than 0.7
_SMALLEST_VOLUME = 1e-3  # A^3, of a cell that is periodic in all three directions


def _rounded(values: Any) -> np.ndarray:
    # Dividing the nearest integer by 1e6 gives exactly the double nearest to the six-digit decimal, which is
    # what reading that decimal from a file gives; adding zero turns -0.0 into 0.0.
    return np.asarray(np.rint(np.asarray(values, dtype=np.float64) * 1e6) / 1e6 + 0.0)


def canonical(atoms: Atoms) -> Atoms:
    """A copy with positions and cell rounded to 1e-6 A, moments to 1e-6, and no negative zeros.

    Keeps ``info`` and drops the calculator and the constraints, which belong to a
    calculation rather than to a structure. Rounding twice changes nothing.
    """
    result = Atoms(
        numbers=atoms.numbers, positions=_rounded(atoms.positions), cell=_rounded(atoms.cell.array), pbc=atoms.pbc
    )
    moments = _rounded(atoms.get_initial_magnetic_moments())
    if moments.any():
        result.set_initial_magnetic_moments(moments)
    result.info = dict(atoms.info)
    return result


def structure_id(atoms: Atoms) -> str:
    """Sixteen hexadecimal digits that identify the canonical form of a structure.

    Hashes (sha256) the atomic numbers, positions, cell, periodicity, charge, spin
    multiplicity and initial moments, as little-endian bytes; lengths enter as integer
    multiples of 1e-6 A. The order of the atoms and their periodic images count: forces
    are stored in that order. Family and parent do not count.

    >>> from ase.build import bulk
    >>> structure_id(bulk("Al", a=4.05)) == structure_id(bulk("Al", a=4.05 + 1e-9))
    True
    """

    def steps(values: Any) -> bytes:
        return np.rint(np.asarray(values, dtype=np.float64) * 1e6).astype("<i8").tobytes()

    state = [int(atoms.info.get("charge", 0)), int(atoms.info.get("spin_multiplicity", 1))]
    parts = (
        b"ingot structure 1",
        np.asarray([len(atoms)], dtype="<i8").tobytes(),
        np.asarray(atoms.numbers, dtype="<i4").tobytes(),
        steps(atoms.positions),
        steps(atoms.cell.array),
        np.asarray(atoms.pbc, dtype="u1").tobytes(),
        np.asarray(state, dtype="<i4").tobytes(),
        steps(atoms.get_initial_magnetic_moments()),
    )
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def describe(atoms: Atoms, family: str, parent: str | None = None) -> Atoms:
    """The canonical form with ``structure_id``, ``family`` and ``parent`` (its own id by default) set."""
    result = canonical(atoms)
    identity = structure_id(result)
    result.info.update(structure_id=identity, family=family, parent=parent or identity)
    return result


def check_structure(atoms: Atoms, name: str = "structure") -> None:
    """Raise :class:`StructureError` for a structure that no method could label.

    Refused are: no atoms; positions, cell or moments that are not finite; lattice vectors of
    periodic directions that are zero or linearly dependent; and pairs of atoms closer than 0.4
    times the sum of their covalent radii, counting periodic images.
    """
    if len(atoms) == 0:
        raise StructureError(f"{name} has no atoms")
    if (np.asarray(atoms.numbers) < 1).any():
        raise StructureError(f"{name} contains a dummy atom (atomic number 0); only real elements can be labelled")
    for what, values in (
        ("positions", atoms.positions),
        ("cell", atoms.cell.array),
        ("initial moments", atoms.get_initial_magnetic_moments()),
    ):
        if not np.isfinite(values).all():
            raise StructureError(f"{name}: its {what} contain values that are not finite (NaN or infinity)")
    _check_cell(atoms, name)
    _check_overlap(atoms, name)


def _check_cell(atoms: Atoms, name: str) -> None:
    periodic = atoms.cell.array[np.asarray(atoms.pbc)]
    if len(periodic) == 0:
        return
    measure = float(np.sqrt(max(np.linalg.det(periodic @ periodic.T), 0.0)))  # length, area or volume
    if measure < _SMALLEST_VOLUME:
        kind = {1: "length", 2: "area", 3: "volume"}[len(periodic)]
        raise StructureError(
            f"{name}: its periodic lattice vectors span a {kind} of {measure:.3g}; "
            "give a cell with linearly independent vectors, or set pbc to False along the directions without one"
        )


def _check_overlap(atoms: Atoms, name: str) -> None:
    from ase.neighborlist import neighbor_list  # here: it starts slowly

    radii = _CLOSEST_FRACTION * covalent_radii[atoms.numbers]
    first, second, distance = neighbor_list("ijd", atoms, radii)
    if len(distance):
        worst = int(np.argmin(distance))
        i, j = int(first[worst]), int(second[worst])
        raise StructureError(
            f"{name}: atoms {i} ({atoms.symbols[i]}) and {j} ({atoms.symbols[j]}) are {distance[worst]:.3f} A apart; "
            f"at least {radii[i] + radii[j]:.3f} A (0.4 of the sum of covalent radii) is needed"
        )
