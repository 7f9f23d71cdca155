"""Work on whole buckets: gradients of batches and errors of all structures, compiled once per bucket."""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np

from ingot.potentials import Architecture, use_native
from ingot.training.contraction import GradientFunction, contraction_modes, gradient_function
from ingot.training.described import describe_bucket, described_contraction
from ingot.training.examples import Bucket
from ingot.training.linearised import (
    Environments,
    descriptors,
    feature_moments,
    jacobian_bytes,
    linearise_bucket,
    linearised_gradient_function,
)
from ingot.training.loss import LossWeights, SquaredErrors
from ingot.training.shelf import Shelf

Storage = Literal["jacobian", "descriptor", "nothing"]
"""What is kept of the structures of a bucket besides their labels."""


@dataclasses.dataclass(frozen=True)
class PreparedBucket:
    """A bucket ready for training: its arrays on the device, and how to differentiate one structure."""

    examples: Any
    count: int
    storage: Storage
    filed: bool
    """Whether the arrays lie in files: a batch is read from them, the rest is not."""
    forces: int
    """How many structures have forces."""
    stresses: int
    """How many structures have a stress label."""
    species: np.ndarray
    """(structures, atoms) species indices, -1 for padding atoms."""
    descriptor: Any
    """(structures, atoms, features), or nothing for architectures without one."""


_FEW_ATOMS = 8
_STRUCTURES_AT_ONCE = 256


def prepare(
    architecture: Any,
    buckets: Sequence[Bucket],
    memory_limit: int,
    dtype: Any,
    mode: str | None = None,
    shelf: Shelf | None = None,
) -> list[PreparedBucket]:
    """Buckets on the device, with what need not be computed again in each step.

    Descriptor Jacobians where all of them fit into ``memory_limit`` bytes (dense products grow with the square of the
    atoms: of few atoms only, where the next is possible); else descriptors, where whole batches are worked on at once
    (compiled descriptor, or a GPU); nothing for a ``mode`` of contraction other than the split one, and for
    architectures without a descriptor. Buckets in files stay there.
    """
    left = memory_limit
    prepared = []
    for bucket in buckets:
        has_descriptor = hasattr(architecture, "descriptor")
        needed = jacobian_bytes(bucket, architecture.features) if has_descriptor else left + 1
        wide = has_descriptor and mode in (None, "split") and (use_native() or jax.default_backend() != "cpu")
        small = not wide or bucket.examples.species.shape[1] <= _FEW_ATOMS
        examples: Any
        descriptor: Any = None
        storage: Storage = "nothing"
        if needed <= left and small and not bucket.filed:
            left -= needed
            storage, examples = "jacobian", linearise_bucket(architecture, bucket, dtype)
        elif wide:
            storage, examples = "descriptor", describe_bucket(architecture, bucket, dtype, shelf)
        else:
            examples = bucket.examples if bucket.filed else jax.tree.map(jnp.asarray, bucket.examples)
            descriptor = descriptors(architecture, bucket) if has_descriptor else None
        prepared.append(
            PreparedBucket(
                examples=examples,
                count=len(bucket),
                storage=storage,
                filed=bucket.filed,
                forces=int(np.asarray(bucket.examples.has_forces).sum()),
                stresses=int(np.asarray(bucket.examples.has_stress).sum()),
                species=np.asarray(bucket.examples.species),
                descriptor=descriptor if storage == "nothing" else np.asarray(examples.descriptor),
            )
        )
    return prepared


def moments_of(
    architecture: Any, buckets: Sequence[PreparedBucket], floor: float
) -> tuple[np.ndarray, np.ndarray] | None:
    """Feature means and scales of prepared buckets, for architectures that can take them in."""
    if not hasattr(architecture, "from_standardised"):
        return None

    def portions() -> Iterable[Environments]:
        for bucket in buckets:
            for first in range(0, bucket.count, _STRUCTURES_AT_ONCE):
                rows = slice(first, first + _STRUCTURES_AT_ONCE)
                yield bucket.descriptor[rows].reshape(-1, architecture.features), bucket.species[rows].ravel()

    return feature_moments(portions, len(architecture.species), floor)


BatchGradient = Callable[[Any, Any, Any, Any, Any], tuple[Any, SquaredErrors]]
"""``gradient(parameters, examples, chosen, share, present)``: over the chosen examples, the sum of gradients times
shares, and the sum of squared errors of those present."""

_EDGES_AT_ONCE = {"cpu": 2**17, "gpu": 2**23}
"""Neighbours of a batch that are worked on together: what the caches of a CPU hold, what fills a GPU."""


