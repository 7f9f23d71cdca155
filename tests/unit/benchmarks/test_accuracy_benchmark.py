"""Error summaries against known distributions, and what a structure was to a potential."""

import csv

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.units import GPa

from ingot.benchmarks.accuracy import Comparison, compare, energy_summary, force_summary, stress_summary, summarise
from ingot.benchmarks.accuracy_tables import headline, write_accuracy
from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.splits import split_seen_by


def test_summary_of_a_normal_distribution() -> None:
    generator = np.random.default_rng(3)
    errors = [generator.normal(scale=0.2, size=(20, 3)) for _ in range(200)]
    summary = summarise(errors, [np.full((20, 3), 0.2)] * 200, interval=0.9)
    assert summary.rmse == pytest.approx(0.2, rel=0.03)
    assert summary.mae == pytest.approx(0.2 * np.sqrt(2 / np.pi), rel=0.03)
    assert summary.median == pytest.approx(0.2 * 0.6745, rel=0.03)
    assert summary.q95 == pytest.approx(0.2 * 1.96, rel=0.03)
    assert summary.coverage == pytest.approx(0.9, abs=0.01)
    assert summary.expected == pytest.approx(0.2)
    # Components are independent here, so the error of the RMSE is that of 12,000 numbers.
    assert summary.rmse_error == pytest.approx(0.2 / np.sqrt(2 * 12000), rel=0.15)


def test_an_overconfident_model_is_caught() -> None:
    errors = [np.random.default_rng(3).normal(scale=0.2, size=3000)]
    assert summarise(errors, [np.full(3000, 0.05)], 0.9).coverage == pytest.approx(0.32, abs=0.03)


def test_intervals_of_few_members_are_those_of_student() -> None:
    """Truth and four members from one distribution: Gaussian intervals of their own spread would hold 78 %."""
    generator = np.random.default_rng(7)
    members = generator.normal(scale=0.3, size=(4, 100, 20, 3))
    truth = generator.normal(scale=0.3, size=(100, 20, 3)) / np.sqrt(4)  # as far off as the mean of the members is
    errors, deviations = members.mean(axis=0) - truth, members.std(axis=0, ddof=1) / np.sqrt(2)
    student = summarise(list(errors), list(deviations), 0.9, members=4)
    gaussian = summarise(list(errors), list(deviations), 0.9)
    assert student.coverage == pytest.approx(0.9, abs=0.01)
    assert gaussian.coverage == pytest.approx(0.80, abs=0.015)


def test_the_jackknife_knows_that_components_of_a_structure_err_together() -> None:
    generator = np.random.default_rng(5)
    together = [np.full(30, e) for e in generator.normal(size=50)]
    apart = [generator.normal(size=30) for _ in range(50)]
    error_together, error_apart = (summarise(e, None, 0.9).rmse_error for e in (together, apart))
    assert error_together is not None
    assert error_apart is not None
    assert error_together > 3 * error_apart


class _Offset(Calculator):
    """EMT with a constant error of every force component and of the energy per atom."""

    implemented_properties = ("energy", "forces")

    def calculate(self, atoms: Atoms | None = None, properties=(), system_changes=all_changes) -> None:  # type: ignore[no-untyped-def]
        super().calculate(atoms, properties, system_changes)
        assert atoms is not None
        inner = atoms.copy()
        inner.calc = EMT()
        self.results = {
            "energy": inner.get_potential_energy() + 0.01 * len(atoms),
            "forces": inner.get_forces() + 0.05,
            "energy_std": 0.02 * len(atoms),
            "forces_std": np.full((len(atoms), 3), 0.01),
        }


def _labelled(seed: int, repeat: int = 1) -> Atoms:
    atoms = bulk("Al", cubic=True) * (repeat, 1, 1)
    atoms.rattle(0.1, seed=seed)
    atoms.info.update(structure_id=f"{seed:016x}", family="rattled")
    atoms.calc = EMT()
    results = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces()}
    labelled = atoms.copy()
    labelled.calc = SinglePointCalculator(labelled, **results)
    return labelled


@pytest.fixture(scope="module")
def comparisons() -> list[Comparison]:
    frames = [_labelled(k) for k in range(3)]
    return compare(_Offset(), frames, "initial", lambda i: "test" if i.endswith("0") else "train")


def test_errors_are_per_atom_and_per_component(comparisons: list[Comparison]) -> None:
    for c in comparisons:
        assert c.energy_error == pytest.approx(0.01)
        assert c.energy_std == pytest.approx(0.02)
        assert c.force_rmse == pytest.approx(0.05)
    summary = force_summary(comparisons, 0.9)
    assert summary.coverage == 0
    assert summary.count == 36


def test_forces_that_vanish_by_symmetry_do_not_flatter(comparisons: list[Comparison]) -> None:
    perfect = bulk("Al")
    perfect.info.update(structure_id="f" * 16, family="lattice")
    perfect.calc = SinglePointCalculator(perfect, energy=0.0, forces=np.zeros((1, 3)))
    with_perfect = [*comparisons, *compare(EMT(), [perfect], "initial", lambda i: "test")]
    assert force_summary(with_perfect, 0.9).rmse == pytest.approx(0.05)
    with pytest.raises(BenchmarkError, match="no structures"):
        force_summary(with_perfect[-1:], 0.9)


def test_structures_without_forces_count_for_their_energy(tmp_path, comparisons: list[Comparison]) -> None:
    bare = _labelled(7)
    del bare.calc.results["forces"]
    both = [*comparisons, *compare(_Offset(), [bare], "initial", lambda i: "test")]
    assert force_summary(both, 0.9) == force_summary(comparisons, 0.9)
    assert energy_summary(both, 0.9).structures == 4
    write_accuracy(tmp_path, {"final": both}, 0.9, parity_rows=20)
    with (tmp_path / "structures.csv").open() as handle:
        assert [row["force_rmse_eV_per_A"] for row in csv.DictReader(handle)][-1] == ""


