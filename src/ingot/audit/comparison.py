"""Kernel sums between all sets of an audit."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from ingot.arrays import Descriptors
from ingot.audit.kernels import FLOAT32_ERROR, Engine, log_kernel_sums, log_kernel_sums_self
from ingot.audit.sets import AuditedSet
from ingot.progress import progress


class Pairs:
    """``ln sum_j K(x_i, y_j)`` for rows of every set and all environments of every other: sums over sets add up."""

    def __init__(
        self, whole: Sequence[AuditedSet], rows: Sequence[AuditedSet], bandwidth: float, engine: Engine
    ) -> None:
        self.complete = all(part is full for part, full in zip(rows, whole, strict=True))
        """Whether the rows are all environments."""
        self._whole = {part.name: part.descriptors for part in whole}
        self._rows = {part.name: part.descriptors for part in rows}
        self._bandwidth, self._engine = bandwidth, engine
        self._sums: dict[tuple[str, str], NDArray[np.float64]] = {}
        pairs = [(some, other) for some in rows for other in whole]
        for some, other in progress(pairs, "comparing", unit="pair"):
            if some is other:
                sums = log_kernel_sums_self(some.descriptors, [bandwidth], engine)[0]
            else:
                sums = log_kernel_sums(some.descriptors, other.descriptors, [bandwidth], engine)[0]
            self._sums[some.name, other.name] = sums

    def against(self, name: str, others: Sequence[str]) -> NDArray[np.float64]:
        """Logarithms of the sums of the rows of ``name`` over all environments of ``others`` together."""
        return np.asarray(np.logaddexp.reduce([self._sums[name, other] for other in others], axis=0))

    def novelty(self, name: str, others: Sequence[str], thresholds: Sequence[float]) -> NDArray[np.float64]:
        """dH of the rows of ``name`` against ``others`` together, nats; on the right side of every threshold.

        What rounding in float32 could carry over one is settled in float64.
        """
        novelty = -self.against(name, others)
        if self._engine.precision == "float32":
            distance = np.abs(novelty[:, None] - np.array(thresholds)).min(axis=1)
            near = np.flatnonzero(distance <= FLOAT32_ERROR)
            if len(near):
                known = np.concatenate([self._whole[other] for other in others])
                exact = replace(self._engine, precision="float64")
                novelty[near] = -log_kernel_sums(self._rows[name][near], known, [self._bandwidth], exact)[0]
        return novelty


def lone_novelty(rows: Descriptors, x: Descriptors, bandwidth: float) -> NDArray[np.float64]:
    """dH of a few rows of ``x`` against all *others*, nats: one exact copy, the row itself, is left out."""
    novelty = np.empty(len(rows))
    for k, row in enumerate(rows):
        squared = np.einsum("ij,ij->i", x - row, x - row)
        others = np.delete(squared, int(squared.argmin()))
        novelty[k] = -logsumexp(-0.5 * others / bandwidth**2) if len(others) else np.inf
    return novelty
