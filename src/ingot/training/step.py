"""One update of the parameters, and the errors of whole buckets: compiled once per architecture, options and shape.

Parameters are one flat vector in standardised form (see ``from_standardised`` of an architecture): the
optimiser then compiles to a few loops instead of a few for every tensor.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree

from ingot.potentials import Architecture
from ingot.training.batches import PreparedBucket, Storage, batch_gradient, mean_gradient
from ingot.training.loss import SquaredErrors
from ingot.training.schedule import TrainingOptions

Moments = tuple[np.ndarray, np.ndarray] | None
"""Means and scales of the features, for architectures that take them in."""

Moving = tuple[Any, Any, Any, SquaredErrors]
"""Parameters, optimiser state, averaged parameters, sums of squared errors since the epoch began."""


def initial_vector(architecture: Architecture, seed: int, precision: str) -> Any:
    """The flat initial parameters of a seed."""
    first = architecture.initial_parameters(seed)
    return ravel_pytree(jax.tree.map(lambda leaf: jnp.asarray(leaf, precision), first))[0]


@lru_cache(maxsize=8)
def _unravel(architecture: Architecture, precision: str) -> Callable[[Any], Any]:
    # Called while tracing for the first time: the template must not become part of that trace.
    with jax.ensure_compile_time_eval():
        first = jax.tree.map(lambda leaf: jnp.asarray(leaf, precision), architecture.initial_parameters(0))
        return ravel_pytree(first)[1]


def raw_parameters(architecture: Any, precision: str, vector: Any, moments: Moments) -> Any:
    """The parameter tree that the architecture takes."""
    tree = _unravel(architecture, precision)(vector)
    if moments is None:
        return tree
    mean, scale = (jnp.asarray(moment, precision) for moment in moments)
    return architecture.from_standardised(tree, mean, scale)


def standardised_vector(architecture: Any, precision: str, parameters: Any, moments: Moments) -> Any:
    """Flat parameters that :func:`raw_parameters` gives back as ``parameters``."""
    tree = jax.tree.map(lambda leaf: jnp.asarray(leaf, precision), parameters)
    if moments is not None:
        mean, scale = (jnp.asarray(moment, precision) for moment in moments)
        tree = architecture.to_standardised(tree, mean, scale)
    return ravel_pytree(tree)[0]


def optimiser_of(options: TrainingOptions) -> Any:
    """Adam on clipped gradients; learning rate and weight decay are applied in :func:`update`."""
    return optax.chain(optax.clip_by_global_norm(options.optimiser.clip_norm), optax.scale_by_adam())


def _gradient(architecture: Architecture, options: TrainingOptions, storage: Storage) -> Any:
    return batch_gradient(architecture, options.weights, storage, options.contraction, options.precision)


@partial(jax.jit, static_argnames=("architecture", "options", "storage"))
def _update(
    moving: Moving,
    examples: Any,
    chosen: Any,
    present: Any,
    rate: Any,
    moments: Moments,
    *,
    architecture: Architecture,
    options: TrainingOptions,
    storage: Storage,
) -> Moving:
    parameters, optimiser, average, sums = moving
    raw, to_standardised = jax.vjp(
        lambda vector: raw_parameters(architecture, options.precision, vector, moments), parameters
    )
    gradient = _gradient(architecture, options, storage)
    by_raw, errors = mean_gradient(gradient, raw, examples, chosen, present)
    (by_parameter,) = to_standardised(by_raw)
    change, optimiser = optimiser_of(options).update(by_parameter, optimiser)
    decay = options.optimiser.weight_decay
    parameters = parameters - rate.astype(parameters.dtype) * (change + decay * parameters)
    # The average forgets its start faster than its nominal memory while there is little to remember.
    count = optimiser[1].count.astype(jnp.float64)
    keep = jnp.minimum(options.optimiser.average_decay, (1 + count) / (10 + count)).astype(average.dtype)
    average = keep * average + (1 - keep) * parameters
    return parameters, optimiser, average, jax.tree.map(jnp.add, sums, errors)


def update(
    architecture: Architecture,
    options: TrainingOptions,
    bucket: PreparedBucket,
    moving: Moving,
    chosen: np.ndarray,
    present: np.ndarray,
    rate: float,
    moments: Moments,
) -> Moving:
    """One step on the structures ``chosen`` of a bucket where ``present``."""
    examples = bucket.examples
    if bucket.filed:
        examples, chosen = read_rows(examples, chosen), np.arange(len(chosen), dtype=chosen.dtype)
    moved: Moving = _update(
        moving,
        examples,
        chosen,
        present,
        np.float64(rate),
        moments,
        architecture=architecture,
        options=options,
        storage=bucket.storage,
    )
    return moved


@partial(jax.jit, static_argnames=("architecture", "options", "storage"))
def _update_members(
    moving: Moving,
    examples: Any,
    chosen: Any,
    present: Any,
    rates: Any,
    moments: Moments,
    *,
    architecture: Architecture,
    options: TrainingOptions,
    storage: Storage,
) -> Moving:
    def of_member(moving: Moving, chosen: Any, present: Any, rate: Any) -> Moving:
        moved: Moving = _update(
            moving,
            examples,
            chosen,
            present,
            rate,
            moments,
            architecture=architecture,
            options=options,
            storage=storage,
        )
        return moved

    return jax.vmap(of_member)(moving, chosen, present, rates)  # type: ignore[no-any-return]


def update_members(
    architecture: Architecture,
    options: TrainingOptions,
    bucket: PreparedBucket,
    moving: Moving,
    chosen: np.ndarray,
    present: np.ndarray,
    rates: np.ndarray,
    moments: Moments,
) -> Moving:
    """One step of all members, whose leading axis all arrays but the bucket have."""
    examples = bucket.examples
    if bucket.filed:
        rows, places = np.unique(chosen, return_inverse=True)
        # As many rows as there may be: one compiled program.
        examples = read_rows(examples, np.resize(rows, min(chosen.size, bucket.count)))
        chosen = places.reshape(chosen.shape).astype(chosen.dtype)
    moved: Moving = _update_members(
        moving,
        examples,
        chosen,
        present,
        rates,
        moments,
        architecture=architecture,
        options=options,
        storage=bucket.storage,
    )
    return moved


def errors_of_members(
    architecture: Architecture,
    options: TrainingOptions,
    buckets: Sequence[PreparedBucket],
    vectors: Any,
    moments: Moments,
) -> np.ndarray:
    """:func:`rms_errors` of all members: (members, 3)."""
    return np.stack([rms_errors(architecture, options, buckets, vector, moments) for vector in vectors])


@partial(jax.jit, static_argnames=("architecture", "options", "storage"))
def _errors(
    vector: Any,
    examples: Any,
    moments: Moments,
    *,
    architecture: Architecture,
    options: TrainingOptions,
    storage: Storage,
) -> SquaredErrors:
    raw = raw_parameters(architecture, options.precision, vector, moments)
    everything = np.arange(jax.tree.leaves(examples)[0].shape[0])
    present = jnp.ones(everything.shape, options.precision)
    # The gradient is not used, and the compiler drops it.
    return mean_gradient(_gradient(architecture, options, storage), raw, examples, everything, present)[1]


def rms_errors(
    architecture: Architecture,
    options: TrainingOptions,
    buckets: Sequence[PreparedBucket],
    vector: Any,
    moments: Moments,
) -> np.ndarray:
    """Root-mean-square errors (energy per atom, forces, stress) over whole buckets."""
    sums = np.zeros(3)
    for bucket in buckets:
        for examples in _portions(bucket, options.optimiser.batch_size):
            errors = _errors(
                vector, examples, moments, architecture=architecture, options=options, storage=bucket.storage
            )
            sums += np.array(errors, float)
    return root_mean_square(sums, buckets)


def read_rows(examples: Any, rows: Any) -> Any:
    """Some examples of a bucket in files, in memory."""
    return jax.tree.map(lambda leaf: np.array(leaf[rows]), examples)


def _portions(bucket: PreparedBucket, size: int) -> Iterator[Any]:
    """A bucket at once, or by portions where it lies in files."""
    if not bucket.filed:
        yield bucket.examples
        return
    for first in range(0, bucket.count, size):
        yield read_rows(bucket.examples, slice(first, first + size))


def root_mean_square(sums: np.ndarray, buckets: Sequence[PreparedBucket]) -> np.ndarray:
    """Roots of mean squares from sums over all structures of the buckets."""
    counts = np.sum([(bucket.count, bucket.forces, bucket.stresses) for bucket in buckets], axis=0)
    rms: np.ndarray = np.sqrt(sums / np.maximum(counts, 1))
    return rms
