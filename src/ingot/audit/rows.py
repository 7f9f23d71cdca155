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
_BINS = 40


def entropies(log_sums: Values) -> Row:
    """H and D of a set from the logarithmic kernel sums of all its environments."""
    smallest = log_sums.min()
    diversity = math.log(np.exp(smallest - log_sums).sum()) - smallest
    return {"entropy": math.log(len(log_sums)) - float(log_sums.mean()), "diversity": float(diversity)}


def quantiles(novelty: Values) -> Row:
    """Quantiles of differential entropies, in nats; means are ruled by a few far ones."""
    values = np.quantile(novelty, QUANTILES)
    return {f"delta_entropy_q{100 * q:02.0f}": float(value) for q, value in zip(QUANTILES, values, strict=True)}


def novelty_row(part: AuditedSet, novelty: Values, known: int) -> Row:
    return {
        "set": part.name,
        "environments": len(novelty),
        "reference_environments": known,
        "share_above_0": float(np.mean(novelty > OVERLAP_THRESHOLD)),
        "share_above_1": float(np.mean(novelty > 1)),
    } | quantiles(novelty)


def environments(parts: Sequence[AuditedSet]) -> int:
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
    """Shares of environments by novelty: linear to 10 nats, where most that matters lies, one bin for all beyond."""
    edges = np.linspace(math.floor(min(float(novelty.min()), -1.0)), 10.0, _BINS + 1)
    counts, _ = np.histogram(np.clip(novelty, None, 10.0 - 1e-9), edges)
    beyond = float(np.mean(novelty >= 10.0))
    rows: list[Row] = [
        {
            "set": part.name,
            "role": role,
            "delta_entropy_from": float(low),
            "delta_entropy_to": float(high),
            "share": float(share),
        }
        for low, high, share in zip(edges[:-1], edges[1:], counts / len(novelty), strict=True)
    ]
    rows[-1]["share"] = float(np.mean((novelty >= edges[-2]) & (novelty < 10.0)))
    rows.append({"set": part.name, "role": role, "delta_entropy_from": 10.0, "delta_entropy_to": None, "share": beyond})
    return rows


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
