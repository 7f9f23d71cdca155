"""The integrator and its driver: conservation, equivalence with a reference, determinism, stops."""

from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.lj import LennardJones
from ase.md.verlet import VelocityVerlet

from ingot.dynamics import (
    FIRST_MONITOR_CODE,
    DynamicsError,
    Model,
    Schedule,
    Simulation,
    Status,
    Watch,
    conditions,
    conserved_enthalpy,
    isoenthalpic_piston,
    stochastic_cell_rescaling,
    thermodynamics,
)
from ingot.dynamics.pair import lennard_jones
from ingot.units import FEMTOSECOND, GIGAPASCAL

CUTOFF = 7.0
MODEL = Model(lennard_jones(0.0104, 3.4, CUTOFF), ("Ar",), CUTOFF)
BULK_MODULUS = 2.5 * GIGAPASCAL


def crystal(a: float = 5.3, seed: int = 1) -> Atoms:
    atoms = bulk("Ar", "fcc", a=a, cubic=True).repeat(2)
    atoms.rattle(0.05, seed=seed)
    return atoms


def simulation(starts: Any = None, **options: Any) -> Simulation:
    return Simulation(MODEL, starts or crystal(), **{"temperature": 60.0, "seed": 5, **options})


def test_velocity_verlet_follows_ase() -> None:
    start = crystal()
    start.set_velocities(np.random.default_rng(2).normal(size=(32, 3)) * 0.005)
    ours = simulation(start, temperature=None)
    ours.run(40, conditions(4.0))
    atoms = start.copy()
    # ASE's own cutoff differs from ours: let ASE integrate our forces instead.
    atoms.calc = _Ours()
    VelocityVerlet(atoms, 4.0 * units.fs).run(40)
    scale = 4.0 * FEMTOSECOND / (4.0 * units.fs)  # CODATA years differ in the tenth digit
    assert scale == pytest.approx(1, abs=1e-8)
    np.testing.assert_allclose(ours.structure().positions, atoms.positions, atol=1e-8)
    np.testing.assert_allclose(ours.structure().get_velocities(), atoms.get_velocities(), atol=1e-9)


def test_atoms_without_neighbours_fly_on() -> None:
    apart = Atoms("Ar2", [[0.0, 0, 0], [20.0, 0, 0]])
    apart.set_velocities([[0.0, 0.01, 0], [0, 0, -0.02]])
    free = simulation(apart, temperature=None)
    free.run(10, conditions(4.0))
    expected = apart.positions + 40.0 * units.fs * apart.get_velocities()
    np.testing.assert_allclose(free.structure().positions, expected, rtol=1e-7)


class _Ours(LennardJones):
    """Our forces as an ASE calculator."""

    def calculate(self, atoms: Any = None, properties: Any = None, system_changes: Any = None) -> None:
        one = Simulation(MODEL, atoms.copy())
        one.look(conditions(1.0))
        state = one.state
        self.results = {"energy": float(state.energy[0]), "forces": np.asarray(state.forces[0])}


def energy_error(timestep_fs: float, time_fs: float = 400.0) -> float:
    sim = simulation()
    sim.look(conditions(timestep_fs))
    first = thermodynamics(sim).total_energy
    errors: list[float] = []
    steps = round(time_fs / timestep_fs)
    sim.run(steps, conditions(timestep_fs), 5, lambda s: errors.append(thermodynamics(s).total_energy - first))
    return float(np.abs(errors).max())


def test_energy_is_conserved_to_second_order_in_the_time_step() -> None:
    coarse, fine = energy_error(8.0), energy_error(4.0)
    assert coarse < 6e-4  # of 0.25 eV kinetic energy
    assert 3.0 < coarse / fine < 5.5


