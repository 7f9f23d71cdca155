"""Manifests: what a store consists of, byte by byte, and where it came from.

A Zarr store is a folder. Snakemake does not notice a change inside a folder, and Zarr itself reads a deleted chunk
as the fill value. So every store has a manifest beside it that lists the size and sha256 of each file;
rules take the manifest as their input, and opening a store verifies it.
"""

from pathlib import Path
from typing import Any

from ingot.errors import IngotError
from ingot.files import read_json, sha256, write_json


class ManifestError(IngotError):
    """A store is not what its manifest says it is."""


def manifest_path(store: str | Path) -> Path:
    """The manifest that belongs to a store: ``a.zarr`` has ``a.manifest.json``."""
    store = Path(store)
    return store.with_name(store.name.removesuffix(".zarr") + ".manifest.json")


def _files(store: Path) -> list[Path]:
    return sorted(p for p in store.rglob("*") if p.is_file())


def write_manifest(store: str | Path, provenance: dict[str, Any], content: dict[str, Any]) -> Path:
    """List every file of a finished store with its size and sha256; ``content`` summarises what is inside."""
    store = Path(store)
    files = {p.relative_to(store).as_posix(): {"bytes": p.stat().st_size, "sha256": sha256(p)} for p in _files(store)}
    path = manifest_path(store)
    write_json(path, {"store": store.name, "files": files, "content": content, "provenance": provenance})
    return path


def _load(store: Path) -> dict[str, Any]:
    path = manifest_path(store)
    if not store.is_dir():
        raise ManifestError(f"no data set at {store}; a data set is a folder ending in .zarr")
    if not path.is_file():
        raise ManifestError(
            f"{store} has no manifest {path.name}: it was not finished; delete {store} and make it again"
        )
    return dict(read_json(path))


def missing_files(store: str | Path) -> list[str]:
    """Files that the manifest lists and that are absent or have another size: a check without reading them."""
    store = Path(store)
    wrong = []
    for name, entry in _load(store)["files"].items():
        path = store / name
        if not path.is_file():
            wrong.append(f"{path} is missing")
        elif path.stat().st_size != entry["bytes"]:
            wrong.append(f"{path} has {path.stat().st_size} bytes, the manifest says {entry['bytes']}")
    return wrong


def verify_manifest(store: str | Path) -> dict[str, Any]:
    """The manifest of a store, after checking every file against it.

    Raises
    ------
    ManifestError
        naming each file that is missing, foreign or differs in content, and how to make the store again.
    """
    store = Path(store)
    manifest = _load(store)
    wrong = missing_files(store)
    if not wrong:
        wrong = [
            f"{store / name} does not have the recorded sha256 (its content changed)"
            for name, entry in manifest["files"].items()
            if sha256(store / name) != entry["sha256"]
        ]
    listed = set(manifest["files"])
    wrong += [f"{p} is not in the manifest" for p in _files(store) if p.relative_to(store).as_posix() not in listed]
    if wrong:
        raise ManifestError(
            f"data set {store} is damaged:\n  "
            + "\n  ".join(wrong)
            + f"\nDelete {store} and {manifest_path(store)} and run again: labels are read from the label store, "
            "not recomputed."
        )
    return manifest


def damaged_stores(folder: str | Path) -> list[str]:
    """What is missing or cut short in any finished store below a folder, without reading the files."""
    wrong = []
    for manifest in sorted(Path(folder).glob("**/*.manifest.json")):
        store = manifest.with_name(manifest.name.removesuffix(".manifest.json") + ".zarr")
        found = missing_files(store) if store.is_dir() else [f"{store} is missing"]
        if found:
            wrong.append(
                f"data set {store} is damaged:\n  " + "\n  ".join(found) + f"\nDelete {manifest} and {store}, then run "
                "again: labels are read from the label store, not recomputed."
            )
    return wrong
