"""What a DAG must do: stop when done, rerun what changed and nothing else, never lose or repeat a label."""

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from workflow_run import ROOT, Run, kill_group, read_json, wait_until


@pytest.fixture(scope="module")
def finished(make_run, tmp_path_factory) -> Run:
    """A finished run with two job slots, on a copy of the package that tests may edit."""
    run = make_run("finished")
    shutil.copytree(ROOT / "src", run.folder / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    run.environment["PYTHONPATH"] = str(run.folder / "src")
    run.snakemake(slots=2)
    return run


def test_a_finished_run_has_nothing_left_to_do(finished):
    assert (finished.results / "report" / "index.html").stat().st_size > 10_000
    assert "Nothing to be done" in finished.snakemake().stdout


def test_a_loop_killed_again_and_again_on_one_slot_gives_the_same_numbers_bit_for_bit(finished, make_run):
    """Killed without warning while it labels, while the loop's networks are trained, explores and trains at the end."""
    other = make_run("killed-on-one-slot")
    logs = other.results / "logs"
    for begun in ("label_structures/initial-1-of-2", "train_loop_member/0-1", "explore/0", "train_member/1"):
        process = other.start(slots=1)
        wait_until((logs / f"{begun}.log").is_file, seconds=240)
        time.sleep(1.0)
        kill_group(process)
        assert not (other.results / "report" / "index.html").exists()
        other.snakemake("--unlock")
    other.snakemake(slots=1)
    ours, theirs = finished.numbers(), other.numbers()
    assert ours.keys() == theirs.keys()
    assert len(ours) > 50
    assert [name for name in ours if ours[name] != theirs[name]] == []
    assert finished.labels().keys() == other.labels().keys()
    for name in finished.labels():
        assert (finished.folder / name).read_bytes() == (other.folder / name).read_bytes()


def test_an_edit_of_the_page_reruns_the_page_alone(finished):
    module = finished.folder / "src" / "ingot" / "reporting" / "page.py"
    original = module.read_text()
    module.write_text(original + "\n# an edit\n")
    assert finished.planned() == {"report": 1}
    module.write_text(original)
    assert finished.planned() == {}


def test_an_edit_of_a_benchmark_reruns_that_benchmark_and_the_page(finished):
    module = finished.folder / "src" / "ingot" / "benchmarks" / "accuracy_tables.py"
    original = module.read_text()
    module.write_text(original + "\n# an edit\n")
    planned = finished.planned()
    module.write_text(original)
    assert planned == {"benchmark_accuracy": 1, "report": 1}


def test_a_training_setting_reruns_training_and_what_follows_and_no_label(finished):
    before = finished.labels()
    epochs = finished.configuration["training"]["epochs"]
    finished.configure(training={"epochs": epochs + 1})
    planned = finished.planned()
    assert planned["train_member"] == finished.configuration["training"]["members"]
    assert {"combine_members", "benchmark_crystal", "benchmark_accuracy", "report"} <= planned.keys()
    assert not {n for n in planned if n.startswith(("label", "build", "explore", "select", "train_loop"))}
    finished.snakemake()
    assert finished.labels() == before
    assert finished.planned() == {}


def test_a_deleted_chunk_is_named_before_any_job_starts(finished):
    chunk = finished.results / "datasets" / "initial.zarr" / "forces" / "c" / "0" / "0"
    content = chunk.read_bytes()
    chunk.unlink()
    done = finished.snakemake(check=False)
    assert done.returncode != 0
    assert "initial.zarr/forces/c/0/0 is missing" in done.stdout
    chunk.write_bytes(content)
    assert "Nothing to be done" in finished.snakemake().stdout


def test_a_corrupted_chunk_is_named_by_what_opens_it(finished):
    chunk = finished.results / "datasets" / "initial.zarr" / "forces" / "c" / "0" / "0"
    content = chunk.read_bytes()
    chunk.write_bytes(bytes([content[0] ^ 1]) + content[1:])
    done = finished.snakemake("--forcerun", "split_dataset", "--until", "split_dataset", check=False)
    assert done.returncode != 0
    assert "initial.zarr/forces/c/0/0 does not have the recorded sha256" in done.stdout
    verify = subprocess.run(
        [sys.executable, "-m", "ingot.cli.main", "verify", str(finished.results)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert verify.returncode == 1
    assert "forces/c/0/0" in verify.stderr
    chunk.write_bytes(content)
    finished.snakemake("results/tiny/datasets/initial.splits.json")  # Snakemake took away what the failed job had made
    assert finished.planned() == {}


def test_a_longer_loop_continues_a_finished_run(finished):
    before = finished.labels()
    finished.configure(active_learning={"max_iterations": 2})
    planned = finished.planned()
    assert planned["train_loop_member"] == finished.configuration["active_learning"]["training"]["members"]
    assert planned["explore"] == planned["select_frames"] == 1  # iteration 1 alone: iteration 0 is not run again
    finished.snakemake()
    after = finished.labels()
    assert {name: after[name] for name in before} == before
    assert read_json(finished.results / "iterations" / "1" / "select" / "selection.json")["iteration"] == 1


def test_labels_of_an_archive_are_not_computed_again(finished, make_run):
    archive, settings = finished.folder / "archive", json.dumps(finished.configuration["labels"])
    subprocess.run(
        [sys.executable, "-m", "ingot.cli.main", "store", "export", str(finished.results / "structures/initial.extxyz"),
         "--settings", settings, "--store", str(finished.folder / "labels"), "-o", str(archive)],
        check=True, capture_output=True,
    )  # fmt: skip
    run = make_run("from-archive")
    run.configure(run={"label_archives": [str(archive)]})
    run.snakemake("labels_only")
    logs = [p.read_text() for p in sorted(run.results.glob("logs/label_structures/*.log"))]
    assert len(logs) == 2
    assert all(" 0 to compute" in text for text in logs)
    assert run.labels().keys() < finished.labels().keys()


def test_a_hard_kill_costs_at_most_the_labels_in_flight(make_run):
    run = make_run("killed", labels={"ase": {"calculator": "slow_emt.SlowEMT"}})
    run.environment["PYTHONPATH"] = str(Path(__file__).parent)
    process = run.start("labels_only", slots=2)
    wait_until(lambda: len(run.labels()) >= 4, seconds=120)
    kill_group(process)
    before = run.labels()
    assert not list((run.results / "labels").rglob("batch-*.json"))
    run.snakemake("--unlock")
    run.snakemake("labels_only")
    after = run.labels()
    assert {name: after[name] for name in before} == before
    assert len(after) > len(before)
    assert (run.results / "datasets" / "initial.manifest.json").is_file()


def test_what_fails_is_counted_and_the_loop_goes_on(make_run):
    """Labels that fail, trajectories that come to a bad end, and attacks; by two jobs side by side."""
    run = make_run(
        "failing",
        labels={"ase": {"calculator": "fussy_emt.FussyEMT"}, "maximum_failed_fraction": 1.0},
        active_learning={
            "exploration_batches": 2,
            "exploration": {
                "trajectories": 6, "attacks": {"count": 3, "steps": 4}, "closest_fraction": 0.95,
                "force_threshold_ev_per_angstrom": 0.02,
            },
            "selection": {"budget": 6, "control": 2},
        },
        benchmarks={"direct": None, "convergence": {"element": "Al", "lattice": "fcc", "points": 5}},
    )  # fmt: skip
    run.environment["PYTHONPATH"] = str(Path(__file__).parent)
    run.snakemake()
    counted = [row for path in run.results.glob("labels/*/*.json") for row in read_json(path)["labels"]]
    failed = [row for row in counted if row["status"] == "failed"]
    assert failed
    assert all("fussy" in row["reason"] for row in failed)
    text = (run.results / "iterations/0/explore/trajectories.csv").read_text()
    assert "too close" in text
    assert (run.results / "iterations/0/crystal/quantities.csv").is_file()
    page = (run.results / "report" / "index.html").read_text()
    assert f"{len(failed)} of {len(counted)} labels did not converge" in page
    assert "The active-learning loop" in page


def test_too_many_failures_end_the_run_with_their_reasons(make_run):
    run = make_run("hopeless", labels={"ase": {"calculator": "fussy_emt.FussyEMT"}, "maximum_failed_fraction": 0.0})
    run.environment["PYTHONPATH"] = str(Path(__file__).parent)
    done = run.snakemake("labels_only", check=False)
    assert done.returncode != 0
    logs = "".join(path.read_text() for path in run.results.glob("logs/label_structures/*.log"))
    assert "more than the fraction of 0 that maximum_failed_fraction allows" in logs
    kept = run.labels()
    run.configure(labels={"maximum_failed_fraction": 0.9})
    run.snakemake("labels_only")
    assert {name: run.labels()[name] for name in kept} == kept


def test_a_wrong_configuration_fails_before_any_job(make_run):
    run = make_run("wrong")
    for change, message in (
        ({"training": {"epochz": 3}}, "training.epochz: unknown key; did you mean 'epochs'?"),
        ({"training": {"members": 0}}, "training.members"),
        ({"labels": {"method": "pyscff"}}, "labels.method"),
        ({"labels": {"pyscf": {"smearing_width": 0.1}}}, "did you mean 'smearing_width_ev'?"),
    ):
        original = run.configuration
        run.configure(**change)
        done = run.snakemake(check=False)
        assert done.returncode != 0
        assert message in done.stdout, done.stdout
        assert not run.results.exists()
        (run.folder / "config.yaml").unlink()
        import yaml

        (run.folder / "config.yaml").write_text(yaml.safe_dump(original, sort_keys=False))
