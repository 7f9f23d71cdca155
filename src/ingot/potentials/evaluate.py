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
    architecture: Architecture, parameters: Any, graph: Graph, mean: bool
) -> tuple[Float[Array, "members atoms"], Float[Array, "members atoms capacity 3"]]:
    """Site energies (without offsets) and the derivative of their sum by each displacement.

    ``parameters`` carry a leading axis of members; with ``mean`` the result is that of the averaged energy.
    """
    species = jnp.asarray(graph.species)

    def average(rows: Array) -> Array:
        return jnp.mean(rows, axis=0, keepdims=True) if mean else rows

    def baseline(vectors: Array) -> Array:
        at = Graph(species=species, table=graph.table, displacements=vectors)
        energies: Array = architecture.baseline_energies(at)  # type: ignore[attr-defined]
        return energies

    if hasattr(architecture, "descriptor_and_products"):
        descriptor, pullback, _ = architecture.descriptor_and_products(graph.displacements, species, graph.table)
        sites, network_pullback = jax.vjp(
            lambda g: jax.vmap(architecture.network, in_axes=(0, None, None))(parameters, g, species),  # type: ignore[attr-defined]
            descriptor,
        )
        members = sites.shape[0]
        if mean or members == 1:
            (slope,) = network_pullback(jnp.full_like(sites, 1.0 / members if mean else 1.0))
            slopes = pullback(slope)[None]
        else:
            rows = jnp.eye(members, dtype=sites.dtype)[:, :, None] * jnp.ones_like(sites)
            slopes = jax.lax.map(pullback, jax.vmap(network_pullback)(rows)[0])
        fixed, baseline_pullback = jax.vjp(baseline, graph.displacements)
        return average(sites) + fixed, slopes + baseline_pullback(jnp.ones_like(fixed))[0]

    def energies(vectors: Array) -> Array:
        at = Graph(species=species, table=graph.table, displacements=vectors)
        return average(jax.vmap(architecture.site_energies, in_axes=(0, None))(parameters, at))

    sites, pullback_sites = jax.vjp(energies, graph.displacements)
    rows = jnp.eye(sites.shape[0], dtype=sites.dtype)[:, :, None] * jnp.ones_like(sites)
    (slopes,) = jax.vmap(pullback_sites)(rows)
    return sites, slopes


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
    sites, slopes = energies_and_slopes(architecture, parameters, graph, mean)
    slopes = jnp.where(jnp.asarray(table.mask)[..., None], slopes.astype(jnp.float64), 0.0)
    # Each displacement pulls its centre one way and its neighbour the other; sums run in float64.
    received = jnp.zeros((slopes.shape[0], vectors.shape[0], 3)).at[:, jnp.asarray(table.index)].add(slopes)
    gradient = jnp.einsum("nka,mnkb->mab", vectors, slopes, precision=jax.lax.Precision.HIGHEST)
    sites = sites.astype(jnp.float64) + jnp.where(kinds >= 0, offsets[kinds], 0.0)
    return Evaluation(
        energy=jnp.sum(sites, axis=1),
        forces=jnp.sum(slopes, axis=2) - received,
        strain_gradient=0.5 * (gradient + jnp.swapaxes(gradient, 1, 2)),
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
