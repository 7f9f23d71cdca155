"""Dynamics of a published network: energy conservation in the units that a user asks for."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

from ingot.dynamics import Model, Simulation, conditions, thermodynamics
from ingot.potentials import load_potential

pytestmark = pytest.mark.slow


def drift(simulation: Simulation, steps: int) -> tuple[float, float]:
    """Slope of the total energy and its standard error (meV/atom/ps, at 2 fs) from a line through 20 block means."""
    energies: list[float] = []
    look = lambda s: energies.append(1e3 * thermodynamics(s).total_energy / s.atoms)  # noqa: E731
    simulation.run(steps, conditions(2.0), 5, look)
    simulation.require_running("drift")
    times = 2e-3 * 5 * np.arange(len(energies))
    blocks = [np.reshape(values, (20, -1)).mean(1) for values in (times, energies)]
    line, covariance = np.polyfit(*blocks, 1, cov=True)
    return float(line[0]), float(np.sqrt(covariance[0, 0]))


@pytest.mark.parametrize("phase", ["hot crystal", "melt"])
def test_a_published_network_conserves_energy(test_data: Callable[[str], Path], phase: str) -> None:
    """Network 0 of ANI-Al, 108 atoms, 6 ps without a thermostat: no more than 0.01 meV/atom/ps."""
    model = Model.of(load_potential(test_data("ani_al_model")), 0)
    if phase == "melt":
        start = bulk("Al", "fcc", a=4.23, cubic=True).repeat(3)
        simulation = Simulation(model, start, temperature=4000.0, seed=3, skin=0.5)
        simulation.run(800, conditions(2.0, 3500.0, 10.0))
        simulation.run(400, conditions(2.0, 1200.0, 20.0))
    else:
        start = bulk("Al", "fcc", a=4.13, cubic=True).repeat(3)
        simulation = Simulation(model, start, temperature=1600.0, seed=3, skin=0.5)
        simulation.run(300, conditions(2.0, 800.0, 10.0))
    slope, error = drift(simulation, 3000)
    assert error < 0.003
    assert abs(slope) + 2 * error < 0.01
