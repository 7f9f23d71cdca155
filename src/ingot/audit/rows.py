"""Rows of the audit's tables."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ingot.audit.entropy import OVERLAP_THRESHOLD
from ingot.audit.sets import AuditedSet

Row = dict[str, object]
Values = NDArray[np.float64]
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
_BINS, _LAST = 40, 10.0


def quantiles(novelty: Values) -> Row:
    """Quantiles of differential entropies, in nats; means are ruled by a few far ones."""
    values = np.quantile(novelty, QUANTILES)
    return {f"delta_entropy_q{100 * q:02.0f}": float(value) for q, value in zip(QUANTILES, values, strict=True)}


def novelty_row(part: AuditedSet, novelty: Values, known: int) -> Row:
    """How new a set is, held against ``known`` environments."""
    return {
        "set": part.name,
        "environments": len(novelty),
        "reference_environments": known,
        "share_above_0": float(np.mean(novelty > OVERLAP_THRESHOLD)),
        "share_above_1": float(np.mean(novelty > 1)),
    } | quantiles(novelty)


def environments(parts: Sequence[AuditedSet]) -> int:
    """Environments of all sets together."""
    return sum(len(part.descriptors) for part in parts)


def trajectory_rows(part: AuditedSet, novelty: Values) -> list[Row]:
    """A row per frame: how much of it nothing in the data resembles."""
    rows: list[Row] = []
    frames = zip(part.number, part.temperature, _by_structure(part, novelty), strict=True)
    for number, temperature, own in frames:
        row: Row = {"trajectory": part.name, "frame": int(number), "environments": len(own)}
        row["temperature_K"] = float(temperature) if np.isfinite(temperature) else None
        row |= {f"share_above_{t}": float(np.mean(own > max(t, OVERLAP_THRESHOLD))) for t in (0, 1)}
        rows.append(row | quantiles(own))
    return rows


def _by_structure(part: AuditedSet, values: Values) -> list[Values]:
    return np.split(values, np.cumsum(np.bincount(part.structure, minlength=len(part.labels)))[:-1])


def histogram_rows(part: AuditedSet, role: str, novelty: Values) -> list[Row]:
    """Shares of environments by novelty: even bins up to 10 nats, and one for all beyond."""
    edges = np.linspace(math.floor(min(float(novelty.min()), -1.0)), _LAST, _BINS + 1)
    counts, _ = np.histogram(novelty[novelty < _LAST], edges)
    bins: list[tuple[float, float | None, float]] = [
        (float(low), float(high), count / len(novelty))
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
    ]
    bins.append((_LAST, None, float(np.mean(novelty >= _LAST))))
    columns = ("delta_entropy_from", "delta_entropy_to", "share")
    return [{"set": part.name, "role": role} | dict(zip(columns, one, strict=True)) for one in bins]


def structure_rows(part: AuditedSet, role: str, novelty: Values | None) -> list[Row]:
    """A row per structure; novelty against what was there before (tests: against all training data)."""
    atoms = np.bincount(part.structure, minlength=len(part.labels))
    rows: list[Row] = [
        {"set": part.name, "role": role, **label, "atoms": int(count)}
        for label, count in zip(part.labels, atoms, strict=True)
    ]
    for row, own in zip(rows, [] if novelty is None else _by_structure(part, novelty), strict=False):
        if len(own):
            row |= {"delta_entropy_mean": float(own.mean()), "delta_entropy_max": float(own.max())}
            row["share_above_0"] = float(np.mean(own > OVERLAP_THRESHOLD))
    return rows
