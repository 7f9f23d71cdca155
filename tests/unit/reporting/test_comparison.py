"""Potentials side by side: deviations, what is missing, and the command."""

import json
import re
from pathlib import Path

import jax
import numpy as np
import pandas as pd
import pytest

from ingot.benchmarks.reference import ReferenceValue
from ingot.benchmarks.tables import Quantity, failed, write_quantities
from ingot.cli.compare import default_benchmarks
from ingot.cli.main import main
from ingot.config.benchmarks import BenchmarkSettings
from ingot.potentials import AniArchitecture, Potential
from ingot.reporting.comparison import build_comparison, comparison_lines
from ingot.reporting.errors import ReportError


def reference(kind: str, value: float) -> ReferenceValue:
    return ReferenceValue("C11", value, None, "GPa", kind, "read", "somewhere", "somebody (2000)")  # type: ignore[arg-type]


def test_deviations_are_from_first_principles_where_these_are_known() -> None:
    quantities = {
        "one": {"C11": Quantity("C11", "C11", 103.0, "GPa")},
        "two": {"C11": Quantity("C11", "C11", 130.0, "GPa", status="bound")},
        "three": {"C11": failed("C11", "C11", "GPa", "no minimum")},
        "four": {},
    }
    known = [reference("potential", 90.0), reference("experiment", 110.0), reference("calculation", 100.0)]
    (line,) = comparison_lines(quantities, known)
    assert [r.kind for r in line.references] == ["calculation", "experiment"]  # other potentials are no reference
    assert line.cells[0].percent == pytest.approx(3.0)
    assert line.cells[0].level == 1
    assert all(cell.level is None for cell in line.cells[1:])  # a bound and a failure deviate from nothing
    (alone,) = comparison_lines(quantities, [reference("experiment", 110.0)])
    assert alone.cells[0].percent == pytest.approx(-100 * 7 / 110)


def test_a_reason_is_given_once_in_a_column_and_conditions_are_those_of_values() -> None:
    quantities = {
        "bad": {key: failed(key, key, "GPa", "no minimum") for key in ("B", "C11")},
        "good": {key: Quantity(key, key, 1.0, "GPa", condition=f"at a0, {key}") for key in ("B", "C11")},
        "worse": {"C11": failed("C11", "C11", "GPa", "no minimum")},
    }
    first, second = comparison_lines(quantities, [])
    assert [cell.why for cell in first.cells] == ["no minimum", "", ""]
    assert [cell.why for cell in second.cells] == ["see B", "", "no minimum"]
    assert (first.condition, second.condition) == ("at a0, B", "at a0, C11")


def test_the_page_has_every_potential_and_its_curves(synthetic_run: Path, tmp_path: Path) -> None:
    benchmarks = synthetic_run / "benchmarks"
    rival = tmp_path / "rival"
    rival.mkdir()
    (rival / "crystal").symlink_to(benchmarks / "compare" / "rival" / "crystal")
    write_quantities(
        rival / "coexistence" / "quantities.csv",
        [Quantity("coexistence_temperature", "melting point", 700.0, "K", condition="0 GPa", status="bound")],
    )
    command = ["compare", f"ours={benchmarks}", f"theirs={rival}", "-o", str(tmp_path / "page" / "index.html")]
    assert main([*command, "--element", "Al"]) == 0
    html = (tmp_path / "page" / "index.html").read_text()
    text = re.sub(r"<[^>]+>", " ", html)
    for words in ("ours", "theirs", "C44", "Kamm &amp; Alers", "bound", "PBE, plane waves"):
        assert words in text
    assert "<script" not in html
    for name in ("equations-of-state", "pair-distributions", "melting-points"):
        data = pd.read_csv(tmp_path / "page" / "data" / f"{name}.csv")
        assert set(data["potential"]) <= {"ours", "theirs"}
        assert (tmp_path / "page" / "figures" / f"{name}.svg").is_file()


