"""The commands of the loop, from a potential to a decision."""

import json
from pathlib import Path

import ase.io
import jax
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from ingot.cli.main import main
from ingot.potentials import AniArchitecture, Potential, load_potential
from ingot.sampling import read_trajectories
from ingot.sampling.files import ATTACK_COLUMNS, QUENCH_COLUMNS, TRAJECTORY_COLUMNS, read_table
from ingot.structures import describe, read_structures, write_structures


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small untrained ensemble, starts and data."""
    root = tmp_path_factory.mktemp("loop")
    architecture = AniArchitecture.evenly_spaced(("Al",), 4.5, 4, 3.6, 2, 2, (6,))
    members = [architecture.initial_parameters(seed) for seed in range(3)]
    parameters = jax.tree.map(lambda *leaves: np.stack(leaves), *members)
    Potential(architecture, parameters, {"Al": -1.0}).save(root / "potential")

    def rattled(seed: int, size: float) -> Atoms:
        atoms = bulk("Al", "fcc", a=4.2, cubic=True)
        atoms.rattle(size, seed=seed)
        return describe(atoms, "packing")

    write_structures(root / "starts.extxyz", [rattled(s, 0.2) for s in range(2)])
    write_structures(root / "data.extxyz", [rattled(s, 0.02) for s in range(10, 13)])
    return root


THRESHOLDS = {"energy_threshold_ev": 1e3, "force_threshold_ev_per_angstrom": 1e3}


def explore(folder: Path, output: str, *options: str, **settings: object) -> int:
    values = {"trajectories": 3, "steps": 20, "frame_every": 5, **THRESHOLDS, **settings}
    starts = str(folder / "starts.extxyz")
    potential = str(folder / "potential")
    return main(
        ["explore", "--potential", potential, "--starts", starts, "--iteration", "2", "--seed", "5",
         "--settings", json.dumps(values), *options, "-o", str(folder / output)]
    )  # fmt: skip


def test_batches_put_together_are_what_one_job_leaves(folder: Path) -> None:
    how = {"trajectories": 5, "attacks": {"count": 7, "steps": 3}, "quenches": {"count": 4, "steps": 3}, "steps": 10}
    assert explore(folder, "whole", **how) == 0
    for k in range(3):
        assert explore(folder, f"batch-{k}", "--batch", f"{k}/3", **how) == 0
    folders = [str(folder / f"batch-{k}") for k in (2, 0, 1)]
    assert main(["explore", "--gather", *folders, "-o", str(folder / "gathered")]) == 0
    for file in ("candidates.extxyz", "controls.extxyz"):  # tables of other widths are summed with other roundings
        both = [read_structures(folder / name / file) for name in ("gathered", "whole")]
        assert [a.info["parent"] for a in both[0]] == [a.info["parent"] for a in both[1]]
        for one, other in zip(*both, strict=True):
            np.testing.assert_allclose(one.positions, other.positions, atol=1e-6)
    for file, columns, compared in (
        ("trajectories.csv", TRAJECTORY_COLUMNS, ("trajectory", "start", "steps", "reason", "control_time_fs")),
        ("attacks.csv", ATTACK_COLUMNS, ("attack", "steps", "best_step")),
        ("quenches.csv", QUENCH_COLUMNS, ("quench", "steps")),
    ):
        rows = [read_table(folder / name / file, columns) for name in ("gathered", "whole")]
        assert [[row[key] for key in compared] for row in rows[0]] == [
            [row[key] for key in compared] for row in rows[1]
        ]
        assert len(rows[0]) == {"trajectories.csv": 5, "attacks.csv": 7, "quenches.csv": 4}[file]


@pytest.mark.parametrize("identity", ["8e14101143541841", "0814101143541841"])
def test_ids_that_look_like_numbers_are_put_together(folder: Path, identity: str) -> None:
    assert explore(folder, "batch") == 0
    first = read_table(folder / "batch/trajectories.csv", TRAJECTORY_COLUMNS)[0]["candidate"]
    for file in ("candidates.extxyz", "controls.extxyz", "trajectories.csv"):  # a control may be the same frame
        path = folder / "batch" / file
        path.write_text(path.read_text().replace(first, identity))
    assert main(["explore", "--gather", str(folder / "batch"), "-o", str(folder / "gathered")]) == 0
    for file in ("candidates.extxyz", "trajectories.csv"):
        assert (folder / "gathered" / file).read_text() == (folder / "batch" / file).read_text()


def test_batches_that_do_not_belong_together(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explore(folder, "once") == 0
    twice = [str(folder / "once")] * 2
    assert main(["explore", "--gather", *twice, "-o", str(folder / "bad")]) == 1
    assert "one trajectory twice" in capsys.readouterr().err
    assert main(["explore", "--gather", str(folder), "-o", str(folder / "bad")]) == 1
    assert "no table at" in capsys.readouterr().err
    assert main(["explore", "-o", str(folder / "bad")]) == 1
    assert "--potential" in capsys.readouterr().err
    assert explore(folder, "bad", "--batch", "3/3") == 1
    assert "batch 0 of 4" in capsys.readouterr().err


def test_explore_then_select(folder: Path) -> None:
    assert explore(folder, "explore") == 0
    rows = read_trajectories(folder / "explore" / "trajectories.csv")
    assert len(rows) == 3
    candidates = read_structures(folder / "explore" / "candidates.extxyz")
    assert {a.info["parent"] for a in candidates} <= {f"explore-2-{n}" for n in range(3)}
    out = folder / "select"
    status = main(
        ["select", "--candidates", str(folder / "explore/candidates.extxyz"), "--controls",
         str(folder / "explore/controls.extxyz"), "--trajectories", str(folder / "explore/trajectories.csv"),
         "--dataset", str(folder / "data.extxyz"), "--settings", '{"budget": 2, "control": 1}', "--iteration", "2",
         "--decision", str(out / "selection.json"), "--control", str(out / "control.extxyz"),
         "-o", str(out / "selected.extxyz")]
    )  # fmt: skip
    assert status == 0
    decision = json.loads((out / "selection.json").read_text())
    selected = read_structures(out / "selected.extxyz")
    assert decision["selected"] == [a.info["structure_id"] for a in selected]
    assert len(selected) == 2
    assert decision["iteration"] == 2
    assert decision["early_stop_fraction"] == 0
    assert decision["converged"] is False
    assert len(read_structures(out / "control.extxyz")) == 1
    first = (folder / "explore" / "trajectories.csv").read_bytes()
    assert explore(folder, "again") == 0
    assert (folder / "again" / "trajectories.csv").read_bytes() == first


def test_quenches_begin_at_the_end_of_a_trajectory_that_nothing_stops(folder: Path) -> None:
    how = {"quenches": {"count": 3, "steps": 2}, "steps": 20, "timestep_fs": 2.0}
    assert explore(folder, "ended", **how) == 0
    rows = read_trajectories(folder / "ended" / "trajectories.csv")
    quenches = read_table(folder / "ended" / "quenches.csv", QUENCH_COLUMNS)
    assert {row["reason"] for row in rows} == {"end"}
    assert all(row["control"] for row in rows)
    assert sorted(row["trajectory"] for row in quenches) == ["0", "1", "2"]
    assert {float(row["start_time_fs"]) for row in quenches} == {40.0}
    assert {row["start"] for row in quenches}.isdisjoint(row["control"] for row in rows)


def test_quenches_of_stopped_trajectories_begin_before_the_stop(folder: Path) -> None:
    how = {"quenches": {"count": 3, "steps": 2}, "watch_every": 1, "frame_every": 1, "steps": 40}
    how |= {"temperature_start_kelvin": [4000, 4000]}
    assert explore(folder, "begun", **how | {"steps": 1}) == 0
    begun = read_trajectories(folder / "begun" / "trajectories.csv")
    highest = max(float(row["force_std_mean"]) for row in begun)
    low = {"energy_threshold_ev": 1e3, "force_threshold_ev_per_angstrom": 1.15 * highest}
    assert explore(folder, "stopped", **how | low) == 0
    rows = read_trajectories(folder / "stopped" / "trajectories.csv")
    before_stops = {row["control"] for row in rows if row["reason"] != "end"}
    quenches = read_table(folder / "stopped" / "quenches.csv", QUENCH_COLUMNS)
    starts = {row["start"] for row in quenches}
    assert len(starts) == 3
    assert before_stops
    assert before_stops <= starts
    assert not {row["candidate"] for row in rows if row["reason"] != "end"} & starts
    for row in quenches:
        own = rows[int(row["trajectory"])]
        assert row["start_time_fs"] == own["time_fs" if own["reason"] == "end" else "control_time_fs"]
    # All of three frames and three minima are novel: four picks are two of each, though minima spread least.
    out = folder / "shared"
    arguments = ["select", "--candidates", str(folder / "stopped/candidates.extxyz"), "--quenches",
                 str(folder / "stopped/quenches.csv"), "--trajectories", str(folder / "stopped/trajectories.csv"),
                 "--settings", '{"budget": 4}', "--dataset", str(folder / "data.extxyz"),
                 "--decision", str(out / "selection.json"), "-o", str(out / "selected.extxyz")]  # fmt: skip
    assert main(arguments) == 0
    chosen = {a.info["structure_id"] for a in read_structures(out / "selected.extxyz")}
    assert len(chosen) == 4
    assert len(chosen & {row["candidate"] for row in quenches}) == 2


def test_the_unit_of_a_cost_budget_is_the_first_data(folder: Path) -> None:
    """Candidates of four atoms, first data of four, later data of thirty-two: the budget buys what it bought before."""
    assert explore(folder, "priced") == 0
    big = bulk("Al", "fcc", a=4.2, cubic=True) * (2, 2, 2)
    big.rattle(0.05, seed=1)
    write_structures(folder / "later.extxyz", [describe(big, "packing")])
    out = folder / "bought"
    for names, count in ((("data", "later"), 2), (("later", "data"), 3)):
        data = [str(folder / f"{name}.extxyz") for name in names]
        arguments = ["select", "--candidates", str(folder / "priced/candidates.extxyz"), "--trajectories",
                     str(folder / "priced/trajectories.csv"), "--dataset", *data, "--settings",
                     '{"budget": 6, "cost_budget": 2.5}', "--decision", str(out / "selection.json"),
                     "--labels", '{"method": "ase", "ase": {"calculator": "ase.calculators.emt.EMT"}}',
                     "-o", str(out / "selected.extxyz")]  # fmt: skip
        assert main(arguments) == 0
        assert len(read_structures(out / "selected.extxyz")) == count


def test_attacks_are_candidates_beside_trajectories(folder: Path) -> None:
    """Thresholds that every attack of an untrained ensemble passes, and none."""
    attacks = {"count": 3, "steps": 4, "rate_angstrom": 0.02, "strain": True}
    low = {"energy_threshold_ev": 1e3, "force_threshold_ev_per_angstrom": 1e-6, "steps": 1}
    assert explore(folder, "attacked", **low, attacks=attacks) == 0
    table = np.genfromtxt(folder / "attacked" / "attacks.csv", delimiter=",", names=True)
    assert len(table) == 3
    assert (table["score_best"] >= table["score_start"]).all()
    assert (table["best_step"] > 0).any()
    every = read_structures(folder / "attacked" / "candidates.extxyz")
    found = [atoms for atoms in every if atoms.info["family"] == "attack"]
    assert [atoms.info["parent"] for atoms in found] == [f"attack-2-{n}" for n in range(3)]
    potential = load_potential(folder / "potential")
    for atoms, row in zip(found, table, strict=True):
        forces = potential.calculator().evaluate(atoms).forces
        spread = np.sqrt(forces.var(axis=0, ddof=1).sum(axis=1)).mean()
        assert row["force_std_mean"] == pytest.approx(spread * potential.uncertainty_scale["forces"], rel=1e-5)
    out = folder / "selected-attacks"
    explored = folder / "attacked"
    status = main(
        ["select", "--candidates", str(explored / "candidates.extxyz"), "--attacks", str(explored / "attacks.csv"),
         "--trajectories", str(explored / "trajectories.csv"), "--dataset", str(folder / "data.extxyz"),
         "--settings", '{"budget": 6}', "--decision", str(out / "selection.json"), "-o", str(out / "selected.extxyz")]
    )  # fmt: skip
    assert status == 0
    rows = json.loads((out / "selection.json").read_text())["candidates"]
    assert {row["structure_id"] for row in rows if row["reason"] == "attack"} == {a.info["structure_id"] for a in found}
    again = ["--settings", '{"budget": 6, "cost_budget": 2.5, "converged_iterations": 2}', "--iteration", "1",
             "--candidates", str(explored / "candidates.extxyz"), "--attacks", str(explored / "attacks.csv"),
             "--trajectories", str(explored / "trajectories.csv"), "--dataset", str(folder / "data.extxyz"),
             "--previous", str(out / "selection.json"), "--decision", str(out / "again.json"),
             "-o", str(out / "again.extxyz")]  # fmt: skip
    assert main(["select", *again]) == 1  # who is paid is not said
    labels = ["--labels", '{"method": "ase", "ase": {"calculator": "ase.calculators.emt.EMT"}}']
    assert main(["select", *again, *labels]) == 0
    decision = json.loads((out / "again.json").read_text())
    assert len(decision["selected"]) == 2  # all cells have four atoms: one costs as much as another
    assert decision["converged"] is decision["calm"] is False
    assert explore(folder, "agreed", force_threshold_ev_per_angstrom=1e3, steps=1, attacks=attacks) == 0
    agreed = folder / "agreed"
    assert "attack" not in (agreed / "candidates.extxyz").read_text()
    assert len((agreed / "attacks.csv").read_text().splitlines()) == 4


def test_thresholds_need_validation_errors_or_numbers(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explore(folder, "none", energy_threshold_ev=None) == 1
    assert "records no validation error" in capsys.readouterr().err


def test_a_wrong_range_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert explore(folder, "none", density_end=[1.2, 0.8]) == 1
    assert "from low to high" in capsys.readouterr().err


def test_candidates_of_another_exploration_are_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "t.csv").write_text(",".join(TRAJECTORY_COLUMNS) + "\n")
    arguments = ["--trajectories", str(folder / "t.csv"), "--dataset", str(folder / "data.extxyz"),
                 "--decision", str(folder / "d.json"), "-o", str(folder / "s.extxyz")]  # fmt: skip
    assert main(["select", "--candidates", str(folder / "starts.extxyz"), *arguments]) == 1
    assert "are both of one exploration" in capsys.readouterr().err


def test_simulate_writes_a_trajectory_and_a_table(folder: Path) -> None:
    settings = '{"ensemble": "npt", "every": 5, "timestep_fs": 1.0}'
    start, out = folder / "starts.extxyz", folder / "md.extxyz"
    status = main(
        ["simulate", str(start), "--potential", str(folder / "potential"), "--settings", settings, "--steps", "20",
         "--temperature", "100", "-o", str(out)]
    )  # fmt: skip
    assert status == 0
    frames = ase.io.read(out, index=":")
    assert len(frames) == 4
    table = np.genfromtxt(folder / "md.csv", delimiter=",", names=True)
    assert table["step"].tolist() == [5, 10, 15, 20]
    np.testing.assert_allclose([f.get_potential_energy() for f in frames], table["potential_energy_ev"], atol=1e-6)
    np.testing.assert_allclose([f.get_volume() for f in frames], table["volume_angstrom3"], rtol=1e-6)
