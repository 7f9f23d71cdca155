"""Gradients of batches: all routes agree, and padding and order do not matter."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from ingot.potentials import AniArchitecture, use_native
from ingot.training import LossWeights, TrainingError, batches, gradient_function, make_buckets
from ingot.training.batches import batch_gradient, mean_gradient, moments_of, prepare
from ingot.training.described import describe_bucket
from ingot.training.examples import emphasised

ARCHITECTURE = AniArchitecture.evenly_spaced(("Al", "Ni"), 4.5, 5, 3.6, 2, 3, hidden=(7, 5))
WEIGHTS = LossWeights(3.0, 1.0, 2.0)
OFFSETS = {"": {"Al": -1.0, "Ni": -2.0}}


def labelled(atoms, seed):
    rng = np.random.default_rng(seed)
    atoms.calc = SinglePointCalculator(
        atoms,
        energy=(energy := float(rng.normal())),
        free_energy=energy,
        forces=None if seed == 4 else rng.normal(size=(len(atoms), 3)),
        stress=rng.normal(size=6) if seed % 2 else None,
    )
    return atoms


def frames():
    made = []
    for seed in range(5):
        atoms = bulk("Al", "fcc", a=3.9 + 0.05 * seed, cubic=seed > 1)
        atoms.rattle(0.1, seed=seed)
        atoms.symbols[0] = "Ni"
        made.append(labelled(atoms, seed))
    made.append(labelled(bulk("Al", "fcc", a=4.0, cubic=True) * (3, 1, 1), 7))
    return made


def flat(tree):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


@pytest.fixture(scope="module")
def buckets():
    return make_buckets(frames(), ARCHITECTURE, OFFSETS)


def test_buckets_hold_every_structure_once_with_offsets_removed(buckets):
    assert [len(b) for b in buckets] == [5, 1]
    assert sorted(place for b in buckets for place in b.places) == list(range(6))
    first = frames()[0]
    example = buckets[0].examples
    assert np.isclose(example.energy[0], first.get_potential_energy() + 2.0)
    assert example.atoms.tolist() == [1, 1, 4, 4, 4]
    assert (example.species[0] == [1, -1, -1, -1, -1, -1, -1, -1]).all()
    assert example.has_stress.tolist() == [False, True, False, True, False]
    volume = frames()[1].get_volume()
    assert np.isclose(example.strain_gradient[1, 0, 1], frames()[1].get_stress()[5] * volume)


def test_emphasis_favours_low_structures_and_scales_their_gradients(buckets):
    weighted = emphasised(buckets, 0.5)
    weights = np.concatenate([b.examples.weight for b in weighted])
    energies = np.concatenate([b.examples.energy / b.examples.atoms for b in buckets])
    assert np.isclose(weights.mean(), 1)
    order = np.argsort(energies)
    assert (np.diff(weights[order]) <= 0).all()
    above = energies - energies.min()
    assert np.allclose(weights * (1 + above / 0.5), weights.max())
    assert all(np.all(b.examples.weight == 1) for b in emphasised(buckets, None))
    parameters = jax.tree.map(jnp.asarray, ARCHITECTURE.initial_parameters(0))
    gradient = jax.jit(gradient_function(ARCHITECTURE, WEIGHTS, "reverse", jnp.float64))
    plain, heavy = (
        gradient(parameters, jax.tree.map(lambda x: jnp.asarray(x[2]), b[0].examples)) for b in (buckets, weighted)
    )
    assert np.allclose(flat(heavy[0]), weighted[0].examples.weight[2] * flat(plain[0]))
    assert np.allclose(flat(heavy[1]), flat(plain[1]))


@pytest.mark.parametrize("mode", ["split", "reverse"])
def test_without_forces_a_structure_counts_for_its_energy_and_stress(buckets, mode):
    parameters = jax.tree.map(jnp.asarray, ARCHITECTURE.initial_parameters(0))
    assert buckets[0].examples.has_forces.tolist() == [True, True, True, True, False]
    example = jax.tree.map(lambda x: jnp.asarray(x[4]), buckets[0].examples)
    found = {}
    for weight in (WEIGHTS.forces, 0.0):
        weights = LossWeights(WEIGHTS.energy, weight, WEIGHTS.stress)
        gradient, errors = jax.jit(gradient_function(ARCHITECTURE, weights, mode, jnp.float64))(parameters, example)
        assert float(errors.forces) == 0
        assert float(errors.energy) > 0
        found[weight] = flat(gradient)
    assert np.abs(found[0.0]).max() > 0
    assert np.array_equal(found[WEIGHTS.forces], found[0.0])


def test_what_is_stored_does_not_change_the_gradient(buckets):
    parameters = jax.tree.map(jnp.asarray, ARCHITECTURE.initial_parameters(0))
    chosen, present = np.array([3, 1, 4, 4]), np.array([1.0, 1.0, 1.0, 0.0])
    buckets = emphasised(buckets, 0.5)
    results = {}
    for storage, memory, mode in (("jacobian", 2**30, None), ("descriptor", 0, None), ("nothing", 0, "reverse")):
        if storage == "descriptor" and not use_native():
            continue
        prepared = prepare(ARCHITECTURE, buckets, memory, "float64", mode)
        assert prepared[0].storage == storage
        gradient = batch_gradient(ARCHITECTURE, WEIGHTS, storage, mode, jnp.float64)
        results[storage] = jax.jit(lambda p, e, g=gradient: mean_gradient(g, p, e, chosen, jnp.asarray(present)))(
            parameters, prepared[0].examples
        )
    expected_gradient, expected_errors = results.pop("nothing")
    for gradient, errors in results.values():
        assert np.allclose(flat(gradient), flat(expected_gradient), rtol=1e-9, atol=1e-12)
        assert np.allclose(flat(errors), flat(expected_errors), rtol=1e-10)


@pytest.mark.parametrize("native", ["0", "1"])
def test_kept_descriptors_need_no_compiled_code(buckets, monkeypatch, native):
    """What a GPU does: whole batches in JAX alone; portions of two, one of them left over."""
    monkeypatch.setenv("INGOT_NATIVE", native)
    monkeypatch.setitem(batches._EDGES_AT_ONCE, "cpu", 2 * buckets[0].examples.table.mask[0].size)
    parameters = jax.tree.map(jnp.asarray, ARCHITECTURE.initial_parameters(0))
    kept = describe_bucket(ARCHITECTURE, buckets[0], "float64")
    (plain,) = prepare(ARCHITECTURE, buckets[:1], 0, "float64", "reverse")
    chosen, present = np.array([3, 1, 4, 0, 2]), jnp.ones(5)
    results = []
    for storage, mode, examples in (("descriptor", None, kept), ("nothing", "reverse", plain.examples)):
        gradient = batch_gradient(ARCHITECTURE, WEIGHTS, storage, mode, jnp.float64)
        mean = jax.jit(lambda p, e, g=gradient: mean_gradient(g, p, e, chosen, present))
        results.append(mean(parameters, examples))
    assert np.allclose(flat(results[0][0]), flat(results[1][0]), rtol=1e-9, atol=1e-12)
    assert np.allclose(flat(results[0][1]), flat(results[1][1]), rtol=1e-10)


def test_a_batch_is_the_mean_of_its_structures(buckets):
    parameters = jax.tree.map(jnp.asarray, ARCHITECTURE.initial_parameters(1))
    single = jax.jit(gradient_function(ARCHITECTURE, WEIGHTS, "split", jnp.float64))
    examples = jax.tree.map(jnp.asarray, buckets[0].examples)
    separate = [flat(single(parameters, jax.tree.map(lambda x, k=k: x[k], examples))[0]) for k in range(5)]
    together = batch_gradient(ARCHITECTURE, WEIGHTS, "nothing", "split", jnp.float64)
    mean = jax.jit(lambda p, e: mean_gradient(together, p, e, np.arange(5), jnp.ones(5)))(parameters, examples)[0]
    assert np.allclose(flat(mean), np.mean(separate, axis=0), rtol=1e-10, atol=1e-13)


def test_standardised_parameters_describe_the_same_function(buckets):
    mean, scale = moments_of(ARCHITECTURE, prepare(ARCHITECTURE, buckets, 2**30, "float64"), floor=0.1)
    general = moments_of(ARCHITECTURE, prepare(ARCHITECTURE, buckets, 0, "float64"), floor=0.1)
    assert np.allclose((mean, scale), general, rtol=1e-10)
    assert mean.shape == scale.shape == (2, ARCHITECTURE.features)
    assert (scale > 0).all()
    parameters = jax.tree.map(jnp.asarray, ARCHITECTURE.initial_parameters(2))
    raw = ARCHITECTURE.from_standardised(parameters, mean, scale)
    back = ARCHITECTURE.to_standardised(raw, mean, scale)
    assert all(np.allclose(a, b, atol=1e-12) for a, b in zip(*map(jax.tree.leaves, (parameters, back)), strict=True))
    features = np.random.default_rng(0).uniform(0, 2, (6, ARCHITECTURE.features))
    species = jnp.asarray([0, 1, 0, 1, 1, -1])
    standardised = (features - mean[species]) / scale[species]
    assert np.allclose(
        ARCHITECTURE.network(raw, jnp.asarray(features), species),
        ARCHITECTURE.network(parameters, jnp.asarray(standardised), species),
        atol=1e-12,
    )


def test_unknown_modes_and_elements_are_refused():
    with pytest.raises(TrainingError, match="unknown contraction 'sideways'"):
        gradient_function(ARCHITECTURE, WEIGHTS, "sideways")
    copper = labelled(bulk("Cu"), 1)
    with pytest.raises(TrainingError, match="hold Cu"):
        make_buckets([copper], ARCHITECTURE, OFFSETS)
