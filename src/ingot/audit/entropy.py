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

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

from ingot.arrays import Descriptors
from ingot.audit.errors import AuditError
from ingot.audit.kernels import FLOAT32_ERROR, Engine, log_kernel_sums, log_kernel_sums_self

BANDWIDTH = 0.015
"""Default bandwidth, 1/A."""

OVERLAP_THRESHOLD = 1e-5
"""Default threshold of the overlap, nats: y has at least one environment of x in it, to within 0.0045 h."""


def bandwidth_of_volume(volume_per_atom: float) -> float:
    """The bandwidth (1/A) of the published rule for a volume per atom (A^3): 0.040 for fcc aluminium.

    Schwalbe-Koda et al.: a Gaussian of the volume, fitted to thermal motion in elements.

    >>> round(bandwidth_of_volume(16.6), 4)
    0.0401
    """
    if not (np.isfinite(volume_per_atom) and volume_per_atom > 0):
        raise AuditError(f"a volume per atom must be positive (A^3), got {volume_per_atom!r}")
    return float(0.0897141 * np.exp(-0.5 * (volume_per_atom / 10.896) ** 2) + 0.0119417)


def entropy(x: Descriptors, bandwidth: float = BANDWIDTH, engine: Engine | None = None) -> float:
    """Information entropy H of a set, nats.

    >>> float(entropy(np.zeros((5, 63))))
    0.0
    """
    return entropy_and_diversity(x, bandwidth, engine)[0]


def diversity(x: Descriptors, bandwidth: float = BANDWIDTH, engine: Engine | None = None) -> float:
    """Diversity D of a set, nats: exp(D) counts distinct environments."""
    return entropy_and_diversity(x, bandwidth, engine)[1]


def entropy_and_diversity(
    x: Descriptors, bandwidth: float = BANDWIDTH, engine: Engine | None = None
) -> tuple[float, float]:
    """Both from one pass over the pairs."""
    ((_, h, d),) = bandwidth_scan(x, [bandwidth], engine)
    return h, d


def entropies(log_sums: NDArray[np.float64]) -> tuple[float, float]:
    """H and D, nats, from the logarithmic kernel sums of all environments of a set; rounding makes no H negative."""
    return max(0.0, float(np.log(len(log_sums)) - log_sums.mean())), float(logsumexp(-log_sums))


def bandwidth_scan(
    x: Descriptors, bandwidths: Sequence[float], engine: Engine | None = None
) -> list[tuple[float, float, float]]:
    """``(bandwidth, H, D)`` for several bandwidths (1/A) from one pass over the pairs."""
    if not len(x):
        raise AuditError("the set is empty: the entropy of nothing is not defined")
    sums = log_kernel_sums_self(x, bandwidths, engine)
    return [(float(h), *entropies(log_sums)) for h, log_sums in zip(bandwidths, sums, strict=True)]


def delta_entropy(
    y: Descriptors, x: Descriptors, bandwidth: float = BANDWIDTH, engine: Engine | None = None
) -> NDArray[np.float64]:
    """Differential entropy dH(y_i | x) of every row of ``y``, nats; finite at any distance."""
    return np.asarray(-log_kernel_sums(y, x, [bandwidth], engine)[0])


def overlap(
    y: Descriptors,
    x: Descriptors,
    bandwidth: float = BANDWIDTH,
    threshold: float = OVERLAP_THRESHOLD,
    engine: Engine | None = None,
) -> float:
    """The fraction of ``y`` with dH(y | x) below ``threshold`` (nats), between 0 and 1.

    In float32 the rows that rounding could carry over the threshold are settled in float64, so
    that both precisions give one answer and an exact duplicate always counts.
    """
    if not len(y):
        raise AuditError("the tested set is empty: its overlap is not defined")
    if not np.isfinite(threshold):
        raise AuditError(f"the overlap threshold must be a number of nats, got {threshold!r}")
    engine = engine or Engine()
    novelty = delta_entropy(y, x, bandwidth, engine)
    if engine.precision == "float32":
        near = np.flatnonzero(np.abs(novelty - threshold) <= FLOAT32_ERROR)
        if len(near):
            novelty[near] = delta_entropy(np.asarray(y)[near], x, bandwidth, replace(engine, precision="float64"))
    return float(np.mean(novelty < threshold))
