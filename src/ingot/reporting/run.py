"""The finished run as the report sees it: a folder of tidy tables, any of which may be absent."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from ingot.benchmarks.tables import Quantity, read_quantities
from ingot.files import read_json
from ingot.reporting.errors import ReportError


@dataclass
class Run:
    """The results folder of a run. Every file that is read is remembered in ``used``, for the provenance table."""

    root: Path
    used: set[Path] = field(default_factory=set)

    def __post_init__(self) -> None:
        if not self.root.is_dir():
            raise ReportError(f"no results at {self.root}; give the folder of a run, such as results/quick")

    def below(self, *parts: str) -> "Run":
        """A folder of the run as a run of its own; what is read of it is a source of this one."""
        return Run(self.root.joinpath(*parts), self.used)

    def path(self, *parts: str) -> Path | None:
        """A file of the run if it exists; asking for it records it as a source of the page."""
        path = self.root.joinpath(*parts)
        if not path.is_file():
            return None
        self.used.add(path)
        return path

    def paths(self, pattern: str) -> list[Path]:
        """The files that match a pattern below the run, in natural order (2 before 10), recorded as sources."""
        found = sorted((p for p in self.root.glob(pattern) if p.is_file()), key=lambda p: natural_order(str(p)))
        self.used.update(found)
        return found

    def table(self, *parts: str) -> pd.DataFrame | None:
        """A CSV table, or ``None`` where the run has none (or an empty one)."""
        path = self.path(*parts)
        if path is None:
            return None
        table = pd.read_csv(path, dtype=dict.fromkeys(("structure_id", "note", "candidate", "control", "start"), str))
        return table if len(table) else None

    def json(self, *parts: str) -> Any:
        """A JSON file, or ``None``."""
        path = self.path(*parts)
        return None if path is None else read_json(path)

    def quantities(self, *parts: str) -> dict[str, Quantity]:
        """The rows of a table of quantities by key; empty where the run has none."""
        path = self.path(*parts)
        return {} if path is None else {q.quantity: q for q in read_quantities(path)}

    @property
    def configuration(self) -> dict[str, Any]:
        """The resolved configuration, or an empty mapping."""
        return self.json("config.json") or {}

    def iterations(self) -> list[int]:
        """Numbers of the active-learning iterations that decided something."""
        return [int(p.parent.parent.name) for p in self.paths("iterations/*/select/selection.json")]

    def label_rows(self, name: str) -> dict[str, dict[str, Any]]:
        """What became of each label of a set, by structure id: dealt to other batches later, a label is still one."""
        rows = [row for path in self.paths(f"labels/{name}/*.json") for row in read_json(path)["labels"]]
        return {row["structure_id"]: row for row in rows}

    def member_logs(self) -> Iterator[tuple[str, str, pd.DataFrame]]:
        """(training, member, log) of every network: training ``final`` or ``iteration N``."""
        for path in self.paths("members/*/log.csv"):
            yield "final", path.parent.name, self._with_cost(path)
        for path in self.paths("iterations/*/members/*/log.csv"):
            yield f"iteration {path.parents[2].name}", path.parent.name, self._with_cost(path)

    def _with_cost(self, path: Path) -> pd.DataFrame:
        """A training log, with its CPU seconds where they were measured (not after a restart)."""
        log = pd.read_csv(path)
        cost = path.with_name("log.cost.csv")
        if not cost.is_file():
            return log
        self.used.add(cost)
        return log.merge(pd.read_csv(cost), on="epoch", how="left")


def natural_order(text: str) -> list[tuple[int, int | str]]:
    """A sorting key that takes runs of digits as numbers.

    >>> sorted(["member-10", "member-2"], key=natural_order)
    ['member-2', 'member-10']
    """
    return [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", text) if part]
