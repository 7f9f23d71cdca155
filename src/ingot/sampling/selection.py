"""Which candidates are worth a label: the novel ones that the ensemble does not agree on, and not twice the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from ase import Atoms
from scipy.stats import rankdata

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
) -> list[Scored]:
    """Score all candidates and pick at most ``budget`` of them, greedily.

    Candidates are ranked by the sum of two ranks, that of the median differential entropy of
    their environments and that of their spread (ranks, because nats and eV/A have no common
    scale). After each pick, novelty is measured against the data *and* what was picked, so
    that two frames of one kind do not both spend the budget. A candidate without a novel
    environment is never picked. ``random`` picks among the same candidates without looking.
    """
    how = novelty or Novelty()
    if len(candidates) != len(spreads):
        raise SamplingError(f"{len(candidates)} candidates but {len(spreads)} spreads")
    if not candidates:
        return []
    if not known:
        raise SamplingError("novelty is relative to data: give at least one labelled structure")
    environments = [environment_descriptors([atoms], how.neighbors, how.cutoff) for atoms in candidates]
    data = environment_descriptors(known, how.neighbors, how.cutoff)
    initial = [delta_entropy(x, data, how.bandwidth) for x in environments]
    current = [values.copy() for values in initial]
    order = generator(seed, "random-selection").permutation(len(candidates))
    picks: dict[int, int] = {}
    while len(picks) < budget:
        left = [i for i in range(len(candidates)) if i not in picks and (current[i] > how.threshold).any()]
        if not left:
            break
        if strategy == "random":
            best = next(int(i) for i in order if int(i) in left)
        else:
            score = rankdata([spreads[i] for i in left])
            if strategy == "novelty-uncertainty":
                score = score + rankdata([np.median(current[i]) for i in left])
            best = left[int(np.argmax(score))]  # the first of equals: the order of the trajectories decides
        picks[best] = len(picks)
        for i in left:
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


@dataclass(frozen=True)
class Verdict:
    """Whether the loop has converged, and why or why not."""

    converged: bool
    reason: str
    early_stop_fraction: float
    novel_fraction: float


def judge(
    scored: Sequence[Scored], early: Sequence[bool], converged_early_stops: float, converged_novelty: float
) -> Verdict:
    """Converged when few trajectories stop early and few environments of the candidates are novel."""
    if not early:
        raise SamplingError("no trajectories: nothing can be said about convergence")
    stops = float(np.mean(early))
    weights = [len(s.atoms) for s in scored]
    novel = float(np.average([s.novel_fraction for s in scored], weights=weights)) if scored else 0.0
    facts = f"{stops:.0%} of trajectories stopped early, {novel:.0%} of candidate environments are novel"
    if not scored:
        # All discarded: that is a broken potential or a broken start, not a converged loop.
        return Verdict(False, "no trajectory left a frame that could be labelled", stops, novel)
    if stops <= converged_early_stops and novel <= converged_novelty:
        return Verdict(True, facts, stops, novel)
    if not any(s.pick is not None for s in scored):
        return Verdict(True, f"{facts}, but nothing was picked: another iteration would repeat this one", stops, novel)
    return Verdict(
        False, f"{facts} (converged at {converged_early_stops:.0%} and {converged_novelty:.0%})", stops, novel
    )


def draw_controls(controls: Sequence[Atoms], count: int, seed: int, without: Sequence[str] = ()) -> list[Atoms]:
    """``count`` frames drawn at random, in their own order, leaving out the ids in ``without``."""
    left = [i for i, atoms in enumerate(controls) if atoms.info["structure_id"] not in set(without)]
    chosen = generator(seed, "controls").permutation(len(left))[:count]
    return [controls[left[int(i)]] for i in sorted(chosen)]
