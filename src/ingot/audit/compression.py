"""A small part of a data set that holds most of what it holds.

``msc`` (minimum set coverage; Schwalbe-Koda et al., Nat. Commun. 16, 4014, 2025): begin with the structure of highest
own entropy, then repeatedly take the structure that maximises ``dH_max + H``, its most novel environment's
differential entropy against all that was taken plus its own entropy. ``farthest``: the structure whose mean descriptor
is farthest from those that were taken. ``random``: for comparison.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import Literal, get_args

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from ingot.arrays import Descriptors
from ingot.audit.descriptors import environment_descriptors
from ingot.audit.entropy import BANDWIDTH, OVERLAP_THRESHOLD, delta_entropy, entropy, entropy_and_diversity
from ingot.audit.errors import AuditError
from ingot.audit.kernels import Engine
from ingot.randomness import generator

Method = Literal["msc", "farthest", "random"]


@dataclass(frozen=True)
class Coverage:
    """What the first structures of a compression hold: nats, and the share of all environments that they cover."""

    structures: int
    environments: int
    entropy: float
    diversity: float
    covered: float
    """dH below 1e-5."""
    related: float
    """dH below 1."""


def compress(
    frames: Sequence[Atoms],
    fraction: float,
    method: Method = "msc",
    given: Sequence[Atoms] | None = None,
    *,
    bandwidth: float = BANDWIDTH,
    neighbors: int = 32,
    cutoff_angstrom: float = 5.0,
    seed: int = 0,
    engine: Engine | None = None,
) -> list[int]:
    """Numbers of the structures that are kept, a ``fraction`` of all (rounded up), in the order in which they were
    taken.

    With ``given`` structures, which are there already, only what they lack counts. Raises :class:`AuditError` for a
    fraction outside (0, 1], no structures, or an unknown method.
    """
    if not 0 < fraction <= 1:
        raise AuditError(f"a fraction lies above 0 and is at most 1, got {fraction!r}")
    engine = engine or Engine()

    def described(some: Sequence[Atoms]) -> list[Descriptors]:
        x = environment_descriptors(some, neighbors, cutoff_angstrom, threads=engine.threads)
        return np.split(x, np.cumsum([len(atoms) for atoms in some])[:-1])

    known = described(given) if given else []
    count = int(np.ceil(fraction * len(frames) - 1e-9))
    return take_structures(described(frames), count, method, known, bandwidth, seed, engine)


def take_structures(
    environments: Sequence[Descriptors],
    count: int,
    method: Method = "msc",
    given: Sequence[Descriptors] = (),
    bandwidth: float = BANDWIDTH,
    seed: int = 0,
    engine: Engine | None = None,
) -> list[int]:
    """As :func:`compress`, of structures whose environments (atoms, components) are known."""
    if method not in get_args(Method):
        raise AuditError(f"method {method!r} is not known; accepted: {', '.join(get_args(Method))}")
    if not environments or not all(map(len, environments)):
        raise AuditError("there is nothing to compress: no structures, or one without atoms")
    if not 1 <= count <= len(environments):
        raise AuditError(f"{count} of {len(environments)} structures cannot be kept")
    if method == "random":
        return [int(k) for k in generator(seed, "compression").permutation(len(environments))[:count]]
    entropies = np.array([entropy(x, bandwidth, engine) for x in environments])
    if method == "farthest":
        return _farthest(environments, entropies, count, given)
    return _most_novel(environments, entropies, count, given, bandwidth, engine)


def coverage_curve(
    environments: Sequence[Descriptors],
    order: Sequence[int],
    sizes: Sequence[int],
    bandwidth: float = BANDWIDTH,
    engine: Engine | None = None,
) -> list[Coverage]:
    """What the first ``sizes`` of the structures in ``order`` hold of all."""
    everything = np.concatenate(environments)
    curve = []
    log_sums = np.full(len(everything), -np.inf)
    taken = 0
    for size in sorted(set(sizes)):
        more = np.concatenate([environments[k] for k in order[taken:size]])
        log_sums = np.logaddexp(log_sums, -delta_entropy(everything, more, bandwidth, engine))
        taken = size
        part = np.concatenate([environments[k] for k in order[:size]])
        h, d = entropy_and_diversity(part, bandwidth, engine)
        shares = [float(np.mean(-log_sums < threshold)) for threshold in (OVERLAP_THRESHOLD, 1.0)]
        curve.append(Coverage(size, len(part), h, d, *shares))
    return curve


def _most_novel(
    environments: Sequence[Descriptors],
    entropies: NDArray[np.float64],
    count: int,
    given: Sequence[Descriptors],
    bandwidth: float,
    engine: Engine | None,
) -> list[int]:
    """Greedy, and lazy: novelty only falls as more is taken, so that an old score bounds the new one from above."""
    taken = list(given)
    seen = [0] * len(environments)
    log_sums = [np.full(len(x), -np.inf) for x in environments]

    def score(k: int) -> float:
        """Of structure k against all that is taken now."""
        if seen[k] < len(taken):
            more = delta_entropy(environments[k], np.concatenate(taken[seen[k] :]), bandwidth, engine)
            log_sums[k] = np.logaddexp(log_sums[k], -more)
            seen[k] = len(taken)
        return float(entropies[k] - log_sums[k].min())

    order: list[int] = []
    if not taken:
        order.append(int(entropies.argmax()))
        taken.append(environments[order[0]])
    waiting = [(-score(k), k) for k in range(len(environments)) if k not in order]
    heapify(waiting)
    while len(order) < count:
        _, k = heappop(waiting)
        now = -score(k)
        if waiting and (now, k) > waiting[0]:
            heappush(waiting, (now, k))
            continue
        order.append(k)
        taken.append(environments[k])
    return order


def _farthest(
    environments: Sequence[Descriptors], entropies: NDArray[np.float64], count: int, given: Sequence[Descriptors]
) -> list[int]:
    means = np.array([x.mean(axis=0) for x in environments])
    order: list[int] = []
    distance = np.full(len(means), np.inf)
    for x in given:
        distance = np.minimum(distance, np.linalg.norm(means - x.mean(axis=0), axis=1))
    if not given:
        order.append(int(entropies.argmax()))
        distance = np.linalg.norm(means - means[order[0]], axis=1)
    while len(order) < count:
        distance[order] = -1.0
        order.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(means - means[order[-1]], axis=1))
    return order
