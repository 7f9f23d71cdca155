"""The k-point mesh: density, shift, symmetry."""

from itertools import product

import numpy as np
import pytest
from ase.build import bulk

from ingot.labels.kohn_sham.kpoints import kpoint_mesh, lattice_point_group
from ingot.structures import random_strain, strained

CELLS = {
    "fcc": bulk("Al", "fcc", a=4.05),
    "bcc": bulk("Al", "bcc", a=3.24),
    "sc": bulk("Al", "sc", a=2.7),
    "cube": bulk("Al", "fcc", a=4.05, cubic=True),
    "diamond": bulk("Si", "diamond", a=5.43),
    "hcp": bulk("Mg", "hcp", a=3.2, c=5.2),
    "tetragonal": bulk("Al", "fcc", a=4.05, cubic=True).repeat((1, 1, 2)),
}
HALF, NONE = (0.5, 0.5, 0.5), (0.0, 0.0, 0.0)
EXPECTED = {
    "fcc": ((7, 7, 7), NONE, 48),
    "bcc": ((7, 7, 7), HALF, 48),
    "sc": ((6, 6, 6), HALF, 48),
    "cube": ((4, 4, 4), HALF, 48),
    "diamond": ((6, 6, 6), NONE, 48),
    "hcp": ((6, 6, 4), (0.0, 0.0, 0.5), 24),
    "tetragonal": ((4, 4, 2), HALF, 16),
}


@pytest.mark.parametrize("name", CELLS)
def test_meshes_and_group_orders_of_known_lattices(name):
    cell = CELLS[name].cell.array
    mesh = kpoint_mesh(cell, 16.0)
    assert (mesh.subdivisions, mesh.shift, len(lattice_point_group(cell))) == EXPECTED[name]


@pytest.mark.parametrize("name", CELLS)
def test_the_mesh_has_the_full_symmetry_of_the_lattice(name):
    """Brute force in Cartesian space: every rotation takes the set of k-points to itself or to minus itself."""
    cell = CELLS[name].cell.array
    mesh = kpoint_mesh(cell, 8.0)
    reciprocal = np.linalg.inv(cell).T
    steps = np.array(list(product(*(range(n) for n in mesh.subdivisions))))
    points = (steps + np.array(mesh.shift)) / np.array(mesh.subdivisions)

    def key(fractional: np.ndarray) -> set[tuple[int, ...]]:
        return {tuple(np.rint(np.mod(f + 1e-7, 1) * 10080).astype(int) % 10080) for f in fractional}

    original, reversed_points = key(points), key(-points)
    for matrix in lattice_point_group(cell):
        rotation = np.linalg.solve(cell, matrix @ cell)  # Cartesian, acting on rows
        assert np.allclose(rotation @ rotation.T, np.eye(3), atol=1e-9)
        turned = points @ reciprocal @ rotation @ cell.T
        assert key(turned) in (original, reversed_points)


def test_density_follows_the_thickness_also_in_skewed_cells():
    rng = np.random.default_rng(0)
    for _ in range(30):
        cell = 4 * np.eye(3) + rng.normal(size=(3, 3))
        mesh = kpoint_mesh(cell, 16.0)
        heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
        thickness = heights * np.array(mesh.subdivisions)
        assert (thickness >= 16 - 1e-4).all()
        assert (thickness - heights < 16).all()


def test_small_strains_keep_the_shift_of_the_perfect_crystal():
    rng = np.random.default_rng(0)
    for name in ("fcc", "bcc", "hcp"):
        perfect = kpoint_mesh(CELLS[name].cell.array, 16.0, (4, 4, 4))
        for _ in range(10):
            cell = strained(CELLS[name], random_strain(0.03, rng)).cell.array
            assert kpoint_mesh(cell, 16.0, (4, 4, 4)).shift == perfect.shift


def test_low_symmetry_is_always_shifted_and_single_points_sit_at_a_quarter():
    cell = np.array([[9.0, 0.3, 1.0], [0, 12.0, 2.0], [0.5, 0, 19.0]])
    mesh = kpoint_mesh(cell, 16.0)
    assert (mesh.subdivisions, mesh.shift) == ((2, 2, 1), (0.5, 0.5, 0.25))
    assert mesh.center == (0.25, 0.25, 0.25)
