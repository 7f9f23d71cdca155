"""Where every number of the page comes from: the files read, their sha256, the configuration and the code."""

from dataclasses import dataclass
from typing import Any

from ingot.files import digest, sha256
from ingot.provenance import code_digest, versions
from ingot.reporting.run import Run


@dataclass(frozen=True)
class Source:
    """A file the page was made from, relative to the run, with its sha256."""

    path: str
    sha256: str


@dataclass(frozen=True)
class Provenance:
    """The sources of a page and the digests of what made it.

    ``volatile`` files record cost: they differ between two runs of the same numbers.
    """

    sources: tuple[Source, ...]
    volatile: tuple[str, ...]
    configuration: str
    code: str
    versions: dict[str, str]
    seed: Any


def provenance(run: Run) -> Provenance:
    """The provenance of everything that was read so far: call it last."""
    relative = sorted(path.relative_to(run.root).as_posix() for path in run.used)
    volatile = tuple(p for p in relative if p.startswith("costs/") or ".cost." in p)
    kept = [p for p in relative if p not in set(volatile)]
    configuration = run.configuration
    return Provenance(
        sources=tuple(Source(p, sha256(run.root / p)) for p in kept),
        volatile=volatile,
        configuration=digest(configuration),
        code=code_digest("ingot.cli.report"),
        versions=versions(),
        seed=(configuration.get("run") or {}).get("seed"),
    )
