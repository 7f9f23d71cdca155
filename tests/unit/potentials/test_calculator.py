"""The ASE calculator."""

import jax
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.calculator import PropertyNotImplementedError
from ase.calculators.fd import calculate_numerical_stress

from ingot.potentials import AniArchitecture, Potential, PotentialError
from ingot.potentials.evaluate import _evaluate


@pytest.fixture
def potential():
    architecture = AniArchitecture.evenly_spaced(("Al",), 5.0, 4, 4.0, 2, 3, (6,))
    members = [architecture.initial_parameters(seed) for seed in range(4)]
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *members)
    return Potential(architecture, stacked, {"Al": -3.0}, {"energy": 2.0, "forces": 3.0})


def test_results_and_their_calibration(potential):
    atoms = bulk("Al", "fcc", a=4.0, cubic=True)
    atoms.rattle(0.1, seed=0)
    atoms.calc = potential.calculator()
    raw = atoms.calc.evaluate(atoms)
    assert np.isclose(atoms.get_potential_energy(), raw.energy.mean())
    assert atoms.get_potential_energy(force_consistent=True) == atoms.get_potential_energy()
    assert np.isclose(atoms.get_potential_energies().sum(), atoms.get_potential_energy())
    assert np.isclose(atoms.calc.results["energy_std"], 2.0 * raw.energy.std(ddof=1))
    assert np.allclose(atoms.calc.results["forces_std"], 3.0 * raw.forces.std(axis=0, ddof=1))
    stress = calculate_numerical_stress(atoms, eps=1e-5)
    assert np.allclose(atoms.get_stress(), stress, atol=1e-8)


def test_mean_only_gives_the_same_forces_without_spread(potential):
    atoms = bulk("Al", "fcc", a=4.0, cubic=True)
    atoms.rattle(0.1, seed=0)
    full, mean = potential.calculator(), potential.calculator(uncertainty=False)
    assert np.allclose(full.get_forces(atoms), mean.get_forces(atoms), atol=1e-12)
    assert "energy_std" not in mean.results


def test_clusters_have_no_stress_and_unknown_elements_are_named(potential):
    atoms = Atoms("Al3", positions=[[0, 0, 0], [2.5, 0, 0], [0, 2.6, 0]])
    atoms.calc = potential.calculator()
    assert np.isfinite(atoms.get_forces()).all()
    with pytest.raises(PropertyNotImplementedError):
        atoms.get_stress()
    alloy = bulk("Cu")
    alloy.calc = potential.calculator()
    with pytest.raises(PotentialError, match="not Cu"):
        alloy.get_potential_energy()


def test_a_crystal_in_motion_compiles_once(potential):
    atoms = bulk("Al", "fcc", a=4.2, cubic=True) * (2, 1, 1)
    atoms.calc = potential.calculator(uncertainty=False)
    atoms.get_forces()
    before = _evaluate._cache_size()
    for seed in range(5):
        atoms.rattle(0.02, seed=seed)
        atoms.get_forces()
    single = bulk("Al", "fcc", a=4.2)
    atoms.calc.get_potential_energy(single)
    assert _evaluate._cache_size() == before


def test_neighbours_are_never_dropped_when_a_structure_densifies(potential):
    calculator = potential.calculator(uncertainty=False)
    for a in (6.0, 4.0, 3.2):
        atoms = bulk("Al", "fcc", a=a)
        fresh = potential.calculator(uncertainty=False).get_potential_energy(atoms)
        assert np.isclose(calculator.get_potential_energy(atoms), fresh, atol=1e-12)