def test_potentials_are_benchmarked_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = {"crystal": {"element": "Al", "phases": []}}
    command = ["compare", "--potential", "known=mei-davenport", "--benchmarks", json.dumps(settings)]
    for expected in ("lattice constant", "finished before"):
        assert main([*command, "--element", "Al", "-o", str(tmp_path / "index.html")]) == 0
        assert expected in capsys.readouterr().out
    settings["crystal"]["points"] = 11  # type: ignore[index]
    command[-1] = json.dumps(settings)
    assert main([*command, "--element", "Al", "-o", str(tmp_path / "index.html")]) == 0
    assert "finished before" not in capsys.readouterr().out


def test_a_potential_that_changed_is_benchmarked_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Where it lies says nothing: a potential trained anew has the same path."""
    architecture = AniArchitecture.evenly_spaced(("Al",), 4.5, 4, 3.5, 2, 2, (4,))
    command = ["compare", "--potential", f"mine={tmp_path / 'potential'}", "-o", str(tmp_path / "index.html")]
    command += ["--benchmarks", json.dumps({"crystal": {"phases": []}})]
    for seed, finished in ((1, False), (1, True), (2, False)):
        stacked = jax.tree.map(lambda leaf: np.asarray(leaf)[None], architecture.initial_parameters(seed))
        Potential(architecture, stacked, {"Al": -3.0}, {"energy": 1.0, "forces": 1.0}).save(tmp_path / "potential")
        assert main(command) == 0
        assert ("finished before" in capsys.readouterr().out) == finished


def test_potentials_and_calculators_without_a_suite_are_compared(tmp_path: Path) -> None:
    """``ingot benchmark --potential A ... -o FOLDER``: every suite that is asked for, and one page."""
    melt = {"temperature_kelvin": 1200, "repeat": [2, 2, 2], "melt_steps": 30, "equilibration_steps": 10}
    benchmarks = {"crystal": {"phases": ["bcc"]}, "rdf": {**melt, "production_steps": 200, "farthest_angstrom": 4}}
    command = ["benchmark", "--potential", "mei=mei-davenport", "--calculator", "emt", "--element", "Al"]
    assert main([*command, "--benchmarks", json.dumps(benchmarks), "-o", str(tmp_path / "both")]) == 0
    for name in ("mei", "emt"):
        for suite in ("crystal", "rdf"):
            assert (tmp_path / "both" / name / suite / "quantities.csv").is_file()
    assert "emt" in (tmp_path / "both" / "index.html").read_text()


def test_every_benchmark_is_the_default_and_needs_a_melting_point(capsys: pytest.CaptureFixture[str]) -> None:
    aluminium = BenchmarkSettings.model_validate(default_benchmarks("Al"))
    assert aluminium.coexistence is not None
    assert aluminium.coexistence.temperature_kelvin == 933
    assert aluminium.crystal is not None
    assert aluminium.crystal.stacking_fault
    iron = BenchmarkSettings.model_validate(default_benchmarks("Fe"))
    assert iron.crystal is not None
    assert (iron.crystal.lattice, iron.crystal.stacking_fault, iron.rdf) == ("bcc", False, None)
    assert "no melting point of Fe" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "nothing to compare"),
        (["a=nowhere", "--element", "Al"], "no results at nowhere"),
        (["a=x", "a=y", "--element", "Al"], "two potentials are called a"),
        (["a=nowhere"], "which element"),
        (["--potential", "mei-davenport", "--benchmarks", "{}"], "names no benchmark"),
        (["--calculator", "emt"], "which element"),
        (["--calculator", "emt", "--element", "Mg"], "say what to do with Mg"),
        (["--calculator", "no.such.thing", "--element", "Al", "--benchmarks", '{"thermal": {}}'], "cannot be imported"),
    ],
)
def test_what_cannot_be_compared_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main(["compare", *arguments, "-o", str(tmp_path / "index.html")]) == 1
    assert message in capsys.readouterr().err


def test_a_folder_without_benchmarks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="no table of quantities below empty"):
        build_comparison({"empty": tmp_path}, "Al", "svg")
