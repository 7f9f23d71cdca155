"""Neighbour tables against brute force, for every kind of cell."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk

from ingot.neighbors import (
    NeighborError,
    NeighborOverflow,
    complete_cell,
    displacements,
    neighbor_pairs,
    neighbor_table,
)


def brute_force(positions, cell, pbc, cutoff):
    """All pairs by looping over every image that could matter."""
    inverse = np.linalg.inv(cell)
    heights = 1 / np.linalg.norm(inverse, axis=0)
    span = np.ptp(positions @ inverse, axis=0)
    images = [int(np.ceil(cutoff / heights[k] + span[k])) if pbc[k] else 0 for k in range(3)]
    found = []
    for shift in itertools.product(*[range(-m, m + 1) for m in images]):
        distance = np.linalg.norm(positions[None] + np.array(shift) @ cell - positions[:, None], axis=-1)
        found += [(i, j, *shift) for i, j in np.argwhere(distance < cutoff) if i != j or any(shift)]
    return sorted(tuple(map(int, pair)) for pair in found)


def as_tuples(positions, cell, pbc, cutoff):
    i, j, shift, _ = neighbor_pairs(positions, cell, pbc, cutoff)
    return [(int(a), int(b), *map(int, s)) for a, b, s in zip(i, j, shift, strict=True)]


@pytest.mark.parametrize("seed", range(60))
def test_pairs_agree_with_brute_force(seed):
    """Skewed, left-handed, tiny and mixed-periodic cells, with atoms outside the cell."""
    rng = np.random.default_rng(seed)
    cell = np.eye(3) * rng.uniform(1.5, 6) + rng.normal(size=(3, 3)) * rng.choice([0.0, 1.0, 3.0])
    if abs(np.linalg.det(cell)) < 4:
        cell = np.diag([2.0, 3.0, -4.0])
    pbc = rng.random(3) < 0.7
    positions = rng.uniform(-1.5, 2.5, size=(rng.integers(1, 7), 3)) @ cell
    cutoff = rng.uniform(2, 5)
    assert as_tuples(positions, cell, pbc, cutoff) == brute_force(positions, cell, pbc, cutoff)


def test_left_handed_cells_keep_their_images():
    atoms = bulk("Al", "fcc", a=4.05)
    swapped = atoms.cell.array[[1, 0, 2]]
    assert np.linalg.det(swapped) * np.linalg.det(atoms.cell.array) < 0
    for cell in (atoms.cell.array, swapped):
        assert len(as_tuples(atoms.positions, cell, [True] * 3, 3.0)) == 12


@pytest.mark.parametrize("pbc", list(itertools.product([False, True], repeat=3)))
def test_missing_vectors_are_completed_without_changing_pairs(pbc):
    rng = np.random.default_rng(5)
    cell = np.array([[3.0, 0.5, 0.2], [-0.4, 3.3, 0.1], [0.3, 0.2, 2.9]])
    positions = rng.uniform(-2, 5, size=(6, 3))
    given = np.where(np.array(pbc)[:, None], cell, 0.0)
    assert as_tuples(positions, given, pbc, 4.0) == brute_force(positions, cell, pbc, 4.0)


def test_complete_cell_gives_unit_normals():
    completed = complete_cell(np.array([[4.0, 0, 0], [1.0, 3.0, 0], [0, 0, 0]]), np.array([True, True, False]))
    assert np.allclose(completed[:2] @ completed[2], 0)
    assert np.isclose(np.linalg.norm(completed[2]), 1)


@pytest.mark.parametrize(
    ("cell", "pbc", "match"),
    [
        (np.zeros((3, 3)), [True, False, False], "zero"),
        (np.diag([4.0, 4.0, 1e-3]), [True] * 3, "flat"),
        (np.ones((3, 3)), [True] * 3, "flat"),
        (np.full((3, 3), np.nan), [True] * 3, "finite"),
    ],
)
def test_cells_without_meaning_are_refused(cell, pbc, match):
    with pytest.raises(NeighborError, match=match):
        neighbor_pairs(np.zeros((1, 3)), cell, np.array(pbc), 3.0)


def test_positions_and_cutoffs_without_meaning_are_refused():
    with pytest.raises(NeighborError, match="finite"):
        neighbor_pairs(np.full((2, 3), np.nan), np.eye(3), np.ones(3, bool), 3.0)
    for cutoff in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(NeighborError, match="cutoff"):
            neighbor_pairs(np.zeros((1, 3)), np.eye(3), np.ones(3, bool), cutoff)
    with pytest.raises(NeighborError, match="inner"):
        neighbor_table(np.zeros((1, 3)), np.eye(3), np.ones(3, bool), 3.0, inner_cutoff=3.5)
    for far in (1e10, -1e300):
        with pytest.raises(NeighborError, match="blown up"):
            neighbor_table(np.array([[0.0, 0, 0], [0, far, 0]]), np.eye(3), np.array([False, True, True]), 3.0)


def test_inner_neighbours_come_first_and_real_entries_before_padding():
    rng = np.random.default_rng(0)
    cell = np.eye(3) * 7.0
    positions = rng.uniform(0, 7, size=(12, 3))
    pbc = np.ones(3, bool)
    table = neighbor_table(positions, cell, pbc, 5.0, inner_cutoff=3.0)
    distance = np.linalg.norm(displacements(positions, cell, table), axis=-1)
    within = table.mask & (distance < 3.0)
    assert not within[:, table.inner :].any()
    assert (np.diff(table.mask.astype(int), axis=1) <= 0).all()
    assert (np.diff(within.astype(int), axis=1) <= 0).all()
    pairs = neighbor_pairs(positions, cell, pbc, 5.0)
    assert table.mask.sum() == len(pairs[0])
    assert np.isclose(np.sort(distance[table.mask]), np.sort(pairs[3])).all()
    assert (table.index[~table.mask] == 0).all()
    assert (table.shift[~table.mask] == 0).all()


def test_overflow_carries_the_capacities_that_would_do():
    atoms = bulk("Al", "fcc", a=4.05)
    arguments = (atoms.positions, atoms.cell.array, atoms.pbc, 4.5)
    with pytest.raises(NeighborOverflow) as caught:
        neighbor_table(*arguments, inner_cutoff=3.0, capacity=8, inner_capacity=4)
    assert (caught.value.needed, caught.value.needed_inner) == (18, 12)
    table = neighbor_table(*arguments, inner_cutoff=3.0, capacity=18, inner_capacity=12)
    assert table.mask.all()
    assert neighbor_table(*arguments, inner_cutoff=3.0).capacity == 24


def test_isolated_atom_has_an_empty_row():
    table = neighbor_table(np.zeros((1, 3)), np.zeros((3, 3)), np.zeros(3, bool), 5.0, 3.0)
    assert not table.mask.any()
    assert table.capacity >= table.inner > 0


def test_displacements_are_differentiable_in_positions_and_cell():
    rng = np.random.default_rng(2)
    cell = np.array([[3.1, 0.1, 0], [0.7, 2.9, 0.2], [-0.4, 0.3, 3.3]])
    positions = rng.uniform(0, 3, size=(3, 3))
    table = neighbor_table(positions, cell, np.ones(3, bool), 4.0)

    def total(x, h):
        return jnp.sum(displacements(x, h, table) ** 4)

    gradient = jax.grad(total, argnums=(0, 1))(positions, cell)
    for k, array in enumerate((positions, cell)):
        step = np.zeros((3, 3))
        step[1, 2] = 1e-5
        shifted = [[positions, cell], [positions, cell]]
        shifted[0][k], shifted[1][k] = array + step, array - step
        finite = (total(*shifted[0]) - total(*shifted[1])) / 2e-5
        assert np.isclose(gradient[k][1, 2], finite, rtol=1e-6)


def test_tables_stack_for_vmap():
    cell = np.eye(3) * 4.0
    pbc = np.ones(3, bool)
    frames = np.random.default_rng(0).uniform(0, 4, (2, 4, 3))
    tables = [neighbor_table(x, cell, pbc, 3.5, 2.0, capacity=64, inner_capacity=16) for x in frames]
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *tables)
    batched = jax.vmap(displacements, in_axes=(0, None, 0))(frames, cell, stacked)
    assert np.array_equal(batched[1], displacements(frames[1], cell, tables[1]))
