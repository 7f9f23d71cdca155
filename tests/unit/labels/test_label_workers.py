"""Engines that crash, hang or die: each costs one structure, and leaves its reason and its last words."""

import os
import signal
import subprocess
import sys
import time
from configparser import ConfigParser
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk
from ase.io import read

from ingot.cli.main import main
from ingot.labels import LabelStore, label_structures, make_method, verify_labels
from ingot.structures import describe, rattled, structure_id, write_structures

FAULTY = {"method": "ase", "ase": {"calculator": "faulty_engines.FaultyEngine"}}


def _aluminium(count):
    return [describe(rattled(bulk("Al", cubic=True), 0.1, np.random.default_rng(i)), "hot") for i in range(count)]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    method, store = make_method(FAULTY), LabelStore(tmp_path_factory.mktemp("store"))
    structures = [*_aluminium(3), *(bulk(s) for s in ("Cu", "Ni", "Au", "Pd", "Pt")), bulk("Ag")]
    begun = time.monotonic()
    manifest = label_structures(structures, method, store, workers=2, time_limit_seconds=12.0)
    return structures, method, store, manifest["labels"], time.monotonic() - begun


@pytest.mark.parametrize(
    ("symbol", "reason"),
    [
        ("Cu", "the engine crashed (SIGSEGV)"),
        ("Ni", "the engine ended its process (exit status 3)"),
        ("Au", "the system killed the engine (SIGKILL), most likely for want of memory"),
        ("Pd", "MemoryError: no memory for the matrix"),
        ("Pt", "energy, forces or stress are not finite"),
        ("Ag", "it took longer than the time limit of 12 s"),
    ],
)
def test_every_failure_is_a_row_with_its_last_words(outcome, symbol, reason):
    structures, method, store, rows, _ = outcome
    place = [a.get_chemical_symbols()[0] for a in structures].index(symbol)
    assert rows[place] == {**rows[place], "status": "failed", "reason": reason}
    cost = store.cost(method.digest, structure_id(structures[place]))
    assert "engine: reading input" in cost["log"]
    assert f"engine: at work on {symbol}" in cost["log"]
    assert cost["atoms"] == 1
    kept = store.get(method.digest, structure_id(structures[place]))
    assert (kept is not None) == (symbol == "Pt")  # what another machine may do better is tried again


def test_the_others_are_labelled_and_the_limit_is_kept(outcome):
    structures, method, store, rows, seconds = outcome
    assert [row["status"] for row in rows[:3]] == 3 * ["converged"]
    alone = LabelStore(store.root.parent / "alone")
    assert label_structures(structures[:3], method, alone, workers=0)["labels"] == rows[:3]
    assert seconds < 50


def test_engines_that_write_files_do_not_disturb_each_other(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    method, structures = (
        make_method({"method": "ase", "ase": {"calculator": "faulty_engines.FileEngine"}}),
        _aluminium(6),
    )
    far = structures[0].copy()
    far.positions += 100
    store = LabelStore(tmp_path / "store")
    rows = label_structures([*structures, far], method, store, workers=3)["labels"]
    assert [row["status"] for row in rows] == [*6 * ["converged"], "failed"]
    assert rows[-1]["reason"] == "the self-consistent field did not converge (no convergence in 100 cycles)"
    log = store.cost(method.digest, structure_id(far))["log"]
    assert "--- output.txt" in log
    for atoms in structures:
        kept = store.get(method.digest, structure_id(atoms))
        assert kept.energy == pytest.approx(atoms.positions.sum(), abs=1e-5)
    assert [p.name for p in tmp_path.iterdir()] == ["store"]


def test_a_program_that_breaks_is_asked_again_next_time(tmp_path, monkeypatch):
    """ASE's newer engines too, whose folder is a Path; the program's last words are the end of the log."""
    from ase.config import cfg

    parser = ConfigParser()
    parser.read_dict({"espresso": {"command": "false", "pseudo_dir": "/nowhere"}})
    monkeypatch.setattr(cfg, "parser", parser)
    settings = {
        "calculator": "ase.calculators.espresso.Espresso",
        "arguments": {"pseudopotentials": {"Al": "Al.upf"}},
    }
    method, store = make_method({"method": "ase", "ase": settings}), LabelStore(tmp_path / "store")
    atoms = _aluminium(1)[0]
    row = label_structures([atoms], method, store)["labels"][0]
    assert row["status"] == "failed"
    assert row["reason"].startswith("the program broke: Command '['false'")
    assert store.get(method.digest, structure_id(atoms)) is None


def test_failures_are_retried_on_request(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    settings = '{"method": "ase", "ase": {"calculator": "faulty_engines.FaultyEngine"}, "maximum_failed_fraction": 1}'
    write_structures("s.extxyz", [*_aluminium(1), describe(bulk("Pt"), "platinum")])
    command = ["label", "s.extxyz", "--settings", settings, "--workers", "1", "-o", "l.extxyz"]
    assert main(command) == 0
    out = capsys.readouterr().out
    assert "2 labels, 1 failed" in out
    assert "| engine: at work on Pt" in out
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "labels").glob("*/??/*.json")}
    assert main(command) == 0
    assert {p: p.stat().st_mtime_ns for p in before} == before
    assert main([*command, "--retry-failed"]) == 0
    again = {p.name for p in before if p.stat().st_mtime_ns != before[p]}
    failed = structure_id(read("s.extxyz", index=1))
    assert again == {f"{failed}.json", f"{failed}.cost.json"}


