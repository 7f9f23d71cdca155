"""The analytic pair potential: the yardstick of the other tests must itself be right."""

import numpy as np
import pytest
from ase.build import bulk

from ingot.dynamics.pair import lennard_jones
from ingot.neighbors import neighbor_table

EPSILON, SIGMA, CUTOFF = 0.0104, 3.4, 7.5
ONE = np.zeros(8, int)


def evaluate(positions: np.ndarray, cell: np.ndarray):  # type: ignore[no-untyped-def]
    table = neighbor_table(positions, cell, np.ones(3, bool), CUTOFF)
    return lennard_jones(EPSILON, SIGMA, CUTOFF)(positions, cell, ONE, table)


@pytest.fixture
def rattled() -> tuple[np.ndarray, np.ndarray]:
    atoms = bulk("Ar", "fcc", a=5.2, cubic=True).repeat((2, 1, 1))
    atoms.set_cell(atoms.cell.array @ np.array([[1.02, 0.01, 0], [0, 0.99, 0.03], [0, 0, 1.02]]), scale_atoms=True)
    atoms.rattle(0.2, seed=3)
    return atoms.positions, atoms.cell.array


def test_two_atoms_at_the_minimum_have_the_well_depth() -> None:
    positions = np.array([[0.0, 0, 0], [2 ** (1 / 6) * SIGMA, 0, 0]])
    table = neighbor_table(positions, np.zeros((3, 3)), np.zeros(3, bool), CUTOFF)
    result = lennard_jones(EPSILON, SIGMA, CUTOFF)(positions, np.eye(3), np.zeros(2, int), table)
    assert float(result.energy[0]) == pytest.approx(-EPSILON, rel=1e-12)
    assert np.abs(result.forces).max() < 1e-12


def test_forces_are_the_gradient(rattled: tuple[np.ndarray, np.ndarray]) -> None:
    positions, cell = rattled
    forces = np.asarray(evaluate(positions, cell).forces[0])
    step = 1e-4
    for atom, axis in ((0, 0), (3, 1), (7, 2)):
        ends = []
        for sign in (1, -1):
            moved = positions.copy()
            moved[atom, axis] += sign * step
            ends.append(float(evaluate(moved, cell).energy[0]))
        assert forces[atom, axis] == pytest.approx(-(ends[0] - ends[1]) / (2 * step), abs=1e-8)


def test_the_strain_gradient_is_the_derivative_with_strain(rattled: tuple[np.ndarray, np.ndarray]) -> None:
    positions, cell = rattled
    gradient = np.asarray(evaluate(positions, cell).strain_gradient[0])
    step = 1e-5
    for a, b in ((0, 0), (2, 2), (0, 1), (1, 2)):
        ends = []
        for sign in (1, -1):
            strain = np.eye(3)
            strain[a, b] += sign * step
            ends.append(float(evaluate(positions @ strain, cell @ strain).energy[0]))
        assert gradient[a, b] == pytest.approx((ends[0] - ends[1]) / (2 * step), abs=1e-7)
