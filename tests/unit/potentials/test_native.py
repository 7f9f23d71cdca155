"""The compiled symmetry functions are the JAX ones, whatever the architecture, the batch and the number of threads."""

import os
import subprocess
import sys
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk
from derivatives import numerical_force

from ingot.neighbors import displacements, neighbor_table
from ingot.potentials import AniArchitecture, Potential, PotentialCalculator, native_status, set_native_threads
from ingot.potentials.coordinates import coordinate_slopes, displacement_tangents
from ingot.potentials.native import library

if not native_status()[0]:
    pytest.skip(f"no compiled descriptor: {native_status()[1]}", allow_module_level=True)

ARCHITECTURES = {
    "published": AniArchitecture.published_ani_al(),
    "two species, an uneven size": AniArchitecture.evenly_spaced(
        ("Al", "Cu"), 6.0, 13, 4.2, 5, 7, (4,), angular_zeta=7.5
    ),
    "three species, an integer power": AniArchitecture.evenly_spaced(("Al", "Cu", "Ni"), 5.5, 16, 4.2, 4, 4, (4,)),
    "shifts in any order, spaced as rounding leaves them": replace(
        AniArchitecture.evenly_spaced(("Al",), 6.0, 21, 4.4, 12, 3, (4,), angular_zeta=33.3),
        radial_shifts=tuple(np.random.default_rng(3).permutation(np.linspace(1.0, 5.9, 21))),
    ),
    "angles beyond pi": replace(AniArchitecture.published_ani_al(), angular_angles=(-0.3, 2.0, 7.5)),
    "one of everything": AniArchitecture.evenly_spaced(("Al",), 5.0, 1, 4.0, 1, 1, (4,), angular_zeta=1.0),
}


def surroundings(architecture, repeat=(2, 2, 1), seed=0):
    """Displacements, species and table of a disturbed crystal with a vacancy, and random features."""
    rng = np.random.default_rng(seed)
    atoms = bulk("Al", a=4.05, cubic=True) * repeat
    del atoms[0]
    atoms.rattle(0.3, seed=seed)
    table = neighbor_table(atoms.positions, atoms.cell.array, atoms.pbc, architecture.cutoff, architecture.inner_cutoff)
    species = jnp.asarray(rng.integers(0, len(architecture.species), len(atoms)), jnp.int32)
    vectors = displacements(atoms.positions, atoms.cell.array, table)
    features = jnp.asarray(rng.normal(size=(len(atoms), architecture.features)))
    return vectors, species, table, features


