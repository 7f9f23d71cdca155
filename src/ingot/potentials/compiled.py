"""The compiled functions with derivatives: to JAX they are constants, the rules are those of the JAX functions.

What differentiates forces (attacks, Hessians) therefore goes to any order, at the price of JAX alone.
"""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from ingot.neighbors import NeighborTable
from ingot.potentials.coordinates import Coordinates, coordinate_slopes, displacement_tangents
from ingot.potentials.graph import Graph
from ingot.potentials.native import native_descriptor, native_embedded_atom, native_pull, native_push


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def compiled_descriptor(architecture: Any, displacements: Array, species: Array, table: NeighborTable) -> Array:
    """The descriptor of any number of structures."""
    return native_descriptor(displacements, architecture.neighbor_kinds(species, table), architecture.packed_constants)


@compiled_descriptor.defjvp
def _descriptor_derivative(architecture: Any, primals: Any, tangents: Any) -> tuple[Array, Array]:
    displacements, species, table = primals
    value, tangent = jax.jvp(lambda d: architecture.descriptor(d, species, table), (displacements,), (tangents[0],))
    return value, tangent


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def compiled_pull(
    architecture: Any, displacements: Array, species: Array, table: NeighborTable, coefficients: Array
) -> Coordinates:
    """Derivatives of ``sum coefficients . descriptor`` by positions and strain, in float64."""
    kinds, index = architecture.neighbor_kinds(species, table), jnp.asarray(table.index)
    return native_pull(displacements, kinds, index, coefficients, architecture.packed_constants)


@compiled_pull.defjvp
def _pull_derivative(architecture: Any, primals: Any, tangents: Any) -> tuple[Any, Any]:
    displacements, species, table, coefficients = primals

    def pull(vectors: Array, weights: Array) -> Coordinates:
        slopes = jax.vjp(lambda d: architecture.descriptor(d, species, table), vectors)[1](weights)[0]
        return coordinate_slopes(vectors.astype(jnp.float64), table, slopes.astype(jnp.float64))

    value, tangent = jax.jvp(pull, (displacements, coefficients), (tangents[0], tangents[3]))
    return value, tangent


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def compiled_push(
    architecture: Any, displacements: Array, species: Array, table: NeighborTable, by_position: Array, strain: Array
) -> Array:
    """The derivative of the descriptor along a direction of positions and strain."""
    kinds, index = architecture.neighbor_kinds(species, table), jnp.asarray(table.index)
    return native_push(displacements, kinds, index, by_position, strain, architecture.packed_constants)


@compiled_push.defjvp
def _push_derivative(architecture: Any, primals: Any, tangents: Any) -> tuple[Array, Array]:
    displacements, species, table, by_position, strain = primals

    def push(vectors: Array, moves: Array, stretch: Array) -> Array:
        along = displacement_tangents(vectors, table, (moves, stretch))
        moved: Array = jax.jvp(lambda d: architecture.descriptor(d, species, table), (vectors,), (along,))[1]
        return moved

    primal = (displacements, by_position, strain)
    value, tangent = jax.jvp(push, primal, (tangents[0], tangents[3], tangents[4]))
    return value, tangent


SitesAndSlopes = tuple[Array, Array, Array]
"""Site energies, and the derivatives of their sum by positions and by strain in float64."""


def sites_and_slopes(architecture: Any, parameters: Any, graph: Graph) -> SitesAndSlopes:
    """Of one member of any architecture, in JAX."""

    def sites(vectors: Array) -> Array:
        energies: Array = architecture.site_energies(parameters, Graph(graph.species, graph.table, vectors))
        return energies

    energies, pullback = jax.vjp(sites, graph.displacements)
    vectors, slopes = (leaf.astype(jnp.float64) for leaf in (graph.displacements, pullback(jnp.ones_like(energies))[0]))
    return energies, *coordinate_slopes(vectors, graph.table, slopes)


@partial(jax.custom_jvp, nondiff_argnums=(0,))
def compiled_embedded_atom(
    architecture: Any, parameters: Any, displacements: Array, species: Array, table: NeighborTable
) -> SitesAndSlopes:
    """Of an EAM potential."""
    kinds = jnp.where(jnp.asarray(table.mask), jnp.asarray(species)[jnp.asarray(table.index)], -1)
    steps = architecture.distances[0], architecture.densities[0]
    return native_embedded_atom(
        displacements, kinds, jnp.asarray(table.index), species, parameters, architecture.cutoff, steps
    )


@compiled_embedded_atom.defjvp
def _embedded_atom_derivative(architecture: Any, primals: Any, tangents: Any) -> tuple[Any, Any]:
    parameters, displacements, species, table = primals
    value, tangent = jax.jvp(
        lambda p, d: sites_and_slopes(architecture, p, Graph(species, table, d)),
        (parameters, displacements),
        tangents[:2],
    )
    return value, tangent
