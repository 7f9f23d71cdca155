"""Which candidates are worth a label: the novel ones that the ensemble does not agree on, and not twice the same."""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from ingot.audit import delta_entropy, environment_descriptors
from ingot.randomness import generator
from ingot.sampling.errors import SamplingError

Strategy = Literal["novelty-uncertainty", "uncertainty", "random"]


@dataclass(frozen=True)
class Novelty:
    """How novelty is measured: see :mod:`ingot.audit`. A threshold of zero nats is the definition of novel."""

    bandwidth: float = 0.015
    neighbors: int = 32
    cutoff: float = 5.0
    threshold: float = 1e-5


@dataclass(frozen=True)
class Scored:
    """One candidate and what was thought of it."""

    atoms: Atoms
    spread: float
    """Of the forces, averaged over atoms, eV/A."""
    novelty: float
    """Median differential entropy of its environments to the data, nats."""
    novel_fraction: float
    """Share of its environments that are novel to the data."""
    pick: int | None
    """The place at which it was picked, from 0; ``None`` when it was not."""
    duplicate: bool
    """Whether, at the end, no environment of it was novel to the data and the picked candidates."""


def score_and_pick(
    candidates: Sequence[Atoms],
    spreads: Sequence[float],
    known: Sequence[Atoms],
    budget: int,
    strategy: Strategy,
    seed: int,
    novelty: Novelty | None = None,
    costs: Sequence[float] | None = None,
    cost_budget: float = math.inf,
    sources: Sequence[str] | None = None,
) -> list[Scored]:
    """Score all candidates and pick at most ``budget`` of them, greedily.

    Candidates are ranked by the sum of two ranks, that of the median differential entropy of
    their environments and that of their spread (ranks, because nats and eV/A have no common
    scale). After each pick, novelty is measured against the data *and* what was picked, so
    that two frames of one kind do not both spend the budget. A candidate without a novel
    environment is never picked. ``random`` picks among the same candidates without looking.

    Where ``sources`` tells candidates of several kinds apart (dynamics, attacks, quenches), each is ranked among its
    own and picks go to the kinds in proportion to their candidates: spreads and novelties of hot frames are larger than
    those of minima, whose labels are worth no less.

    The ``costs`` of all picks together are at most ``cost_budget``; what no longer fits is passed over. Raises
    :class:`SamplingError` when no candidate fits.
    """
    how = novelty or Novelty()
    costs = [0.0] * len(candidates) if costs is None else costs
    kinds = ["all"] * len(candidates) if sources is None else sources
    if len({len(candidates), len(spreads), len(costs), len(kinds)}) > 1:
        raise SamplingError(
            f"{len(candidates)} candidates but {len(spreads)} spreads, {len(costs)} costs and {len(kinds)} sources"
        )
    if not candidates:
        return []
    if budget and min(costs) > cost_budget:
        raise SamplingError(
            f"cost_budget {cost_budget:g} does not pay for one candidate: the cheapest costs as much as "
            f"{min(costs):.3g} average structures of the first data; raise active_learning.selection.cost_budget"
        )
    if not known:
        raise SamplingError("novelty is relative to data: give at least one labelled structure")
    environments = [environment_descriptors([atoms], how.neighbors, how.cutoff) for atoms in candidates]
    data = environment_descriptors(known, how.neighbors, how.cutoff)
    initial = [delta_entropy(x, data, how.bandwidth) for x in environments]
    current = [values.copy() for values in initial]
    order = generator(seed, "random-selection").permutation(len(candidates))
    picks: dict[int, int] = {}
    while len(picks) < budget:
        affordable = cost_budget - sum(costs[i] for i in picks)
        left = [
            i
            for i in range(len(candidates))
            if i not in picks and costs[i] <= affordable and (current[i] > how.threshold).any()
        ]
        if not left:
            break
        if strategy == "random":
            best = next(int(i) for i in order if int(i) in left)
        else:
            left = _next_source(left, kinds, picks)
            score = _ranks([spreads[i] for i in left])
            if strategy == "novelty-uncertainty":
                score = score + _ranks([np.median(current[i]) for i in left])
            best = left[int(np.argmax(score))]  # the first of equals: the order of the trajectories decides
        picks[best] = len(picks)
        for i in set(range(len(candidates))) - set(picks):
            # dH to a union: the kernel sums add.
            more = delta_entropy(environments[i], environments[best], how.bandwidth)
            current[i] = -np.logaddexp(-current[i], -more)
    return [
        Scored(
            atoms=atoms,
            spread=float(spreads[i]),
            novelty=float(np.median(initial[i])),
            novel_fraction=float(np.mean(initial[i] > how.threshold)),
            pick=picks.get(i),
            duplicate=i not in picks and not (current[i] > how.threshold).any(),
        )
        for i, atoms in enumerate(candidates)
    ]


