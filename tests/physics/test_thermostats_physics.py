"""Stochastic velocity rescaling and the barostats against the ensembles that they should sample."""

from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from scipy import stats

from ingot.dynamics import (
    Average,
    Conditions,
    Model,
    Simulation,
    block_average,
    conditions,
    isoenthalpic_piston,
    stochastic_cell_rescaling,
    thermodynamics,
)
from ingot.dynamics.pair import lennard_jones
from ingot.units import BOLTZMANN, GIGAPASCAL

pytestmark = pytest.mark.slow

ARGON = Model(lennard_jones(0.0104, 3.4, 8.5), ("Ar",), 8.5)
LIQUID = Model(lennard_jones(0.0104, 3.4, 6.5), ("Ar",), 6.5)
BULK_MODULUS = 2.5 * GIGAPASCAL
TEMPERATURE = 40.0


def crystal(a: float, repeat: int) -> Atoms:
    return bulk("Ar", "fcc", a=a, cubic=True).repeat(repeat)


def series(simulation: Simulation, steps: int, held: Conditions, every: int, value: Any) -> np.ndarray:
    found: list[Any] = []
    simulation.run(steps, held, every, lambda s: found.append(value(s)))
    simulation.require_running("test")
    return np.array(found)


def kinetic(simulation: Simulation) -> float:
    return thermodynamics(simulation).kinetic_energy / (BOLTZMANN * TEMPERATURE)


def test_the_kinetic_energy_of_a_crystal_has_the_gamma_distribution() -> None:
    """Four atoms whose centre of mass rests have nine degrees of freedom: their distribution is clearly skewed."""
    simulation = Simulation(ARGON, crystal(5.35, 1), temperature=2 * TEMPERATURE, seed=3, skin=0.8)
    held = conditions(5.0, TEMPERATURE, rescaling_fs=50.0)
    simulation.run(500, held)
    samples = series(simulation, 60000, held, 60, kinetic)
    assert stats.kstest(samples, stats.gamma(9 / 2).cdf).pvalue > 1e-3
    assert stats.kstest(samples, stats.gamma(12 / 2).cdf).pvalue < 1e-6
    assert stats.kstest(samples, stats.norm(9 / 2, np.sqrt(9 / 2)).cdf).pvalue < 1e-3


def test_rescaling_samples_the_energies_of_langevin_dynamics() -> None:
    """Mean and variance of the kinetic energy from theory, the mean potential energy from the other thermostat."""

    def run(**thermostat: float) -> tuple[np.ndarray, Average]:
        simulation = Simulation(ARGON, crystal(5.35, 2), temperature=2 * TEMPERATURE, seed=2, skin=0.8)
        held = conditions(8.0, TEMPERATURE, **thermostat)
        simulation.run(800, held)
        both = series(simulation, 25000, held, 5, lambda s: (kinetic(s), thermodynamics(s).potential_energy))
        return both[:, 0], block_average(both[:, 1])

    samples, potential = run(rescaling_fs=100.0)
    mean = block_average(samples)
    assert mean.mean == pytest.approx(93 / 2, abs=4 * mean.error)
    spread = block_average((samples - samples.mean()) ** 2)
    assert spread.mean == pytest.approx(93 / 2, abs=4 * spread.error)
    assert max(mean.error, spread.error / 10) < 0.01 * 93 / 2
    _, other = run(friction_per_ps=4.0)
    assert potential.mean == pytest.approx(other.mean, abs=4 * np.hypot(potential.error, other.error))
    assert potential.error < 0.01 * 93 / 2 * BOLTZMANN * TEMPERATURE


def test_rescaling_leaves_diffusion_alone_where_friction_does_not() -> None:
    """The integral of the velocity autocorrelation of a liquid, relative to microcanonical dynamics."""
    simulation = Simulation(LIQUID, crystal(5.77, 3), temperature=500.0, seed=5, skin=0.8)
    simulation.run(800, conditions(8.0, 250.0, 5.0))
    simulation.run(1000, conditions(8.0, 90.0, 5.0))
    melt = simulation.structure()

    def correlation_time(held: Conditions) -> float:
        simulation.restart(melt, 90.0, seed=8)
        simulation.run(400, conditions(8.0, 90.0, rescaling_fs=50.0))
        v = series(simulation, 10000, held, 2, lambda s: s.velocities[0])
        lags = np.arange(94)  # 1.5 ps
        correlation = [np.mean(v[: len(v) - lag] * v[lag:]) for lag in lags]
        return float(np.trapezoid(correlation, 16.0 * lags) / correlation[0])

    free = correlation_time(conditions(8.0))
    assert correlation_time(conditions(8.0, 90.0, rescaling_fs=1000.0)) == pytest.approx(free, rel=0.1)
    assert correlation_time(conditions(8.0, 90.0, 10.0)) < 0.7 * free


@pytest.fixture(scope="module")
def stiffness() -> tuple[float, float]:
    """Isothermal bulk modulus (GPa) and volume (A^3) at zero pressure of 32 atoms, from runs at fixed volumes."""
    simulation = Simulation(ARGON, crystal(5.36, 2), skin=0.8)
    lengths = np.array([5.31, 5.36, 5.41])
    held = conditions(10.0, TEMPERATURE, rescaling_fs=200.0)
    pressures = []
    for a in lengths:
        simulation.restart(crystal(a, 2), 2 * TEMPERATURE, seed=4)
        simulation.run(500, held)
        at = series(simulation, 10000, held, 5, lambda s: thermodynamics(s, fixed_momentum=True).pressure_gpa.mean())
        pressures.append(block_average(at).mean)
    slope, offset = np.polyfit(np.log(8 * lengths**3), pressures, 1)
    return -slope, float(np.exp(-offset / slope))


@pytest.mark.parametrize(
    ("barostat", "thermostat"),
    [
        (stochastic_cell_rescaling(150.0, BULK_MODULUS), {"rescaling_fs": 100.0}),
        (stochastic_cell_rescaling(150.0, BULK_MODULUS, axes="each"), {"friction_per_ps": 4.0}),
        (isoenthalpic_piston(400.0, BULK_MODULUS, 1233.0), {"friction_per_ps": 4.0}),
    ],
    ids=["cell rescaling", "each axis", "piston"],
)
def test_the_volume_of_a_solid_fluctuates_as_its_bulk_modulus_says(
    stiffness: tuple[float, float], barostat: Any, thermostat: dict[str, float]
) -> None:
    """<dV^2> / V = kT / B_T, whether or not the axes of a cubic crystal breathe together.

    The modulus is known to 1.5 % (errors of 0.001 GPa in pressures 0.107 GPa apart), the variance as its blocks say.
    """
    modulus, volume = stiffness
    simulation = Simulation(ARGON, crystal((volume / 8) ** (1 / 3), 2), temperature=2 * TEMPERATURE, seed=7, skin=0.8)
    held = conditions(10.0, TEMPERATURE, barostat=barostat, **thermostat)
    simulation.run(1000, held)
    samples = series(simulation, 25000, held, 5, lambda s: thermodynamics(s).volume)
    mean = block_average(samples)
    assert mean.mean == pytest.approx(volume, abs=4 * mean.error + 0.0015 * volume)
    variance = block_average((samples - samples.mean()) ** 2)
    expected = BOLTZMANN * TEMPERATURE * volume / (modulus * GIGAPASCAL)
    assert variance.mean == pytest.approx(expected, abs=4 * np.hypot(variance.error, 0.015 * expected))
    assert variance.error < 0.08 * expected
