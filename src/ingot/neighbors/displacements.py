"""Displacement vectors of a neighbour table, differentiable in positions and cell."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ingot.arrays import Cell, Positions
from ingot.neighbors.table import NeighborTable


def displacements(positions: Positions, cell: Cell, table: NeighborTable) -> Float[Array, "atoms capacity 3"]:
    """``positions[neighbour] + shift @ cell - positions[centre]`` in angstrom; zero on padding.

    Zero vectors are safe only for code that masks before it takes a square root.
    """
    points, vectors = jnp.asarray(positions), jnp.asarray(cell)
    shift = jnp.asarray(table.shift).astype(points.dtype)
    # Three fused products instead of a matrix product: exact for integer shifts and free of accelerator downcasts.
    image = shift[..., 0:1] * vectors[0] + shift[..., 1:2] * vectors[1] + shift[..., 2:3] * vectors[2]
    pointing = points[jnp.asarray(table.index)] - points[:, None, :] + image
    return jnp.where(jnp.asarray(table.mask)[..., None], pointing, 0.0)
