"""The symmetry functions against their definition, written as plain loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ingot.neighbors import NeighborTable, displacements, neighbor_table
from ingot.potentials import AniArchitecture, PotentialError


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


def test_pullback_is_the_transposed_jacobian_and_differentiable_again():
    architecture = AniArchitecture.evenly_spaced(("Al", "Ni"), 5.0, 4, 4.0, 2, 3, (4,))
    rng = np.random.default_rng(0)
    positions = rng.uniform(0, 5, size=(6, 3))
    species = jnp.asarray(rng.integers(0, 2, size=6))
    table = neighbor_table(positions, np.zeros((3, 3)), np.zeros(3, bool), 5.0, 4.0)
    vectors = displacements(positions, np.eye(3), table)
    weights = jnp.asarray(rng.normal(size=(6, architecture.features)))

    def plain(d):
        return jnp.sum(weights * architecture.descriptor(d, species, table))

    def fast_slope(d):
        return architecture.descriptor_and_pullback(d, species, table)[1](weights)

    assert np.allclose(fast_slope(vectors), jax.grad(plain)(vectors), atol=1e-12)
    direction = jnp.where(jnp.asarray(table.mask)[..., None], rng.normal(size=vectors.shape), 0)
    hessian_product = jax.jvp(jax.grad(plain), (vectors,), (direction,))[1]
    assert np.allclose(jax.jvp(fast_slope, (vectors,), (direction,))[1], hessian_product, atol=1e-10)


def test_gradients_are_finite_on_padding_and_for_lonely_atoms():
    architecture = AniArchitecture.evenly_spaced(("Al",), 5.0, 4, 4.0, 2, 3, (4,))
    table = NeighborTable(np.zeros((2, 8), np.int32), np.zeros((2, 8, 3), np.int32), np.zeros((2, 8), bool), 4)
    species = jnp.zeros(2, jnp.int32)
    for dtype in (jnp.float32, jnp.float64):
        vectors = jnp.zeros((2, 8, 3), dtype)
        descriptor, pullback = architecture.descriptor_and_pullback(vectors, species, table)
        assert descriptor.dtype == dtype
        assert not descriptor.any()
        slope = pullback(jnp.ones_like(descriptor))
        assert slope.dtype == dtype
        assert not slope.any()


def test_networks_that_are_not_numbers_give_forces_that_are_not_numbers():
    architecture = AniArchitecture.evenly_spaced(("Al",), 5.0, 4, 4.0, 2, 3, (4,))
    positions = np.array([[0.0, 0, 0], [2.5, 0, 0], [0, 2.5, 0.3]])
    table = neighbor_table(positions, np.zeros((3, 3)), np.zeros(3, bool), 5.0, 4.0)
    descriptor, pullback = architecture.descriptor_and_pullback(
        displacements(positions, np.eye(3), table), jnp.zeros(3, jnp.int32), table
    )
    assert np.isnan(pullback(jnp.full_like(descriptor, jnp.nan))[jnp.asarray(table.mask)]).all()


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