@pytest.mark.parametrize("axes", ["isotropic", "each", "z"])
def test_the_piston_conserves_enthalpy_to_second_order(axes: Any) -> None:
    def error(timestep_fs: float) -> float:
        sim = simulation(crystal(5.25))
        volume = thermodynamics(sim).volume
        piston = isoenthalpic_piston(1000.0, BULK_MODULUS, volume, pressure_gpa=0.05, axes=axes)
        held = conditions(timestep_fs, barostat=piston)
        sim.look(held)
        first = conserved_enthalpy(sim, piston)
        errors: list[float] = []
        look = lambda s: errors.append(conserved_enthalpy(s, piston) - first)  # noqa: E731
        sim.run(round(600 / timestep_fs), held, 5, look)
        moved = thermodynamics(sim).cell - thermodynamics(simulation(crystal(5.25))).cell
        free = {"isotropic": [1, 1, 1], "each": [1, 1, 1], "z": [0, 0, 1]}[axes]
        assert (np.abs(np.diag(moved)) > 1e-4).tolist() == [bool(f) for f in free]
        return float(np.abs(errors).max())

    coarse, fine = error(8.0), error(4.0)
    assert coarse < 8e-4
    assert 3.0 < coarse / fine < 5.5


@pytest.mark.parametrize(
    "held",
    [
        conditions(5.0),
        conditions(5.0, 120.0, 2.0),
        conditions(5.0, 120.0, 2.0, barostat=stochastic_cell_rescaling(300.0, BULK_MODULUS, axes="each")),
        conditions(5.0, 120.0, 2.0, density=Schedule(1.0, 1.2, 0.1, 20.0, 100.0)),
    ],
    ids=["NVE", "NVT", "NPT", "driven"],
)
def test_a_run_is_the_same_bit_for_bit_however_it_is_cut(held: Any) -> None:
    whole, pieces = simulation(temperature=150.0), simulation(temperature=150.0)
    whole.run(150, held)
    for steps in (1, 7, 42, 100):
        pieces.run(steps, held, every=13)
    assert whole.tables.renewed > 2  # the cut must not move the renewal of the tables either
    assert whole.structure() == pieces.structure()
    assert np.array_equal(whole.velocities, pieces.velocities)


def test_another_seed_is_another_trajectory() -> None:
    held = conditions(5.0, 120.0, 2.0)
    runs = [simulation(seed=s) for s in (1, 2)]
    for sim in runs:
        sim.run(5, held)
    assert not np.allclose(runs[0].velocities, runs[1].velocities)


def test_a_stale_table_never_shows() -> None:
    """A thin skin, renewed at almost every step, and a thick one give the same trajectory."""
    held = conditions(5.0, barostat=isoenthalpic_piston(800.0, BULK_MODULUS, 1200.0, axes="each"))
    thin, thick = simulation(skin=0.15, temperature=200.0), simulation(skin=1.5, temperature=200.0)
    thin.run(80, held)
    thick.run(80, held)
    assert thin.tables.renewed > 3 * thick.tables.renewed
    np.testing.assert_allclose(thin.structure().positions, thick.structure().positions, atol=1e-9)


def test_tables_grow_when_density_does() -> None:
    dense = Schedule.ramp(1.0, 1.9, 60 * 4.0 * FEMTOSECOND)
    held = conditions(4.0, 50.0, 20.0, density=dense)
    surprised, prepared = simulation(crystal(5.9)), simulation(crystal(5.9), density_ahead=1.9)
    for sim in (surprised, prepared):
        sim.run(60, held)
    assert surprised.tables.grown > 0
    assert prepared.tables.grown == 0
    np.testing.assert_allclose(surprised.structure().positions, prepared.structure().positions, atol=1e-7)


def test_driven_density_arrives() -> None:
    held = conditions(4.0, 50.0, 5.0, density=Schedule.ramp(0.8, 1.1, 50 * 4.0 * FEMTOSECOND))
    sim = simulation()
    before = thermodynamics(sim).volume
    sim.run(50, held)
    assert before / thermodynamics(sim).volume == pytest.approx(1.1 / 0.8, rel=1e-10)


