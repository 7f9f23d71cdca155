"""Structures with what of them never changes in a training: displacement vectors and descriptor.

The descriptor has no parameters and positions are fixed, so its value is computed once; each step then multiplies
with its Jacobian only, from the left for the forces and from the right for the contraction. Whole batches are worked
on at once.
"""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ingot.potentials import Architecture
from ingot.training.contraction import contract_network, coordinates_of, strained_displacements
from ingot.training.examples import Bucket, Example
from ingot.training.loss import LossWeights, SquaredErrors
from ingot.training.shelf import Shelf


@dataclasses.dataclass(frozen=True)
class DescribedExample:
    """A labelled structure with its displacement vectors (which know the images: ``table.shift`` is empty)."""

    example: Example
    vectors: Float[Array, "*batch atoms capacity 3"] | Float[np.ndarray, "*batch atoms capacity 3"]
    """From each atom to its neighbours in angstrom; zero on padding."""
    descriptor: Float[Array, "*batch atoms features"] | Float[np.ndarray, "*batch atoms features"]


jax.tree_util.register_dataclass(DescribedExample, data_fields=["example", "vectors", "descriptor"], meta_fields=[])

_STRUCTURES_AT_ONCE = 16


def describe_bucket(architecture: Any, bucket: Bucket, dtype: Any, shelf: Shelf | None = None) -> DescribedExample:
    """Vectors formed in float64 and kept in ``dtype``, descriptors computed from these.

    A bucket in files stays there, with its vectors and descriptors; others go to the device.
    """

    @jax.jit
    def describe(example: Example) -> tuple[Array, Array]:
        vectors = jax.vmap(lambda one: strained_displacements(one, coordinates_of(one)).astype(dtype))(example)
        return vectors, architecture.descriptor_and_products(vectors, example.species, example.table)[0]

    shelf, kept = shelf or Shelf(), None
    for first in range(0, len(bucket), _STRUCTURES_AT_ONCE):
        # The last portion repeats structures, so that all have one shape.
        rows = np.minimum(np.arange(first, first + _STRUCTURES_AT_ONCE), len(bucket) - 1)
        part = jax.device_get(describe(jax.tree.map(lambda leaf, rows=rows: leaf[rows], bucket.examples)))
        if kept is None:
            kept = [shelf.empty((len(bucket), *leaf.shape[1:]), leaf.dtype, bucket.filed) for leaf in part]
        for to, leaf in zip(kept, part, strict=True):
            to[rows] = leaf
    assert kept is not None
    table = bucket.examples.table
    table = dataclasses.replace(table, shift=np.zeros((*table.index.shape, 0), np.int16))
    vectors, descriptor = kept
    described = DescribedExample(dataclasses.replace(bucket.examples, table=table), vectors, descriptor)
    return described if bucket.filed else jax.tree.map(jnp.asarray, described)  # type: ignore[no-any-return]


def described_contraction(
    architecture: Architecture, weights: LossWeights, parameters: Any, batch: Any, share: Float[Array, " batch"]
) -> tuple[Any, SquaredErrors]:
    """The split contraction of a batch: the sum of gradients times shares, and each structure's squared errors."""
    example, vectors = batch.example, batch.vectors
    species, table = example.species, example.table
    _, pull, push = architecture.descriptor_and_products(vectors, species, table)  # type: ignore[attr-defined]
    return contract_network(
        lambda values, g: architecture.network(values, g, species),  # type: ignore[attr-defined]
        parameters,
        batch.descriptor,
        pull,
        push,
        example,
        weights,
        jax.vmap,
        share,
    )
