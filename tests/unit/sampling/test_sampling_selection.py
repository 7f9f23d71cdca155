"""Selection: novelty, spread, duplicates, convergence."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from scipy.stats import rankdata

from ingot.sampling import SamplingError, Scored, draw_controls, judge, relative_costs, score_and_pick
from ingot.sampling.selection import Strategy, _ranks
from ingot.structures import describe


def crystal(a: float, rattle: float = 0.0, seed: int = 0, lattice: str = "fcc") -> Atoms:
    atoms = bulk("Al", lattice, a=a, cubic=True)
    if rattle:
        atoms.rattle(rattle, seed=seed)
    return describe(atoms, "md")


KNOWN = [crystal(4.05), crystal(4.05, 0.05, 1), crystal(4.05, 0.05, 2)]
FAR, NEAR, SAME = crystal(3.3, 0.3, 3, "bcc"), crystal(4.2, 0.1, 4), crystal(4.05, 0.05, 2)


def picked(scored: list[Scored]) -> list[int]:
    return [i for _, i in sorted((s.pick, i) for i, s in enumerate(scored) if s.pick is not None)]


def test_what_is_known_already_is_a_duplicate_however_uncertain() -> None:
    scored = score_and_pick([SAME, FAR], [9.0, 0.1], KNOWN, 5, "novelty-uncertainty", 1)
    assert picked(scored) == [1]
    assert scored[0].duplicate
    assert scored[0].novel_fraction == 0
    assert scored[1].novel_fraction == 1


def test_the_same_frame_is_not_picked_twice() -> None:
    scored = score_and_pick([FAR, NEAR, FAR], [0.3, 0.1, 0.3], KNOWN, 3, "novelty-uncertainty", 1)
    assert picked(scored) == [0, 1]
    assert scored[2].duplicate


def test_novelty_decides_between_equal_spreads_and_spread_between_equal_novelties() -> None:
    assert picked(score_and_pick([NEAR, FAR], [0.2, 0.2], KNOWN, 1, "novelty-uncertainty", 1)) == [1]
    twin = crystal(3.3, 0.3, 3, "bcc")
    twin.set_cell(twin.cell.array[[1, 0, 2]])  # a mirror image has the same environments
    twin.positions = twin.positions[:, [1, 0, 2]]
    scored = score_and_pick([FAR, twin], [0.1, 0.2], KNOWN, 1, "novelty-uncertainty", 1)
    assert scored[0].novelty == pytest.approx(scored[1].novelty, rel=1e-6)
    assert picked(scored) == [1]


def test_uncertainty_alone_ranks_by_the_spread() -> None:
    assert picked(score_and_pick([FAR, NEAR], [0.1, 0.2], KNOWN, 2, "uncertainty", 1)) == [1, 0]


@pytest.mark.parametrize("strategy", ["uncertainty", "novelty-uncertainty"])
def test_kinds_of_candidates_share_the_budget_as_they_share_the_candidates(strategy: Strategy) -> None:
    """Minima, whose spreads are all below those of the hot frames, are ranked among themselves."""
    candidates = [crystal(3.4 + 0.1 * i, 0.2, i) for i in range(9)]
    spreads = [0.5, 0.9, 0.8, 0.7, 0.6, 0.55, 0.01, 0.03, 0.02]
    sources = ["dynamics"] * 6 + ["quench"] * 3
    assert not {6, 7, 8} & set(picked(score_and_pick(candidates, spreads, KNOWN, 3, "uncertainty", 1)))
    found = picked(score_and_pick(candidates, spreads, KNOWN, 3, strategy, 1, sources=sources))
    assert len({6, 7, 8} & set(found)) == 1
    if strategy == "uncertainty":
        assert found == [1, 2, 7]
        assert picked(score_and_pick(candidates, spreads, KNOWN, 6, strategy, 1, sources=sources)) == [1, 2, 7, 3, 4, 8]
    with pytest.raises(SamplingError, match="1 sources"):
        score_and_pick(candidates, spreads, KNOWN, 3, strategy, 1, sources=["dynamics"])


def test_random_depends_on_the_seed_only() -> None:
    candidates = [crystal(3.6 + 0.1 * i, 0.2, i) for i in range(6)]
    first = [picked(score_and_pick(candidates, list(range(6)), KNOWN, 2, "random", s)) for s in range(6)]
    second = [picked(score_and_pick(candidates, [0.0] * 6, KNOWN, 2, "random", s)) for s in range(6)]
    assert first == second
    assert len({tuple(f) for f in first}) > 2


def test_novelty_to_what_was_picked_counts() -> None:
    """Two near-twins score highest; the second of them must wait for the other candidate."""
    twin = FAR.copy()
    twin.positions += 1e-4 * np.random.default_rng(0).normal(size=(2, 3))
    twin = describe(twin, "md")
    spreads = [0.30, 0.29, 0.1]
    assert picked(score_and_pick([FAR, twin, NEAR], spreads, KNOWN, 2, "novelty-uncertainty", 1)) == [0, 2]


def test_an_empty_budget_and_no_candidates() -> None:
    assert picked(score_and_pick([FAR], [1.0], KNOWN, 0, "uncertainty", 1)) == []
    assert score_and_pick([], [], KNOWN, 3, "uncertainty", 1) == []
    with pytest.raises(SamplingError, match="relative to data"):
        score_and_pick([FAR], [1.0], [], 3, "uncertainty", 1)
    with pytest.raises(SamplingError, match="1 candidates but 2"):
        score_and_pick([FAR], [1.0, 2.0], KNOWN, 3, "uncertainty", 1)


def test_the_budget_counts_what_labels_cost() -> None:
    """Three novel cells of 1, 2 and 8 units; the dearest has the largest spread."""
    candidates = [crystal(3.4, 0.2, 1), crystal(3.8, 0.2, 2), crystal(5.0, 0.2, 3)]
    arguments = (candidates, [0.1, 0.2, 0.3], KNOWN, 5, "uncertainty", 1)
    costs = [1.0, 2.0, 8.0]
    assert picked(score_and_pick(*arguments, costs=costs)) == [2, 1, 0]
    assert picked(score_and_pick(*arguments, costs=costs, cost_budget=9.5)) == [2, 0]
    assert picked(score_and_pick(*arguments, costs=costs, cost_budget=3.0)) == [1, 0]
    assert picked(score_and_pick(*arguments, costs=costs, cost_budget=1.5)) == [0]
    passed_over = score_and_pick(*arguments, costs=costs, cost_budget=3.0)[2]
    assert not passed_over.duplicate
    with pytest.raises(SamplingError, match=r"cheapest costs as much as 1 average"):
        score_and_pick(*arguments, costs=costs, cost_budget=0.5)
    assert relative_costs([crystal(4.0) * (2, 1, 1)], [crystal(4.0)] * 3, lambda a: float(len(a) ** 2)) == [4.0]
    with pytest.raises(SamplingError, match="leave cost_budget out"):
        relative_costs([FAR], [FAR], lambda _: 0.0)


def test_convergence_may_ask_for_several_calm_iterations() -> None:
    quiet = score_and_pick([SAME] * 3, [0.1] * 3, KNOWN, 2, "novelty-uncertainty", 1)
    loud = score_and_pick([FAR, NEAR], [0.1, 0.2], KNOWN, 2, "novelty-uncertainty", 1)
    for before, converged in (([], False), ([True], False), ([True, True], True), ([True, False, True], False)):
        verdict = judge(quiet, [False] * 10, 0.1, 0.05, 3, before)
        assert verdict.calm
        assert verdict.converged is converged
    assert "2 of 3 calm iterations" in judge(quiet, [False] * 10, 0.1, 0.05, 3, [True]).reason
    assert not judge(loud, [False] * 10, 0.1, 0.05, 1, [True]).calm


def test_the_loop_converges_when_stops_and_novelty_are_rare() -> None:
    quiet = score_and_pick([SAME] * 3, [0.1] * 3, KNOWN, 2, "novelty-uncertainty", 1)
    loud = score_and_pick([FAR, NEAR], [0.1, 0.2], KNOWN, 2, "novelty-uncertainty", 1)
    assert judge(quiet, [False] * 10, 0.1, 0.05).converged
    assert not judge(loud, [False] * 10, 0.1, 0.05).converged
    assert not judge(loud, [True] * 10, 0.1, 0.05).converged
    assert judge(loud, [True, False], 0.1, 0.05).early_stop_fraction == 0.5
    broken = judge([], [False] * 3, 0.1, 0.05)
    assert not broken.converged
    assert "no trajectory left a frame" in broken.reason
    stuck = judge(quiet, [True] * 10, 0.1, 0.05)
    assert stuck.converged
    assert "nothing was picked" in stuck.reason


def test_controls_are_drawn_without_the_selected() -> None:
    pool = [crystal(4.0 + 0.01 * i) for i in range(8)]
    without = [pool[0].info["structure_id"]]
    drawn = draw_controls(pool, 4, 1, without)
    ids = [a.info["structure_id"] for a in drawn]
    assert len(set(ids)) == 4
    assert without[0] not in ids
    assert ids == [a.info["structure_id"] for a in draw_controls(pool, 4, 1, without)]
    assert len(draw_controls(pool, 20, 1)) == 8


def test_ranks_share_ties_and_what_is_not_a_number_comes_first():
    random = np.random.default_rng(0)
    for _ in range(20):
        values = random.integers(0, 5, 9).astype(float)
        values[0] = np.inf
        assert np.array_equal(_ranks(values), rankdata(values))
    assert np.array_equal(_ranks([2.0, np.nan, 1.0]), [3, 1, 2])
