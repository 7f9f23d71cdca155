"""The label store: whole labels or none, whatever happens."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from ingot.labels import Label, LabelStore, make_method

METHOD, IDENTITY = "fedcba9876543210", "0123456789abcdef"


def _label(identity: str = IDENTITY, atoms: int = 4, value: float = 0.5) -> Label:
    return Label(identity, METHOD, converged=True, energy=value, energy_kind="free", forces=np.full((atoms, 3), value))


def test_labels_come_back_from_their_place(tmp_path):
    store = LabelStore(tmp_path)
    assert store.get(METHOD, IDENTITY) is None
    store.put(_label(), {"cpu_seconds": 1.5})
    assert store.path(METHOD, IDENTITY) == tmp_path / METHOD / "01" / f"{IDENTITY}.json"
    assert np.array_equal(store.get(METHOD, IDENTITY).forces, np.full((4, 3), 0.5))
    assert store.cost(METHOD, IDENTITY) == {"cpu_seconds": 1.5}
    assert store.cost(METHOD, "0" * 16) == {}


def test_bytes_depend_on_the_label_only(tmp_path):
    first, second = LabelStore(tmp_path / "a"), LabelStore(tmp_path / "b")
    first.put(_label(), {"cpu_seconds": 1.0})
    second.put(_label(), {"cpu_seconds": 2.0})
    assert first.sha256(METHOD, IDENTITY) == second.sha256(METHOD, IDENTITY)


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text[: len(text) // 2],
        lambda text: "",
        lambda text: text.replace("0.5", "0.6", 1),
        lambda text: "[]",
        lambda text: "\x00" * 50,
        lambda text: json.dumps({k: v for k, v in json.loads(text).items() if k != "checksum"}),
    ],
    ids=["truncated", "empty", "a digit changed", "not a label", "zeros", "no checksum"],
)
def test_a_damaged_file_is_moved_aside_and_counts_as_missing(tmp_path, damage, caplog):
    store = LabelStore(tmp_path)
    store.put(_label())
    path = store.path(METHOD, IDENTITY)
    path.write_text(damage(path.read_text()))
    assert store.get(METHOD, IDENTITY) is None
    assert not path.exists()
    assert path.with_name(f"{IDENTITY}.json.unreadable").exists()
    assert str(path) in caplog.text
    store.put(_label())
    assert store.get(METHOD, IDENTITY) is not None


def test_a_label_in_the_wrong_place_is_not_served(tmp_path):
    store = LabelStore(tmp_path)
    store.put(_label())
    wrong = store.path(METHOD, "01" + "f" * 14)
    store.path(METHOD, IDENTITY).rename(wrong)
    assert store.get(METHOD, "01" + "f" * 14) is None


def test_the_method_is_described_beside_its_labels(tmp_path):
    method = make_method({"method": "ase", "ase": {"calculator": "ase.calculators.emt.EMT"}})
    LabelStore(tmp_path).describe(method)
    described = json.loads((tmp_path / method.digest / "method.json").read_text())
    assert described == {"digest": method.digest, "settings": method.settings()}


_WRITER = """
import sys, numpy as np
from ingot.labels import Label, LabelStore
store, value = LabelStore(sys.argv[1]), 0.0
while True:
    value += 1.0
    number = int(value) % 50
    forces = np.full((200, 3), value)
    store.put(
        Label(f"{number:016x}", sys.argv[2], converged=True, energy=value, energy_kind="free", forces=forces),
        {"cpu_seconds": value},
    )
"""


def test_a_writer_killed_at_any_moment_leaves_whole_labels_only(tmp_path, caplog):
    rng = np.random.default_rng(0)
    seen = 0
    for _ in range(8):
        before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")}
        writer = subprocess.Popen([sys.executable, "-c", _WRITER, str(tmp_path), METHOD])
        while {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.json")} == before:
            assert writer.poll() is None, "the writer ended by itself"
            time.sleep(0.01)
        time.sleep(float(rng.uniform(0.01, 0.15)))
        os.kill(writer.pid, signal.SIGKILL)
        writer.wait()
        store = LabelStore(tmp_path)
        for number in range(50):
            label = store.get(METHOD, f"{number:016x}")
            if label is not None:
                seen += 1
                assert (label.forces == label.energy).all()
    assert seen > 50
    assert "damaged" not in caplog.text
    assert not list(tmp_path.rglob("*.unreadable"))


def test_a_full_disk_is_an_error_and_leaves_no_half_label(tmp_path):
    """The system refuses to write beyond a few bytes: an error, nothing half-written, and what was there stays."""
    store = LabelStore(tmp_path / "store")
    store.put(_label())
    program = f"""
import resource, signal, sys
import numpy as np
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
from ingot.labels import Label, LabelStore
label = Label("{"1" * 16}", "{METHOD}", converged=True, energy=1.0, forces=np.zeros((50, 3)))
try:
    LabelStore({str(tmp_path / "store")!r}).put(label)
except OSError as error:
    sys.exit(7)
"""
    done = subprocess.run([sys.executable, "-c", program], check=False)
    assert done.returncode == 7
    assert [p.name for p in (tmp_path / "store").rglob("*") if p.is_file()] == [f"{IDENTITY}.json"]
    assert store.get(METHOD, IDENTITY) is not None


def test_a_store_that_cannot_be_written_is_said_by_the_command(tmp_path, monkeypatch, capsys):
    from ase.build import bulk

    from ingot.cli.main import main
    from ingot.structures import describe, write_structures

    monkeypatch.chdir(tmp_path)
    write_structures("s.extxyz", [describe(bulk("Al"), "fcc")])
    (tmp_path / "labels").write_text("a file where the folder should be")
    command = ["label", "s.extxyz", "--method", "ase", "--calculator", "ase.calculators.emt.EMT", "-o", "l.extxyz"]
    assert main(command) == 1
    error = capsys.readouterr().err
    assert "ingot label: " in error
    assert "labels" in error
    assert not (tmp_path / "l.extxyz").exists()
