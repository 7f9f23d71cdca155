"""Schedules of temperature and density."""

import numpy as np
import pytest

from ingot.dynamics import Schedule


def test_a_schedule_is_the_published_form() -> None:
    schedule = Schedule(300.0, 900.0, 500.0, 40.0, 100.0)
    for t in (0.0, 13.0, 50.0, 100.0):
        expected = (1 - t / 100) * 300 + t / 100 * 900 + 500 * np.sin(np.pi * t / 40) ** 2
        assert float(schedule(t)) == pytest.approx(expected, rel=1e-14)


def test_a_constant_schedule_is_exactly_constant() -> None:
    schedule = Schedule.constant(0.1)
    assert {float(schedule(t)) for t in (0.0, 0.3, 7.0, 1e6)} == {0.1}


def test_a_ramp_stays_at_its_end() -> None:
    assert float(Schedule.ramp(1.0, 2.0, 10.0)(25.0)) == 2.0