def relative(value, expected):
    return float(np.abs(np.asarray(value, float) - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_value_and_both_products_are_those_of_jax(name):
    """Derivatives by positions and strain of the whole structure, and directions of these."""
    architecture = ARCHITECTURES[name]
    vectors, species, table, features = surroundings(architecture)
    rng = np.random.default_rng(4)
    along = jnp.asarray(rng.normal(size=(len(species), 3))), jnp.asarray(rng.normal(size=(3, 3)))

    def descriptor(positions, strain):
        moved = positions[table.index] - positions[:, None] + vectors
        return architecture.descriptor((moved + moved @ strain) * table.mask[..., None], species, table)

    @jax.jit
    def reference(c, direction):
        at = jnp.zeros((len(species), 3)), jnp.zeros((3, 3))
        value, pull = jax.vjp(descriptor, *at)
        return value, *pull(c), jax.jvp(descriptor, at, direction)[1]

    @jax.jit
    def compiled(d, c, direction):
        value, pull, push = architecture.descriptor_and_products(d, species, table)
        return value, *pull(c), push(direction)

    expected = reference(features, along)
    for dtype, error in ((jnp.float64, 1e-12), (jnp.float32, 2e-5)):
        results = compiled(vectors.astype(dtype), features.astype(dtype), along)
        for result, exact in zip(results, expected, strict=True):
            assert relative(result, exact) < error
        assert results[1].dtype == results[2].dtype == jnp.float64
        assert float(np.abs(np.sum(results[1], axis=0)).max()) < 1e-10  # no force on the whole


def test_a_batch_is_its_structures():
    architecture = ARCHITECTURES["two species, an uneven size"]
    one, other = (surroundings(architecture, (2, 1, 1), seed) for seed in (1, 2))
    width = max(one[0].shape[1], other[0].shape[1])

    def padded(leaf):
        missing = width - leaf.shape[1] if leaf.ndim > 1 else 0
        return np.pad(leaf, [(0, 0), (0, missing), *[(0, 0)] * (leaf.ndim - 2)]) if missing else np.asarray(leaf)

    tables = [jax.tree.map(padded, each[2]) for each in (one, other)]
    inner = max(table.inner for table in tables)
    tables = [type(table)(table.index, table.shift, table.mask, inner) for table in tables]
    table = jax.tree.map(lambda *leaves: jnp.stack([jnp.asarray(leaf) for leaf in leaves]), *tables)
    vectors, species, features = (
        jnp.stack([jnp.asarray(padded(each[k]) if k == 0 else each[k]) for each in (one, other)]) for k in (0, 1, 3)
    )
    value, pull, push = architecture.descriptor_and_products(vectors, species, table)
    rng = np.random.default_rng(0)
    along = [
        (jnp.asarray(rng.normal(size=(*species.shape[1:], 3))), jnp.asarray(rng.normal(size=(3, 3)))) for _ in "ab"
    ]
    together = jax.tree.map(lambda *leaves: jnp.stack(leaves), *along)
    for k, each in enumerate((one, other)):
        alone, alone_pull, alone_push = architecture.descriptor_and_products(*each[:3])
        assert np.array_equal(value[k], alone)
        for found, expected in zip(pull(features), alone_pull(each[3]), strict=True):
            assert np.array_equal(found[k], expected)
        assert np.array_equal(push(together)[k], alone_push(along[k]))


def test_threads_change_nothing():
    architecture = ARCHITECTURES["published"]
    one = surroundings(architecture, (5, 5, 4))
    assert len(one[1]) > 3 * 128  # enough for helpers
    two = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), one)  # fewer structures than threads
    for vectors, species, table, features in (one, two):
        results = []
        try:
            for threads in (1, 3):
                set_native_threads(threads)
                value, pull, _ = architecture.descriptor_and_products(vectors.astype(jnp.float32), species, table)
                results.append([np.asarray(x) for x in (value, *pull(features.astype(jnp.float32)))])
        finally:
            set_native_threads(1)
        for alone, several in zip(*results, strict=True):
            assert np.array_equal(alone, several)


@pytest.mark.parametrize("which", ["pull", pytest.param("push", marks=pytest.mark.slow)])
def test_derivatives_of_the_compiled_functions_are_those_of_jax(which):
    """Of forces by positions and by coefficients: what attacks and Hessians need."""
    architecture = ARCHITECTURES["three species, an integer power"]
    vectors, species, table, features = surroundings(architecture, (1, 1, 1))

    def compiled_by_position(d):
        return architecture.descriptor_and_products(d, species, table)[1](features)[0]

    def by_position(d):
        slopes = jax.vjp(lambda x: architecture.descriptor(x, species, table), d)[1](features)[0]
        return coordinate_slopes(d, table, slopes)[0]

    def compiled_along(d):
        direction = (features[:, :3], jnp.eye(3))
        return architecture.descriptor_and_products(d, species, table)[2](direction)

    def descriptor_along(d):
        moved = displacement_tangents(d, table, (features[:, :3], jnp.eye(3)))
        return jax.jvp(lambda x: architecture.descriptor(x, species, table), (d,), (moved,))[1]

    exact, compiled = {
        "pull": (by_position, compiled_by_position),
        "push": (descriptor_along, compiled_along),
    }[which]
    tangents = jax.random.normal(jax.random.key(1), vectors.shape) * table.mask[..., None]
    back = jax.random.normal(jax.random.key(0), jax.eval_shape(exact, vectors).shape)
    along, across = (
        jax.jit(lambda d, f=f: (jax.jvp(f, (d,), (tangents,))[1], jax.vjp(f, d)[1](back)[0]))(vectors)
        for f in (exact, compiled)
    )
    assert relative(across[0], along[0]) < 1e-12
    assert relative(across[1], along[1]) < 1e-12


