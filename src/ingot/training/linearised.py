"""The descriptor of small structures and its dense Jacobian, computed once.

An ANI descriptor has no parameters: for small data sets its value and Jacobian fit in memory, and an
epoch costs a few products of small matrices. Large structures take the general route instead.
"""

import dataclasses
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ingot.potentials import Architecture
from ingot.potentials.coordinates import Coordinates
from ingot.training.contraction import (
    GradientFunction,
    contract_network,
    coordinates_of,
    strained_displacements,
)
from ingot.training.examples import Bucket, Example
from ingot.training.loss import LossWeights, SquaredErrors


@dataclasses.dataclass(frozen=True)
class LinearisedExample:
    """A labelled structure with its descriptor and Jacobian."""

    example: Example
    descriptor: Float[Array, "*batch atoms features"]
    by_position: Float[Array, "*batch atoms features coordinates"]
    """Derivatives by the positions, flattened to 3 x atoms."""
    by_strain: Float[Array, "*batch atoms features 9"]


jax.tree_util.register_dataclass(
    LinearisedExample, data_fields=["example", "descriptor", "by_position", "by_strain"], meta_fields=[]
)


def jacobian_bytes(bucket: Bucket, features: int) -> int:
    """Memory of the float32 Jacobians of a bucket."""
    count, atoms = bucket.examples.species.shape
    return 4 * count * atoms * features * (3 * atoms + 9)


def linearise(architecture: Any, example: Example, dtype: Any) -> LinearisedExample:
    """Descriptor and Jacobian of one structure: computed in float64, stored in ``dtype``."""
    species = jnp.asarray(example.species)

    def descriptor(coordinates: Coordinates) -> Array:
        values: Array = architecture.descriptor(strained_displacements(example, coordinates), species, example.table)
        return values

    at = coordinates_of(example)
    by_position, by_strain = jax.jacfwd(descriptor)(at)
    return LinearisedExample(
        example,
        descriptor(at).astype(dtype),
        by_position.reshape(*by_position.shape[:2], -1).astype(dtype),
        by_strain.reshape(*by_strain.shape[:2], 9).astype(dtype),
    )


_linearise = jax.jit(linearise, static_argnames=("architecture", "dtype"))


def linearise_bucket(architecture: Architecture, bucket: Bucket, dtype: str) -> LinearisedExample:
    """All structures of a bucket, one after the other, so that buckets of one shape share compiled code."""
    rows = [
        jax.device_get(_linearise(architecture, jax.tree.map(lambda leaf, k=k: leaf[k], bucket.examples), dtype))
        for k in range(len(bucket))
    ]
    stacked: LinearisedExample = jax.tree.map(lambda *leaves: jnp.asarray(np.stack(leaves)), *rows)
    return stacked


def linearised_gradient_function(architecture: Any, weights: LossWeights) -> GradientFunction:
    """The split contraction with stored Jacobians: same gradient, no geometry."""

    def gradient(parameters: Any, linearised: Any) -> tuple[Any, SquaredErrors]:
        species = jnp.asarray(linearised.example.species)
        atoms = species.shape[0]

        def pull(cotangent: Array) -> Coordinates:
            by_position = jnp.einsum("nf,nfc->c", cotangent, linearised.by_position)
            by_strain = jnp.einsum("nf,nfs->s", cotangent, linearised.by_strain)
            return by_position.reshape(atoms, 3), by_strain.reshape(3, 3)

        def push(direction: Coordinates) -> Array:
            return jnp.einsum("nfc,c->nf", linearised.by_position, direction[0].ravel()) + jnp.einsum(
                "nfs,s->nf", linearised.by_strain, direction[1].ravel()
            )

        return contract_network(
            lambda values, g: architecture.network(values, g, species),
            parameters,
            linearised.descriptor,
            pull,
            push,
            linearised.example,
            weights,
        )

    return gradient


@partial(jax.jit, static_argnames="architecture")
def _descriptor(architecture: Any, example: Example) -> Array:
    values: Array = architecture.descriptor(
        strained_displacements(example, coordinates_of(example)), jnp.asarray(example.species), example.table
    )
    return values


def descriptors(architecture: Any, bucket: Bucket) -> Float[np.ndarray, "structures atoms features"]:
    """The descriptors of a bucket's atoms in float64."""
    rows = [
        np.asarray(_descriptor(architecture, jax.tree.map(lambda leaf, k=k: leaf[k], bucket.examples)))
        for k in range(len(bucket))
    ]
    return np.stack(rows)


Environments = tuple[Float[np.ndarray, "environments features"], Int[np.ndarray, " environments"]]
"""Features and species of some atoms; -1 marks padding atoms."""


def feature_moments(
    portions: Callable[[], Iterable[Environments]], kinds: int, floor: float
) -> tuple[Float[np.ndarray, "species features"], Float[np.ndarray, "species features"]]:
    """Mean and scale of each feature over the training atoms of each species, which ``portions`` gives, twice.

    The scale is the standard deviation, but at least ``floor`` times the root mean square of all
    deviations: a feature that hardly varies in the data must not shout in a new surrounding.
    A species without atoms takes the moments of all.
    """
    # The last row is over all species.
    counts, first = _sums(portions(), kinds, lambda values, kind: values)
    means = first / np.maximum(counts, 1)[:, None]
    second = _sums(portions(), kinds, lambda values, kind: (values - means[kind]) ** 2)[1]
    deviations = np.sqrt(second / np.maximum(counts, 1)[:, None])
    known = [kind if counts[kind] else kinds for kind in range(kinds)]
    least = floor * np.sqrt(np.mean(deviations**2, axis=1, keepdims=True)) + 1e-12
    return means[known], np.maximum(deviations, least)[known]


def _sums(
    portions: Iterable[Environments], kinds: int, of: Callable[[np.ndarray, int], np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """How many environments each species has (the last: all), and the sums of a function of their features."""
    counts, total = np.zeros(kinds + 1), None
    for values, species in portions:
        if total is None:
            total = np.zeros((kinds + 1, values.shape[-1]))
        for kind in range(kinds + 1):
            own = species == kind if kind < kinds else species >= 0
            counts[kind] += own.sum()
            total[kind] += of(values[own], kind).sum(axis=0, dtype=np.float64)
    assert total is not None
    return counts, total
