"""What an architecture sees of a structure: species, neighbours and displacement vectors."""

import dataclasses

import jax
import numpy as np
from jaxtyping import Array, Float, Int

from ingot.neighbors import NeighborTable


@dataclasses.dataclass(frozen=True)
class Graph:
    """Atoms and the directed edges to their neighbours."""

    species: Int[Array, " atoms"] | Int[np.ndarray, " atoms"]
    """Position of each atom's element in the architecture's ``species``; -1 marks a padding atom."""
    table: NeighborTable
    """The neighbours; padding atoms neither have nor are neighbours."""
    displacements: Float[Array, "atoms capacity 3"]
    """From each atom to its neighbours in angstrom; zero on padding."""


jax.tree_util.register_dataclass(Graph, data_fields=["species", "table", "displacements"], meta_fields=[])
