"""Telling crystal from melt."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from ingot.benchmarks.melt import crystal
from ingot.benchmarks.order import MOLTEN, SHELL, bond_coherence, crystalline_fraction, nearest_neighbors, profile

LATTICES = ("fcc", "bcc", "hcp")


def block(lattice: str, repeat: int = 3) -> Atoms:
    return crystal("Al", lattice, 16.6, (repeat,) * 3)  # type: ignore[arg-type]


def random_packing(atoms: int = 108, seed: int = 1) -> Atoms:
    """Positions of a disordered packing without overlaps: random points pushed apart."""
    rng = np.random.default_rng(seed)
    length = (atoms * 17.5) ** (1 / 3)
    points = rng.random((atoms, 3))
    for _ in range(400):
        vectors = points[:, None] - points[None]
        vectors -= np.round(vectors)
        distance = np.linalg.norm(vectors, axis=-1) + 9 * np.eye(atoms)
        push = np.clip(2.5 / length - distance, 0, None)[..., None] * vectors / distance[..., None]
        points += 0.5 * push.sum(axis=1)
    return Atoms("Al" * atoms, scaled_positions=points % 1.0, cell=[length] * 3, pbc=True)


@pytest.mark.parametrize("lattice", LATTICES)
def test_a_perfect_crystal_is_coherent(lattice: str) -> None:
    values = bond_coherence(block(lattice), SHELL[lattice])
    # The two kinds of hcp sites are mirror images: their q6 are equal, so that it is coherent as well.
    np.testing.assert_allclose(values, 1.0, atol=1e-12)


@pytest.mark.parametrize("lattice", LATTICES)
def test_a_hot_crystal_and_a_melt_lie_on_either_side(lattice: str) -> None:
    hot = block(lattice, 4)
    hot.rattle(0.25, seed=2)  # 0.15 of the nearest-neighbour distance: crystals melt at 0.1 to 0.15
    assert bond_coherence(hot, SHELL[lattice]).mean() > 0.6
    melt = bond_coherence(random_packing(), SHELL[lattice])
    assert melt.mean() < 0.35 < MOLTEN


def test_coherence_does_not_see_rotation_size_or_order_of_atoms() -> None:
    atoms = block("fcc")
    atoms.rattle(0.2, seed=1)
    expected = bond_coherence(atoms)
    turned = atoms.copy()
    turned.rotate(37, (1, 2, 3), rotate_cell=True)
    turned.set_cell(turned.cell.array * 1.7, scale_atoms=True)
    np.testing.assert_allclose(bond_coherence(turned), expected, atol=1e-10)
    order = np.random.default_rng(3).permutation(len(atoms))
    np.testing.assert_allclose(bond_coherence(atoms[order]), expected[order], atol=1e-12)


def test_positions_outside_the_cell_are_the_same_atoms() -> None:
    atoms = block("bcc")
    atoms.rattle(0.1, seed=4)
    moved = atoms.copy()
    moved.positions += np.random.default_rng(1).integers(-2, 3, (len(atoms), 3)) @ atoms.cell.array
    np.testing.assert_allclose(bond_coherence(moved, 14), bond_coherence(atoms, 14), atol=1e-10)


def test_nearest_neighbors_are_the_nearest() -> None:
    atoms = bulk("Al", "fcc", a=4.05, cubic=True).repeat(3)
    index, direction = nearest_neighbors(atoms, 12)
    assert index.shape == (108, 12)
    np.testing.assert_allclose(np.linalg.norm(direction, axis=-1), 1.0)
    for center in (0, 50):
        distances = atoms.get_distances(center, index[center], mic=True)
        np.testing.assert_allclose(distances, 4.05 / np.sqrt(2))


def test_the_profile_finds_the_interface() -> None:
    solid, melt = block("fcc"), random_packing(108)
    values = np.concatenate([bond_coherence(solid), bond_coherence(melt)])
    heights = np.concatenate([solid.get_scaled_positions()[:, 2] / 2, 0.5 + melt.get_scaled_positions()[:, 2] / 2])
    order, number = profile(values, heights, 8)
    assert (order[:4] > 0.9).all()
    assert (order[4:] < 0.45).all()
    assert number.sum() == 216


def test_an_empty_slab_is_not_a_number() -> None:
    order, number = profile(np.array([1.0, 3.0]), np.array([0.1, 1.1]), 2)
    assert order[0] == 2.0
    assert np.isnan(order[1])
    assert number.tolist() == [2, 0]


@pytest.mark.parametrize("lattice", LATTICES)
def test_a_hot_crystal_is_crystalline_and_a_packing_is_not(lattice: str) -> None:
    hot = block(lattice)
    hot.rattle(0.12, seed=2)
    share = crystalline_fraction(hot)
    assert share is not None
    assert share > 0.9
    packing = random_packing()
    share = crystalline_fraction(packing)
    assert share is not None
    assert share < 0.1
    assert crystalline_fraction(packing[:23]) is None
    packing.pbc = False
    assert crystalline_fraction(packing) is None
