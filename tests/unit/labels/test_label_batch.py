"""Batches: what the store has is kept, every failure is a row, work is dealt evenly."""

import json
from dataclasses import dataclass, field

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.io import read

from ingot.cli.main import main
from ingot.labels import (
    Label,
    LabelError,
    LabelFailure,
    LabelStore,
    check_failures,
    deal,
    label,
    label_structures,
    make_method,
)
from ingot.structures import describe, rattled, structure_id, write_structures

EMT_SETTINGS = {"method": "ase", "ase": {"calculator": "ase.calculators.emt.EMT"}}


@dataclass(frozen=True)
class Counting:
    """A method that counts its calls and stumbles over chosen species."""

    calls: list[str] = field(default_factory=list)
    name = "counting"
    digest = "c0c0c0c0c0c0c0c0"

    def settings(self):
        return {"name": self.name}

    def estimated_cost(self, atoms):
        return float(len(atoms) ** 2)

    def compute(self, atoms):
        self.calls.append(structure_id(atoms))
        if "Cu" in atoms.symbols:
            raise LabelFailure("copper is refused")
        if "Ni" in atoms.symbols:
            raise MemoryError
        energy = np.nan if "Pd" in atoms.symbols else 1.0
        return Label(structure_id(atoms), self.digest, converged=True, energy=energy, forces=np.zeros((len(atoms), 3)))


def _structures(count: int = 5) -> list[Atoms]:
    return [describe(rattled(bulk("Al", cubic=True), 0.1, np.random.default_rng(i)), "hot") for i in range(count)]


def test_labels_in_the_store_are_not_computed_again(tmp_path):
    method, store, structures = Counting(), LabelStore(tmp_path), _structures()
    first = label_structures(structures[:3], method, store)
    second = label_structures([*structures, structures[0]], method, store)
    assert len(method.calls) == 5
    assert [row["structure_id"] for row in second["labels"]] == [structure_id(a) for a in structures]
    assert second["labels"][:3] == first["labels"]
    assert all(row["sha256"] == store.sha256(method.digest, row["structure_id"]) for row in second["labels"])


def test_every_failure_is_a_row(tmp_path, caplog):
    method, store = Counting(), LabelStore(tmp_path)
    structures = [bulk("Al"), bulk("Cu"), bulk("Ni"), bulk("Pd"), Atoms("Al2", positions=[[0, 0, 0], [0, 0, 0.2]])]
    rows = label_structures(structures, method, store)["labels"]
    assert [row["status"] for row in rows] == ["converged"] + 4 * ["failed"]
    assert rows[1]["reason"] == "copper is refused"
    assert rows[2]["reason"] == "MemoryError"
    assert rows[3]["reason"] == "energy, forces or stress are not finite"
    assert "0.200 A apart" in rows[4]["reason"]
    # what may be different next time is not kept, so that the next run tries again
    assert rows[2]["sha256"] is None
    assert store.get(method.digest, rows[2]["structure_id"]) is None
    assert store.get(method.digest, rows[1]["structure_id"]).reason == "copper is refused"
    before = len(method.calls)
    label_structures(structures, method, store)
    assert method.calls[before:] == [rows[2]["structure_id"]]


def test_too_many_failures_stop_with_their_reasons(tmp_path):
    manifest = label_structures([bulk("Al"), bulk("Cu")], Counting(), LabelStore(tmp_path))
    check_failures(manifest, 0.5)
    with pytest.raises(LabelError, match=r"(?s)1 of 2 labels failed.*1 x copper is refused"):
        check_failures(manifest, 0.4)


def test_batches_share_the_work_evenly_and_completely():
    structures = [s.repeat((n, 1, 1)) for n in (1, 1, 1, 2, 2, 3) for s in _structures(3)]
    method = Counting()
    dealt = [deal(structures, method, k, 3) for k in range(3)]
    ids = sorted(structure_id(a) for part in dealt for a in part)
    assert ids == sorted(structure_id(a) for a in structures)
    costs = [sum(method.estimated_cost(a) for a in part) for part in dealt]
    assert max(costs) - min(costs) <= max(method.estimated_cost(a) for a in structures)
    turned = deal(structures[::-1], method, 1, 3)
    assert {structure_id(a) for a in turned} == {structure_id(a) for a in dealt[1]}
    with pytest.raises(LabelError, match="count from 0 to 2"):
        deal(structures, method, 3, 3)


def test_several_workers_give_the_same_manifest(tmp_path):
    method, structures = make_method(EMT_SETTINGS), _structures(4)
    alone = label_structures(structures, method, LabelStore(tmp_path / "a"), workers=1)
    together = label_structures(structures, method, LabelStore(tmp_path / "b"), workers=2)
    assert alone == together


def test_ase_labels_are_the_calculators():
    atoms = describe(rattled(bulk("Cu", cubic=True), 0.1, np.random.default_rng(0)), "hot")
    result = label(atoms, make_method(EMT_SETTINGS))
    atoms.calc = EMT()
    assert result.energy == atoms.get_potential_energy()
    assert np.array_equal(result.forces, atoms.get_forces())
    assert np.array_equal(result.stress, atoms.get_stress())
    assert (result.structure_id, result.energy_kind) == (structure_id(atoms), "unknown")


