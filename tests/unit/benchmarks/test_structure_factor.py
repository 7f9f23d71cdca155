"""The structure factor in its limits: ideal gas, crystal, and the transform of g(r)."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.radial_distribution import radial_distribution
from ingot.benchmarks.structure_factor import structure_factor
from ingot.dynamics import Model, Simulation, conditions
from ingot.dynamics.pair import lennard_jones


def test_an_ideal_gas_has_one_everywhere() -> None:
    rng = np.random.default_rng(0)
    frames = [Atoms("Ar300", scaled_positions=rng.random((300, 3)), cell=[20, 22, 25], pbc=True) for _ in range(12)]
    found = structure_factor(frames, 6.0, 60)
    assert np.abs(found.s - 1).max() < 5 * np.nanmax(found.error)
    assert found.s.mean() == pytest.approx(1.0, abs=0.02)


def test_a_crystal_has_all_its_atoms_in_the_bragg_peaks() -> None:
    crystal = bulk("Al", a=4.05, cubic=True).repeat(4)
    found = structure_factor([crystal], 3.2, 3000)  # bins so fine that each holds one length
    lit = found.wave_number[found.s > 1e-6]
    assert lit == pytest.approx(2 * np.pi / 4.05 * np.sqrt([3, 4]), abs=1e-6)


@pytest.mark.slow
def test_it_is_the_transform_of_the_pair_distribution() -> None:
    """``S(q) = 1 + 4 pi rho int r^2 (g - 1) sin(qr)/(qr) dr`` of a Lennard-Jones liquid, where g - 1 has died out."""
    start = bulk("Ar", "fcc", a=5.9, cubic=True).repeat(4)
    simulation = Simulation(Model(lennard_jones(0.0104, 3.4, 8.0), ("Ar",), 8.0), start, temperature=400.0, seed=1)
    held = conditions(8.0, 150.0, 2.0)
    simulation.run(400, held)
    frames: list[Atoms] = []
    simulation.run(900, held, 30, lambda s: frames.append(s.structure()))
    direct = structure_factor(frames, 5.0, 50)
    g = radial_distribution(frames, 11.5, 230)
    q, r = direct.wave_number[:, None], g.distance
    transform = 1 + 4 * np.pi * g.density * np.sum(r**2 * (g.g - 1) * np.sinc(q * r / np.pi), axis=1) * (r[1] - r[0])
    inside = direct.wave_number > 1.4  # below, the range of g is too short
    assert np.abs(direct.s - transform)[inside].max() < 0.15
    assert np.sqrt(np.mean((direct.s - transform)[inside] ** 2)) < 0.05
    position, height = direct.peak()
    assert 1.8 < position < 2.2
    assert 1.5 < height < 3


def test_what_is_not_a_liquid_is_refused() -> None:
    with pytest.raises(BenchmarkError, match="no frames"):
        structure_factor([])
