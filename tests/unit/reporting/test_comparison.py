"""Potentials side by side: deviations, what is missing, and the command."""

import json
import os
import re
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pandas as pd
import pytest
from ase.calculators.emt import EMT

from ingot.benchmarks.reference import ReferenceValue
from ingot.benchmarks.tables import Quantity, failed, read_quantities, write_quantities
from ingot.cli.compare import default_benchmarks
from ingot.cli.main import main
from ingot.config.benchmarks import BenchmarkSettings
from ingot.potentials import AniArchitecture, Potential
from ingot.reporting.comparison import build_comparison, comparison_lines
from ingot.reporting.errors import ReportError

THERMAL = '{"thermal": {}}'
SHORT = {"repeat": [2, 2, 2], "equilibration_steps": 5, "production_steps": 200}


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
    heads = re.findall(r'<th scope="col" class="number">(\w+)', (tmp_path / "both" / "index.html").read_text())
    assert heads == ["mei", "emt"]


def test_every_benchmark_is_the_default_and_the_melt_needs_a_melting_point() -> None:
    aluminium = BenchmarkSettings.model_validate(default_benchmarks("Al"))
    assert aluminium.coexistence is not None
    assert aluminium.coexistence.temperature_kelvin == 933
    assert aluminium.crystal is not None
    assert aluminium.crystal.stacking_fault
    iron = BenchmarkSettings.model_validate(default_benchmarks("Fe"))
    assert iron.crystal is not None
    assert (iron.crystal.lattice, iron.crystal.stacking_fault, iron.rdf) == ("bcc", False, None)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["compare"], "nothing to compare"),
        (["benchmark"], "which suite"),
        (["compare", "a=nowhere", "--element", "Al"], "no results at nowhere"),
        (["compare", "a=x", "a=y", "--element", "Al"], "two potentials are called a"),
        (["compare", "a=nowhere"], "which element"),
        (["compare", "--potential", "mei-davenport", "--benchmarks", "{}"], "names no benchmark"),
        (["benchmark", "--calculator", "emt"], "which element"),
        (["benchmark", "--calculator", "emt", "--element", "Mg"], "nothing is done to Mg (hcp) unasked"),
        (["benchmark", "--calculator", "emt", "--element", "al"], "did you mean 'Al'"),
        (["benchmark", "--calculator", "=emt", "--element", "Al"], "no name or no calculator"),
        (["benchmark", "--calculator", "no.thing", "--element", "Al", "--benchmarks", THERMAL], "cannot be imported"),
    ],
)
def test_what_cannot_be_compared_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert main([*arguments, "-o", str(tmp_path / "index.html")]) == 1
    assert message in capsys.readouterr().err


def test_options_of_a_suite_come_after_its_name(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before it they would be lost."""
    command = ["benchmark", "--seed", "3", "--element", "Al", "crystal", "--calculator", "emt", "-o", str(tmp_path)]
    assert main(command) == 1
    assert "--seed, --element before 'crystal'" in capsys.readouterr().err


def test_what_is_no_longer_of_the_potential_is_not_on_the_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another element, seed or potential in the same place: nothing of before stays, and nothing is lost."""
    command = ["benchmark", "--calculator", "emt", "-o", str(tmp_path)]
    both = json.dumps({"crystal": {"phases": ["bcc"]}, "thermal": {**SHORT, "temperatures_kelvin": [200, 400]}})
    assert main([*command, "--element", "Al", "--benchmarks", both]) == 0
    assert main([*command, "--element", "Al", "--benchmarks", both]) == 0
    assert capsys.readouterr().out.count("finished before") == 2
    assert main([*command, "--element", "Cu", "--seed", "1", "--benchmarks", '{"crystal": {"phases": []}}']) == 0
    assert "finished before" not in capsys.readouterr().out
    text = (tmp_path / "index.html").read_text()
    assert "lattice constant" in text
    assert "expansion" not in text
    assert (tmp_path / "emt" / "thermal.before" / "quantities.csv").is_file()
    (a0,) = (q for q in read_quantities(tmp_path / "emt" / "crystal" / "quantities.csv") if q.quantity == "a0")
    assert a0.value == pytest.approx(3.59, abs=0.01)  # copper


class Unlicensed(EMT):
    """Fails while there is a file that says so."""

    def __init__(self, without: str) -> None:
        super().__init__()
        self.without = without

    def calculate(self, *arguments: Any, **keywords: Any) -> None:
        if Path(self.without).exists():
            raise ValueError("the licence server is down")
        super().calculate(*arguments, **keywords)


def test_a_calculator_that_fails_says_why_and_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    down = tmp_path / "down"
    down.touch()
    calculator = f"mine={__name__}.Unlicensed{json.dumps({'without': str(down)})}"
    command = ["benchmark", "--threads", "2", "--calculator", calculator, "--element", "Al", "-o", str(tmp_path)]
    command += ["--benchmarks", json.dumps({"thermal": {**SHORT, "temperatures_kelvin": [200, 400]}})]
    assert main(command) == 0
    assert "the licence server is down" in (tmp_path / "index.html").read_text()
    assert os.environ["OMP_NUM_THREADS"] == "2"
    down.unlink()
    assert main(command) == 0
    assert "licence" not in (tmp_path / "index.html").read_text()
    assert all(q.value is not None for q in read_quantities(tmp_path / "mine" / "thermal" / "quantities.csv"))


def test_a_folder_without_benchmarks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="no table of quantities below empty"):
        build_comparison({"empty": tmp_path}, "Al", "svg")
