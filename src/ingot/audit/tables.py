"""The tidy tables of an audit: what each set holds, what it added, and what the tests ask of it."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms

from ingot.arrays import Descriptors
from ingot.audit.descriptors import environment_descriptors
from ingot.audit.entropy import OVERLAP_THRESHOLD, delta_entropy, entropy_and_diversity
from ingot.audit.errors import AuditError
from ingot.audit.kernels import Engine
from ingot.audit.learning import learning_curve
from ingot.files import write_atomically

Row = dict[str, object]
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True)
class AuditedSet:
    """One set of structures: its environments, and which structure each belongs to."""

    name: str
    descriptors: Descriptors
    structure: np.ndarray
    """Index of the structure of every environment."""
    labels: tuple[Mapping[str, str], ...]
    """``structure_id``, ``family`` and ``parent`` of every structure."""


def describe(
    name: str, frames: Sequence[Atoms], neighbors: int = 32, cutoff_angstrom: float = 5.0, threads: int = 1
) -> AuditedSet:
    """A set ready for the audit. Raises :class:`AuditError` where it has no atoms."""
    if not sum(map(len, frames)):
        raise AuditError(f"the set {name!r} has no atoms: there is nothing to audit")
    try:
        descriptors = environment_descriptors(frames, neighbors, cutoff_angstrom, threads=threads)
    except AuditError as error:
        raise AuditError(f"set {name!r}: {error}") from None
    labels = []
    for number, atoms in enumerate(frames):
        identity = str(atoms.info.get("structure_id", number))
        family = str(atoms.info.get("family", "unknown"))
        labels.append({"structure_id": identity, "family": family, "parent": str(atoms.info.get("parent", identity))})
    return AuditedSet(name, descriptors, np.repeat(np.arange(len(frames)), [len(a) for a in frames]), tuple(labels))


@dataclass(frozen=True)
class _Measure:
    """How the kernel sums are taken."""

    bandwidth: float
    engine: Engine

    def content(self, x: np.ndarray) -> Row:
        h, d = entropy_and_diversity(x, self.bandwidth, self.engine)
        return {"environments": len(x), "entropy": h, "diversity": d, "largest_entropy": math.log(len(x))}

    def novelty(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        return delta_entropy(y, x, self.bandwidth, self.engine)


def audit_tables(
    training: Sequence[AuditedSet],
    tests: Sequence[AuditedSet] = (),
    bandwidth: float = 0.015,
    thresholds: Sequence[float] = (1e-5, 1.0),
    groups: Sequence[str] = ("family",),
    seed: int = 0,
    curve_repeats: int = 5,
    curve_environments: int = 10_000,
    engine: Engine | None = None,
) -> dict[str, list[Row]]:
    """The tables by name: summary, novelty, overlap, structures, learning_curve.

    ``training`` is in the order of acquisition: every set is compared with all before it, and
    every test with the data as it grew. Entropies in nats; ``largest_entropy`` is ln N. A share
    above 0 starts at 1e-5, where the overlap ends: a copy whose dH is rounding is not new.
    """
    names = [part.name for part in (*training, *tests)]
    if not training:
        raise AuditError("no training set was given: name at least one (--set name=path)")
    if len(set(names)) < len(names):
        raise AuditError(f"set names must be unique, got {', '.join(names)}")
    unknown = set(groups) - {"family", "parent"}
    if unknown:
        raise AuditError(f"cannot group by {', '.join(sorted(unknown))}; accepted: family, parent")
    measure = _Measure(bandwidth, engine or Engine())
    everything = np.concatenate([part.descriptors for part in training])
    ends = np.cumsum([len(part.descriptors) for part in training])
    tables: dict[str, list[Row]] = {"summary": [], "novelty": [], "overlap": [], "structures": []}
    for part, end in zip(training, ends, strict=True):
        before, so_far = everything[: end - len(part.descriptors)], everything[:end]
        own = measure.content(part.descriptors)
        grown = measure.content(so_far) if len(before) else own
        tables["summary"].append(
            {"grouping": "set", "group": part.name, "role": "training", "structures": len(part.labels)}
            | own
            | {f"cumulative_{key}": grown[key] for key in ("environments", "entropy", "diversity")}
        )
        novelty = measure.novelty(part.descriptors, before) if len(before) else None
        if novelty is not None:
            tables["novelty"].append(_novelty_row(part, novelty, len(before)))
        tables["structures"] += _structure_rows(part, "training", novelty)
    for part in tests:
        row: Row = {"grouping": "set", "group": part.name, "role": "test", "structures": len(part.labels)}
        tables["summary"].append(row | measure.content(part.descriptors))
        for known, end in zip(training, ends, strict=True):
            novelty = measure.novelty(part.descriptors, everything[:end])
            tables["overlap"] += _overlap_rows(part, known.name, int(end), novelty, thresholds)
        tables["structures"] += _structure_rows(part, "test", novelty)
    for grouping in groups:
        tables["summary"] += _group_rows(training, grouping, measure)
    curve = learning_curve(everything, bandwidth, seed, curve_repeats, curve_environments, engine)
    tables["learning_curve"] = [
        {"environments": n, "entropy": mean, "standard_deviation": deviation, "largest_entropy": math.log(n)}
        for n, mean, deviation in curve
    ]
    return tables


def _quantiles(novelty: np.ndarray) -> Row:
    values = np.quantile(novelty, QUANTILES)
    return {f"delta_entropy_q{100 * q:02.0f}": float(value) for q, value in zip(QUANTILES, values, strict=True)}


def _novelty_row(part: AuditedSet, novelty: np.ndarray, known: int) -> Row:
    return {
        "set": part.name,
        "environments": len(novelty),
        "reference_environments": known,
        "share_above_0": float(np.mean(novelty > OVERLAP_THRESHOLD)),
        "share_above_1": float(np.mean(novelty > 1)),
    } | _quantiles(novelty)


def _overlap_rows(
    part: AuditedSet, known: str, environments: int, novelty: np.ndarray, thresholds: Sequence[float]
) -> list[Row]:
    return [
        {
            "set": part.name,
            "up_to": known,
            "environments": len(novelty),
            "reference_environments": environments,
            "threshold": float(threshold),
            "overlap": float(np.mean(novelty < threshold)),
        }
        | _quantiles(novelty)
        for threshold in thresholds
    ]


def _structure_rows(part: AuditedSet, role: str, novelty: np.ndarray | None) -> list[Row]:
    """A row per structure; novelty against what was there before (tests: against all training data)."""
    rows: list[Row] = []
    for number, label in enumerate(part.labels):
        mine = part.structure == number
        row: Row = {"set": part.name, "role": role, **label, "atoms": int(mine.sum())}
        known = novelty is not None and bool(mine.any())
        row["delta_entropy_mean"] = float(novelty[mine].mean()) if known else None  # type: ignore[index]
        row["delta_entropy_max"] = float(novelty[mine].max()) if known else None  # type: ignore[index]
        row["share_above_0"] = float(np.mean(novelty[mine] > OVERLAP_THRESHOLD)) if known else None  # type: ignore[index]
        rows.append(row)
    return rows


def _group_rows(training: Sequence[AuditedSet], grouping: str, measure: _Measure) -> list[Row]:
    """Entropy of all training data by family or parent, in alphabetical order."""
    members: dict[str, list[np.ndarray]] = {}
    counts: dict[str, int] = {}
    for part in training:
        of_structure = np.array([label[grouping] for label in part.labels])
        for name in sorted(set(of_structure.tolist())):
            counts[name] = counts.get(name, 0) + int((of_structure == name).sum())
            members.setdefault(name, []).append(part.descriptors[(of_structure == name)[part.structure]])
    return [
        {"grouping": grouping, "group": name, "role": "training", "structures": counts[name]}
        | measure.content(np.concatenate(members[name]))
        for name in sorted(members)
        if sum(map(len, members[name]))
    ]


COLUMNS: dict[str, tuple[str, ...]] = {
    "summary": (
        *("grouping", "group", "role", "structures", "environments", "entropy", "diversity", "largest_entropy"),
        *("cumulative_environments", "cumulative_entropy", "cumulative_diversity"),
    ),
    "novelty": (
        *("set", "environments", "reference_environments", "share_above_0", "share_above_1"),
        *(f"delta_entropy_q{100 * q:02.0f}" for q in QUANTILES),
    ),
    "overlap": (
        *("set", "up_to", "environments", "reference_environments", "threshold", "overlap"),
        *(f"delta_entropy_q{100 * q:02.0f}" for q in QUANTILES),
    ),
    "structures": (
        *("set", "role", "structure_id", "family", "parent", "atoms"),
        *("delta_entropy_mean", "delta_entropy_max", "share_above_0"),
    ),
    "learning_curve": ("environments", "entropy", "standard_deviation", "largest_entropy"),
}


def write_table(path: str | Path, table: str, rows: Sequence[Row], constants: Row) -> None:
    """Write one table as CSV, atomically, with the ``constants`` of the audit on every row.

    Floats are written with ``repr``: reading gives the same bits back. Missing values are empty.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    columns = (*COLUMNS[table], *constants)
    writer.writerow(columns)
    for row in rows:
        cells = row | constants
        writer.writerow(["" if cells.get(name) is None else cells[name] for name in columns])
    write_atomically(path, buffer.getvalue())
