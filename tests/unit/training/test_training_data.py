"""Offsets, screening, division, and what is refused."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from ingot.training import TrainingError, divide, fit_method_offsets, fit_offsets, principal_method, screen


def labelled(symbols, energy, force=0.1, method="m", kind="free", name=""):
    atoms = Atoms(symbols, positions=3.0 * np.arange(3 * len(Atoms(symbols))).reshape(-1, 3), cell=np.eye(3) * 30)
    atoms.calc = SinglePointCalculator(atoms, energy=energy, free_energy=energy, forces=np.full((len(atoms), 3), force))
    atoms.info.update(method=method, energy_kind=kind, structure_id=name, family="f", parent=name)
    return atoms


def test_offsets_recover_the_energies_of_the_elements():
    frames = [labelled(s, -2.0 * s.count("Al") - 5.0 * s.count("Ni")) for s in ("Al", "AlAlNi", "NiNi", "AlNi")]
    offsets = fit_offsets(frames, ("Al", "Ni"))
    assert np.isclose(offsets["Al"], -2.0)
    assert np.isclose(offsets["Ni"], -5.0)


def test_each_method_has_its_own_zero_and_the_largest_sets_the_potentials():
    frames = [labelled("Al", -2.0, method="a"), labelled("AlAl", -5.0, method="b"), labelled("Al", -3.0, method="b")]
    offsets = fit_method_offsets(frames, ("Al",))
    assert offsets["a"]["Al"] == -2.0
    assert np.isclose(offsets["b"]["Al"], -2.75)
    assert principal_method(frames) == "b"


def test_spoilt_labels_are_counted_by_reason():
    unlabelled = Atoms("Al")
    frames = [
        labelled("Al", -1.0),
        labelled("Al", np.nan),
        labelled("Al", -1.0, force=np.inf),
        labelled("Al", -1.0, force=50.0),
        unlabelled,
    ]
    energy_only = Atoms("Al", calculator=None)
    energy_only.calc = SinglePointCalculator(energy_only, energy=-1.0, free_energy=-1.0)
    both = screen([frames[0], energy_only], 20.0)
    assert len(both.frames) == 2
    assert both.message() == "1 structures without forces count for their energy alone"
    screened = screen(frames, force_limit=20.0)
    assert len(screened.frames) == 1
    assert screened.excluded == {
        "with values that are not numbers": 2,
        "with a force above 20 eV/A": 1,
        "without a label": 1,
    }
    assert "4 of 5 structures left out" in screened.message()
    assert screen(frames[:1], 20.0).message() == ""
    with pytest.raises(TrainingError, match="no structure can be trained on"):
        screen(frames[1:], 20.0)


def test_energies_of_several_kinds_are_not_mixed():
    frames = [labelled("Al", -1.0, kind="free"), labelled("Al", -1.1, kind="zero")]
    with pytest.raises(TrainingError, match="free, zero"):
        screen(frames, 20.0)
    frames[1].info["method"] = "other"
    assert len(screen(frames, 20.0).frames) == 2


def test_division_by_given_ids_and_by_parent():
    frames = [labelled("Al", -1.0 - 0.01 * k, name=f"s{k}") for k in range(20)]
    given = divide(frames, {"train": {"s1", "s2"}, "validation": {"s3"}, "test": {"s4"}}, 0, 20.0)
    assert [a.info["structure_id"] for a in given.train] == ["s1", "s2"]
    assert [a.info["structure_id"] for a in given.validation] == ["s3"]
    own = divide(frames, None, 0, 20.0)
    assert len(own.validation) == 3
    assert len(own.train) == 17
    again = own.resplit(0, 1)
    assert len(again.validation) == 3
    assert {a.info["structure_id"] for a in again.validation} != {a.info["structure_id"] for a in own.validation}
    with pytest.raises(TrainingError, match="none of the 20"):
        divide(frames, {"train": {"elsewhere"}}, 0, 20.0)
    with pytest.raises(TrainingError, match="hold Al"):
        divide(frames, None, 0, 20.0, species=("Cu",))


def test_constraints_do_not_hide_forces():
    from ase.constraints import FixAtoms

    atoms = bulk("Al", cubic=True)
    atoms.info.update(structure_id="x", method="m")
    atoms.calc = SinglePointCalculator(atoms, energy=0.0, free_energy=0.0, forces=np.full((4, 3), 99.0))
    atoms.set_constraint(FixAtoms([0, 1, 2, 3]))
    with pytest.raises(TrainingError, match="force above"):
        screen([atoms], 20.0)