def batch_gradient(
    architecture: Architecture, weights: LossWeights, storage: Storage, mode: str | None, dtype: Any
) -> BatchGradient:
    """The gradient of a batch of structures, by what is stored of them (``mode``: by that contraction).

    Structures with stored Jacobians or descriptors run side by side; the others one after the other, which is
    faster on a CPU than one wide batch and needs the memory of a single structure.
    """
    if storage == "jacobian":
        return _side_by_side(linearised_gradient_function(architecture, weights))
    if storage == "descriptor":
        return _in_portions(partial(described_contraction, architecture, weights))
    return _in_turn(gradient_function(architecture, weights, mode or contraction_modes(architecture)[0], dtype))


def mean_gradient(
    gradient: BatchGradient, parameters: Any, examples: Any, chosen: Any, present: Any
) -> tuple[Any, SquaredErrors]:
    """Mean gradient and summed squared errors over the structures ``chosen`` where ``present``."""
    return gradient(parameters, examples, jnp.asarray(chosen), present / jnp.maximum(jnp.sum(present), 1), present)


def _taken(examples: Any, chosen: Any) -> Any:
    return jax.tree.map(lambda leaf: leaf[chosen], examples)


def _side_by_side(gradient: GradientFunction) -> BatchGradient:
    def together(parameters: Any, examples: Any, chosen: Any, share: Any, present: Any) -> tuple[Any, SquaredErrors]:
        gradients, errors = jax.vmap(gradient, in_axes=(None, 0))(parameters, _taken(examples, chosen))
        total = jax.tree.map(lambda leaf: jnp.tensordot(share.astype(leaf.dtype), leaf, axes=1), gradients)
        return total, jax.tree.map(lambda leaf: jnp.sum(leaf * present), errors)

    return together


def _in_turn(gradient: GradientFunction) -> BatchGradient:
    def together(parameters: Any, examples: Any, chosen: Any, share: Any, present: Any) -> tuple[Any, SquaredErrors]:
        def add(total: Any, one: Any) -> tuple[Any, None]:
            place, part, here = one
            by_parameter, errors = gradient(parameters, _taken(examples, place))
            scaled = jax.tree.map(lambda leaf: leaf * part.astype(leaf.dtype), by_parameter)
            counted = jax.tree.map(lambda leaf: leaf * here.astype(leaf.dtype), errors)
            return jax.tree.map(jnp.add, total, (scaled, counted)), None

        total, _ = jax.lax.scan(add, _zeros(parameters), (chosen, share, present))
        return total  # type: ignore[no-any-return]

    return together


def _in_portions(gradient: Callable[[Any, Any, Any], tuple[Any, SquaredErrors]]) -> BatchGradient:
    def together(parameters: Any, examples: Any, chosen: Any, share: Any, present: Any) -> tuple[Any, SquaredErrors]:
        def add(total: Any, portion: Any) -> tuple[Any, None]:
            places, part, here = portion
            by_parameter, errors = gradient(parameters, _taken(examples, places), part)
            counted = jax.tree.map(lambda leaf: jnp.sum(leaf * here.astype(leaf.dtype)), errors)
            return jax.tree.map(jnp.add, total, (by_parameter, counted)), None

        count, (_, atoms, capacity, _) = len(chosen), examples.vectors.shape
        device = "cpu" if jax.default_backend() == "cpu" else "gpu"
        size = max(1, min(count, _EDGES_AT_ONCE[device] // (atoms * capacity)))
        size = -(-count // -(-count // size))  # portions of nearly equal size
        whole, rest = divmod(count, size)
        work, total = (chosen, share, present), _zeros(parameters)
        if whole > 1:
            portions = jax.tree.map(lambda leaf: leaf[: whole * size].reshape(whole, size), work)
            total, _ = jax.lax.scan(add, total, portions)
        elif whole:
            total, _ = add(total, jax.tree.map(lambda leaf: leaf[:size], work))
        if rest:
            total, _ = add(total, jax.tree.map(lambda leaf: leaf[whole * size :], work))
        return total  # type: ignore[no-any-return]

    return together


def _zeros(parameters: Any) -> Any:
    zero = jnp.zeros((), parameters_dtype(parameters))
    return jax.tree.map(jnp.zeros_like, (parameters, SquaredErrors(zero, zero, zero)))


def parameters_dtype(parameters: Any) -> Any:
    """The precision of a parameter tree."""
    return jax.tree.leaves(parameters)[0].dtype