def test_verification_finds_a_label_that_does_not_come_out_again(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    structures = _aluminium(3)
    write_structures("s.extxyz", structures)
    method = make_method({"method": "ase", "ase": {"calculator": "ase.calculators.emt.EMT"}})
    store = LabelStore(tmp_path / "labels")
    label_structures(structures, method, store)
    command = ["label", "s.extxyz", "--method", "ase", "--calculator", "ase.calculators.emt.EMT", "--verify", "3"]
    assert main(command) == 0
    assert "3 labels computed anew, 0 differ" in capsys.readouterr().out
    kept = store.get(method.digest, structure_id(structures[1]))
    kept.forces[2, 1] += 2e-4
    store.put(kept)
    assert main(command) == 1
    assert "3 labels computed anew, 1 differ" in capsys.readouterr().out
    assert max(c.force_difference for c in verify_labels(structures, method, store, 3)) == pytest.approx(2e-4)


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux to end a worker with its parent")
def test_a_killed_run_leaves_no_worker_behind(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_structures("s.extxyz", [describe(bulk("Ag"), "slow")])
    settings = '{"method": "ase", "ase": {"calculator": "faulty_engines.FaultyEngine", "arguments": {"seconds": 300}}}'
    command = [sys.executable, "-m", "ingot.cli.main", "label", "s.extxyz", "--settings", settings, "-o", "l.extxyz"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen([*command, "--workers", "1"], env=environment, stderr=subprocess.DEVNULL)

    def state_and_parent(pid):
        try:
            state, ppid = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[:2]
        except OSError:
            return "gone", 0
        return state, int(ppid)

    def children():
        processes = [int(p.name) for p in Path("/proc").iterdir() if p.name.isdigit()]
        return [pid for pid in processes if state_and_parent(pid)[1] == parent.pid]

    def alive(pid):
        return state_and_parent(pid)[0] not in ("Z", "gone")

    end = time.monotonic() + 60
    while not (found := children()) and time.monotonic() < end:
        time.sleep(0.05)
    time.sleep(3.0)  # until the worker has begun
    found = children()
    assert found
    parent.kill()
    parent.wait()
    end = time.monotonic() + 20
    while any(map(alive, found)) and time.monotonic() < end:
        time.sleep(0.05)
    assert not any(map(alive, found))


def test_writers_killed_at_random_moments_leave_a_valid_store(tmp_path):
    """Two processes write the same labels at once and are killed many times: what is there is whole, and right."""
    program = f"""
import numpy as np
from ase.build import bulk
from ingot.labels import LabelStore, label_structures, make_method
from ingot.structures import rattled
method = make_method({{"method": "ase", "ase": {{"calculator": "ase.calculators.emt.EMT"}}}})
structures = [rattled(bulk("Al", cubic=True), 0.1, np.random.default_rng(i)) for i in range(400)]
label_structures(structures, method, LabelStore({str(tmp_path)!r}))
"""
    rng = np.random.default_rng(0)

    def count():
        return len([p for p in tmp_path.glob("*/??/*.json") if not p.name.endswith(".cost.json")])

    for _ in range(4):
        before, wanted = count(), int(rng.integers(2, 20))
        writers = [
            subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            for _ in range(2)
        ]
        end = time.monotonic() + 120
        while count() < before + wanted and time.monotonic() < end:
            time.sleep(0.001 * rng.random())
        for writer in writers:
            os.kill(writer.pid, signal.SIGKILL)
            writer.wait()
        assert count() >= before + wanted
    method = make_method({"method": "ase", "ase": {"calculator": "ase.calculators.emt.EMT"}})
    structures = [rattled(bulk("Al", cubic=True), 0.1, np.random.default_rng(i)) for i in range(400)]
    results = verify_labels(structures, method, LabelStore(tmp_path), count())
    assert len(results) == count()
    assert all(r.agrees(0.0, 0.0, 0.0) for r in results)
    assert not list(tmp_path.rglob("*.unreadable"))
