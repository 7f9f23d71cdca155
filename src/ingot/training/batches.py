"""Work on whole buckets: gradients of batches and errors of all structures, compiled once per bucket."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ingot.potentials import Architecture
from ingot.training.contraction import GradientFunction, contraction_modes, gradient_function
from ingot.training.examples import Bucket
from ingot.training.linearised import (
    descriptors,
    feature_moments,
    jacobian_bytes,
    linearise_bucket,
    linearised_gradient_function,
)
from ingot.training.loss import LossWeights, SquaredErrors


@dataclasses.dataclass(frozen=True)
class PreparedBucket:
    """A bucket ready for training: its arrays on the device, and how to differentiate one structure."""

    examples: Any
    count: int
    stored_jacobian: bool
    stresses: int
    """How many structures have a stress label."""
    species: np.ndarray
    """(structures, atoms) species indices, -1 for padding atoms."""
    descriptor: Any
    """(structures, atoms, features), or nothing for architectures without one."""


def prepare(architecture: Any, buckets: Sequence[Bucket], memory_limit: int, dtype: Any) -> list[PreparedBucket]:
    """Buckets on the device, with stored descriptor Jacobians where all of them fit into ``memory_limit`` bytes."""
    left = memory_limit
    prepared = []
    for bucket in buckets:
        has_descriptor = hasattr(architecture, "descriptor")
        needed = jacobian_bytes(bucket, architecture.features) if has_descriptor else left + 1
        stored = needed <= left
        examples: Any
        if stored:
            left -= needed
            examples = linearise_bucket(architecture, bucket, dtype)
            descriptor: Any = np.asarray(examples.descriptor)
        else:
            examples = jax.tree.map(jnp.asarray, bucket.examples)
            descriptor = descriptors(architecture, bucket) if has_descriptor else None
        prepared.append(
            PreparedBucket(
                examples=examples,
                count=len(bucket),
                stored_jacobian=stored,
                stresses=int(np.asarray(bucket.examples.has_stress).sum()),
                species=np.asarray(bucket.examples.species),
                descriptor=descriptor,
            )
        )
    return prepared


def moments_of(
    architecture: Any, buckets: Sequence[PreparedBucket], floor: float
) -> tuple[np.ndarray, np.ndarray] | None:
    """Feature means and scales of prepared buckets, for architectures that can take them in."""
    if not hasattr(architecture, "from_standardised"):
        return None
    values = np.concatenate([bucket.descriptor.reshape(-1, architecture.features) for bucket in buckets])
    species = np.concatenate([bucket.species.ravel() for bucket in buckets])
    return feature_moments(values, species, len(architecture.species), floor)


def structure_gradient(
    architecture: Architecture, weights: LossWeights, stored: bool, mode: str | None, dtype: Any
) -> GradientFunction:
    """The gradient of one structure by the stored Jacobian or by a contraction (the fastest one by default)."""
    if stored:
        return linearised_gradient_function(architecture, weights)
    return gradient_function(architecture, weights, mode or contraction_modes(architecture)[0], dtype)


def batch_gradient(
    gradient: GradientFunction, stored: bool, parameters: Any, examples: Any, chosen: Any, present: Any
) -> tuple[Any, SquaredErrors]:
    """Mean gradient and summed squared errors over the structures ``chosen`` where ``present``.

    Small structures with stored Jacobians run side by side; the others one after the other, which is
    faster on a CPU than one wide batch and needs the memory of a single structure.
    """
    batch = jax.tree.map(lambda leaf: leaf[chosen], examples)
    weight = present / jnp.maximum(jnp.sum(present), 1)

    if stored:
        gradients, errors = jax.vmap(gradient, in_axes=(None, 0))(parameters, batch)
        mean = jax.tree.map(lambda leaf: jnp.tensordot(weight.astype(leaf.dtype), leaf, axes=1), gradients)
        return mean, jax.tree.map(lambda leaf: jnp.sum(leaf * present), errors)

    def add(total: Any, one: Any) -> tuple[Any, None]:
        example, share, here = one
        by_parameter, errors = gradient(parameters, example)
        scaled = jax.tree.map(lambda leaf: leaf * share.astype(leaf.dtype), by_parameter)
        counted = jax.tree.map(lambda leaf: leaf * here.astype(leaf.dtype), errors)
        return jax.tree.map(jnp.add, total, (scaled, counted)), None

    zero = jax.tree.map(jnp.zeros_like, (parameters, SquaredErrors(*[jnp.zeros((), parameters_dtype(parameters))] * 3)))
    (by_parameter, errors), _ = jax.lax.scan(add, zero, (batch, weight, present))
    return by_parameter, errors


def parameters_dtype(parameters: Any) -> Any:
    """The precision of a parameter tree."""
    return jax.tree.leaves(parameters)[0].dtype