def _ranks(values: Sequence[float]) -> NDArray[np.float64]:
    """1 for the smallest; equal values share the mean of their ranks, and what is not a number comes first."""
    _, place, counts = np.unique(
        np.nan_to_num(values, nan=-np.inf, posinf=np.inf), return_inverse=True, return_counts=True
    )
    return (np.cumsum(counts) - (counts - 1) / 2)[place]


def _next_source(left: Sequence[int], sources: Sequence[str], picks: Mapping[int, int]) -> list[int]:
    """Of what is left, the candidates of the source that one more pick leaves with the smallest share of its own."""
    all_of, picked_of = Counter(sources), Counter(sources[i] for i in picks)
    shares = {sources[i]: (picked_of[sources[i]] + 1) / all_of[sources[i]] for i in left}
    source = min(shares, key=lambda name: shares[name])
    return [i for i in left if sources[i] == source]


def relative_costs(
    candidates: Sequence[Atoms], first: Sequence[Atoms], estimate: Callable[[Atoms], float]
) -> list[float]:
    """Estimated costs of labels in units of the mean of the first data: a unit that no iteration changes."""
    average = float(np.mean([estimate(atoms) for atoms in first])) if first else 0.0
    if average <= 0:
        raise SamplingError("the label method's estimate of cost says nothing about these data: leave cost_budget out")
    return [estimate(atoms) / average for atoms in candidates]


@dataclass(frozen=True)
class Verdict:
    """Whether the loop has converged, and why or why not."""

    converged: bool
    reason: str
    calm: bool
    """Whether this iteration by itself is below both limits."""
    early_stop_fraction: float
    novel_fraction: float


def judge(
    scored: Sequence[Scored],
    early: Sequence[bool],
    converged_early_stops: float,
    converged_novelty: float,
    converged_iterations: int = 1,
    before: Sequence[bool] = (),
) -> Verdict:
    """Converged when few trajectories stop early and few environments of the candidates are novel, in
    ``converged_iterations`` one after another; ``before`` says which of the last ones were ``calm``."""
    if not early:
        raise SamplingError("no trajectories: nothing can be said about convergence")
    stops = float(np.mean(early))
    weights = [len(s.atoms) for s in scored]
    novel = float(np.average([s.novel_fraction for s in scored], weights=weights)) if scored else 0.0
    facts = f"{stops:.0%} of trajectories stopped early, {novel:.0%} of candidate environments are novel"
    if not scored:
        # All discarded: that is a broken potential or a broken start, not a converged loop.
        return Verdict(False, "no trajectory left a frame that could be labelled", False, stops, novel)
    if stops <= converged_early_stops and novel <= converged_novelty:
        in_a_row = 1
        while in_a_row <= len(before) and before[-in_a_row]:
            in_a_row += 1
        if converged_iterations > 1:
            facts += f", {in_a_row} of {converged_iterations} calm iterations in a row"
        return Verdict(in_a_row >= converged_iterations, facts, True, stops, novel)
    if not any(s.pick is not None for s in scored):
        stuck = f"{facts}, but nothing was picked: another iteration would repeat this one"
        return Verdict(True, stuck, False, stops, novel)
    limits = f"converged at {converged_early_stops:.0%} and {converged_novelty:.0%}"
    return Verdict(False, f"{facts} ({limits})", False, stops, novel)


def draw_controls(controls: Sequence[Atoms], count: int, seed: int, without: Sequence[str] = ()) -> list[Atoms]:
    """``count`` frames drawn at random, in their own order, leaving out the ids in ``without``."""
    left = [i for i, atoms in enumerate(controls) if atoms.info["structure_id"] not in set(without)]
    chosen = generator(seed, "controls").permutation(len(left))[:count]
    return [controls[left[int(i)]] for i in sorted(chosen)]
