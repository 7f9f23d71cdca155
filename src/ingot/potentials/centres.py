"""Functions of each atom's surroundings, a block of atoms at a time: as many as caches or the memory of a GPU hold."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

_PAIRS_AT_ONCE = {"cpu": 2**17, "gpu": 2**24}
"""Pairs of neighbours that are worked on together, of some 200 bytes each. On a CPU whole structures take nearly twice
as long as blocks that its caches hold; a GPU needs large blocks to be filled."""


def block_of_centres(inner: int) -> int:
    """How many atoms with ``inner`` columns of inner neighbours are worked on together on this device."""
    device = "cpu" if jax.default_backend() == "cpu" else "gpu"
    return max(1, _PAIRS_AT_ONCE[device] // max(1, inner * (inner - 1) // 2))


def in_blocks(function: Callable[..., Array], block: int | None, kinds: Array, *arrays: Array) -> Array:
    """``function(kinds, *arrays)``, row by row of its arguments: ``block`` rows (or all) at once.

    ``kinds`` (*batch, atoms, capacity) are the species of neighbours, -1 on padding; ``arrays`` and the result
    have the same leading axes. Blocks are of nearly equal size; the last is filled up with atoms without neighbours.
    """
    lead = kinds.shape[:-1]
    axes = len(lead)
    rows = [leaf.reshape(-1, *leaf.shape[axes:]) for leaf in (kinds, *arrays)]
    count = len(rows[0])
    blocks = -(-count // block) if block and count else 1
    size = -(-count // blocks)
    if blocks == 1:
        found = function(*rows)
    else:
        spare = blocks * size - count

        def cut(leaf: Array, filling: int) -> Array:
            padding = [(0, spare)] + [(0, 0)] * (leaf.ndim - 1)
            return jnp.pad(leaf, padding, constant_values=filling).reshape(blocks, size, *leaf.shape[1:])

        work: tuple[Any, ...] = (cut(rows[0], -1), *(cut(leaf, 0) for leaf in rows[1:]))
        found = jax.lax.map(lambda own: function(*own), work)
        found = found.reshape(blocks * size, *found.shape[2:])[:count]
    return found.reshape(*lead, *found.shape[1:])
