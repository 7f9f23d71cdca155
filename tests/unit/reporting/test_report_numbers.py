"""Numbers as they are printed, the verdict's arithmetic, and the coverage curve."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ingot.benchmarks.tables import Quantity, failed, write_quantities
from ingot.files import write_json
from ingot.reporting.figures.calibration import _NOMINAL, _coverage
from ingot.reporting.headline import Row, headline_rows
from ingot.reporting.numbers import DASH, MINUS, aligned, duration, plain
from ingot.reporting.run import Run
from ingot.reporting.verdict import verdict


def _text(html: object) -> str:
    return re.sub(r"<[^>]+>", "", str(html))


@pytest.mark.parametrize(
    ("value", "decimals", "sign", "text"),
    [
        (4.0567, 3, False, "4.057"),
        (-1.26, 1, True, MINUS + "1.3"),
        (1.26, 1, True, "+1.3"),
        (-0.0001, 3, True, "0.000"),
        (933.47, 0, False, "933"),
        (None, 1, False, DASH),
    ],
)
def test_aligned_numbers(value: float | None, decimals: int, sign: bool, text: str) -> None:
    assert _text(aligned(value, decimals, sign)) == text


def test_durations_and_short_numbers() -> None:
    assert [duration(s) for s in (1.23, 312, 7260)] == ["1.2 s", "5.2 min", "2.0 h"]
    assert plain(0.012345) == "0.0123"
    assert plain(float("nan")) == DASH


def test_differences_are_potential_minus_direct() -> None:
    modulus = Quantity("C44", "C44", 33.0, "GPa")
    row = Row(modulus, Quantity("C44", "C44", 30.0, "GPa"), (), 1)
    assert row.difference == pytest.approx(3.0)
    assert row.percent == pytest.approx(10.0)
    assert Row(modulus, None, (), 1).difference is None
    assert Row(modulus, failed("C44", "C44", "GPa", "no"), (), 1).percent is None
    energy = Quantity("energy_bcc_minus_fcc", "E", 2.0, "meV/atom")
    small = Quantity("energy_bcc_minus_fcc", "E", 0.01, "meV/atom")
    assert Row(energy, small, (), 1).percent is None, "a percentage of a difference near zero says nothing"


def test_the_verdict_says_what_the_rows_say(tmp_path: Path) -> None:
    def row(key: str, unit: str, potential: Quantity, direct: float | None) -> Row:
        return Row(potential, None if direct is None else Quantity(key, key, direct, unit), (), 1)

    edge = row("a0", "A", Quantity("a0", "a0", 4.04, "A"), 4.0)
    soft = row("C44", "GPa", Quantity("C44", "C44", 24.0, "GPa"), 30.0)
    stiff = row("C11", "GPa", Quantity("C11", "C11", 101.0, "GPa"), 100.0)
    sentence = verdict(Run(tmp_path), [edge, soft, stiff])
    assert "lattice constant is 1.0 %" in sentence
    assert "C44, the worst of the elastic moduli, 20 %" in sentence
    broken = row("C12", "GPa", Quantity("C12", "C12", 200.0, "GPa", note="mechanically unstable: C11 > |C12|"), 60.0)
    sentence = verdict(Run(tmp_path), [edge, soft, broken])
    assert "its crystal is mechanically unstable" in sentence
    assert "233 %" not in sentence
    bound = Quantity("coexistence_temperature", "melting point", 800.0, "K", status="bound")
    assert verdict(Run(tmp_path), [row("coexistence_temperature", "K", bound, None)]) == ""


def test_coverage_of_a_calibrated_ensemble_is_what_it_promises() -> None:
    generator = np.random.default_rng(2)
    sigma = generator.uniform(0.1, 1.0, size=20000)
    error = sigma * generator.normal(size=20000)
    points = pd.DataFrame({"label_eV_per_A": 0.0, "predicted_eV_per_A": error, "std_eV_per_A": sigma})
    assert np.abs(_coverage(points, np.nan) - _NOMINAL).max() < 0.015
    points["std_eV_per_A"] = 0.5 * sigma
    assert _coverage(points, np.nan)[24] < _NOMINAL[24] - 0.1
    few = sigma * np.sqrt(generator.chisquare(3, size=20000) / 3)  # what four members say of sigma
    points["std_eV_per_A"] = few
    assert np.abs(_coverage(points, 4.0) - _NOMINAL).max() < 0.015
    assert _coverage(points, np.nan)[-1] < _NOMINAL[-1] - 0.05


def test_labels_by_a_potential_are_held_against_its_own_benchmarks(tmp_path: Path) -> None:
    write_quantities(tmp_path / "benchmarks/crystal/quantities.csv", [Quantity("a0", "a0", 4.04, "A")])
    for name, value in (("teacher", 4.05), ("other", 4.10)):
        written = tmp_path / "benchmarks/compare" / name / "crystal/quantities.csv"
        write_quantities(written, [Quantity("a0", "a0", value, "A")])

    def difference(method: str, path: str) -> float | None:
        labels = {"method": method, "potential": {"path": path}}
        compare = {"teacher": "resources/ani-al", "other": "elsewhere"}
        write_json(tmp_path / "config.json", {"labels": labels, "benchmarks": {"compare": compare}})
        (row,) = headline_rows(Run(tmp_path))
        return row.difference

    assert difference("potential", "resources/ani-al/") == pytest.approx(-0.01)
    assert difference("potential", "another") is None
    assert difference("pyscf", "resources/ani-al") is None
    write_quantities(tmp_path / "benchmarks/direct/quantities.csv", [Quantity("a0", "a0", 4.02, "A")])
    assert difference("potential", "resources/ani-al") == pytest.approx(0.02)
