"""Stochastic velocity rescaling: the flow of the kinetic energy, and what it must leave alone."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from scipy import stats

from ingot.dynamics import (
    DynamicsError,
    Model,
    Simulation,
    conditions,
    conserved_energy,
    isoenthalpic_piston,
    stochastic_cell_rescaling,
    thermodynamics,
)
from ingot.dynamics.integrator import advance
from ingot.dynamics.pair import lennard_jones
from ingot.dynamics.thermostats import kinetic_energy, velocity_rescaling
from ingot.units import BOLTZMANN, GIGAPASCAL

MODEL = Model(lennard_jones(0.0104, 3.4, 7.0), ("Ar",), 7.0)
BULK_MODULUS = 2.5 * GIGAPASCAL
MASSES = jnp.asarray([1.0, 20.0, 3.0, 40.0])
TEMPERATURE = 150.0


def simulation(temperature: float = 60.0) -> Simulation:
    start = bulk("Ar", "fcc", a=5.3, cubic=True).repeat(2)
    start.rattle(0.05, seed=1)
    return Simulation(MODEL, start, temperature=temperature, seed=5)


@jax.jit
def chains(velocities: Any, dt: Any, key: Any) -> Any:
    """Many independent chains, some hundred steps of the thermostat each, nothing but the thermostat."""

    def step(v: Any, k: Any) -> Any:
        noise = jax.random.normal(k, v.shape)
        return jax.vmap(lambda v, n: velocity_rescaling(v, MASSES, TEMPERATURE, 1.0, dt, n))(v, noise), None

    return jax.lax.scan(step, velocities, jax.random.split(key, 200))[0]


def start_velocities(count: int) -> Any:
    drawn = 0.05 * np.random.default_rng(3).normal(size=(count, 4, 3))
    return jnp.asarray(drawn - (MASSES[:, None] * drawn).sum(1, keepdims=True) / MASSES.sum())


@pytest.mark.parametrize("dt", [0.1, 1.0])
def test_kinetic_energy_takes_the_gamma_distribution_of_its_degrees_of_freedom(dt: float) -> None:
    """3 N - 3 of them, as the centre of mass rests; the flow is exact, so the step does not matter."""
    velocities = chains(start_velocities(4000), dt, jax.random.PRNGKey(1))
    kinetic = np.asarray(jax.vmap(lambda v: kinetic_energy(v, MASSES))(velocities)) / (BOLTZMANN * TEMPERATURE)
    assert stats.kstest(kinetic, stats.gamma(9 / 2).cdf).pvalue > 1e-3
    assert stats.kstest(kinetic, stats.gamma(12 / 2).cdf).pvalue < 1e-6


def test_the_mean_kinetic_energy_relaxes_exponentially() -> None:
    """Exact after one step of any length: <K'> = c K + (1 - c) K_bar, c = exp(-dt/tau)."""
    velocities = 2.0 * start_velocities(1)[0]
    before, mean = float(kinetic_energy(velocities, MASSES)), 4.5 * BOLTZMANN * TEMPERATURE
    noise = jax.random.normal(jax.random.PRNGKey(2), (40000, 4, 3))
    after = jax.vmap(lambda n: velocity_rescaling(velocities, MASSES, TEMPERATURE, 2.0, 0.3, n))(noise)
    kinetic = np.asarray(jax.vmap(lambda v: kinetic_energy(v, MASSES))(after))
    keep = np.exp(-0.6)
    error = float(kinetic.std()) / np.sqrt(len(kinetic))
    assert kinetic.mean() == pytest.approx(keep * before + (1 - keep) * mean, abs=4 * error)
    assert error < 0.01 * mean


def test_the_centre_of_mass_keeps_its_motion() -> None:
    drifting = start_velocities(1)[0] + jnp.asarray([0.1, -0.2, 0.3])
    noise = jax.random.normal(jax.random.PRNGKey(4), (4, 3))
    after = velocity_rescaling(drifting, MASSES, TEMPERATURE, 1.0, 0.5, noise)
    momentum = [(MASSES[:, None] * v).sum(0) for v in (drifting, after)]
    np.testing.assert_allclose(momentum[1], momentum[0], rtol=1e-12)
    assert not np.allclose(after, drifting)


def test_without_a_thermostat_velocities_stay_the_same_bit_for_bit() -> None:
    velocities = start_velocities(1)[0] + 0.1
    noise = jax.random.normal(jax.random.PRNGKey(4), (4, 3))
    assert jnp.array_equal(velocity_rescaling(velocities, MASSES, TEMPERATURE, 0.0, 0.5, noise), velocities)


