"""The progress line of a simulation."""

import io
import sys

import numpy as np
import pytest
from ase.build import bulk

from ingot.dynamics import Model, Simulation, conditions, speed
from ingot.dynamics.pair import lennard_jones
from ingot.dynamics.speed import Speed
from ingot.units import FEMTOSECOND


def test_speed_is_counted_from_the_first_call_over_all_replicas(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 110.0, 120.0])
    monkeypatch.setattr(speed.time, "perf_counter", lambda: next(clock))
    rate = Speed(50, np.array([2.0, 1.0]) * FEMTOSECOND)
    assert rate(np.array([10, 10])) == ""  # the first block compiled
    # 10 s for 100 + 50 steps, 250 fs: 2.16e-3 ns in 86400 s; 10 s / (150 steps x 50 atoms) = 1333 us.
    assert rate(np.array([110, 60])) == "2.16 ns/day, 1.33e+03 us/atom/step"
    assert rate(np.array([10, 10])) == ""


class Terminal(io.StringIO):
    """Somebody watches."""

    def isatty(self) -> bool:
        return True


def test_the_line_of_a_run_says_how_fast_and_how_long(monkeypatch: pytest.MonkeyPatch) -> None:
    watched = Terminal()
    monkeypatch.setattr(sys, "stderr", watched)
    model = Model(lennard_jones(0.0104, 3.4, 4.0), ("Ar",), 4.0)
    simulation = Simulation(model, bulk("Ar", "fcc", a=5.3, cubic=True), temperature=10.0)
    simulation.run(40, conditions(2.0), 10, title="melting")
    last = watched.getvalue().split("\r")[-1]
    assert "melting: 100%" in last
    assert "ns/day" in last
    assert "us/atom/step" in last