def test_replicas_run_as_they_would_alone() -> None:
    starts = [crystal(5.3, 1), crystal(5.6, 2), crystal(5.0, 3)]
    held = [conditions(5.0, t, 2.0) for t in (40.0, 150.0, 300.0)]
    together = Simulation(MODEL, starts, temperature=[40.0, 150.0, 300.0], seed=9)
    together.run(60, held)
    assert np.asarray(together.state.step).tolist() == [60, 60, 60]
    alone = Simulation(MODEL, starts[:1], temperature=40.0, seed=9)
    alone.run(60, held[0])
    np.testing.assert_allclose(together.structure(0).positions, alone.structure().positions, atol=1e-9)


def test_atoms_that_come_too_close_stop_their_replica_only() -> None:
    close = crystal()
    close.positions[1] = close.positions[0] + [2.6, 0.0, 0.0]
    sim = simulation([crystal(), close])
    sim.run(20, conditions(5.0, closest_angstrom=2.7))
    assert sim.status.tolist() == [Status.RUNNING, Status.TOO_CLOSE]
    assert np.asarray(sim.state.step).tolist() == [20, 0]
    with pytest.raises(DynamicsError, match=r"stopped at step 0: two atoms came to 2\.60 A"):
        sim.require_running("melting")


def test_a_blow_up_stops_with_a_reason_and_finite_numbers() -> None:
    sim = simulation(temperature=1e7)
    sim.run(50, conditions(20.0))
    assert sim.status.tolist() == [Status.BLOWN_UP]
    assert np.isfinite(sim.structure().positions).all()
    with pytest.raises(DynamicsError, match="crossed half the neighbour skin"):
        sim.require_running("heating")


def test_a_monitor_stops_at_the_frame_it_saw() -> None:
    def monitor(evaluation: Any) -> Any:
        largest = jnp.max(jnp.abs(evaluation.forces))
        return jnp.where(largest > 0.08, FIRST_MONITOR_CODE, 0), largest[None]

    sim = simulation(watch=Watch(monitor), temperature=100.0)
    seen: list[float] = []
    sim.run(400, conditions(5.0, 200.0, 2.0), 1, lambda s: seen.append(float(s.state.measures[0, 0])))
    assert sim.status.tolist() == [FIRST_MONITOR_CODE]
    assert 0 < sim.step < 400
    assert seen[-1] > 0.08 >= max(seen[:-1])
    assert float(np.abs(sim.state.forces).max()) == seen[-1]


@pytest.mark.parametrize(
    ("starts", "options", "message"),
    [
        ([crystal(), bulk("Ar", "fcc", a=5.3)], {}, "equally many atoms, got \\[1, 32\\]"),
        (bulk("Al"), {}, "does not know 'Al'; did you mean 'Ar'"),
        ([], {}, "at least one structure"),
        (crystal(), {"skin": 0.0}, "skin"),
        (crystal(), {"temperature": -1.0}, "must not be negative, got -1"),
    ],
)
def test_structures_that_do_not_fit_are_refused(starts: Any, options: Any, message: str) -> None:
    with pytest.raises(DynamicsError, match=message):
        Simulation(MODEL, starts, **options)


@pytest.mark.parametrize("values", [(0.0, 1.0, 1.0), (1.0, -1.0, 1.0), (1.0, 1.0, -1.0)])
def test_conditions_without_meaning_are_refused(values: tuple[float, float, float]) -> None:
    with pytest.raises(DynamicsError):
        conditions(values[0], values[1], values[2])


def test_a_restart_is_a_new_simulation() -> None:
    held = conditions(5.0, 120.0, 2.0)
    used, new = simulation(seed=1), simulation(crystal(5.2), seed=7)
    used.run(30, held)
    used.restart(crystal(5.2), 60.0, seed=7)
    for sim in (used, new):
        sim.run(20, held)
    np.testing.assert_allclose(used.structure().positions, new.structure().positions, atol=1e-9)
    with pytest.raises(DynamicsError, match="32 atoms"):
        used.restart(bulk("Ar"))
