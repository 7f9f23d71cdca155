"""The screened repulsion of nuclei."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase import Atoms

from ingot.neighbors import displacements, neighbor_table
from ingot.potentials import AniArchitecture, Graph, PotentialError
from ingot.potentials.repulsion import longest_range

ARCHITECTURE = AniArchitecture.evenly_spaced(("O", "Al"), 5.0, 4, 4.0, 2, 2, (4,), repulsion=(0.5, 1.15))


def pair_energy(symbols, distance):
    atoms = Atoms(symbols, positions=[[0, 0, 0], [0, 0, distance]])
    table = neighbor_table(atoms.positions, atoms.cell.array, atoms.pbc, 5.0, 4.0)
    species = np.array([ARCHITECTURE.species.index(s) for s in atoms.symbols], np.int32)
    vectors = displacements(atoms.positions, np.eye(3), table)
    return np.asarray(ARCHITECTURE.baseline_energies(Graph(species, table, vectors)))


def test_pair_energy_is_that_of_the_universal_potential_at_short_range():
    """Al-O at 0.5 A, evaluated by hand from the formula of Ziegler, Biersack and Littmark."""
    x = 0.5 * (13**0.23 + 8**0.23) / (0.8854 * 0.529177210903)
    phi = 0.18175 * np.exp(-3.1998 * x) + 0.50986 * np.exp(-0.94229 * x)
    phi += 0.28022 * np.exp(-0.4029 * x) + 0.02817 * np.exp(-0.20162 * x)
    expected = 14.399645 * 13 * 8 / 0.5 * phi
    energies = pair_energy("AlO", 0.5)
    assert np.allclose(energies, expected / 2, rtol=1e-6)


def test_it_fades_to_nothing_at_its_range():
    reach = 1.15 * (1.21 + 0.66)
    assert pair_energy("AlO", reach + 1e-9).sum() == 0
    assert 0 < pair_energy("AlO", reach - 0.1).sum() < 1e-2
    energies = [pair_energy("AlAl", r).sum() for r in np.linspace(0.6, 2.9, 60)]
    assert (np.diff(energies) <= 0).all()
    assert np.isclose(longest_range(("O", "Al"), (0.5, 1.15)), 1.15 * 2.42)


def test_labels_are_cleared_of_it_before_training():
    from ase.calculators.singlepoint import SinglePointCalculator

    from ingot.potentials import Potential
    from ingot.training import make_buckets

    architecture = AniArchitecture.evenly_spaced(("Al",), 5.0, 4, 4.0, 2, 2, (4,), repulsion=(0.5, 1.15))
    parameters = jax.tree.map(lambda leaf: np.zeros((1, *leaf.shape)), architecture.initial_parameters(0))
    only_repulsion = Potential(architecture, parameters, {"Al": -1.0})
    atoms = Atoms(
        "Al4", positions=[[0, 0, 0], [2.0, 0.1, 0], [0, 2.1, 0], [0, 0.3, 2.4]], cell=np.eye(3) * 4.3, pbc=True
    )
    atoms.calc = only_repulsion.calculator()
    results = {name: atoms.calc.get_property(name, atoms) for name in ("energy", "forces", "stress")}
    assert results["energy"] > -4.0 + 1.0
    atoms.calc = SinglePointCalculator(atoms, free_energy=results["energy"], **results)
    (bucket,) = make_buckets([atoms], architecture, {"": {"Al": -1.0}})
    assert np.allclose(bucket.examples.energy, 0, atol=1e-10)
    assert np.allclose(bucket.examples.forces, 0, atol=1e-10)
    assert np.allclose(bucket.examples.strain_gradient, 0, atol=1e-9)


def test_a_range_beyond_the_cutoff_is_refused():
    with pytest.raises(PotentialError, match="end within the cutoff"):
        AniArchitecture.evenly_spaced(("Al",), 5.0, 4, 4.0, 2, 2, (4,), repulsion=(0.5, 3.0))
    assert jnp.isfinite(pair_energy("AlAl", 0.05)).all()