def test_stresses_are_compared_in_gigapascals_where_both_sides_have_them(
    tmp_path, comparisons: list[Comparison]
) -> None:
    """Labels of a crystal strained by 1 %, predictions of the unstrained one: elastic constants of EMT in GPa."""
    crystal = bulk("Al", a=3.994, cubic=True)
    crystal.calc = EMT()
    strained = bulk("Al", a=3.994, cubic=True)
    strained.set_cell(strained.cell * [1.01, 1.0, 1.0], scale_atoms=True)
    strained.calc = EMT()
    c11, c12 = ((strained.get_stress() - crystal.get_stress())[k] / 0.01 / GPa for k in (0, 1))
    label = strained.copy()
    label.info.update(structure_id="a" * 16, family="strained")
    stress = crystal.get_stress()
    label.calc = SinglePointCalculator(label, energy=0.0, forces=np.zeros((4, 3)), stress=stress)
    found = compare(EMT(), [label], "initial", lambda i: "test")
    errors = found[0].stress_errors
    assert errors is not None
    assert errors == pytest.approx(np.array([c11, c12, c12, 0, 0, 0]) * 0.01, abs=1e-9)
    assert 0.2 < errors[0] < 2  # some tens of GPa times 1 %, in no other unit
    # Labels without stress, and a potential that gives none, leave it out.
    assert compare(_Offset(), [label], "initial", lambda i: "test")[0].stress_errors is None
    assert comparisons[0].stress_errors is None
    with pytest.raises(BenchmarkError, match="no structures"):
        stress_summary(comparisons, 0.9)
    write_accuracy(tmp_path, {"final": [*comparisons, *found]}, 0.9, parity_rows=20)
    with (tmp_path / "errors.csv").open() as handle:
        rows = [r for r in csv.DictReader(handle) if r["quantity"] == "stress" and r["grouping"] == "split"]
    assert [(r["split"], r["structures"], r["unit"]) for r in rows] == [("test", "1", "GPa")]
    assert float(rows[0]["rmse"]) == pytest.approx(float(np.sqrt(np.mean(errors**2))))
    assert {q.quantity: q.unit for q in headline(found, 0.9)}["stress_rmse_test"] == "GPa"


def test_errors_by_density_are_in_intervals_of_round_width(tmp_path) -> None:
    frames = []
    for k, edge in enumerate((3.7, 3.9, 4.05, 4.3)):
        atoms = bulk("Al", a=edge, cubic=True)
        atoms.rattle(0.1, seed=k)
        atoms.info.update(structure_id=f"{k:016x}", family="rattled")
        results = {"energy": 0.0, "forces": np.full((4, 3), 0.1)}
        atoms.calc = SinglePointCalculator(atoms, **results)
        frames.append(atoms)
    found = compare(_Offset(), frames, "initial", lambda i: "test")
    expected = [4 * 26.9815 / edge**3 * 1.66054 for edge in (3.7, 3.9, 4.05, 4.3)]  # g/cm3
    assert [c.density for c in found] == pytest.approx(expected, rel=1e-4)
    write_accuracy(tmp_path, {"final": found}, 0.9, parity_rows=20)
    with (tmp_path / "errors.csv").open() as handle:
        rows = [r for r in csv.DictReader(handle) if r["grouping"] == "density" and r["quantity"] == "energy"]
    assert [(r["density"], r["structures"]) for r in rows] == [
        ("2.0-2.5", "1"),
        ("2.5-3.0", "1"),
        ("3.0-3.5", "1"),
        ("3.5-4.0", "1"),
    ]


def test_tables(tmp_path, comparisons: list[Comparison]) -> None:
    write_accuracy(tmp_path, {"iteration-0": comparisons, "final": comparisons}, 0.9, parity_rows=20)
    with (tmp_path / "forces.csv").open() as handle:
        forces = list(csv.DictReader(handle))
    assert 16 <= len(forces) / 2 <= 20
    assert float(forces[0]["predicted_eV_per_A"]) - float(forces[0]["label_eV_per_A"]) == pytest.approx(0.05)
    with (tmp_path / "errors.csv").open() as handle:
        errors = list(csv.DictReader(handle))
    test = [r for r in errors if r["grouping"] == "split" and r["split"] == "test" and r["quantity"] == "force"]
    assert [r["potential"] for r in test] == ["iteration-0", "final"]
    assert float(test[0]["rmse"]) == pytest.approx(0.05)
    rows = {q.quantity: q for q in headline(comparisons, 0.9)}
    assert rows["energy_rmse_test"].value == pytest.approx(10.0)
    assert rows["energy_rmse_test"].unit == "meV/atom"
    assert rows["energy_coverage_test"].value == 1


def test_frames_without_labels_are_refused() -> None:
    with pytest.raises(BenchmarkError, match="frame 0 has no energy"):
        compare(EMT(), [bulk("Al")], "initial", lambda i: "test")


def test_a_potential_has_not_seen_what_it_chose() -> None:
    splits = {"train": {"a"}, "validation": {"b"}}
    assert split_seen_by("final", "iteration-0", splits)("a") == "train"
    assert split_seen_by("iteration-0", "iteration-0", splits)("a") == "unseen"
    assert split_seen_by("iteration-1", "iteration-0", splits)("a") == "train"
    assert split_seen_by("iteration-0", "initial", splits)("b") == "validation"
    assert split_seen_by("final", "control-0", splits)("z") == "control"
    assert split_seen_by("final", "test", splits)("z") == "test"
    assert split_seen_by("final", "test-300k", splits)("z") == "test"
