"""The canonical form and the id that hashes it."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from ingot.structures import StructureError, canonical, check_structure, describe, structure_id


def test_id_is_the_recorded_one():
    """Label stores are addressed by it: a change makes every label of the world unfindable."""
    atoms = bulk("Al", "fcc", a=4.05, cubic=True)
    assert structure_id(atoms) == RECORDED["fcc"]
    atoms.info["charge"] = 1
    atoms.set_initial_magnetic_moments([0.5, 0, 0, -1])
    assert structure_id(atoms) == RECORDED["charged, with moments"]


RECORDED = {"fcc": "4e85f060c8e28e37", "charged, with moments": "fca525d16ddd2cc0"}


def test_canonical_form_is_a_fixed_point_without_negative_zeros():
    rng = np.random.default_rng(1)
    for _ in range(50):
        atoms = Atoms(
            "H4", positions=rng.normal(scale=10, size=(4, 3)), cell=rng.normal(scale=9, size=(3, 3)), pbc=True
        )
        atoms.positions[0] = [-1e-9, -0.0, 4e-7]
        once, twice = canonical(atoms), canonical(canonical(atoms))
        assert np.array_equal(once.positions, twice.positions)
        assert np.array_equal(once.cell.array, twice.cell.array)
        assert not np.signbit(once.positions[0]).any()
        assert np.abs(once.positions - atoms.positions).max() <= 0.5000001e-6
        # the double nearest to the six-digit decimal, so that text round trips are exact
        assert all(float(f"{x:.6f}") == x for x in once.positions.ravel())


def test_id_ignores_noise_below_the_resolution_and_names():
    atoms = bulk("Al", "fcc", a=4.05, cubic=True)
    other = atoms.copy()
    other.positions += 3e-8
    other.info.update(family="fcc", parent="fcc-001")
    assert structure_id(atoms) == structure_id(other) == structure_id(canonical(other))


@pytest.mark.parametrize("change", ["species", "position", "cell", "pbc", "charge", "spin", "moment", "order"])
def test_id_sees_every_part_of_a_structure(change):
    atoms = bulk("Al", "fcc", a=4.05, cubic=True)
    atoms.symbols[3] = "Cu"
    other = atoms.copy()
    if change == "species":
        other.symbols[0] = "Cu"
    elif change == "position":
        other.positions[0, 0] += 2e-6
    elif change == "cell":
        other.cell[0, 0] += 2e-6
    elif change == "pbc":
        other.pbc[2] = False
    elif change == "charge":
        other.info["charge"] = -1
    elif change == "spin":
        other.info["spin_multiplicity"] = 3
    elif change == "moment":
        other.set_initial_magnetic_moments([1.0, 0, 0, 0])
    else:
        other = other[[3, 1, 2, 0]]
    assert structure_id(atoms) != structure_id(other)


def test_defaults_of_charge_and_spin_are_zero_and_one():
    atoms = bulk("Al")
    other = atoms.copy()
    other.info.update(charge=0, spin_multiplicity=1)
    other.set_initial_magnetic_moments([0.0])
    assert structure_id(atoms) == structure_id(other)


def test_describe_sets_identity_family_and_parent():
    atoms = describe(bulk("Al", a=4.05 + 1e-9), "fcc")
    assert atoms.info == {"structure_id": structure_id(atoms), "family": "fcc", "parent": structure_id(atoms)}
    assert describe(bulk("Al"), "fcc", "fcc-002").info["parent"] == "fcc-002"


def _with(atoms, **changes):
    for name, value in changes.items():
        setattr(atoms, name, value)
    return atoms


@pytest.mark.parametrize(
    ("atoms", "message"),
    [
        (Atoms(), "has no atoms"),
        (Atoms("X", positions=[[0, 0, 0]]), "dummy atom"),
        (Atoms("H", positions=[[np.nan, 0, 0]]), "not finite"),
        (Atoms("H", cell=[[np.inf, 0, 0], [0, 1, 0], [0, 0, 1]]), "not finite"),
        (Atoms("H", cell=[3, 3, 0], pbc=True), "span a volume of 0"),
        (Atoms("H", cell=[[3, 0, 0], [6, 0, 0], [0, 0, 3]], pbc=True), "span a volume of 0"),
        (Atoms("H", cell=[3, 0, 0], pbc=[True, True, False]), "span a area of 0"),
        (Atoms("Al2", positions=[[0, 0, 0], [0, 0, 0.5]], cell=[9, 9, 9], pbc=True), "0.500 A apart"),
        (Atoms("Al2", positions=[[0, 0, 0.1], [0, 0, 8.9]], cell=[9, 9, 9], pbc=True), "0.200 A apart"),
        (Atoms("Al", cell=[9, 9, 0.8], pbc=True), r"atoms 0 \(Al\) and 0 \(Al\) are 0.800 A apart"),
    ],
)
def test_impossible_structures_are_refused_with_the_reason(atoms, message):
    with pytest.raises(StructureError, match=message):
        check_structure(atoms)


@pytest.mark.parametrize(
    "atoms",
    [
        Atoms("H2", positions=[[0, 0, 0], [0, 0, 0.74]]),
        bulk("W"),
        Atoms("Al2", positions=[[0, 0, 0.1], [0, 0, 8.9]], cell=[9, 9, 9], pbc=[True, True, False]),
        _with(bulk("Al", cubic=True), cell=-4.05 * np.eye(3)),
    ],
)
def test_possible_structures_pass(atoms):
    check_structure(atoms)
