"""Ensembles and protocols against known answers, with an analytic potential."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from ingot.benchmarks.coexistence_tables import run_coexistence
from ingot.benchmarks.tables import read_quantities
from ingot.benchmarks.two_phase import CoexistenceProtocol
from ingot.dynamics import (
    Model,
    Simulation,
    block_average,
    conditions,
    isoenthalpic_piston,
    kinetic_temperature,
    stochastic_cell_rescaling,
    thermodynamics,
)
from ingot.dynamics.pair import lennard_jones
from ingot.units import BOLTZMANN, GIGAPASCAL

pytestmark = pytest.mark.slow

ARGON = Model(lennard_jones(0.0104, 3.4, 8.5), ("Ar",), 8.5)
IDEAL = Model(lennard_jones(1e-12, 3.4, 4.0), ("Ar",), 4.0)


def gas(atoms: int = 64, length: float = 20.0) -> Atoms:
    points = np.random.default_rng(1).random((atoms, 3))
    return Atoms(f"Ar{atoms}", scaled_positions=points, cell=[length] * 3, pbc=True)


def series(simulation: Simulation, steps: int, held: Any, every: int, value: Any) -> np.ndarray:
    found: list[float] = []
    simulation.run(steps, held, every, lambda s: found.append(value(s)))
    simulation.require_running("test")
    return np.array(found)


@pytest.mark.parametrize("axes", ["isotropic", "each"])
@pytest.mark.parametrize("kind", ["rescaling", "piston"])
def test_an_ideal_gas_takes_the_volume_of_its_law(kind: str, axes: Any) -> None:
    """Mean and fluctuation: for p(V) ~ V^N exp(-P V/kT) (measure dV) <V> = (N+1) kT/P, var V = (N+1) (kT/P)^2."""
    temperature, atoms = 200.0, 64
    pressure = atoms * BOLTZMANN * temperature / 20.0**3
    gpa = pressure / GIGAPASCAL
    if kind == "rescaling":
        barostat = stochastic_cell_rescaling(200.0, pressure, gpa, axes)
    else:
        barostat = isoenthalpic_piston(2000.0, pressure, 20.0**3, gpa, axes)
    simulation = Simulation(IDEAL, gas(), temperature=temperature, seed=3, skin=2.0)
    held = conditions(10.0, temperature, 5.0, barostat=barostat)
    simulation.run(1500, held)
    volume = series(simulation, 24000, held, 20, lambda s: thermodynamics(s).volume)
    average = block_average(volume)
    # Measures: dV gives N + 1; the piston's d ln V gives N; independent axes move it by at most one more.
    assert average.mean == pytest.approx(
        (atoms + 0.5) * BOLTZMANN * temperature / pressure, abs=4 * average.error + 100
    )
    assert volume.std() / average.mean == pytest.approx(1 / np.sqrt(atoms), rel=0.2)


def test_langevin_dynamics_samples_the_canonical_ensemble() -> None:
    start = bulk("Ar", "fcc", a=5.3, cubic=True).repeat(2)
    simulation = Simulation(ARGON, start, temperature=40.0, seed=2, skin=0.8)
    held = conditions(8.0, 40.0, 4.0)
    simulation.run(500, held)
    kinetic = series(simulation, 12000, held, 10, lambda s: kinetic_temperature(s.velocities[0], s.masses[0], 96))
    average = block_average(kinetic)
    assert average.mean == pytest.approx(40.0, abs=4 * average.error)
    assert average.error < 0.6
    assert kinetic.std() == pytest.approx(40.0 * np.sqrt(2 / 96), rel=0.1)


def test_pressure_is_minus_the_volume_derivative_of_the_free_energy_of_a_cold_crystal() -> None:
    """At a few K a crystal's pressure is that of its static energy, plus the kinetic part and as much again."""
    a, temperature = 5.2, 4.0
    start = bulk("Ar", "fcc", a=a, cubic=True).repeat(3)
    simulation = Simulation(ARGON, start, temperature=2 * temperature, seed=2, skin=0.8)
    held = conditions(8.0, temperature, 2.0)
    simulation.run(500, held)
    pressure = series(simulation, 4000, held, 10, lambda s: float(thermodynamics(s).pressure_gpa.mean()))

    def energy(length: float) -> float:
        one = Simulation(ARGON, bulk("Ar", "fcc", a=length, cubic=True).repeat(3))
        one.look(conditions(1.0))
        return float(one.state.energy[0])

    step = 1e-3
    static = -(energy(a + step) - energy(a - step)) / (2 * step) / (27 * 3 * a**2) / GIGAPASCAL
    # Grueneisen: the thermal pressure is gamma * 3 N kT / V with gamma near 3 for argon.
    thermal = float(block_average(pressure).mean) - static
    unit = 3 * 108 * BOLTZMANN * temperature / start.get_volume() / GIGAPASCAL
    assert 2.0 < thermal / unit < 4.0