def test_no_number_of_neighbours_is_too_large():
    """A cell of 2 A: hundreds of neighbours, ten thousands of pairs."""
    architecture = AniArchitecture.evenly_spaced(("Al",), 7.0, 8, 6.0, 3, 4, (4,))
    atoms = bulk("Al", "sc", a=2.0) * (2, 1, 1)
    atoms.rattle(0.1, seed=0)
    table = neighbor_table(atoms.positions, atoms.cell.array, atoms.pbc, 7.0, 6.0)
    assert table.inner > 64
    vectors, species = displacements(atoms.positions, atoms.cell.array, table), jnp.zeros(2, jnp.int32)
    value = architecture.descriptor_and_products(vectors, species, table)[0]
    assert relative(value, jax.jit(architecture.descriptor)(vectors, species, table)) < 1e-12


def test_what_is_not_a_number_stays_so():
    architecture = ARCHITECTURES["published"]
    vectors, species, table, features = surroundings(architecture)
    broken = vectors.at[0, 0, 1].set(jnp.nan)
    value, pull, _ = architecture.descriptor_and_products(broken, species, table)
    assert np.isnan(value[0]).any()
    assert np.isfinite(value[1:]).all()
    assert np.isnan(pull(features)[0][0]).any()
    nothing = architecture.descriptor_and_products(vectors, species, table)[1](features * jnp.nan)
    assert np.isnan(nothing[0]).any(axis=-1).all()


def test_forces_of_a_potential_are_the_slope_of_its_energy():
    architecture = ARCHITECTURES["three species, an integer power"]
    parameters = jax.tree.map(lambda leaf: np.asarray(leaf)[None], architecture.initial_parameters(0))
    potential = Potential(architecture, parameters, dict.fromkeys(architecture.species, 0.0))
    atoms = bulk("Al", a=4.0, cubic=True)
    atoms.symbols[:2] = ["Cu", "Ni"]
    atoms.rattle(0.2, seed=1)
    atoms.calc = calculator = PotentialCalculator(potential, dtype="float64")

    def energy(moved):
        moved.calc = calculator
        return moved.get_potential_energy()

    assert atoms.get_forces()[1, 2] == pytest.approx(numerical_force(energy, atoms, (1, 2), 1e-4), abs=1e-6)


@pytest.mark.parametrize(
    "variables",
    [
        {"INGOT_NATIVE": "0"},
        {"CXX": "no-such-compiler", "INGOT_CACHE": "empty"},
        {"INGOT_CACHE": "/proc/nowhere", "OMP_NUM_THREADS": "2,1"},
    ],
    ids=["switched off", "no compiler", "no place"],
)
def test_without_the_library_jax_does_the_work(variables, tmp_path):
    """Switched off, no compiler, nowhere to put it: said in one sentence, and nothing else changes."""
    script = """
import jax.numpy as jnp, numpy as np
from ingot.potentials import AniArchitecture, native_status, use_native
print(use_native(), native_status())
a = AniArchitecture.evenly_spaced(("Al",), 5.0, 4, 4.0, 2, 3, (4,))
from ingot.neighbors import NeighborTable
t = NeighborTable(np.zeros((2, 8), np.int32), np.zeros((2, 8, 3), np.int32), np.zeros((2, 8), bool), 4)
print(a.descriptor_and_products(jnp.zeros((2, 8, 3)), jnp.zeros(2, jnp.int32), t)[0].shape)
"""
    environment = {**os.environ, **{k: str(tmp_path / v) if v == "empty" else v for k, v in variables.items()}}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True, timeout=120
    )
    assert "(False, " in done.stdout
    assert {"0": "INGOT_NATIVE=0"}.get(said := next(iter(variables.values())), said) in done.stdout
    assert f"(2, {4 + 6})" in done.stdout


@pytest.mark.slow
def test_several_processes_may_build_at_once(tmp_path):
    """The first build of a cluster's first jobs: each compiles beside the target and renames."""
    command = [sys.executable, "-c", "from ingot.potentials import native_status; print(native_status())"]
    environment = {**os.environ, "INGOT_CACHE": str(tmp_path)}
    running = [subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    assert all(process.communicate(timeout=300)[0].startswith("(True, ") for process in running)
    assert [path.suffix for path in (tmp_path / "ingot").iterdir()] == [".so"]
    assert all(file.exists() for file in (*library.POTENTIALS.headers, *library.POTENTIALS.sources))
