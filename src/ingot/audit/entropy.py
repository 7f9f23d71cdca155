"""Information entropy, diversity, novelty and overlap of sets of environments, in nats.

With the kernel sum ``p_i = sum_j K(x_i, x_j)``, the self term included, and N environments
(Schwalbe-Koda et al., Nat. Commun. 16, 4014, 2025):

* entropy ``H = -mean ln(p_i / N)``, from 0 (all alike) to ln N (all different);
* diversity ``D = ln sum 1/p_i``, the logarithm of the number of distinct environments;
* differential entropy ``dH(y | x) = -ln sum_j K(y, x_j)``: above 0, y is novel to x;
* overlap: the fraction of y with dH below a threshold.

The bandwidth h of ``K = exp(-|x - x'|^2 / 2 h^2)`` is 0.015 1/A by default, that of the
published ANI-Al curves.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp, ndtri

from ingot.arrays import Descriptors
from ingot.audit.errors import AuditError
from ingot.audit.kernels import Precision, checked, float32_error, log_kernel_sums, log_kernel_sums_self
from ingot.randomness import generator

BANDWIDTH = 0.015
"""Default bandwidth, 1/A."""

OVERLAP_THRESHOLD = 1e-5
"""Default threshold of the overlap, nats: y has at least one environment of x in it, to within 0.0045 h."""


def _self_sums(x: Descriptors, bandwidth: float, precision: Precision, threads: int) -> np.ndarray:
    if not len(x):
        raise AuditError("the set is empty: the entropy of nothing is not defined")
    return log_kernel_sums_self(x, bandwidth, precision, threads)


def entropy(x: Descriptors, bandwidth: float = BANDWIDTH, precision: Precision = "float64", threads: int = 1) -> float:
    """Information entropy H of a set, nats.

    >>> float(entropy(np.zeros((5, 63))))
    0.0
    """
    sums = _self_sums(x, bandwidth, precision, threads)
    return float(np.log(len(sums)) - sums.mean())


def diversity(
    x: Descriptors, bandwidth: float = BANDWIDTH, precision: Precision = "float64", threads: int = 1
) -> float:
    """Diversity D of a set, nats: exp(D) counts distinct environments."""
    return float(logsumexp(-_self_sums(x, bandwidth, precision, threads)))


def entropy_and_diversity(
    x: Descriptors, bandwidth: float = BANDWIDTH, precision: Precision = "float64", threads: int = 1
) -> tuple[float, float]:
    """Both from one pass over the pairs."""
    sums = _self_sums(x, bandwidth, precision, threads)
    return float(np.log(len(sums)) - sums.mean()), float(logsumexp(-sums))


def delta_entropy(
    y: Descriptors, x: Descriptors, bandwidth: float = BANDWIDTH, precision: Precision = "float64", threads: int = 1
) -> np.ndarray:
    """Differential entropy dH(y_i | x) of every row of ``y``, nats; finite at any distance."""
    return -log_kernel_sums(y, x, bandwidth, precision, threads)


def overlap(
    y: Descriptors,
    x: Descriptors,
    bandwidth: float = BANDWIDTH,
    threshold: float = OVERLAP_THRESHOLD,
    precision: Precision = "float64",
    threads: int = 1,
) -> float:
    """The fraction of ``y`` with dH(y | x) below ``threshold`` (nats), between 0 and 1.

    In float32 the rows that rounding could carry over the threshold are settled in float64, so
    that both precisions give one answer and an exact duplicate always counts.
    """
    if not len(y):
        raise AuditError("the tested set is empty: its overlap is not defined")
    if not np.isfinite(threshold):
        raise AuditError(f"the overlap threshold must be a number of nats, got {threshold!r}")
    novelty = delta_entropy(y, x, bandwidth, precision, threads)
    if precision == "float32":
        near = np.flatnonzero(np.abs(novelty - threshold) <= float32_error(y, x, bandwidth))
        if len(near):
            novelty[near] = delta_entropy(np.asarray(y)[near], x, bandwidth, "float64", threads)
    return float(np.mean(novelty < threshold))


@dataclass(frozen=True)
class EntropyEstimate:
    """An entropy from some of the rows: ``value`` with a two-sided interval, nats."""

    value: float
    lower: float
    upper: float
    coverage: float
    rows: int


def estimate_entropy(
    x: Descriptors,
    bandwidth: float = BANDWIDTH,
    seed: int = 0,
    rows: int = 2000,
    coverage: float = 0.95,
    precision: Precision = "float64",
    threads: int = 1,
) -> EntropyEstimate:
    """The entropy of a large set from the kernel sums of ``rows`` random rows against *all* rows.

    Unlike an entropy of a subsample this is unbiased: the mean of ``-ln(p_i / N)`` over a simple
    random sample. The interval is the normal one, with the finite-population correction;
    it needs a few hundred rows, since ``ln p`` is skewed. ``rows >= N`` gives the exact
    value and an interval of width zero.
    """
    x = checked(x, "x")
    total = len(x)
    if rows < 2:
        raise AuditError(f"an estimate needs at least 2 rows, got {rows!r}")
    if not 0 < coverage < 1:
        raise AuditError(f"coverage must lie between 0 and 1, got {coverage!r}")
    if rows >= total:
        value = entropy(x, bandwidth, precision, threads)
        return EntropyEstimate(value, value, value, coverage, total)
    chosen = np.sort(generator(seed, "entropy rows", total, rows).choice(total, rows, replace=False))
    surprise = np.log(total) - log_kernel_sums(x[chosen], x, bandwidth, precision, threads)
    spread = surprise.std(ddof=1) / np.sqrt(rows) * np.sqrt(1 - rows / total)
    half = float(ndtri(0.5 + coverage / 2) * spread)
    value = float(surprise.mean())
    return EntropyEstimate(value, value - half, value + half, coverage, rows)