def test_a_crystal_at_zero_pressure_expands_alike_under_both_barostats_and_by_fixed_volumes() -> None:
    """NPT volume at 40 K against the volume at which NVT pressure vanishes."""
    start = bulk("Ar", "fcc", a=5.35, cubic=True).repeat(3)
    bulk_modulus = 2.5 * GIGAPASCAL

    def constant_pressure(barostat: Any) -> float:
        simulation = Simulation(ARGON, start, temperature=80.0, seed=4, skin=0.8)
        held = conditions(8.0, 40.0, 4.0, barostat=barostat)
        simulation.run(800, held)
        return float(series(simulation, 5000, held, 20, lambda s: thermodynamics(s).volume).mean())

    def constant_volume(a: float) -> float:
        cell = bulk("Ar", "fcc", a=a, cubic=True).repeat(3)
        simulation = Simulation(ARGON, cell, temperature=80.0, seed=4, skin=0.8)
        held = conditions(8.0, 40.0, 4.0)
        simulation.run(500, held)
        return float(series(simulation, 3000, held, 20, lambda s: float(thermodynamics(s).pressure_gpa.mean())).mean())

    lengths = np.array([5.28, 5.34, 5.40])
    slope, offset = np.polyfit(lengths, [constant_volume(a) for a in lengths], 1)
    expected = (3 * -offset / slope) ** 3
    volumes = [
        constant_pressure(stochastic_cell_rescaling(500.0, bulk_modulus)),
        constant_pressure(stochastic_cell_rescaling(500.0, bulk_modulus, axes="each")),
        constant_pressure(isoenthalpic_piston(1500.0, bulk_modulus, start.get_volume())),
    ]
    np.testing.assert_allclose(volumes, expected, rtol=0.004)


def test_coexistence_finds_the_melting_point_of_lennard_jones(tmp_path: Path) -> None:
    """T* = 0.694 at zero pressure in the full potential (M. A. Barroso and A. L. Ferreira, J. Chem. Phys. 116,
    7145, 2002: 0.692); cut and smoothed at 2.5 sigma it melts some 5 per cent lower."""
    protocol = CoexistenceProtocol(
        85.0,
        volume_per_atom_angstrom3=39.5,
        timestep_fs=10.0,
        bulk_modulus_gpa=2.0,
        piston_period_fs=3000.0,
        relaxation_fs=1000.0,
        production_steps=4000,
    )
    run_coexistence(ARGON, protocol, 2, tmp_path)
    rows = {q.quantity: q for q in read_quantities(tmp_path / "quantities.csv")}
    point = rows["coexistence_temperature"]
    assert point.value is not None
    assert 74 < point.value < 86
    for q in rows.values():
        if "drift" in q.note:
            drift = float(q.note.split("enthalpy drift")[1].split()[0])
            assert abs(drift) < 0.1  # meV/atom, of 10 meV/atom kinetic energy
    assert (tmp_path / "runs.csv").is_file()
    assert (tmp_path / "profile.csv").is_file()