def test_the_free_energy_is_asked_for():
    settings = {"calculator": "ase.calculators.lj.LennardJones", "arguments": {"sigma": 2.0, "rc": 6.0}}
    method = make_method({"method": "ase", "ase": {**settings, "energy_kind": "total"}})
    atoms = bulk("Ar", a=5.2)
    result = label(atoms, method)
    assert result.energy_kind == "total"
    assert result.energy < 0
    assert method.digest != make_method({"method": "ase", "ase": settings}).digest


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"method": "pyscff"}, "did you mean 'pyscf'"),
        ({"method": "ase"}, "needs its settings"),
        ({"method": "ase", "ase": {"calculator": "ase.calculators.emt.EMTT"}}, "did you mean 'EMT'"),
        ({"method": "ase", "ase": {"calculator": "no.such.Thing"}}, "cannot be imported"),
        ({"method": "ase", "ase": {"calculator": "EMT"}}, "full path of a class"),
        ({"method": "pyscf", "pyscf": {"cutoff": 3}}, "unexpected keyword argument"),
        ({"method": "potential", "potential": {"path": "/nowhere"}}, "no potential directory"),
    ],
)
def test_unusable_methods_are_refused_at_once(settings, message):
    with pytest.raises(LabelError, match=message):
        make_method(settings)


def test_the_command_labels_batches_and_writes_labelled_structures(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_structures("s.extxyz", [*_structures(4), describe(bulk("U"), "not in EMT")])
    settings = json.dumps(EMT_SETTINGS)
    rows = []
    for k in range(2):
        assert main(["label", "s.extxyz", "--settings", settings, "--batch", f"{k}/2", "-o", f"{k}.json"]) in (0, 1)
        rows += json.loads((tmp_path / f"{k}.json").read_text())["labels"]
    assert len(rows) == 5
    assert sum(row["status"] == "failed" for row in rows) == 1
    by_hand = ["label", "s.extxyz", "--method", "ase", "--calculator", "ase.calculators.emt.EMT", "-o", "l.extxyz"]
    assert main(by_hand) == 0
    assert "5 labels, 1 failed" in capsys.readouterr().out
    frames = read(tmp_path / "l.extxyz", index=":")
    assert len(frames) == 4
    reference = read(tmp_path / "s.extxyz", index="0")
    reference.calc = EMT()
    assert np.allclose(frames[0].get_forces(), reference.get_forces(), atol=1e-7)
    assert main(["label", "s.extxyz", "--settings", settings, "--batch", "2", "-o", "x.json"]) == 1
    assert "must read like 0/4" in capsys.readouterr().err


def test_failures_beyond_the_limit_leave_the_manifest_and_an_error(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_structures("s.extxyz", [describe(bulk("U"), "not in EMT")])
    assert main(["label", "s.extxyz", "--settings", json.dumps(EMT_SETTINGS), "-o", "m.json"]) == 1
    assert "1 of 1 labels failed" in capsys.readouterr().err
    assert json.loads((tmp_path / "m.json").read_text())["labels"][0]["status"] == "failed"


def test_every_method_can_be_named_everywhere():
    from typing import get_args

    from ingot.cli.label import METHODS as BY_HAND
    from ingot.config.labels import LabelSettings
    from ingot.labels.factory import METHODS

    assert METHODS == BY_HAND == get_args(LabelSettings.model_fields["method"].annotation)
    assert make_method(LabelSettings(method="pyscf-molecule").model_dump()).name == "pyscf-molecule"
    assert (
        make_method({"method": "pyscf-molecule"}).digest
        == make_method(LabelSettings(method="pyscf-molecule").model_dump()).digest
    )


@pytest.mark.parametrize("name", ["pyscf", "pyscf-molecule"])
def test_a_refusal_for_want_of_memory_is_tried_again_where_there_is_more(tmp_path, name):
    """The limit is no part of the address, so a refusal that was kept would stand on every machine."""
    atoms = Atoms("H2", positions=[[0, 0, 0], [0, 0, 0.75]])
    values = {"basis": "sto-3g", "max_cycle": 30}
    if name == "pyscf":
        atoms, values = bulk("Al"), {"kpoint_mesh": (1, 1, 1)}
    key, store = name.replace("-", "_"), LabelStore(tmp_path)
    small, large = (
        make_method({"method": name, key: {**values, "maximum_memory_gb": gigabytes}}) for gigabytes in (1e-6, 4.0)
    )
    assert small.digest == large.digest
    row = label_structures([atoms], small, store)["labels"][0]
    assert (row["status"], row["sha256"]) == ("failed", None)
    assert "maximum_memory_gb" in row["reason"]
    assert label(atoms, small).reason == row["reason"]
    assert label_structures([atoms], large, store)["labels"][0]["status"] == "converged"


def test_a_failure_does_not_carry_the_cost_of_the_structure_before(tmp_path):
    method, store = make_method({"method": "pyscf", "pyscf": {"kpoint_mesh": (1, 1, 1)}}), LabelStore(tmp_path)
    molecule = Atoms("Al2", positions=[[0, 0, 0], [0, 0, 2.7]])
    label_structures([bulk("Al"), molecule], method, store)
    assert store.cost(method.digest, structure_id(bulk("Al")))["cycles"] > 0
    assert "cycles" not in store.cost(method.digest, structure_id(molecule))
