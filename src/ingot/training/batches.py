"""Work on whole buckets: gradients of batches and errors of all structures, compiled once per bucket."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ingot.potentials import Architecture, use_native
from ingot.training.contraction import GradientFunction, contraction_modes, gradient_function, split_contraction
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


BatchGradient = Callable[[Any, Any, Any, Any], tuple[Any, SquaredErrors]]
"""``gradient(parameters, batch, share, present)``: gradients times shares, summed; squared errors, where present, summed."""

_EDGES_AT_ONCE = {"cpu": 2**20, "gpu": 2**23}
"""Neighbours of a batch that are worked on together: enough to fill the machine, few enough for its memory."""


def batch_gradient(
    architecture: Architecture, weights: LossWeights, stored: bool, mode: str | None, dtype: Any
) -> BatchGradient:
    """The gradient of a batch of structures by the means that is fastest here (``mode``: by that contraction).

    Small structures with stored Jacobians run side by side. Others run side by side where the descriptor is compiled
    code or the device is a GPU, else one after the other: on a CPU that is faster for what XLA compiles.
    """
    if stored:
        return _side_by_side(linearised_gradient_function(architecture, weights))
    chosen = mode or contraction_modes(architecture)[0]
    if chosen == "split" and (use_native() or jax.default_backend() != "cpu"):
        return _wide(architecture, weights, dtype)
    return _in_turn(gradient_function(architecture, weights, chosen, dtype))


def mean_gradient(
    gradient: BatchGradient, parameters: Any, examples: Any, chosen: Any, present: Any
) -> tuple[Any, SquaredErrors]:
    """Mean gradient and summed squared errors over the structures ``chosen`` where ``present``."""
    batch = jax.tree.map(lambda leaf: leaf[chosen], examples)
    return gradient(parameters, batch, present / jnp.maximum(jnp.sum(present), 1), present)


def _side_by_side(gradient: GradientFunction) -> BatchGradient:
    def together(parameters: Any, batch: Any, share: Any, present: Any) -> tuple[Any, SquaredErrors]:
        gradients, errors = jax.vmap(gradient, in_axes=(None, 0))(parameters, batch)
        total = jax.tree.map(lambda leaf: jnp.tensordot(share.astype(leaf.dtype), leaf, axes=1), gradients)
        return total, jax.tree.map(lambda leaf: jnp.sum(leaf * present), errors)

    return together


def _in_turn(gradient: GradientFunction) -> BatchGradient:
    def together(parameters: Any, batch: Any, share: Any, present: Any) -> tuple[Any, SquaredErrors]:
        def add(total: Any, one: Any) -> tuple[Any, None]:
            example, part, here = one
            by_parameter, errors = gradient(parameters, example)
            scaled = jax.tree.map(lambda leaf: leaf * part.astype(leaf.dtype), by_parameter)
            counted = jax.tree.map(lambda leaf: leaf * here.astype(leaf.dtype), errors)
            return jax.tree.map(jnp.add, total, (scaled, counted)), None

        total, _ = jax.lax.scan(add, _zeros(parameters), (batch, share, present))
        return total  # type: ignore[no-any-return]

    return together


def _wide(architecture: Architecture, weights: LossWeights, dtype: Any) -> BatchGradient:
    def portion(parameters: Any, one: Any) -> tuple[Any, SquaredErrors]:
        batch, share, present = one
        by_parameter, errors = split_contraction(architecture, weights, dtype, parameters, batch, jax.vmap, share)
        return by_parameter, jax.tree.map(lambda leaf: jnp.sum(leaf * present.astype(leaf.dtype)), errors)

    def together(parameters: Any, batch: Any, share: Any, present: Any) -> tuple[Any, SquaredErrors]:
        count, atoms, capacity = batch.table.index.shape
        size = max(1, min(count, _EDGES_AT_ONCE["cpu" if use_native() else "gpu"] // (atoms * capacity)))
        whole, rest = divmod(count, size)
        work = (batch, share, present)
        total = _zeros(parameters)
        if whole > 1:
            portions = jax.tree.map(lambda leaf: leaf[: whole * size].reshape(whole, size, *leaf.shape[1:]), work)
            total, _ = jax.lax.scan(
                lambda so_far, one: (jax.tree.map(jnp.add, so_far, portion(parameters, one)), None), total, portions
            )
        elif whole:
            total = portion(parameters, jax.tree.map(lambda leaf: leaf[:size], work))
        if rest:
            last = portion(parameters, jax.tree.map(lambda leaf: leaf[whole * size :], work))
            total = jax.tree.map(jnp.add, total, last)
        return total  # type: ignore[no-any-return]

    return together


def _zeros(parameters: Any) -> Any:
    zero = jnp.zeros((), parameters_dtype(parameters))
    return jax.tree.map(jnp.zeros_like, (parameters, SquaredErrors(zero, zero, zero)))


def parameters_dtype(parameters: Any) -> Any:
    """The precision of a parameter tree."""
    return jax.tree.leaves(parameters)[0].dtype
