"""The compiled table beside the one from sorted pairs, which is tested against brute force."""

import subprocess
import sys

import numpy as np
import pytest
from ase.build import bulk

from ingot.neighbors import complete_cell, neighbor_table
from ingot.neighbors import table as module
from ingot.neighbors.native import compiled_table, compiled_tables
from ingot.neighbors.table import sorted_table

pytestmark = pytest.mark.skipif(not compiled_tables()[0], reason=f"no compiled table: {compiled_tables()[1]}")


def assert_same(points, cell, pbc, cutoff, inner_cutoff):
    periodic = np.array(pbc, bool)
    box = complete_cell(cell, periodic)
    arguments = (np.ascontiguousarray(points), box, periodic, (cutoff, inner_cutoff))
    needed, needed_inner, _ = sorted_table(*arguments, 0)
    assert compiled_table(*arguments, 0)[:2] == (needed, needed_inner)
    for columns in (needed, needed + 3):
        ours, theirs = (make(*arguments, columns)[2] for make in (compiled_table, sorted_table))
        for a, b in zip(ours, theirs, strict=True):
            assert a.dtype == b.dtype
            assert np.array_equal(a, b)
    if needed > 1:
        assert compiled_table(*arguments, needed // 2)[:2] == (needed, needed_inner)
    return needed


@pytest.mark.parametrize("seed", range(80))
def test_tables_agree_for_any_cell(seed):
    """Skewed, left-handed, tiny, long and mixed-periodic cells, with atoms many cells away."""
    rng = np.random.default_rng(seed)
    cell = np.diag(rng.uniform(1.5, 9, 3)) + rng.normal(size=(3, 3)) * rng.choice([0.0, 0.5, 2.0])
    if abs(np.linalg.det(cell)) < 4:
        cell = np.diag([2.0, 12.0, -4.0])
    pbc = rng.random(3) < 0.7
    cell[~pbc] *= rng.choice([0.0, 1.0])
    places = rng.uniform(-1, 2, size=(rng.integers(1, 40), 3)) + rng.integers(-9, 9, size=3) * pbc
    points = places @ np.where(cell.any(axis=1)[:, None], cell, 6 * np.eye(3))
    cutoff = rng.uniform(1.5, 6)
    assert_same(points, cell, pbc, cutoff, rng.choice([0.0, rng.uniform(0.3, 1) * cutoff]))


def test_tables_agree_for_a_hot_crystal_and_its_primitive_cell():
    atoms = bulk("Al", "fcc", a=4.1, cubic=True).repeat((3, 5, 4))
    atoms.rattle(0.2, seed=1)
    assert assert_same(atoms.positions, atoms.cell.array, atoms.pbc, 7.5, 5.5) > 90
    single = bulk("Al", "fcc", a=4.1)
    assert assert_same(single.positions, single.cell.array, single.pbc, 9.0, 4.0) == 176


def test_few_atoms_far_apart_have_no_neighbours():
    points = np.array([[0.0, 0, 0], [3e3, 0, 0], [3e3, 2e3, 1e3]])
    assert assert_same(points, np.zeros((3, 3)), [False] * 3, 5.0, 0.0) == 0
    assert assert_same(points, np.diag([9e3, 9e3, 9e3]), [True] * 3, 5.0, 0.0) == 0


def test_the_order_of_arrays_in_memory_does_not_matter():
    atoms = bulk("Al", "fcc", a=4.1).repeat(2)
    atoms.rattle(0.1, seed=2)
    expected = neighbor_table(atoms.positions, atoms.cell.array, atoms.pbc, 5.0, 3.0)
    turned = neighbor_table(
        np.asfortranarray(atoms.positions), np.asfortranarray(atoms.cell.array), atoms.pbc, 5.0, 3.0
    )
    assert np.array_equal(expected.shift, turned.shift)
    assert np.array_equal(expected.index, turned.index)


def test_a_table_too_large_for_the_memory_is_an_error():
    """Enough for the arrays of the result, whose pages nobody touches, and not for what is written meanwhile."""
    script = """
import resource
import numpy as np
from ingot.neighbors import neighbor_table
points = np.random.default_rng(0).uniform(0, 60, (5_000, 3))
neighbor_table(points[:10], np.eye(3) * 60, [True] * 3, 3.0)
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + 600 * 2**20  # the result takes 425 MB of addresses, the rows as much again
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
try:
    neighbor_table(points, np.eye(3) * 60, [True] * 3, 3.0, capacity=5_000)
except MemoryError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "no memory for a neighbour table of 5000 atoms" in done.stdout, done.stderr


@pytest.mark.parametrize(("capacity", "inner_capacity"), [(None, None), (120, None), (None, 60), (120, 60), (0, 0)])
def test_sizes_are_chosen_alike(monkeypatch, capacity, inner_capacity):
    atoms = bulk("Al", "fcc", a=4.1, cubic=True).repeat(2)
    atoms.rattle(0.1, seed=2)
    made = []
    for compiled in (True, False):
        monkeypatch.setattr(module, "compiled_tables", lambda compiled=compiled: (compiled, ""))
        made.append(neighbor_table(atoms.positions, atoms.cell.array, atoms.pbc, 7.0, 5.0, capacity, inner_capacity))
    assert made[0].inner == made[1].inner
    assert all(np.array_equal(getattr(made[0], name), getattr(made[1], name)) for name in ("index", "shift", "mask"))
