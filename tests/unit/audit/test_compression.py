"""Compression: the published rule step by step, what it covers, what is there already."""

from itertools import pairwise

import numpy as np
import pytest
from ase.build import bulk
from scipy.spatial.distance import cdist

from ingot.audit import AuditError, compress, coverage_curve, entropy, environment_descriptors, take_structures

RNG = np.random.default_rng(2)
CENTRES = RNG.normal(0, 0.2, (6, 10))
SETS = [c + RNG.normal(0, 0.012, (RNG.integers(3, 9), 10)) for c in CENTRES[RNG.integers(0, 6, 40)]]


def by_the_rule(count: int, given: list[np.ndarray], h: float = 0.015) -> list[int]:
    """Every structure scored anew at every step, kernels summed one by one."""
    order: list[int] = []
    while len(order) < count:
        known = [*given, *(SETS[k] for k in order)]
        best, top = -1, -np.inf
        for k, x in enumerate(SETS):
            if k in order:
                continue
            own = entropy(x, h)
            if known:
                d = cdist(x, np.concatenate(known))
                least = np.log(np.exp(-(d**2 - (d**2).min(1)[:, None]) / 2 / h**2).sum(1)) - (d**2).min(1) / 2 / h**2
                own -= least.min()
            if own > top:
                best, top = k, own
        order.append(best)
    return order


def test_takes_what_the_published_rule_takes() -> None:
    assert take_structures(SETS, 12) == by_the_rule(12, [])


def test_what_is_given_is_not_taken_again() -> None:
    given = SETS[:20]
    order = take_structures(SETS, 10, given=given)
    assert order == by_the_rule(10, given)
    assert not set(order[:4]) & set(range(20))


@pytest.mark.parametrize("method", ["msc", "farthest", "random"])
def test_every_structure_once_and_nested(method: str) -> None:
    everything = take_structures(SETS, len(SETS), method)  # type: ignore[arg-type]
    assert sorted(everything) == list(range(len(SETS)))
    assert take_structures(SETS, 7, method) == everything[:7]  # type: ignore[arg-type]


def test_each_phase_is_seen_before_any_is_seen_twice() -> None:
    labels = [int(cdist(x.mean(axis=0)[None], CENTRES).argmin()) for x in SETS]
    present = len(set(labels))
    for method in ("msc", "farthest"):
        order = take_structures(SETS, present, method)  # type: ignore[arg-type]
        assert len({labels[k] for k in order}) == present


def test_coverage_grows_to_everything_and_msc_covers_more_than_chance() -> None:
    sizes = [3, 6, 20, len(SETS)]
    chosen, drawn = (
        coverage_curve(SETS, take_structures(SETS, len(SETS), m, seed=3), sizes) for m in ("msc", "random")
    )
    for curve in (chosen, drawn):
        assert [point.structures for point in curve] == sizes
        assert all(a.related <= b.related for a, b in pairwise(curve))
        assert curve[-1].covered == curve[-1].related == 1.0
        assert curve[-1].entropy == pytest.approx(entropy(np.concatenate(SETS)))
    assert chosen[0].diversity > drawn[0].diversity


def test_frames_by_their_own_descriptors() -> None:
    frames = []
    for k, scale in enumerate([0.02, 0.02, 0.02, 0.3, 0.02, 0.02]):
        atoms = bulk("Al", cubic=True)
        atoms.rattle(scale, seed=k)
        frames.append(atoms)
    x = [environment_descriptors([atoms]) for atoms in frames]
    assert compress(frames, 0.3) == take_structures(x, 2)
    assert 3 in compress(frames, 0.3)
    assert 3 not in compress(frames, 0.1, given=[frames[3]])


def test_bad_requests_are_refused() -> None:
    atoms = [bulk("Al")]
    for fraction in (0.0, 1.5, np.nan):
        with pytest.raises(AuditError, match="fraction"):
            compress(atoms, fraction)
    with pytest.raises(AuditError, match="method 'best'"):
        compress(atoms, 1.0, "best")  # type: ignore[arg-type]
    with pytest.raises(AuditError, match="nothing to compress"):
        take_structures([], 1)
    with pytest.raises(AuditError, match="nothing to compress"):
        take_structures([np.empty((0, 3))], 1)
    with pytest.raises(AuditError, match="5 of 1"):
        take_structures([np.ones((2, 3))], 5)
