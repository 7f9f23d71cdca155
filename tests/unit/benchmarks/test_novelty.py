"""Novelty against error: rank correlations with intervals that respect structures."""

import csv
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from scipy.stats import spearmanr

from ingot.audit import delta_entropy, environment_descriptors
from ingot.benchmarks.accuracy import Comparison
from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.novelty import foretold, novelty_quantities, rank_correlation, write_novelty_benchmark
from ingot.cli.main import main


def rattled(count: int, scales: np.ndarray, seed: int = 0) -> list[Atoms]:
    frames = []
    for k in range(count):
        atoms = bulk("Al", cubic=True) * (2, 2, 1)
        atoms.rattle(float(scales[k % len(scales)]), seed=seed + k)
        frames.append(atoms)
    return frames


def compared(
    frames: list[Atoms], errors: list[np.ndarray], spread: float | None = 0.1
) -> list[tuple[Atoms, Comparison]]:
    pairs = []
    for k, (atoms, error) in enumerate(zip(frames, errors, strict=True)):
        label = np.zeros((len(atoms), 3))
        std = None if spread is None else np.abs(error) * spread
        pairs.append((atoms, Comparison(str(k), "test", "test", "none", 0.0, 0.0, None, label, error, std)))
    return pairs


def test_novelty_that_rules_the_error_is_seen_to() -> None:
    training, tests = rattled(6, np.array([0.05])), rattled(12, np.linspace(0.03, 0.4, 12), seed=50)
    known = environment_descriptors(training)
    novelty = [delta_entropy(environment_descriptors([atoms]), known) for atoms in tests]
    errors = [np.exp(0.1 * dh)[:, None] * np.array([0.6, 0.0, 0.8]) for dh in novelty]
    found = foretold(training, {"test": compared(tests, errors)})["test"]
    np.testing.assert_allclose(found.novelty, np.concatenate(novelty))
    np.testing.assert_allclose(found.error, np.exp(0.1 * np.concatenate(novelty)), rtol=1e-12)
    rows = {row.quantity: row for row in novelty_quantities({"test": found}, 50)}
    assert rows["novelty_rank_correlation_test"].value == pytest.approx(1.0)
    assert rows["spread_rank_correlation_test"].value == pytest.approx(1.0)
    assert "192 atoms of 12 structures" in rows["novelty_rank_correlation_test"].condition


def test_intervals_are_those_of_structures_not_of_atoms() -> None:
    """Two properties that structures share: as many data as structures, and on average no correlation."""
    rng = np.random.default_rng(1)
    covered, widths = [], []
    for seed in range(60):
        structure = np.repeat(np.arange(25), 30)
        a, b = (rng.normal(size=25)[structure] + 1e-6 * rng.normal(size=750) for _ in range(2))
        found = rank_correlation(a, b, structure, 200, seed)
        assert found.value == pytest.approx(spearmanr(a, b).statistic, abs=1e-12)
        covered.append(found.lower <= 0 <= found.upper)
        widths.append(found.deviation)
    assert 0.83 <= np.mean(covered) <= 1.0
    assert np.mean(widths) == pytest.approx(1 / np.sqrt(24), rel=0.15)  # of independent atoms it would be 0.037


def test_what_means_nothing_fails_with_a_reason(tmp_path: Path) -> None:
    training = rattled(3, np.array([0.05]))
    pairs = compared(training[:2], [np.ones((16, 3))] * 2)
    with pytest.raises(BenchmarkError, match="there is none"):
        foretold([], {"test": pairs})
    bare = [
        (atoms, Comparison("x", "t", "t", "n", 0.0, 0.0, None, None, np.zeros((16, 3)), None)) for atoms in training
    ]
    found = foretold(training, {"copies": pairs, "energies alone": bare})
    assert set(found) == {"copies"}
    write_novelty_benchmark(tmp_path, found, 100)
    with (tmp_path / "quantities.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    assert {row["status"] for row in rows} == {"failed"}
    assert "three structures" in rows[0]["note"]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An EAM of aluminium against labels of another one, near and far from what it "knows"."""
    for name, frames in (
        ("known", rattled(4, np.array([0.04]))),
        ("other", rattled(5, np.linspace(0.05, 0.3, 5), seed=20)),
    ):
        for atoms in frames:
            calculator = EMT()
            atoms.calc = calculator
            results = {"energy": atoms.get_potential_energy(), "forces": atoms.get_forces()}
            atoms.calc = SinglePointCalculator(atoms, **results)
        ase.io.write(tmp_path / f"{name}.extxyz", frames)
    command = [
        "benchmark",
        "novelty",
        "--potential",
        "mei-davenport",
        "--training",
        f"known={tmp_path / 'known.extxyz'}",
    ]
    command += ["--set", f"other={tmp_path / 'other.extxyz'}", "--settings", '{"rows": 100, "resamples": 30}']
    assert main([*command, "-o", str(tmp_path / "out")]) == 0
    assert "rank correlation of novelty of an atom" in capsys.readouterr().out
    with (tmp_path / "out" / "quantities.csv").open() as handle:
        rho = {row["quantity"]: float(row["value"]) for row in csv.DictReader(handle)}
    assert rho["mean_novelty_rank_correlation_other"] > 0.8
    with (tmp_path / "out" / "atoms.csv").open() as handle:
        atoms = list(csv.DictReader(handle))
    assert len(atoms) == 80
    assert {row["set"] for row in atoms} == {"other"}
    with (tmp_path / "out" / "bins.csv").open() as handle:
        bins = list(csv.DictReader(handle))
    assert sum(int(row["atoms"]) for row in bins) == 80
