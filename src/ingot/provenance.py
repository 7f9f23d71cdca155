"""Where a number comes from: digests of the code that made it, and the versions of what it stands on.

The code digest of a module covers its own source and, transitively, every Ingot module it imports (also inside
functions), and nothing else. Rules carry it as a parameter, so that an edit reruns exactly what depends on it.
A git commit would not do: a corrected README would rerun days of labels.
"""

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

PACKAGE = "ingot"
DATA_SUFFIXES = {".json", ".csv", ".html", ".css", ".cc", ".h"}
ENGINES = ("numpy", "scipy", "jax", "jaxlib", "pyscf", "ase", "zarr", "xarray", "optax", "snakemake", "vesin")


@cache
def _source(module: str) -> Path | None:
    """The file of a module of the package, without importing it."""
    base = Path(__file__).parent.joinpath(*module.split(".")[1:])
    for candidate in (base.with_suffix(".py"), base / "__init__.py"):
        if candidate.is_file():
            return candidate
    return None


@cache
def imported_modules(module: str) -> frozenset[str]:
    """The Ingot modules that one module names in import statements, anywhere in its source.

    ``from ingot.labels import LabelStore`` depends on ``ingot.labels`` and so on all that its ``__init__`` re-exports;
    ``from ingot.labels.store import LabelStore`` depends on that one file.
    """
    path = _source(module)
    if path is None:
        return frozenset()
    found: set[str] = set()
    for node in _statements(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found.update(a.name for a in node.names if a.name.split(".")[0] == PACKAGE)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and (node.module or "").split(".")[0] == PACKAGE:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                found.add(inner if _source(inner) else str(node.module))
    return frozenset(found - {PACKAGE})


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """All statements at any depth. They stand in statements alone: to walk expressions too takes four times as long."""
    for block in ("body", "orelse", "finalbody", "handlers", "cases"):
        for statement in getattr(node, block, ()):
            yield statement
            yield from _statements(statement)


def module_closure(module: str) -> tuple[str, ...]:
    """A module and every Ingot module it reaches through imports, sorted."""
    reached: set[str] = set()
    waiting = [module]
    while waiting:
        current = waiting.pop()
        if current not in reached:
            reached.add(current)
            waiting.extend(imported_modules(current))
    return tuple(sorted(reached))


@cache
def code_digest(module: str) -> str:
    """Sixteen hexadecimal digits over the sources of a module and of all it depends on.

    >>> len(code_digest("ingot.units"))
    16
    """
    hasher = hashlib.sha256()
    for name in module_closure(module):
        path = _source(name)
        if path is None:
            raise ModuleNotFoundError(f"no module {name!r} in the package")
        hasher.update(name.encode() + b"\0" + path.read_bytes() + b"\0")
        # Tables and templates that lie beside a module, or in the folder of its name, are part of what it computes.
        beside = [*path.parent.glob("*"), *path.with_suffix("").glob("*")] if path.name != "__init__.py" else []
        for data in sorted(p for p in beside if p.suffix in DATA_SUFFIXES):
            hasher.update(data.name.encode() + b"\0" + data.read_bytes() + b"\0")
    return hasher.hexdigest()[:16]


_SUITES = {
    "accuracy": ("accuracy", "accuracy_tables", "splits"),
    "novelty": ("novelty", "splits"),
    "crystal": ("crystal", "crystal_suite", "crystal_tables", "ensemble", "lattices", "reference"),
    "reference-structures": ("direct", "direct_meshes"),
    "direct": ("direct", "direct_tables", "ensemble"),
    "thermal": ("thermal",),
    "rdf": ("rdf",),
    "coexistence": ("coexistence", "coexistence_tables", "fusion"),
}
"""Modules of ``ingot.benchmarks`` that each suite of ``ingot benchmark`` uses."""


def suite_digest(suite: str) -> str:
    """Digest of what one suite of ``ingot benchmark`` uses: an edit of one suite repeats no other."""
    return "-".join(code_digest(f"ingot.benchmarks.{module}") for module in _SUITES[suite])


def versions() -> dict[str, str]:
    """Versions of Ingot and of the libraries that its numbers stand on."""
    found = {}
    for name in ("ingot-mlip", *ENGINES):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def installed(module: str) -> bool:
    """Whether an optional engine can be imported, without importing it."""
    return find_spec(module) is not None
