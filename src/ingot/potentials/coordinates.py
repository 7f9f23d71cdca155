"""From displacements between neighbours to the positions and the strain of structures, and back."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ingot.neighbors import NeighborTable

Coordinates = tuple[Array, Array]
"""Positions (*batch, atoms, 3) and strain (*batch, 3, 3): derivatives by them, or a direction of them."""


def _places(table: NeighborTable) -> Int[Array, " edges"]:
    """Neighbours counted through the whole batch."""
    index = jnp.asarray(table.index)
    *batch, atoms, _ = index.shape
    first = atoms * jnp.arange(np.prod(batch, dtype=int), dtype=index.dtype)
    return (index + first.reshape(*batch, 1, 1)).reshape(-1)


def coordinate_slopes(
    displacements: Float[Array, "*batch atoms capacity 3"],
    table: NeighborTable,
    slopes: Float[Array, "*batch atoms capacity 3"],
) -> Coordinates:
    """Derivatives by positions and strain from those by displacements: each pulls an atom and pushes its neighbour."""
    flat = jnp.where(jnp.asarray(table.mask)[..., None], slopes, 0.0).reshape(-1, 3)
    *batch, atoms, _, _ = slopes.shape
    received = jnp.zeros((np.prod(batch, dtype=int) * atoms, 3), slopes.dtype)
    received = received.at[_places(table)].add(flat, mode="promise_in_bounds")
    by_strain = jnp.einsum("...nka,...nkc->...ac", displacements, slopes, precision=jax.lax.Precision.HIGHEST)
    return received.reshape(*batch, atoms, 3) - jnp.sum(slopes, axis=-2), by_strain


def displacement_tangents(
    displacements: Float[Array, "*batch atoms capacity 3"], table: NeighborTable, along: Coordinates
) -> Float[Array, "*batch atoms capacity 3"]:
    """How displacements change along a direction of positions and strain; zero on padding."""
    by_position, strain = (part.astype(displacements.dtype) for part in along)
    of_neighbor = by_position.reshape(-1, 3).at[_places(table)].get(mode="promise_in_bounds")
    stretched = sum(displacements[..., k, None] * strain[..., None, None, k, :] for k in range(3))
    moved = of_neighbor.reshape(displacements.shape) - by_position[..., :, None, :] + stretched
    return jnp.where(jnp.asarray(table.mask)[..., None], moved, 0.0)
