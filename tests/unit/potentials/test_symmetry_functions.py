"""The symmetry functions against their definition, written as plain loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk

from ingot.neighbors import NeighborTable, displacements, neighbor_table
from ingot.potentials import AniArchitecture, PotentialError, ani


def by_definition(architecture, positions, species):
    """Loops over neighbours and pairs: Smith, Isayev, Roitberg 2017, with the factors of the published code."""
    kinds = len(architecture.species)
    pairs = [(a, b) for a in range(kinds) for b in range(a, kinds)]
    rows = []
    for i, x in enumerate(positions):
        radial = np.zeros((kinds, len(architecture.radial_shifts)))
        angular = np.zeros((len(pairs), len(architecture.angular_shifts), len(architecture.angular_angles)))
        others = [(j, positions[j] - x) for j in range(len(positions)) if j != i]
        for j, d in others:
            r = np.linalg.norm(d)
            if r < architecture.radial_cutoff:
                cut = 0.5 * np.cos(np.pi * r / architecture.radial_cutoff) + 0.5
                shifts = np.array(architecture.radial_shifts)
                radial[species[j]] += 0.25 * np.exp(-architecture.radial_eta * (r - shifts) ** 2) * cut
        for a, (j, dj) in enumerate(others):
            for k, dk in others[a + 1 :]:
                rj, rk = np.linalg.norm(dj), np.linalg.norm(dk)
                if max(rj, rk) >= architecture.angular_cutoff:
                    continue
                theta = np.arccos(0.95 * dj @ dk / (rj * rk))
                cut = np.prod([0.5 * np.cos(np.pi * r / architecture.angular_cutoff) + 0.5 for r in (rj, rk)])
                channel = pairs.index(tuple(sorted((species[j], species[k]))))
                for s, shift in enumerate(architecture.angular_shifts):
                    for z, angle in enumerate(architecture.angular_angles):
                        angular[channel, s, z] += (
                            2 * ((1 + np.cos(theta - angle)) / 2) ** architecture.angular_zeta
                            * np.exp(-architecture.angular_eta * ((rj + rk) / 2 - shift) ** 2) * cut
                        )  # fmt: skip
        rows.append(np.concatenate([radial.ravel(), angular.ravel()]))
    return np.array(rows)


@pytest.mark.parametrize("kinds", [1, 2, 3])
@pytest.mark.parametrize("zeta", [16.0, 14.1])
def test_descriptor_follows_its_definition(kinds, zeta):
    architecture = AniArchitecture.evenly_spaced(
        ("Al", "Ni", "O")[:kinds], 5.0, 5, 3.8, 3, 4, (4,), first_shift=1.0, angular_zeta=zeta
    )
    rng = np.random.default_rng(kinds)
    positions = rng.uniform(0, 4.5, size=(9, 3))
    species = rng.integers(0, kinds, size=9)
    table = neighbor_table(positions, np.zeros((3, 3)), np.zeros(3, bool), 5.0, 3.8)
    vectors = displacements(positions, np.eye(3), table)
    descriptor = architecture.descriptor(vectors, jnp.asarray(species), table)
    assert descriptor.shape == (9, architecture.features)
    assert np.allclose(descriptor, by_definition(architecture, positions, species), atol=1e-11)


@pytest.fixture(params=["whole", "in blocks"])
def in_jax(request, monkeypatch):
    """Products without compiled code; in blocks of four atoms, the last of them filled up."""
    monkeypatch.setenv("INGOT_NATIVE", "0")
    if request.param == "in blocks":
        monkeypatch.setattr(ani, "block_of_centres", lambda inner: 4)


@pytest.mark.usefixtures("in_jax")
def test_products_are_those_of_the_jacobian_and_differentiable_again():
    architecture = AniArchitecture.evenly_spaced(("Al", "Ni"), 5.0, 4, 4.0, 2, 3, (4,))
    rng = np.random.default_rng(0)
    structures, atoms = 2, 7
    at = rng.uniform(0, 5, size=(structures, atoms, 3))
    species = jnp.asarray(rng.integers(0, 2, size=(structures, atoms)))
    tables = [
        neighbor_table(one, np.zeros((3, 3)), np.zeros(3, bool), 5.0, 4.0, capacity=8, inner_capacity=8) for one in at
    ]
    table = jax.tree.map(lambda *leaves: np.stack(leaves), *tables)
    weights = jnp.asarray(rng.normal(size=(structures, atoms, architecture.features)))
    coordinates = jnp.asarray(at), jnp.zeros((structures, 3, 3))
    direction = jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape)), coordinates)

    def vectors(positions, strain):
        apart = jax.vmap(lambda one, t: displacements(one, np.eye(3), t))(positions, table)
        return apart + apart @ strain[:, None]

    def descriptor(*at):
        return jnp.stack(
            [architecture.descriptor(d, s, t) for d, s, t in zip(vectors(*at), species, tables, strict=True)]
        )

    def products(*at):
        return architecture.descriptor_and_products(vectors(*at), species, table)

    along = direction[0], jnp.zeros((structures, 3, 3))  # further strain comes on top of strain, not beside it

    @jax.jit
    def expected():
        value, pullback = jax.vjp(descriptor, *coordinates)
        tangents = jax.jvp(descriptor, coordinates, direction)[1]
        hessian_product = jax.jvp(lambda *at: jax.vjp(descriptor, *at)[1](weights), coordinates, along)[1]
        return value, pullback(weights), tangents, hessian_product

    @jax.jit
    def found():
        value, pull, push = products(*coordinates)
        hessian_product = jax.jvp(lambda *at: products(*at)[1](weights), coordinates, along)[1]
        return value, pull(weights), push(direction), hessian_product

    for one, other in zip(jax.tree.leaves(found()), jax.tree.leaves(expected()), strict=True):
        assert np.allclose(one, other, atol=1e-10, rtol=1e-10)


@pytest.mark.usefixtures("in_jax")
def test_gradients_are_finite_on_padding_and_for_lonely_atoms():
    architecture = AniArchitecture.evenly_spaced(("Al",), 5.0, 4, 4.0, 2, 3, (4,))
    table = NeighborTable(np.zeros((6, 8), np.int32), np.zeros((6, 8, 3), np.int32), np.zeros((6, 8), bool), 4)
    species = jnp.zeros(6, jnp.int32)
    for dtype in (jnp.float32, jnp.float64):
        vectors = jnp.zeros((6, 8, 3), dtype)

        @jax.jit
        def descriptor_and_slopes(vectors):
            value, pull, _ = architecture.descriptor_and_products(vectors, species, table)
            return value, *pull(jnp.ones_like(value))

        for leaf in descriptor_and_slopes(vectors):
            assert leaf.dtype == dtype
            assert not leaf.any()


@pytest.mark.usefixtures("in_jax")
def test_networks_that_are_not_numbers_give_forces_that_are_not_numbers():
    """To their own structure alone, whatever shares its block."""
    architecture = AniArchitecture.evenly_spaced(("Al",), 5.0, 4, 4.0, 2, 3, (4,))
    positions = np.array([[0.0, 0, 0], [2.5, 0, 0], [0, 2.5, 0.3], [2.5, 2.5, 0], [0, 0, 2.6]])
    alone = neighbor_table(positions, np.zeros((3, 3)), np.zeros(3, bool), 5.0, 4.0)
    table = jax.tree.map(lambda leaf: np.stack([leaf, leaf]), alone)
    vectors = jnp.stack([displacements(positions, np.eye(3), alone)] * 2)

    @jax.jit
    def forces(coefficients):
        _, pull, _ = architecture.descriptor_and_products(vectors, jnp.zeros((2, 5), jnp.int32), table)
        return pull(coefficients)[0]

    sound = jnp.ones((2, 5, architecture.features))
    found = forces(sound.at[0].set(jnp.nan))
    assert np.isnan(found[0]).all()
    assert np.allclose(found[1], forces(sound)[1], rtol=1e-14)


def test_memory_in_jax_does_not_grow_with_pairs_of_neighbours(monkeypatch):
    """Blocks bound what all pairs of neighbours need: 200 kB an atom for the published constants, as a whole."""
    monkeypatch.setenv("INGOT_NATIVE", "0")
    architecture = AniArchitecture.published_ani_al()
    atoms = bulk("Al", a=4.05, cubic=True) * (8, 8, 8)
    table = neighbor_table(atoms.positions, atoms.cell.array, atoms.pbc, 7.5, 5.5)
    vectors = displacements(atoms.positions, atoms.cell.array, table).astype(jnp.float32)
    weights = jnp.ones((len(atoms), architecture.features), jnp.float32)

    @jax.jit
    def slopes(d, c):
        return architecture.descriptor_and_products(d, jnp.zeros(len(atoms), jnp.int32), table)[1](c)

    needed = slopes.lower(vectors, weights).compile().memory_analysis().temp_size_in_bytes
    assert needed / len(atoms) < 20_000


def test_constants_survive_json_and_are_checked():
    published = AniArchitecture.published_ani_al()
    assert AniArchitecture.from_json(published.to_json()) == published
    assert hash(AniArchitecture.from_json(published.to_json())) == hash(published)
    assert published.features == 96
    with pytest.raises(PotentialError, match="angular cutoff"):
        AniArchitecture.evenly_spaced(("Al",), 4.0, 4, 4.5, 2, 2, (4,))
    with pytest.raises(PotentialError, match="distinct"):
        AniArchitecture.evenly_spaced(("Al", "Al"), 5.0, 4, 4.5, 2, 2, (4,))
    with pytest.raises(PotentialError, match="malformed"):
        AniArchitecture.from_json({"kind": "ani", "species": ["Al"]})
