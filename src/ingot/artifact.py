"""One archive of a finished run: what a reader needs to check every number and to run it again.

The archive holds the sources and locks, the resolved configuration, the labels that the run used, the data sets, the
potential, the tables and the report. It is reproducible: names sorted, owners and times left out. Text that
carries the path of the machine it was made on is refused, because such a path helps nobody and tells where one lives.
"""

import gzip
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path

from ingot.errors import IngotError
from ingot.files import read_json, sha256

SOURCES = ("README.md", "LICENSE", "CITATION.cff", "CHANGELOG.md", "Makefile", "Snakefile", "pyproject.toml")
SOURCE_FOLDERS = ("requirements", "config", "profiles", "rules", "envs", "src")
TEXT_SUFFIXES = {".json", ".csv", ".html", ".extxyz", ".yaml", ".md", ".svg", ".txt", ".tsv", ".py", ".smk"}
LEFT_OUT = {"logs", "__pycache__", ".cache"}


class ArtifactError(IngotError):
    """The run cannot be packed."""


def _below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not LEFT_OUT.intersection(parts) and not any(p.endswith(".egg-info") for p in parts):
            yield path


def _members(run: Path, store: Path, root: Path) -> Iterator[tuple[str, Path]]:
    """Names in the archive and the files they come from."""
    for name in SOURCES:
        if (root / name).is_file():
            yield name, root / name
    for folder in SOURCE_FOLDERS:
        for path in _below(root / folder):
            yield f"{folder}/{path.relative_to(root / folder).as_posix()}", path
    for path in _below(run):
        yield f"results/{run.name}/{path.relative_to(run).as_posix()}", path
    for manifest in sorted(run.glob("labels/**/*.json")):
        batch = read_json(manifest)
        method = batch["method"]
        if (store / method / "method.json").is_file():
            yield f"labels/{method}/method.json", store / method / "method.json"
        for entry in batch["labels"]:
            identity = entry["structure_id"]
            path = store / method / identity[:2] / f"{identity}.json"
            if not path.is_file():
                raise ArtifactError(f"{manifest} lists {identity}, but {path} is not in the label store")
            yield f"labels/{method}/{identity[:2]}/{identity}.json", path


def pack(output: Path, run: Path, store: Path, root: Path) -> tuple[int, int]:
    """Write the archive; returns the number of files in it and its size in bytes.

    Raises
    ------
    ArtifactError
        if a label is missing from the store, or a text file carries an absolute path of this machine.
    """
    private = {str(p).encode() for p in (root.resolve(), run.resolve(), Path.home()) if len(p.parts) > 1}
    members = dict(_members(run, store, root))
    listing = {}
    for name, path in members.items():
        if path.suffix in TEXT_SUFFIXES:
            content = path.read_bytes()
            if found := next((p for p in private if p in content), None):
                raise ArtifactError(
                    f"{path} carries the path {found.decode()!r} of this machine; it cannot be published"
                )
        listing[name] = sha256(path)
    temporary = output.with_name(f".{output.name}.partial")
    try:
        with (
            temporary.open("wb") as raw,
            gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as packed,
            tarfile.open(fileobj=packed, mode="w") as archive,
        ):
            _add(archive, f"{run.name}/MANIFEST.json", (json.dumps(listing, indent=1, sort_keys=True) + "\n").encode())
            for name, path in sorted(members.items()):
                _add(archive, f"{run.name}/{name}", path.read_bytes())
        temporary.replace(output)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return len(members) + 1, output.stat().st_size


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    entry.mode = 0o644
    archive.addfile(entry, io.BytesIO(content))
