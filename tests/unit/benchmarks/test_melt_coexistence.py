"""What a coexistence run may claim."""

import numpy as np
import pytest
from ase import Atoms

from ingot.benchmarks.coexistence import CoexistenceRun, combine
from ingot.benchmarks.melt import Series


def run(
    start: float, settled: float, solid: tuple[float, float], noise: float = 20.0, seed: int = 1, samples: int = 400
) -> CoexistenceRun:
    """A made-up run: temperature relaxes from ``start`` to ``settled`` while the solid fraction changes."""
    rng = np.random.default_rng(seed)
    time = np.arange(samples) / samples
    series = Series()
    fraction = np.clip(solid[0] + (solid[1] - solid[0]) * 2 * time, min(solid), max(solid))
    temperature = settled + (start - settled) * np.exp(-time / 0.1) + noise * rng.normal(size=samples)
    for t, f in zip(temperature, fraction, strict=True):
        series.add(temperature=t, solid_fraction=f)
    return CoexistenceRun(start, series, Atoms(), Atoms(), 0.0)


def test_two_runs_that_meet_give_the_melting_point() -> None:
    point = combine([run(1000, 930, (0.5, 0.3)), run(860, 930, (0.5, 0.7), seed=2)])
    assert point.status == "ok"
    assert point.value == pytest.approx(930, abs=4)
    assert point.uncertainty is not None
    assert abs(point.value - 930) < 3 * point.uncertainty < 15
    assert "not met" not in point.note


def test_runs_that_have_not_met_say_so_and_carry_it_in_the_error() -> None:
    point = combine([run(1000, 960, (0.5, 0.4)), run(860, 900, (0.5, 0.6))])
    assert point.status == "ok"
    assert point.value == pytest.approx(930, abs=4)
    assert point.uncertainty == pytest.approx(30, abs=4)
    assert "the runs have not met" in point.note


def test_more_cells_make_the_error_smaller_unless_they_scatter() -> None:
    starts = [1000, 860] * 4
    runs = [run(start, 930, (0.5, 0.4), seed=k) for k, start in enumerate(starts)]
    few, many = combine(runs[:2]), combine(runs)
    assert many.uncertainty < few.uncertainty
    assert abs(many.value - 930) < 3 * many.uncertainty
    scattered = combine([run(start, 930 + 40 * (-1) ** (k // 2), (0.5, 0.4), seed=k) for k, start in enumerate(starts)])
    assert scattered.value == pytest.approx(930, abs=4)
    assert scattered.uncertainty == pytest.approx(40 * np.sqrt(8 / 7) / np.sqrt(8), rel=0.1)
    assert "not met" not in scattered.note  # both sides scatter alike


def test_one_phase_is_a_bound_and_never_a_melting_point() -> None:
    melted = [run(1000, 950, (0.5, 0.0)), run(1100, 970, (0.5, 0.0), seed=2)]
    point = combine(melted)
    assert point.status == "bound"
    assert point.uncertainty is None
    assert "upper bound" in point.note
    assert point.value == min(r.temperature.mean for r in melted)
    frozen = combine([run(860, 900, (0.5, 1.0)), run(800, 880, (0.5, 1.0))])
    assert frozen.status == "bound"
    assert "lower bound" in frozen.note


def test_bounds_from_both_sides_are_a_bracket() -> None:
    point = combine([run(1000, 960, (0.5, 0.0), 5.0), run(860, 900, (0.5, 1.0), 5.0)])
    assert point.status == "bound"
    low, high = sorted(r.temperature.mean for r in (run(1000, 960, (0.5, 0.0), 5.0), run(860, 900, (0.5, 1.0), 5.0)))
    assert point.value == pytest.approx((low + high) / 2)
    assert point.uncertainty == pytest.approx((high - low) / 2)


def test_bounds_that_contradict_each_other_are_called_so() -> None:
    point = combine([run(850, 850, (0.5, 0.0), 1.0), run(950, 950, (0.5, 1.0), 1.0)])
    assert point.status == "bound"
    assert "contradict" in point.note
    assert point.uncertainty == pytest.approx(50, abs=2)


def test_one_run_with_both_phases_counts_and_a_contradicting_bound_widens_it() -> None:
    kept, melted = run(860, 930, (0.5, 0.6), 5.0), run(1000, 960, (0.5, 0.0), 5.0)
    agreeing = combine([melted, kept])
    assert agreeing.status == "ok"
    assert agreeing.value == kept.temperature.mean
    assert agreeing.uncertainty == pytest.approx(kept.temperature.error)
    below = run(900, 900, (0.5, 0.0), 5.0)
    widened = combine([below, kept])
    assert widened.uncertainty is not None
    assert widened.uncertainty > kept.temperature.mean - below.temperature.mean - below.temperature.error > 20


def test_what_comes_after_a_phase_has_gone_does_not_count() -> None:
    """The crystal takes over at 80 and the released heat carries it to 95: that says nothing about melting."""
    series = Series()
    for k in range(200):
        gone = k > 100
        series.add(temperature=95.0 if gone else 80.0, solid_fraction=1.0 if gone else 0.6)
    frozen = CoexistenceRun(72.0, series, Atoms(), Atoms(), 0.0)
    assert frozen.ending == "all crystal"
    assert frozen.temperature.mean == pytest.approx(80, abs=0.5)
