"""What the crystal benchmark finds beyond elasticity: asked for, failed, too small, unstable, left over."""

import csv
import json
from dataclasses import asdict
from pathlib import Path

import pytest
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from pydantic import ValidationError

from ingot.benchmarks.crystal_suite import Model, Wanted, crystal_suite
from ingot.benchmarks.errors import BenchmarkError, FitError
from ingot.benchmarks.tables import read_quantities
from ingot.cli.main import main
from ingot.config.benchmarks import CrystalSettings

EVERYTHING = Wanted(
    vacancy_repeat=3,
    vacancy_migration=True,
    interstitial_repeat=3,
    surfaces=((1, 1, 1), (1, 0, 0)),
    stacking_fault=True,
    bain_path=True,
    phonon_repeat=3,
    phonon_temperatures_kelvin=(300.0,),
)
COPPER = Model(EMT(), (), "Cu", "fcc")


def test_without_a_lattice_constant_all_that_was_asked_for_fails() -> None:
    """With its own key and unit, and the reason; phonons at a given lattice constant need none."""
    found = crystal_suite(COPPER, EVERYTHING, FitError("a0: flies apart"))
    units = {row.quantity: row.unit for row in found.quantities}
    assert {row.status for row in found.quantities} == {"failed"}
    assert all(row.note == "needs the lattice constant: a0: flies apart" for row in found.quantities)
    assert units["vacancy_formation"] == units["interstitial_octahedral"] == units["vacancy_migration"] == "eV"
    assert units["surface_100"] == units["unstable_stacking_fault"] == "mJ/m2"
    assert units["bain_bcc_minus_fcc"] == units["zero_point_energy"] == "meV/atom"
    assert units["phonon_X_L"] == "THz"
    assert len(units) == len(found.quantities)
    assert not found.tables
    given = Wanted(phonon_repeat=3, phonon_lattice_constant_angstrom=3.59)
    statuses = {row.quantity: row.status for row in crystal_suite(COPPER, given, FitError("none")).quantities}
    assert statuses["phonon_X_L"] == "failed"
    assert statuses["phonon_X_L_at_given_a"] == "ok"


def test_what_fails_is_what_was_asked_for() -> None:
    """A calculator without forces: the same keys, each with its reason."""

    class Refusing(EMT):
        def calculate(self, *args: object, **kwargs: object) -> None:
            raise RuntimeError("no convergence")

    without = crystal_suite(COPPER, EVERYTHING, FitError("none")).quantities
    refused = crystal_suite(Model(Refusing(), (), "Cu", "fcc"), EVERYTHING, 3.59).quantities
    assert [row.quantity for row in refused] == [row.quantity for row in without]
    assert all(row.status == "failed" and "no convergence" in row.note for row in refused)


def test_cells_that_are_too_small_are_failed_rows() -> None:
    small = Wanted(vacancy_repeat=2, vacancy_migration=True, interstitial_repeat=2)
    rows = {row.quantity: row for row in crystal_suite(COPPER, small, 3.59).quantities}
    assert rows["vacancy_formation"].status == "ok"
    for key in ("vacancy_migration", "interstitial_dumbbell_100", "interstitial_tetrahedral"):
        assert rows[key].status == "failed"
        assert "the cell is too small" in rows[key].note


def test_an_unstable_crystal_is_called_so_everywhere() -> None:
    """bcc of Lennard-Jones atoms: values keep the note, defects that take the lattice with them have none."""
    calculator = LennardJones(sigma=2.6, epsilon=0.4, rc=4.6)
    wanted = Wanted(vacancy_repeat=3, bain_path=True)
    found = crystal_suite(Model(calculator, (), "Al", "bcc"), wanted, 3.2, "mechanically unstable")
    rows = {row.quantity: row for row in found.quantities}
    assert "mechanically unstable" in rows["bain_bcc_minus_fcc"].note
    assert rows["vacancy_formation"].status == "failed" or "mechanically unstable" in rows["vacancy_formation"].note


def test_parts_of_fcc_and_bcc_alone() -> None:
    with pytest.raises(BenchmarkError, match="of fcc and bcc, not diamond"):
        crystal_suite(Model(EMT(), (), "Cu", "diamond"), Wanted(bain_path=True), 5.0)
    for key, value in (("bain_path", True), ("interstitial_repeat", 3), ("phonon_repeat", 4)):
        with pytest.raises(ValidationError, match=f"{key} is for fcc and bcc, not for sc"):
            CrystalSettings(lattice="sc", **{key: value})
    with pytest.raises(ValidationError, match="state vacancy_repeat"):
        CrystalSettings(vacancy_migration=True)
    with pytest.raises(ValidationError, match="state phonon_repeat"):
        CrystalSettings(phonon_lattice_constant_angstrom=4.0)
    with pytest.raises(ValidationError, match="phonon_repeat"):
        CrystalSettings(phonon_repeat=2)


def test_settings_are_what_is_wanted() -> None:
    configured = CrystalSettings().model_dump()
    assert {key: configured[key] for key in asdict(Wanted())} == asdict(Wanted())
    assert Wanted().nothing


def test_the_command_writes_rows_and_curves(tmp_path: Path) -> None:
    settings = {"phases": [], "points": 5, "bain_path": True, "phonon_repeat": 3}
    given = {"phonon_lattice_constant_angstrom": 3.5, "phonon_temperatures_kelvin": [300.0]}
    arguments = ["benchmark", "crystal", "--calculator", "emt", "--element", "Cu", "-o", str(tmp_path), "--settings"]
    assert main([*arguments, json.dumps(settings | given)]) == 0
    rows = {row.quantity: row for row in read_quantities(tmp_path / "quantities.csv")}
    assert rows["phonon_X_L_at_given_a"].value > rows["phonon_X_L"].value  # squeezed springs are stiffer
    assert rows["bain_bcc_minus_fcc"].value > 0
    for name in ("bain", "phonons", "phonon_dos", "phonon_thermal"):
        assert (tmp_path / f"{name}.csv").is_file()
    with (tmp_path / "phonon_thermal.csv").open() as handle:
        thermal = list(csv.DictReader(handle))
    assert [round(float(row["lattice_constant_A"]), 2) for row in thermal] == [3.59, 3.5]
    assert not (tmp_path / "vacancy_migration.csv").exists()
    assert main([*arguments, json.dumps({"phases": [], "points": 5})]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["energy_volume.csv", "quantities.csv"]
