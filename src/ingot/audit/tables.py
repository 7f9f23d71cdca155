"""The tidy tables of an audit: what each set holds, what it added, and what the tests ask of it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from ingot.audit.comparison import Pairs, lone_novelty, rarest
from ingot.audit.compression import Method, coverage_curve, take_structures
from ingot.audit.entropy import OVERLAP_THRESHOLD, entropies, entropy_and_diversity
from ingot.audit.errors import AuditError
from ingot.audit.estimate import estimate_entropy
from ingot.audit.kernels import Engine
from ingot.audit.learning import learning_curve, saturation
from ingot.audit.rows import (
    Row,
    Values,
    environments,
    histogram_rows,
    novelty_row,
    quantiles,
    structure_rows,
    trajectory_rows,
)
from ingot.audit.sets import AuditedSet
from ingot.audit.table_files import COLUMNS

_SHARES = (0.02, 0.05, 0.1, 0.2, 0.4, 0.7)


@dataclass(frozen=True)
class Plan:
    """What an audit is asked for. Bandwidth in 1/A, thresholds in nats."""

    bandwidth: float = 0.015
    thresholds: tuple[float, ...] = (1e-5, 1.0)
    groups: tuple[str, ...] = ("family",)
    curve_repeats: int = 5
    curve_environments: int = 10_000
    exact_environments: int = 100_000
    """Larger sets: entropies are estimates with intervals, and novelty is that of as many environments, drawn at
    random."""
    outliers: int = 50
    compression: tuple[Method, ...] = ()
    """Methods whose coverage is listed; of more than ``exact_environments``, of what was drawn."""
    seed: int = 0
    engine: Engine = field(default_factory=Engine)


@dataclass(frozen=True)
class Audited:
    """What an audit found."""

    tables: dict[str, list[Row]]
    """By name, see ``COLUMNS``."""
    rows: dict[str, AuditedSet]
    """What novelty was computed of, by the name of the set: all of it, or structures drawn at random."""
    novelty: dict[str, Values]
    """dH of these rows, nats: of added sets against all data before them, of tests and trajectories against all
    data."""


def audit_sets(
    training: Sequence[AuditedSet],
    tests: Sequence[AuditedSet] = (),
    trajectories: Sequence[AuditedSet] = (),
    plan: Plan | None = None,
) -> Audited:
    """The audit of some sets.

    ``training`` is in the order of acquisition: every set is compared with all before it, and
    every test with the data as it grew; ``trajectories`` frame by frame with all data. Entropies in nats;
    ``largest_entropy`` is ln N. A share above 0 starts at 1e-5, where the overlap ends: a copy whose dH is rounding is
    not new.
    """
    plan = plan or Plan()
    names = [part.name for part in (*training, *tests, *trajectories)]
    if not training:
        raise AuditError("no training set was given: name at least one (--set name=path)")
    if len(set(names)) < len(names):
        raise AuditError(f"set names must be unique, got {', '.join(names)}")
    known = {key for part in training for label in part.labels for key in label}
    for key in plan.groups:
        if key not in known:
            raise AuditError(
                f"cannot group by {key}: no structure has that label; there are {', '.join(sorted(known))}"
            )
    return _Audit(training, tests, trajectories, plan).result()


class _Audit:
    """All kernel sums between all sets, once; every table is made of them."""

    def __init__(
        self,
        training: Sequence[AuditedSet],
        tests: Sequence[AuditedSet],
        trajectories: Sequence[AuditedSet],
        plan: Plan,
    ) -> None:
        self._plan, self._training, self._tests, self._trajectories = plan, training, tests, trajectories
        whole = [*training, *tests, *trajectories]
        share = plan.exact_environments / sum(len(part.descriptors) for part in whole)
        rows = [part.sample(math.ceil(share * len(part.descriptors)), plan.seed) for part in whole]
        self._rows = {part.name: part for part in rows}
        self._pairs = Pairs(whole, rows, plan.bandwidth, plan.engine)

    def result(self) -> Audited:
        novelty = {part.name: self._novelty(part, self._training[:k]) for k, part in enumerate(self._training) if k}
        novelty |= {part.name: self._novelty(part, self._training) for part in (*self._tests, *self._trajectories)}
        return Audited(self._tables(novelty), self._rows, novelty)

    def _tables(self, novelty: dict[str, Values]) -> dict[str, list[Row]]:
        tables: dict[str, list[Row]] = {name: [] for name in COLUMNS}
        everything = np.concatenate([part.descriptors for part in self._training])
        for number, part in enumerate(self._training):
            before = self._training[:number]
            tables["summary"].append(self._summary_row(part, "training") | self._growth(number))
            if before:
                tables["novelty"].append(novelty_row(part, novelty[part.name], environments(before)))
        for part in self._tests:
            tables["summary"].append(self._summary_row(part, "test"))
            tables["overlap"] += self._overlap_rows(part)
        for part in self._trajectories:
            tables["summary"].append(self._summary_row(part, "trajectory"))
            tables["novelty"].append(novelty_row(part, novelty[part.name], environments(self._training)))
            tables["trajectories"] += trajectory_rows(self._rows[part.name], novelty[part.name])
        for role, parts in (("training", self._training), ("test", self._tests), ("trajectory", self._trajectories)):
            for part in parts:
                if part.name in novelty:
                    tables["histogram"] += histogram_rows(part, role, novelty[part.name])
                if role != "trajectory":
                    tables["structures"] += structure_rows(self._rows[part.name], role, novelty.get(part.name))
        for grouping in self._plan.groups:
            tables["summary"] += self._group_rows(grouping)
        tables["overlap_matrix"] = self._matrix_rows()
        tables["compression"] = self._compression_rows()
        tables["outliers"] = self._outlier_rows(everything)
        tables["learning_curve"] = self._curve_rows(everything)
        return tables

    def _summary_row(self, part: AuditedSet, role: str) -> Row:
        row: Row = {"grouping": "set", "group": part.name, "role": role, "structures": len(part.labels)}
        if np.isfinite(part.temperature).any():
            row["temperature_K"] = float(np.nanmean(part.temperature))
        return row | self._content([part])

    def _growth(self, number: int) -> Row:
        content = self._content(self._training[: number + 1])
        return {f"cumulative_{key}": content[key] for key in ("environments", "entropy", "diversity")}

    def _overlap_rows(self, part: AuditedSet) -> list[Row]:
        rows = []
        for number, last in enumerate(self._training):
            known = self._training[: number + 1]
            novelty = self._novelty(part, known)
            row = {"set": part.name, "up_to": last.name, "environments": len(novelty)}
            row |= {"reference_environments": environments(known)} | quantiles(novelty)
            for threshold in self._plan.thresholds:
                rows.append(row | {"threshold": float(threshold), "overlap": float(np.mean(novelty < threshold))})
        return rows

    def _content(self, parts: Sequence[AuditedSet]) -> Row:
        """H and D of some training sets, or of one test set, together."""
        total = sum(len(part.descriptors) for part in parts)
        content: Row
        if self._pairs.complete:
            log_sums = np.concatenate(
                [self._pairs.against(part.name, [other.name for other in parts]) for part in parts]
            )
            content = dict(zip(("entropy", "diversity"), entropies(log_sums), strict=True))
        else:
            content = self._measured(np.concatenate([part.descriptors for part in parts]))
        return {"environments": total, "largest_entropy": math.log(total)} | content

    def _measured(self, x: Values) -> Row:
        plan = self._plan
        if len(x) <= plan.exact_environments:
            h, d = entropy_and_diversity(x, plan.bandwidth, plan.engine)
            return {"entropy": h, "diversity": d}
        found = estimate_entropy(x, plan.bandwidth, plan.seed, engine=plan.engine)
        content: Row = {}
        for name, of in (("entropy", found.entropy), ("diversity", found.diversity)):
            content |= {name: of.value, f"{name}_lower": of.lower, f"{name}_upper": of.upper}
        return content

    def _novelty(self, part: AuditedSet, known: Sequence[AuditedSet]) -> Values:
        thresholds = (OVERLAP_THRESHOLD, 1.0, *self._plan.thresholds)
        return self._pairs.novelty(part.name, [other.name for other in known], thresholds)

    def _group_rows(self, grouping: str) -> list[Row]:
        """Entropy of all training data by a label, in alphabetical order."""
        members: dict[str, list[Values]] = {}
        counts: dict[str, int] = {}
        for part in self._training:
            of_structure = np.array([label.get(grouping, "none") for label in part.labels])
            for name in sorted(set(of_structure.tolist())):
                counts[name] = counts.get(name, 0) + int((of_structure == name).sum())
                members.setdefault(name, []).append(part.descriptors[(of_structure == name)[part.structure]])
        rows = []
        for name in sorted(members):
            x = np.concatenate(members[name])
            if len(x):
                row = {"grouping": grouping, "group": name, "role": "training", "structures": counts[name]}
                rows.append(row | {"environments": len(x), "largest_entropy": math.log(len(x))} | self._measured(x))
        return rows

    def _matrix_rows(self) -> list[Row]:
        rows = []
        parts = (*self._training, *self._tests, *self._trajectories)
        for part in parts:
            for other in parts:
                novelty = self._novelty(part, [other])
                row = {"set": part.name, "reference": other.name, "environments": len(novelty)}
                row["reference_environments"] = len(other.descriptors)
                for threshold in self._plan.thresholds:
                    share = 1.0 if other is part else float(np.mean(novelty < threshold))
                    rows.append(row | {"threshold": float(threshold), "overlap": share})
        return rows

    def _outlier_rows(self, everything: Values) -> list[Row]:
        """Environments of the training data that have least like them among all others."""
        names = [part.name for part in self._training]
        rows = [self._rows[name] for name in names]
        first = np.cumsum([0, *(len(part.descriptors) for part in self._training)])
        place = np.concatenate(
            [start + part.of(whole) for start, part, whole in zip(first, rows, self._training, strict=False)]
        )
        owner = np.repeat(np.arange(len(rows)), [len(part.descriptors) for part in rows])
        number = np.concatenate([np.arange(len(part.descriptors)) for part in rows])
        log_sums = np.concatenate([self._pairs.against(name, names) for name in names])
        candidates = rarest(log_sums, self._plan.outliers)
        alone = lone_novelty(place[candidates], everything, self._plan.bandwidth, self._plan.engine)
        found: list[Row] = []
        for k in np.argsort(-alone, kind="stable")[: self._plan.outliers]:
            part = rows[owner[candidates[k]]]
            row = int(number[candidates[k]])
            structure = int(part.structure[row])
            atom = row - int(np.searchsorted(part.structure, structure))
            label = part.labels[structure]
            found.append({"set": part.name, **label, "atom": atom, "delta_entropy": float(alone[k])})
        return found

    def _compression_rows(self) -> list[Row]:
        """What the first 2, 5, 10 ... % of the structures hold, taken in turn by every method."""
        plan = self._plan
        sets = [self._rows[part.name] for part in self._training]
        each = [x for part in sets for x in np.split(part.descriptors, np.flatnonzero(np.diff(part.structure)) + 1)]
        sizes = sorted({math.ceil(share * len(each) - 1e-9) for share in _SHARES})
        found: list[Row] = []
        for method in plan.compression:
            order = take_structures(each, sizes[-1], method, (), plan.bandwidth, plan.seed, plan.engine)
            for point in coverage_curve(each, order, sizes, plan.bandwidth, plan.engine):
                found.append({"method": method, "share": point.structures / len(each), **vars(point)})
        return found

    def _curve_rows(self, everything: Values) -> list[Row]:
        plan = self._plan
        constants = (plan.bandwidth, plan.seed, plan.curve_repeats, plan.curve_environments, plan.engine)
        curve = learning_curve(everything, *constants)
        limit = saturation(curve)
        return [
            {
                "environments": n,
                "entropy": mean,
                "standard_deviation": deviation,
                "largest_entropy": math.log(n),
                "fitted_entropy": float(limit.entropy(float(n))) if limit else None,
                "limit_entropy": limit.limit if limit else None,
            }
            for n, mean, deviation in curve
        ]
