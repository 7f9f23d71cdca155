"""Attacks: gradients against finite differences, invariances, wells whose unknown regions are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from jax import Array

from ingot.potentials import AniArchitecture, Potential
from ingot.sampling import Attacking, Disagreement, SamplingError, Thresholds, attack, attack_structures, climb
from ingot.structures import describe


def random_ensemble(members: int) -> Potential:
    """Untrained networks: they disagree everywhere."""
    architecture = AniArchitecture.evenly_spaced(("Al",), 4.5, 4, 3.6, 2, 2, (6,))
    each = [architecture.initial_parameters(seed) for seed in range(members)]
    return Potential(architecture, jax.tree.map(lambda *leaves: np.stack(leaves), *each), {"Al": -1.0})


@pytest.fixture(scope="module")
def crystal() -> Atoms:
    atoms = bulk("Al", cubic=True)
    atoms.rattle(0.1, seed=3)
    return atoms


@pytest.mark.parametrize("strain", [False, True])
def test_the_gradient_is_that_of_the_value(crystal: Atoms, strain: bool) -> None:
    """Central differences of the value, in random directions, at a point that is displaced and strained."""
    around = Disagreement(random_ensemble(3), crystal, temperature_kelvin=1000.0, strain=strain)
    random = np.random.default_rng(0)
    point = random.normal(0, 0.05, around.dimensions)
    found = around(point)
    assert found is not None
    for _ in range(4):
        direction = random.normal(size=around.dimensions)
        direction /= np.linalg.norm(direction)
        ends = [around(point + sign * 1e-4 * direction) for sign in (1, -1)]
        slope = (ends[0][0] - ends[1][0]) / 2e-4  # type: ignore[index]
        assert found[1] @ direction == pytest.approx(slope, rel=2e-3, abs=2e-3 * float(np.abs(found[1]).max()))


def test_every_component_of_strain_counts(crystal: Atoms) -> None:
    around = Disagreement(random_ensemble(3), crystal, temperature_kelvin=1000.0, strain=True)
    point = np.zeros(around.dimensions)
    found = around(point)
    assert found is not None
    for k in range(around.dimensions - 6, around.dimensions):
        step = np.zeros(around.dimensions)
        step[k] = 1e-4
        slope = (around(point + step)[0] - around(point - step)[0]) / 2e-4  # type: ignore[index]
        assert found[1][k] == pytest.approx(slope, rel=2e-3, abs=2e-3 * float(np.abs(found[1]).max()))


def test_the_gradient_moves_no_centre_of_mass_and_turns_with_the_structure(crystal: Atoms) -> None:
    potential = random_ensemble(3)
    cluster = Atoms("Al4", positions=crystal.positions)
    here = Disagreement(potential, cluster, 1000.0)(np.zeros(12))
    turned = cluster.copy()
    turned.rotate(50, (1, 2, 3))
    there = Disagreement(potential, turned, 1000.0)(np.zeros(12))
    assert here is not None
    assert there is not None
    gradient = here[1].reshape(-1, 3)
    assert there[0] == pytest.approx(here[0], rel=1e-9)
    np.testing.assert_allclose(gradient.sum(axis=0), 0, atol=1e-6 * np.abs(gradient).max())
    mover = Atoms("Al4", positions=gradient)
    mover.rotate(50, (1, 2, 3))
    np.testing.assert_allclose(there[1].reshape(-1, 3), mover.positions, rtol=1e-3, atol=1e-3 * np.abs(gradient).max())
    np.testing.assert_allclose(np.cross(cluster.positions, gradient).sum(axis=0), 0, atol=1e-3)


def test_an_attack_raises_spread_or_probability_and_respects_its_bounds(crystal: Atoms) -> None:
    around = Disagreement(random_ensemble(3), crystal, temperature_kelvin=2000.0, strain=True)
    found = attack(around, Attacking(steps=25, rate=0.02, farthest=0.2), seed=1)
    assert found.values[found.best] > found.values[0] + 0.1
    assert np.abs(found.points).max() <= 0.2
    again = attack(around, Attacking(steps=25, rate=0.02, farthest=0.2), seed=1)
    assert (again.points == found.points).all()
    attacked = around.structure(found.points[found.best])
    assert attacked.get_volume() != pytest.approx(crystal.get_volume(), rel=1e-4)


def test_an_attack_ends_where_atoms_come_too_close() -> None:
    dimer = Atoms("Al2", positions=[[0, 0, 0], [0, 0, 1.7]])
    around = Disagreement(random_ensemble(3), dimer, 1e6, closest_fraction=0.65)
    assert around(np.zeros(6)) is not None
    assert around(np.array([0, 0, 0.2, 0, 0, 0.0])) is None
    with pytest.raises(SamplingError, match="cannot begin"):
        climb(around, np.array([0, 0, 0.2, 0, 0, 0.0]), 5, 0.01)


def test_attacks_that_cannot_begin_give_nothing(crystal: Atoms) -> None:
    squeezed = describe(Atoms("Al2", positions=[[0, 0, 0], [0, 0, 1.3]]), "packing")
    known = describe(crystal, "fcc")
    never = Thresholds(1e9, 1e9, 1e9)
    structures = {4: known, 1: squeezed, 2: known}
    found = attack_structures(random_ensemble(3), structures, never, Attacking(steps=2), seed=1)
    assert [one.start for one in found] == 2 * [known.info["structure_id"]]
    assert all(one.candidate is None for one in found)
    assert [one.number for one in found] == [2, 4]
    (alone,) = attack_structures(random_ensemble(3), {4: known}, never, Attacking(steps=2), seed=1)
    assert np.array_equal(alone.ascent.points, found[1].ascent.points)
    assert not np.array_equal(found[0].ascent.points, found[1].ascent.points)


def test_bad_input(crystal: Atoms) -> None:
    with pytest.raises(SamplingError, match="one member"):
        Disagreement(random_ensemble(1), crystal, 300.0)
    with pytest.raises(SamplingError, match="periodic"):
        Disagreement(random_ensemble(2), Atoms("Al2", positions=[[0, 0, 0], [0, 0, 2.8]]), 300.0, strain=True)


@pytest.mark.parametrize("temperature", [0.5, 2.0])
def test_an_attack_ends_where_theory_says(temperature: float) -> None:
    """Two members E = k x^2 / 2 +- c x^3: the variance of the force is 18 c^2 x^4, and p sigma^2 is largest at
    x = +-2 sqrt(T / k), whatever c."""
    k, c = 3.0, 0.7

    def score(point: Array) -> Array:
        def energies(x: Array) -> Array:
            return k * x**2 / 2 + c * jnp.array([1.0, -1.0]) * x**3

        x = point[0]
        return jnp.log(jnp.var(jax.jacobian(energies)(x), ddof=1)) - jnp.mean(energies(x)) / temperature

    slope = jax.jit(jax.value_and_grad(score))

    def objective(point: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = slope(jnp.asarray(point))
        return float(value), np.asarray(gradient, np.float64)

    for start in (-0.1, 0.3):
        found = climb(objective, np.array([start]), 1500, 0.01)
        assert found.points[found.best][0] == pytest.approx(np.sign(start) * 2 * np.sqrt(temperature / k), rel=1e-3)
        assert np.exp(found.values[found.best]) == pytest.approx(
            18 * c**2 * (4 * temperature / k) ** 2 * np.exp(-2), rel=1e-5
        )


def test_an_ascent_ends_before_values_that_are_not_numbers() -> None:
    def objective(point: np.ndarray) -> tuple[float, np.ndarray]:
        return (float(point[0]) if point[0] < 0.05 else np.nan), np.ones(1)

    found = climb(objective, np.zeros(1), 100, 0.01)
    assert 4 <= len(found.values) <= 6
    assert found.best == len(found.values) - 1
