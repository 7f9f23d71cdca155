"""Archives of labels: out of one store and into another, bit for bit; nothing damaged gets in."""

import json

import numpy as np
import pytest
from ase.build import bulk
from ase.io import read

from ingot.cli.main import main
from ingot.labels import LabelError, LabelStore, export_labels, import_labels, label_structures, make_method
from ingot.structures import describe, rattled, structure_id, write_structures

SETTINGS = {"method": "ase", "ase": {"calculator": "ase.calculators.emt.EMT"}}


@pytest.fixture
def structures():
    hot = [describe(rattled(bulk("Al", cubic=True), 0.1, np.random.default_rng(i)), "hot") for i in range(3)]
    return [*hot, describe(bulk("U"), "not in EMT")]


@pytest.fixture
def archive(tmp_path, structures):
    method, store = make_method(SETTINGS), LabelStore(tmp_path / "labels")
    label_structures(structures, method, store)
    export_labels(tmp_path / "archive", structures, method, store)
    return tmp_path / "archive"


def test_labels_come_out_as_they_went_in(tmp_path, archive, structures):
    method, first, second = make_method(SETTINGS), LabelStore(tmp_path / "labels"), LabelStore(tmp_path / "other")
    result = import_labels(archive, second)
    assert (result.method, result.new, result.present) == (method.digest, 3, 0)  # what EMT stumbles over is not kept
    for atoms in structures[:3]:
        paths = [store.path(method.digest, structure_id(atoms)) for store in (first, second)]
        assert paths[0].read_bytes() == paths[1].read_bytes()
        assert second.cost(method.digest, structure_id(atoms))["atoms"] == 4
    assert import_labels(archive, second).present == 3
    manifest = label_structures(structures[:3], method, second)
    assert {row["status"] for row in manifest["labels"]} == {"converged"}
    frames = read(archive / "structures.extxyz", index=":")
    assert [len(a) for a in frames] == [4, 4, 4]
    assert json.loads((archive / "manifest.json").read_text())["atoms"] == 12


@pytest.mark.parametrize("name", ["structures.extxyz", "labels.jsonl", "manifest.json"])
@pytest.mark.parametrize("damage", ["missing", "cut short", "edited"])
def test_a_damaged_archive_is_refused_whole(tmp_path, archive, name, damage):
    file = archive / name
    content = file.read_bytes()
    file.unlink()
    if damage == "cut short":
        file.write_bytes(content[: len(content) // 2])
    elif damage == "edited":
        file.write_bytes(content.replace(b"1", b"2", 1) if name != "manifest.json" else content.replace(b"EMT", b"LJ"))
    with pytest.raises(LabelError, match=name.replace(".", r"\.")):
        import_labels(archive, LabelStore(tmp_path / "other"))
    assert not list((tmp_path / "other").rglob("*.json"))


def test_a_label_that_was_edited_with_its_file_sum_is_refused(tmp_path, archive):
    from ingot.files import sha256

    lines = (archive / "labels.jsonl").read_text().splitlines()
    values = json.loads(lines[1])
    values["energy"] += 1e-3
    lines[1] = json.dumps(values)
    (archive / "labels.jsonl").write_text("\n".join(lines) + "\n")
    manifest = json.loads((archive / "manifest.json").read_text())
    manifest["files"]["labels.jsonl"] = sha256(archive / "labels.jsonl")
    (archive / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(LabelError, match="line 2: its content does not match its checksum"):
        import_labels(archive, LabelStore(tmp_path / "other"))


def test_the_command_exports_and_imports(tmp_path, structures, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_structures("s.extxyz", structures)
    settings = json.dumps({**SETTINGS, "maximum_failed_fraction": 1})
    assert main(["label", "s.extxyz", "--settings", settings, "--workers", "1", "-o", "m.json"]) == 0
    assert main(["store", "export", "s.extxyz", "--settings", settings, "-o", "kept"]) == 0
    assert "3 labels (0 failed), 12 atoms" in capsys.readouterr().out
    assert main(["store", "import", "kept", "--store", "other", "-o", "imported.json"]) == 0
    assert "3 labels imported, 0 were there already" in capsys.readouterr().out
    assert main(["store", "import", "nowhere", "--store", "other"]) == 1
    assert "is no archive of labels" in capsys.readouterr().err
    assert main(["store", "export", "s.extxyz", "--settings", settings, "--store", "empty", "-o", "x"]) == 1
    assert "holds no label of these structures" in capsys.readouterr().err
