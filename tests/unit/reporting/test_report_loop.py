"""The section on the loop: what its tables say, counted again from the files of the run."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ingot.dynamics import Schedule
from ingot.files import write_json
from ingot.reporting.figures.convergence import draw_convergence, scale_of_the_later
from ingot.reporting.figures.iterations import draw_iterations
from ingot.reporting.loop import iterations
from ingot.reporting.run import Run
from ingot.reporting.tables import acquisition_table


@pytest.fixture
def run(copied_run: Path) -> Run:
    """The synthetic run, its iteration's candidates being the structures that were labelled."""
    structures = pd.read_csv(copied_run / "benchmarks/accuracy/structures.csv", dtype={"structure_id": str})
    ids = structures[structures["origin"] == "iteration-0"]["structure_id"].unique()
    path = copied_run / "iterations/0/select/selection.json"
    decision = json.loads(path.read_text())
    for candidate, identity in zip(decision["candidates"], ids, strict=False):
        candidate["structure_id"] = str(identity)
    decision["candidates"][1]["reason"] = "attack"
    decision["selected"] = [str(identity) for identity in ids]
    write_json(path, decision)
    table = copied_run / "iterations/0/explore/trajectories.csv"
    trajectories = pd.read_csv(table, dtype={"candidate": str})
    trajectories.loc[0, "candidate"] = ids[0]
    trajectories.to_csv(table, index=False)
    return Run(copied_run)


def test_what_was_added(run: Run) -> None:
    (one,) = iterations(run)
    added = one.added.set_index("structure_id")
    assert len(added) == 6
    assert list(added["crystalline"]) == [0.0, 0.25, 0.5, 0.75, 1.0, 0.0]
    first = added.iloc[0]
    course = Schedule(start=300.0, end=900.0, amplitude=100.0, period=2000.0, duration=2000.0)  # fs
    assert first["temperature"] == pytest.approx(float(course(300.0)), rel=1e-6)
    assert np.isnan(added.iloc[1]["temperature"])
    assert added.iloc[1]["reason"] == "attack"


def test_what_failed_and_what_it_cost(run: Run) -> None:
    bad = {"structure_id": "f" * 16, "status": "failed", "reason": "no convergence", "sha256": None}
    good = [{"structure_id": f"{k:016x}", "status": "converged", "reason": None, "sha256": "0"} for k in range(5)]
    again = {"method": "m", "settings": {}, "labels": good}  # dealt to two batches by an earlier run
    write_json(run.root / "labels/iteration-0/batch-0-of-2.json", again)
    write_json(
        run.root / "labels/iteration-0/batch-0-of-1.json", {"method": "m", "settings": {}, "labels": [bad, *good]}
    )
    write_json(run.root / "iterations/0/potential/potential.json", {"provenance": {"diverged_members": [2]}})
    for name, seconds in (("explore.0", 60), ("explore.0.1-of-2", 30), ("explore.10", 999), ("select_frames.0", 30)):
        header = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
        (run.root / "costs" / f"{name}.tsv").write_text(f"{header}1\t0\t1\t1\t1\t1\t0\t0\t98\t{seconds}\n")
    table = acquisition_table(run)
    assert table is not None
    cells = {f"{c.heading} {c.unit}".strip(): cell for c, cell in zip(table.columns, table.rows[0], strict=True)}
    assert cells["labels learned"] == 5
    assert cells["failed labels"] == 1
    assert cells["diverged networks"] == 1
    assert cells["discarded trajectories"] == 1
    assert cells["from attacks"] == 1
    assert cells["crystalline % of atoms"] == pytest.approx(100 * np.mean([0, 0.25, 0.5, 0.75, 1, 0]))
    assert cells["exploring CPU minutes"] == 2.0
    assert cells["training CPU minutes"] is None


def test_figures_show_the_numbers_of_the_tables(run: Run) -> None:
    figure = draw_iterations(run, "svg")
    assert figure is not None
    data = figure.data
    information = data[data["panel"] == "information"].set_index("iteration")
    assert list(information["entropy"]) == [4.2, 4.7]
    assert list(information.index) == [-1, 0]
    unknown = data[data["panel"] == "unknown"]
    assert list(unknown["stopped_early"]) == [0.5]
    errors = data[(data["panel"] == "errors") & (data["family"] == "all")]
    assert list(errors["name"]) == ["0", "final"]
    assert errors["rmse"].is_monotonic_decreasing


def test_a_benchmark_converges(run: Run) -> None:
    assert draw_convergence(run, "svg") is None
    for number in (0, 1):
        target = run.root / "iterations" / str(number) / "crystal"
        shutil.copytree(run.root / "benchmarks" / "crystal", target)
        if number == 1:
            (target / "quantities.csv").write_text((target / "quantities.csv").read_text().replace("a0,", "other,"))
    figure = draw_convergence(Run(run.root), "svg")
    assert figure is not None
    own = figure.data[figure.data["potential"] == "this"]
    assert list(own[own["quantity"] == "a0"]["name"]) == ["0", "final"]
    assert set(figure.data["potential"]) == {"this", "rival", "labels' method"}


def test_the_scale_of_a_quantity_is_that_of_later_iterations_when_early_ones_are_far_off() -> None:
    rows = [("this", value, 5.0) for value in (1400.0, 500.0, 150.0, 110.0, 104.0, 101.0)] + [("teacher", 117.6, 0.0)]
    part = pd.DataFrame(rows, columns=["potential", "value", "uncertainty"])
    low, high = scale_of_the_later(part)
    assert low is not None
    assert high is not None
    assert 50 < low < 96
    assert 117.6 < high < 150
    assert scale_of_the_later(part[2:]) == (None, None)
    alone = pd.DataFrame([("this", 3.0, float("nan"))] * 4, columns=part.columns)
    assert scale_of_the_later(alone) == (None, None)
