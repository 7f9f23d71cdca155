"""Entropy and diversity of sets too large for all pairs, with intervals that hold what they say.

Some random *columns* give every environment a rough kernel sum at small cost. By these sums the environments are put
into strata, from rare to common, and random *rows* of every stratum get the exact sum over all environments
(stratified sampling with optimum allocation: W. G. Cochran, Sampling Techniques, 1977, chapter 5). Unlike the entropy
of a subset this is not biased: every term is that of the whole set.

Both passes go block by block over data that need not fit into memory; blocks are independent, so that a dask cluster
shares them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from ingot.arrays import Descriptors
from ingot.audit.entropy import BANDWIDTH, entropy_and_diversity
from ingot.audit.errors import AuditError
from ingot.audit.kernels import Engine, log_kernel_sums
from ingot.randomness import generator

Values = NDArray[np.float64]

_PARTS = 4
"""Of the columns, one of which may mislead."""

_ROWS_OF_STRATUM = 62
"""Enough for a normal mean, and few, so that strata are narrow."""

_BLOCK = 100_000
"""Rows of arrays in memory that are worked on at once."""


@dataclass(frozen=True)
class Estimate:
    """A value with a two-sided interval."""

    value: float
    lower: float
    upper: float


@dataclass(frozen=True)
class EntropyEstimate:
    """Entropy and diversity of a set, nats, from exact kernel sums of some of its rows."""

    entropy: Estimate
    diversity: Estimate
    coverage: float
    """Probability that an interval holds the exact value."""
    environments: int
    columns: int
    rows: int


def estimate_entropy(
    x: Any,
    bandwidth: float = BANDWIDTH,
    seed: int = 0,
    rows: int = 4000,
    columns: int = 4000,
    coverage: float = 0.95,
    engine: Engine | None = None,
) -> EntropyEstimate:
    """H and D of ``x``, nats, from ``rows`` exact sums and ``columns`` environments for the rough ones.

    ``x`` (environments, components) in 1/A: an array, or a dask array (over a Zarr store, say), whose blocks of rows
    then go wherever its scheduler sends them. Cost: ``N (rows + columns)`` kernels instead of ``N^2 / 2``; memory: a
    block and 16 bytes per environment. With ``rows + columns >= N / 2`` all pairs are taken and the interval has no
    width.
    """
    engine = engine or Engine()
    if rows < 8 * _ROWS_OF_STRATUM or columns < 8 * _PARTS:
        least = f"{8 * _ROWS_OF_STRATUM} rows and {8 * _PARTS} columns"
        raise AuditError(f"an estimate needs {least} at least, got {rows!r} and {columns!r}")
    if not 0 < coverage < 1:
        raise AuditError(f"coverage must lie between 0 and 1, got {coverage!r}")
    blocks = _Blocks(x)
    total = blocks.total
    if total == 0:
        raise AuditError("the set is empty: the entropy of nothing is not defined")
    if rows + columns >= total / 2:
        h, d = entropy_and_diversity(blocks.take(np.arange(total)), bandwidth, engine)
        return EntropyEstimate(Estimate(h, h, h), Estimate(d, d, d), coverage, total, total, total)
    random = generator(seed, "entropy estimate", total, rows, columns)
    chosen = np.sort(random.choice(total, columns, replace=False))
    strata = _strata(_rough_sums(blocks, chosen, bandwidth, engine), columns, rows // _ROWS_OF_STRATUM)
    sizes = [len(stratum) for stratum in strata]
    quotas = _quotas(sizes, rows)
    drawn = [random.choice(stratum, quota, replace=False) for stratum, quota in zip(strata, quotas, strict=True)]
    exact = _exact_sums(blocks, np.concatenate(drawn), bandwidth, engine)
    by_stratum = np.split(exact, np.cumsum(quotas)[:-1])
    h, half = _stratified_mean([-np.log(p / total) for p in by_stratum], sizes, coverage)
    mean, spread = _stratified_mean([1 / p for p in by_stratum], sizes, coverage)
    diversity = float(np.log(total * mean))
    return EntropyEstimate(
        Estimate(h, h - half, h + half),
        Estimate(diversity, diversity - spread / mean, diversity + spread / mean),
        coverage,
        total,
        columns,
        len(exact),
    )


def _rough_sums(blocks: "_Blocks", chosen: NDArray[np.int64], bandwidth: float, engine: Engine) -> Values:
    """Low kernel sums over all environments, from those over the chosen ones; the self term is known.

    A rare environment looks common when one of its few neighbours happens to be a column. What the quarter of the
    columns that gives an environment most says of it is left out, and with it one happy coincidence.
    """
    parts = [blocks.take(chosen[k::_PARTS]) for k in range(_PARTS)]

    def low(block: Values, start: int) -> Values:
        seen = np.exp(np.concatenate([log_kernel_sums(block, part, [bandwidth], engine) for part in parts]))
        own = np.arange(*np.searchsorted(chosen, [start, start + len(block)]))
        seen[own % _PARTS, chosen[own] - start] -= 1.0
        np.maximum(seen, 0.0, out=seen)
        return np.asarray((seen.sum(axis=0) - seen.max(axis=0)) * _PARTS / (_PARTS - 1))

    return np.asarray(1.0 + np.concatenate(blocks.map(low)) * (blocks.total - 1) / len(chosen))


def _strata(sums: Values, columns: int, count: int) -> list[NDArray[np.int64]]:
    """Environments in the order of their low sums, cut where as much is left unknown on either side.

    The relative error of a rough sum p over n of N environments is about sqrt(N / (n p)), at most 1: that of ln p, and,
    times 1/p, of the diversity's terms. Equal shares of both make the best allocation of rows an equal one (Neyman).
    """
    relative = np.minimum(1.0, np.sqrt(len(sums) / (columns * sums)))
    shares = [unknown / unknown.sum() for unknown in (relative, relative / sums)]
    order = np.argsort(sums, kind="stable")
    passed = np.cumsum(np.sqrt(0.5 * (shares[0] ** 2 + shares[1] ** 2))[order])
    edges = np.searchsorted(passed, passed[-1] * np.arange(1, count) / count)
    return [part for part in np.split(order, np.unique(edges)) if len(part)]


def _quotas(sizes: Sequence[int], rows: int) -> list[int]:
    """Rows for each stratum, as many for all as are there; what a small one cannot use goes to the others."""
    quotas = [0] * len(sizes)
    ascending = sorted(range(len(sizes)), key=lambda k: sizes[k])
    for place, k in enumerate(ascending):
        quotas[k] = min(sizes[k], (rows - sum(quotas)) // (len(sizes) - place))
    return quotas


def _exact_sums(blocks: "_Blocks", drawn: NDArray[np.int64], bandwidth: float, engine: Engine) -> Values:
    ascending = np.argsort(drawn)
    some = blocks.take(drawn[ascending])
    parts = blocks.map(lambda block, start: log_kernel_sums(some, block, [bandwidth], engine)[0])
    exact = np.empty(len(drawn))
    exact[ascending] = np.exp(np.logaddexp.reduce(parts, axis=0))
    return exact


def _stratified_mean(values: Sequence[Values], sizes: Sequence[int], coverage: float) -> tuple[float, float]:
    """The mean over all environments, and half the width of its interval (Student's t, degrees of Satterthwaite)."""
    mean, variance, freedom = 0.0, 0.0, 0.0
    for some, size in zip(values, sizes, strict=True):
        share = size / sum(sizes)
        mean += share * float(some.mean())
        if len(some) < size:
            part = share**2 * (1 - len(some) / size) * float(some.var(ddof=1)) / len(some)
            variance += part
            freedom += part**2 / (len(some) - 1)
    if variance == 0:
        return mean, 0.0
    return mean, float(stdtrit(variance**2 / freedom, 0.5 + coverage / 2) * np.sqrt(variance))


class _Blocks:
    """Rows of an array in memory or of a dask array, block by block."""

    def __init__(self, x: Any) -> None:
        self._lazy = hasattr(x, "to_delayed")
        self._x = x.rechunk({1: -1}) if self._lazy else x
        if x.ndim != 2:
            raise AuditError(f"x must be a matrix (environments, features), got shape {x.shape}")
        self.total = int(x.shape[0])

    def take(self, index: NDArray[np.int64]) -> Descriptors:
        """Some rows; ``index`` ascends."""
        return np.asarray(self._x[index].compute() if self._lazy else self._x[index])

    def map(self, function: Callable[[Descriptors, int], Values]) -> list[Values]:
        """The function of every block and the number of its first row, in their order."""
        if not self._lazy:
            starts = range(0, self.total, _BLOCK)
            return [function(self._x[start : start + _BLOCK], start) for start in starts]
        from dask.base import compute
        from dask.delayed import delayed

        first = np.cumsum([0, *self._x.chunks[0][:-1]])
        blocks = zip(self._x.to_delayed().ravel(), map(int, first), strict=True)
        return list(compute(*(delayed(function)(block, start) for block, start in blocks)))
