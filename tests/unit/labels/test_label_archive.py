"""Archives of labels: out of one store and into another, bit for bit; nothing damaged gets in."""

import json
from pathlib import Path

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


PARTS = sorted((Path(__file__).parents[3] / "config" / "al_pbe").glob("part-*"))


@pytest.mark.parametrize("part", PARTS, ids=[p.name for p in PARTS])
def test_the_aluminium_archive_is_whole_and_made_by_its_description(tmp_path, part):
    from ingot.config.root import read_configuration
    from ingot.structures import read_structures

    configuration = read_configuration(part.parents[1] / "al_pbe.yaml")
    assert f"config/al_pbe/{part.name}" in configuration.run.label_archives
    store = LabelStore(tmp_path)
    result = import_labels(part, store)
    manifest = json.loads((part / "manifest.json").read_text())
    assert result.new == manifest["labels"]
    described = make_method(configuration.labels.model_dump()).settings()
    ignored = {"engine"}  # a later PySCF has another address, and the labels stay what they are
    assert {k: v for k, v in manifest["settings"].items() if k not in ignored} == {
        k: v for k, v in described.items() if k not in ignored
    }
    names = {family.name for family in configuration.structures.families}
    for atoms in read_structures(part / "structures.extxyz"):
        kept = store.get(result.method, structure_id(atoms))
        assert atoms.info["family"] in names
        assert np.linalg.norm(kept.forces.sum(axis=0)) < 0.05
        assert kept.stress.shape == (6,)
        assert -57.0 < kept.energy / len(atoms) < -53.0
