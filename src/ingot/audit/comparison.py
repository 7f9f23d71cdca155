"""Kernel sums between all sets of an audit."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import cdist
from scipy.special import logsumexp

from ingot.arrays import Descriptors
from ingot.audit.kernels import FLOAT32_ERROR, Engine, log_kernel_sums, log_kernel_sums_self
from ingot.audit.sets import AuditedSet
from ingot.progress import progress

_GROUP = 1000
_ROUNDING = 1e-12


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


def rarest(log_sums: NDArray[np.float64], count: int) -> NDArray[np.int64]:
    """Rows with the smallest kernel sums, ``count`` and all that rounding cannot tell from the last of them.

    Beyond 36 nats from all others a sum is 1 to the last digit, its own term.
    """
    last = np.partition(log_sums, min(count, len(log_sums)) - 1)[min(count, len(log_sums)) - 1]
    return np.flatnonzero(log_sums <= last + _ROUNDING)


def lone_novelty(index: NDArray[np.int64], x: Descriptors, bandwidth: float, engine: Engine) -> NDArray[np.float64]:
    """dH of some rows of ``x`` against all *other* rows, nats; infinite where there are none."""
    engine = replace(engine, precision="float64")
    novelty = np.full(len(index), np.inf)
    for start in range(0, len(index), _GROUP):
        group = index[start : start + _GROUP]
        squared = cdist(x[group], x[group], "sqeuclidean")
        np.fill_diagonal(squared, np.inf)
        sums = logsumexp(-0.5 * squared / bandwidth**2, axis=1)
        rest = np.delete(x, group, axis=0)
        if len(rest):
            sums = np.logaddexp(sums, log_kernel_sums(x[group], rest, [bandwidth], engine)[0])
        novelty[start : start + _GROUP] = -sums
    return novelty
