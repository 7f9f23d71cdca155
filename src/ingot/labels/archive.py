"""Archives of labels: a folder of two files and their manifest, to be kept, published and started from."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ase import Atoms

from ingot.files import canonical_json, digest, read_json, sha256, write_atomically, write_json
from ingot.labels.errors import LabelError
from ingot.labels.label import Label
from ingot.labels.method import LabelMethod
from ingot.labels.store import LabelStore
from ingot.structures import read_structures, structure_id, write_structures

STRUCTURES, LABELS, MANIFEST = "structures.extxyz", "labels.jsonl", "manifest.json"


def export_labels(
    folder: str | Path, structures: Sequence[Atoms], method: LabelMethod, store: LabelStore
) -> dict[str, Any]:
    """Write the structures that the store has labels of, and these labels with their costs; gives the manifest.

    ``structures.extxyz`` can be read by ASE; ``labels.jsonl`` has one label per line, in the same order, as it lies in
    the store. The manifest holds the method with all its settings, the CPU time and the sha256 of both files.
    """
    folder = Path(folder)
    unique = {structure_id(atoms): atoms for atoms in structures}
    labels = {name: found for name in unique if (found := store.get(method.digest, name)) is not None}
    if not labels:
        raise LabelError(f"the store {store.root} holds no label of these structures by the method {method.digest}")
    costs = {name: store.cost(method.digest, name) for name in labels}
    folder.mkdir(parents=True, exist_ok=True)
    write_structures(folder / STRUCTURES, [unique[name] for name in labels])
    lines = [
        canonical_json({**label.to_dict(), "checksum": digest(label.to_dict()), "cost": _lasting(costs[name])})
        for name, label in labels.items()
    ]
    write_atomically(folder / LABELS, "\n".join(lines) + "\n")
    manifest = {
        "method": method.digest,
        "settings": method.settings(),
        "labels": len(labels),
        "failed": sum(not label.converged for label in labels.values()),
        "atoms": sum(len(unique[name]) for name in labels),
        "cpu_seconds": round(sum(cost.get("cpu_seconds", 0.0) for cost in costs.values()), 1),
        "files": {name: sha256(folder / name) for name in (STRUCTURES, LABELS)},
    }
    write_json(folder / MANIFEST, manifest)
    return manifest


def _lasting(cost: dict[str, Any]) -> dict[str, Any]:
    """A cost without the engine's log."""
    return {key: value for key, value in cost.items() if key != "log"}


@dataclass(frozen=True)
class Imported:
    """What an import did."""

    method: str
    new: int
    present: int


def import_labels(folder: str | Path, store: LabelStore) -> Imported:
    """Put the labels of an archive into a store; those that it holds stay as they are.

    Raises :class:`LabelError` naming the file where anything is not what the manifest or a checksum says; then
    nothing was imported.
    """
    folder = Path(folder)
    manifest = _checked_manifest(folder)
    labels = [
        (_label(line, f"{folder / LABELS}, line {number}"), json.loads(line)["cost"])
        for number, line in enumerate((folder / LABELS).read_text().splitlines(), 1)
    ]
    ids = [atoms.info["structure_id"] for atoms in read_structures(folder / STRUCTURES, check=False)]
    if ids != [label.structure_id for label, _ in labels] or {label.method for label, _ in labels} != {
        manifest["method"]
    }:
        raise LabelError(f"{folder}: structures, labels and method of the archive do not belong together")
    described = store.root / manifest["method"] / "method.json"
    if not described.exists():
        write_json(described, {"digest": manifest["method"], "settings": manifest["settings"]})
    new = 0
    for label, cost in labels:
        if store.get(label.method, label.structure_id) is None:
            store.put(label, cost)
            new += 1
    return Imported(manifest["method"], new, len(labels) - new)


def _checked_manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        manifest: dict[str, Any] = read_json(path)
        files = dict(manifest["files"])
        stated = digest(manifest["settings"])
    except FileNotFoundError:
        raise LabelError(f"{path} is missing: {folder} is no archive of labels") from None
    except (ValueError, KeyError, TypeError) as error:
        raise LabelError(f"{path} is not the manifest of an archive ({error})") from error
    if stated != manifest.get("method"):
        raise LabelError(f"{path}: its settings hash to {stated}, not to the method {manifest.get('method')!r}")
    for name, expected in files.items():
        file = folder / name
        if not file.is_file():
            raise LabelError(f"{file} is missing")
        if sha256(file) != expected:
            raise LabelError(f"{file} does not have the recorded sha256 (its content changed, or it was cut short)")
    return manifest


def _label(line: str, place: str) -> Label:
    try:
        values = json.loads(line)
        values.pop("cost")
        stated = values.pop("checksum")
        if stated != digest(values):
            raise LabelError("its content does not match its checksum")
        return Label.from_dict(values)
    except (ValueError, KeyError, TypeError, AttributeError, LabelError) as error:
        raise LabelError(f"{place}: {error}") from error
