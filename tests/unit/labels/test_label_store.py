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
