"""Learning curves: what is trained on, what is tested on, and the zeros of energy of several methods."""

import json
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator

from ingot.audit import compress
from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.learning_curve import Curve, PointError, draw_subset, gather_points, learning_point
from ingot.cli.main import main
from ingot.datasets.convert import Origin, from_labelled_atoms, to_ase
from ingot.potentials import AniArchitecture
from ingot.training import LossWeights, OptimiserOptions, TrainingOptions

ARCHITECTURE = AniArchitecture.evenly_spaced(("Cu",), 5.0, 8, 4.0, 3, 3, (12, 8))
OPTIONS = TrainingOptions(
    OptimiserOptions(
        epochs=1,
        batch_size=4,
        learning_rate=5e-3,
        schedule="cosine",
        patience=1000,
        final_learning_rate=1e-4,
        average_decay=0.9,
        clip_norm=10.0,
        weight_decay=0.01,
        validation_interval=1,
    ),
    LossWeights(10.0, 1.0, 0.0),
)
CURVE = Curve(ARCHITECTURE, OPTIONS, steps=400, force_limit=30.0, folds=3, seed=1)


def copper(count: int, shift: float = 0.0) -> list[Atoms]:
    """Rattled cells labelled by EMT; every second one by a "method" whose energies lie ``shift`` (eV/atom) higher."""
    frames = []
    for k in range(count):
        atoms = bulk("Cu", a=3.5 + 0.03 * (k % 7), cubic=True)
        atoms.rattle(0.08, seed=k)
        atoms.calc = EMT()
        moved = shift * len(atoms) * (k % 2)
        energy, forces = atoms.get_potential_energy() + moved, atoms.get_forces()
        atoms.calc = SinglePointCalculator(atoms, energy=energy, free_energy=energy, forces=forces)
        atoms.info.update(run=f"run{k // 3}/frame{k}", group="ab"[k % 2])
        frames.append(atoms)
    return frames


def read(frames: list[Atoms]) -> list[Atoms]:
    origin = Origin(family_key="group", parent_keys=("run",), parent_pattern="^[^/]*", method_key="group")
    return to_ase(from_labelled_atoms(frames, "copper", "free", origin))


def test_origin_reads_family_parent_and_method_from_any_key() -> None:
    frames = read(copper(7))
    assert [a.info["parent"] for a in frames] == ["run0"] * 3 + ["run1"] * 3 + ["run2"]
    assert [a.info["family"] for a in frames] == list("abababa")
    assert len({a.info["method"] for a in frames}) == 2
    both = Origin(parent_keys=("run", "formula"), parent_pattern="^[^/]*")
    assert both.parent(copper(1)[0], "x") == "run0 Cu4"
    assert Origin(parent_keys=("absent",)).parent(copper(1)[0], "own") == "own"


def test_folds_never_divide_parents_and_smaller_sets_are_parts_of_larger_ones() -> None:
    frames = read(copper(30))
    parent = {a.info["structure_id"]: a.info["parent"] for a in frames}
    tested = []
    for fold in range(3):
        small, large = (draw_subset(frames, size, fold, 3, seed=5) for size in (8, 16))
        assert small.test == large.test
        tested += sorted(small.test)
        for subset, size in ((small, 8), (large, 16)):
            assert len(subset.train) + len(subset.validation) == size
            assert not subset.train & subset.validation
            assert not {parent[i] for i in subset.train | subset.validation} & {parent[i] for i in subset.test}
        assert small.train | small.validation < large.train | large.validation
    assert sorted(tested) == sorted(parent)
    alone = draw_subset(frames, 30, 0, 3, seed=5, hold_out=False)
    assert (len(alone.train), len(alone.validation), alone.test) == (27, 3, set())
    with pytest.raises(BenchmarkError, match="fold 0 has"):
        draw_subset(frames, 25, 0, 3, seed=5)
    with pytest.raises(BenchmarkError, match="at least as many parents"):
        draw_subset(frames[:3], 2, 0, 3, seed=5)


def test_compressed_sets_are_taken_of_what_is_not_tested() -> None:
    frames = read(copper(30))
    small, large = (draw_subset(frames, size, 1, 3, seed=5, selection="msc") for size in (6, 12))
    chance = draw_subset(frames, 12, 1, 3, seed=5)
    assert small.test == large.test == chance.test
    assert len(small.train | small.validation) == 6
    assert small.train | small.validation < large.train | large.validation
    assert not (large.train | large.validation) & large.test
    rest = [a for a in frames if a.info["structure_id"] not in large.test]
    kept = {rest[k].info["structure_id"] for k in compress(rest, 12 / len(rest))}
    assert large.train | large.validation == kept


def point(frames: list[Atoms], directory: Path, forces: bool) -> dict[str, PointError]:
    rows = learning_point(CURVE, frames, {}, 24, 0, forces, directory)
    return {row.quantity: row for row in rows}


def test_forces_teach_and_zeros_of_energy_do_not_matter(tmp_path: Path) -> None:
    """Energies of one method moved by 5 eV/atom: the very same point but for rounding, and the same mean predictor."""
    plain = point(read(copper(45)), tmp_path / "plain", forces=True)
    moved = point(read(copper(45, shift=5.0)), tmp_path / "moved", forces=True)
    alone = point(read(copper(45)), tmp_path / "alone", forces=False)
    for quantity in ("energy", "force"):
        assert moved[quantity].rmse == pytest.approx(plain[quantity].rmse, rel=0.1)
        assert moved[quantity].mean_predictor_rmse == pytest.approx(plain[quantity].mean_predictor_rmse, rel=1e-9)
    assert plain["force"].rmse < 0.4 * plain["force"].mean_predictor_rmse
    assert plain["force"].rmse < 0.7 * alone["force"].rmse
    tested = [a for a in read(copper(45)) if a.info["structure_id"] in draw_subset(read(copper(45)), 24, 0, 3, 1).test]
    forces = np.concatenate([a.get_forces() for a in tested])
    assert plain["force"].mean_predictor_rmse == pytest.approx(float(np.sqrt(np.mean(forces**2))), rel=1e-12)
    assert plain["force"].structures == len(tested)
    table = tmp_path / "points.csv"
    assert gather_points([tmp_path / name / "point.csv" for name in ("plain", "alone")], table) == 4
    with pytest.raises(BenchmarkError, match="is not a point"):
        gather_points([tmp_path / "plain" / "log.csv"], table)


def test_the_command_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, test = tmp_path / "data.extxyz", tmp_path / "test.extxyz"
    ase.io.write(data, copper(12))
    ase.io.write(test, copper(20)[15:])
    architecture = {
        "radial": {"cutoff_angstrom": 5.0, "shifts": 4},
        "angular": {"cutoff_angstrom": 4.0, "shifts": 2, "angles": 2},
        "hidden": [4],
    }
    settings = json.dumps({"sizes": [8], "steps": 10, "training": {"architecture": architecture}})
    start = ["curve", "point", str(data), "--settings", settings, "--size", "8"]
    assert main([*start, "--test", f"hot={test}", "--loss", "energies", "-o", str(tmp_path / "p")]) == 0
    assert "hot: force RMSE" in capsys.readouterr().out
    assert main([*start, "--fold", "3", "-o", str(tmp_path / "q")]) == 1
    assert "must lie in 0..2" in capsys.readouterr().err
    assert main(["curve", "gather", str(tmp_path / "p" / "point.csv"), "-o", str(tmp_path / "points.csv")]) == 0