def test_atoms_at_rest_stay_finite_and_begin_to_move_by_their_forces() -> None:
    sim = simulation(temperature=0.0)
    sim.run(40, conditions(5.0, 60.0, rescaling_fs=20.0))
    assert np.isfinite(sim.velocities).all()
    assert thermodynamics(sim, fixed_momentum=True).temperature > 20


def test_a_long_relaxation_time_is_microcanonical() -> None:
    free, coupled = simulation(), simulation()
    free.run(60, conditions(5.0))
    coupled.run(60, conditions(5.0, 60.0, rescaling_fs=1e15))
    np.testing.assert_allclose(coupled.structure().positions, free.structure().positions, atol=1e-6)


@pytest.mark.parametrize(
    "thermostat", [{"friction_per_ps": 4.0}, {"rescaling_fs": 50.0}], ids=["Langevin", "rescaling"]
)
@pytest.mark.parametrize("piston", [False, True])
def test_energy_less_heat_is_conserved_to_second_order(thermostat: dict[str, float], piston: bool) -> None:
    def error(timestep_fs: float) -> float:
        sim = simulation()
        barostat = isoenthalpic_piston(1000.0, BULK_MODULUS, thermodynamics(sim).volume) if piston else None
        held = conditions(timestep_fs, 120.0, barostat=barostat, **thermostat)
        sim.look(held)
        first, errors = conserved_energy(sim, held), []
        sim.run(round(400 / timestep_fs), held, 5, lambda s: errors.append(conserved_energy(s, held) - first))
        assert abs(float(sim.state.heat[0])) > 0.05  # of 0.25 eV kinetic energy: it is not conserved for want of heat
        return float(np.abs(errors).max())

    coarse, fine = error(8.0), error(2.0)
    assert coarse < 5e-3
    assert fine < coarse / 5


def test_where_work_is_not_counted_nothing_is_conserved() -> None:
    held = conditions(5.0, 60.0, rescaling_fs=100.0, barostat=stochastic_cell_rescaling(300.0, BULK_MODULUS))
    assert np.isnan(conserved_energy(simulation(), held))


def test_changing_the_ensemble_compiles_nothing() -> None:
    sim = simulation()
    sim.run(5, conditions(5.0))
    compiled = advance._cache_size()
    barostats = (None, stochastic_cell_rescaling(300.0, BULK_MODULUS), isoenthalpic_piston(900.0, BULK_MODULUS, 1200.0))
    for barostat in barostats:
        sim.run(5, conditions(5.0, 60.0, rescaling_fs=100.0, barostat=barostat))
        sim.run(5, conditions(5.0, 60.0, 2.0, barostat=barostat))
    assert advance._cache_size() == compiled


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rescaling_fs": 0.0}, "must be positive, got 0.0 fs"),
        ({"rescaling_fs": 100.0, "friction_per_ps": 1.0}, "no friction"),
        ({"rescaling_fs": 100.0, "hotter": np.linspace(1, 2, 32)}, "`hotter`"),
    ],
)
def test_thermostats_without_meaning_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(DynamicsError, match=message):
        conditions(5.0, 60.0, **options)


def test_one_atom_cannot_be_rescaled_and_moves_freely() -> None:
    alone = Simulation(MODEL, bulk("Ar", "fcc", a=5.3), temperature=60.0)
    with pytest.raises(DynamicsError, match="centre of mass"):
        alone.run(2, conditions(5.0, 60.0, rescaling_fs=100.0))
    alone.run(2, conditions(5.0))
    assert thermodynamics(alone, fixed_momentum=True).temperature > 0


def test_a_cluster_without_a_cell_moves_and_has_no_pressure() -> None:
    points = [[0.0, 0.0, 0.0], [3.8, 0.0, 0.0], [0.0, 3.8, 0.0], [0.0, 0.0, 3.8]]
    sim = Simulation(MODEL, Atoms("Ar4", positions=points), temperature=10.0, seed=2)
    held = conditions(4.0)
    sim.look(held)
    first = conserved_energy(sim, held)
    sim.run(100, held)
    sim.require_running("cluster")
    assert conserved_energy(sim, held) == pytest.approx(first, abs=2e-5)
    assert np.isnan(thermodynamics(sim).pressure_gpa).all()
    with pytest.raises(DynamicsError, match="periodic in all three"):
        sim.run(1, conditions(4.0, barostat=isoenthalpic_piston(900.0, BULK_MODULUS, 1200.0)))
