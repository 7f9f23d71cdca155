"""Energies, forces and strain derivatives of a potential, compiled."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ingot.arrays import Cell, Positions
from ingot.neighbors import NeighborTable, displacements
from ingot.potentials.architectures import Architecture
from ingot.potentials.compiled import sites_and_slopes
from ingot.potentials.coordinates import coordinate_slopes
from ingot.potentials.graph import Graph

if TYPE_CHECKING:
    from ingot.potentials.potential import Potential

Members = Literal["all", "mean"] | int
"""Every member, their mean, or one of them."""


class Evaluation(NamedTuple):
    """What a potential says of one structure, in float64; one row per member (one row for the mean)."""

    energy: Float[Array, " members"] | Float[np.ndarray, " members"]
    """Total energy in eV, with offsets."""
    forces: Float[Array, "members atoms 3"] | Float[np.ndarray, "members atoms 3"]
    """Forces in eV/A; zero for padding atoms."""
    strain_gradient: Float[Array, "members 3 3"] | Float[np.ndarray, "members 3 3"]
    """dE/d(strain) in eV: stress is this over the volume, pressure minus its trace over three volumes."""
    site_energies: Float[Array, "members atoms"] | Float[np.ndarray, "members atoms"]
    """Energies of the atoms in eV, with offsets; zero for padding atoms."""


SpeciesIndex = Int[Array, " atoms"] | Int[np.ndarray, " atoms"]
"""Positions of the atoms' elements in the potential's ``species``; -1 for padding atoms."""

Evaluator = Callable[[Positions, Cell, SpeciesIndex, NeighborTable], Evaluation]
"""``evaluate(positions, cell, species, table)``; positions and cell in float64, species as indices."""


def energies_and_slopes(
    architecture: Architecture,
    parameters: Any,
    graph: Graph,
    mean: bool,
) -> tuple[Float[Array, "members atoms"], Float[Array, "members atoms 3"], Float[Array, "members 3 3"]]:
    """Site energies (without offsets), and the derivatives of their sum by positions and by strain in float64.

    ``parameters`` carry a leading axis of members; with ``mean`` the result is that of the averaged energy.
    """
    species, table = jnp.asarray(graph.species), graph.table

    def average(rows: Array) -> Array:
        return jnp.mean(rows, axis=0, keepdims=True) if mean else rows

    def by_coordinates(slopes: Array) -> tuple[Array, Array]:
        """Sums run in float64: each displacement pulls its centre one way and its neighbour the other."""
        vectors = graph.displacements.astype(jnp.float64)
        return coordinate_slopes(vectors, table, slopes.astype(jnp.float64))

    if hasattr(architecture, "descriptor_and_products"):
        descriptor, pull, _ = architecture.descriptor_and_products(
            graph.displacements, species, table, sums=jnp.float64
        )
        sites, network_pullback = jax.vjp(
            lambda g: jax.vmap(architecture.network, in_axes=(0, None, None))(parameters, g, species),  # type: ignore[attr-defined]
            descriptor,
        )
        members = sites.shape[0]
        if mean or members == 1:
            (slope,) = network_pullback(jnp.full_like(sites, 1.0 / members if mean else 1.0))
            slopes = jax.tree.map(lambda leaf: leaf[None], pull(slope))
        else:
            rows = jnp.eye(members, dtype=sites.dtype)[:, :, None] * jnp.ones_like(sites)
            slopes = jax.lax.map(pull, jax.vmap(network_pullback)(rows)[0])
        sites = average(sites)
        if architecture.learned_part() != architecture:  # type: ignore[attr-defined]

            def baseline(vectors: Array) -> Array:
                at = Graph(species=species, table=table, displacements=vectors)
                energies: Array = architecture.baseline_energies(at)  # type: ignore[attr-defined]
                return energies

            fixed, baseline_pullback = jax.vjp(baseline, graph.displacements)
            of_baseline = by_coordinates(baseline_pullback(jnp.ones_like(fixed))[0])
            sites = sites + fixed
            slopes = jax.tree.map(lambda a, b: a.astype(jnp.float64) + b, slopes, of_baseline)
        by_position, by_strain = (leaf.astype(jnp.float64) for leaf in slopes)
        return sites, by_position, by_strain

    of_member = getattr(architecture, "sites_and_slopes", partial(sites_and_slopes, architecture))
    found = jax.lax.map(lambda member: of_member(member, graph), parameters)
    return tuple(average(rows) for rows in found)  # type: ignore[return-value]


@partial(jax.jit, static_argnames=("architecture", "mean", "dtype"))
def _evaluate(
    parameters: Any,
    offsets: Float[Array, " species"],
    positions: Positions,
    cell: Cell,
    species: SpeciesIndex,
    table: NeighborTable,
    *,
    architecture: Architecture,
    mean: bool,
    dtype: str,
) -> Evaluation:
    vectors = displacements(positions, cell, table)
    kinds = jnp.asarray(species)
    graph = Graph(species=kinds, table=table, displacements=vectors.astype(dtype))
    sites, by_position, by_strain = energies_and_slopes(architecture, parameters, graph, mean)
    sites = sites.astype(jnp.float64) + jnp.where(kinds >= 0, offsets[kinds], 0.0)
    return Evaluation(
        energy=jnp.sum(sites, axis=1),
        forces=-by_position,
        strain_gradient=0.5 * (by_strain + jnp.swapaxes(by_strain, 1, 2)),
        site_energies=sites,
    )


def make_evaluator(potential: "Potential", members: Members = "all", dtype: Any = jnp.float32) -> Evaluator:
    """A compiled, differentiable function ``(positions, cell, species, table) -> Evaluation``.

    ``members`` selects every member, the mean, or one. ``dtype`` is the precision of descriptor
    and network: displacements are always formed in float64, and sums over atoms run in float64.
    Evaluators of one architecture share their compiled code. Frames of equal padding may be batched:
    ``jax.lax.map`` is faster than ``jax.vmap`` on a CPU.
    """
    chosen = potential.parameters
    if isinstance(members, int):
        chosen = jax.tree.map(lambda leaf: leaf[members][None], chosen)
    precision = np.dtype(dtype).name
    parameters = jax.tree.map(lambda leaf: jnp.asarray(leaf, precision), chosen)
    offsets = jnp.asarray([potential.offsets[symbol] for symbol in potential.architecture.species], jnp.float64)

    def evaluate(positions: Positions, cell: Cell, species: SpeciesIndex, table: NeighborTable) -> Evaluation:
        evaluation: Evaluation = _evaluate(
            parameters,
            offsets,
            jnp.asarray(positions, jnp.float64),
            jnp.asarray(cell, jnp.float64),
            species,
            table,
            architecture=potential.architecture,
            mean=members == "mean",
            dtype=precision,
        )
        return evaluation

    return evaluate
