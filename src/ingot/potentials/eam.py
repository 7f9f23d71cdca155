"""The embedded-atom method from tables: the classical potential that others are compared with.

Daw and Baskes, Phys. Rev. B 29, 6443 (1984); with densities that depend on both elements, Finnis and Sinclair, Phil.
Mag. A 50, 45 (1984):

    E = sum_i [ F_i(rho_i) + 1/2 sum_j phi_ij(r_ij) ],    rho_i = sum_j rho_ji(r_ij)

with the density ``rho_ji`` that an atom j makes at an atom i. F, rho and r phi are cubic pieces on even grids. Beyond
the largest density F goes on as a straight line, as in LAMMPS.
"""

from dataclasses import dataclass
from typing import Any, Self

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ingot.potentials.compiled import SitesAndSlopes, compiled_embedded_atom, sites_and_slopes
from ingot.potentials.errors import PotentialError
from ingot.potentials.graph import Graph
from ingot.potentials.native import use_native

Grid = tuple[float, int]
"""Step and number of points of an even grid that begins at zero."""


@dataclass(frozen=True)
class EamArchitecture:
    """Grids of an EAM potential; its tables are the parameters."""

    species: tuple[str, ...]
    cutoff: float
    """A."""
    distances: Grid
    """A."""
    densities: Grid

    kind = "eam"
    inner_cutoff = None

    def __post_init__(self) -> None:
        if not self.species or len(set(self.species)) != len(self.species):
            raise PotentialError(f"species must be distinct element symbols, got {self.species!r}")
        for name, (step, count) in (("distances", self.distances), ("densities", self.densities)):
            if not step > 0 or count < 4:
                raise PotentialError(
                    f"the grid of {name} needs a positive step and 4 points or more, got {step}, {count}"
                )
        if not 0 < self.cutoff <= self.distances[0] * self.distances[1] * (1 + 1e-9):
            raise PotentialError(f"the cutoff of {self.cutoff} A is not within the table of distances")

    def to_json(self) -> dict[str, Any]:
        """The constants as JSON values, as stored in ``potential.json``."""
        return {
            "kind": self.kind,
            "species": list(self.species),
            "cutoff": self.cutoff,
            "distances": list(self.distances),
            "densities": list(self.densities),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The inverse of :meth:`to_json`; raises :class:`PotentialError` for a missing or malformed entry."""
        try:
            distances, densities = values["distances"], values["densities"]
            return cls(
                species=tuple(str(symbol) for symbol in values["species"]),
                cutoff=float(values["cutoff"]),
                distances=(float(distances[0]), int(distances[1])),
                densities=(float(densities[0]), int(densities[1])),
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise PotentialError(f"the EAM architecture is incomplete or malformed: {error!r}") from None

    def initial_parameters(self, seed: int) -> Any:
        """Tables without any interaction: what ``seed`` is does not matter."""
        kinds = len(self.species)
        return {
            "embedding": np.zeros((kinds, self.densities[1] - 1, 4)),
            "density": np.zeros((kinds, kinds, self.distances[1] - 1, 4)),
            "pair": np.zeros((kinds, kinds, self.distances[1] - 1, 4)),
        }

    def sites_and_slopes(self, parameters: Any, graph: Graph) -> SitesAndSlopes:
        """Site energies and their derivatives by the fastest means of the machine; differentiable."""
        if use_native():
            species = jnp.asarray(graph.species)
            return compiled_embedded_atom(self, parameters, graph.displacements, species, graph.table)
        return sites_and_slopes(self, parameters, graph)

    def site_energies(self, parameters: Any, graph: Graph) -> Float[Array, " atoms"]:
        """Embedding energy and half of the pair energies of each atom in eV; zero for padding atoms."""
        species = jnp.asarray(graph.species)
        neighbor = species[jnp.asarray(graph.table.index)]
        squared = jnp.sum(graph.displacements**2, axis=-1)
        near = jnp.asarray(graph.table.mask) & (squared < self.cutoff**2)
        # Far entries get a distance in the table, and no weight.
        r = jnp.sqrt(jnp.where(near, squared, (0.5 * self.cutoff) ** 2))
        own = species[:, None]
        made = _interpolate(parameters["density"], (neighbor, own), r, self.distances)
        density = jnp.sum(jnp.where(near, made, 0.0), axis=1)
        pair = _interpolate(parameters["pair"], (neighbor, own), r, self.distances) / r
        step, count = self.densities
        largest = step * (count - 1)
        embedding = _interpolate(parameters["embedding"], (species,), jnp.minimum(density, largest), self.densities)
        beyond = jnp.maximum(density - largest, 0.0)
        slope = jnp.sum(parameters["embedding"][species, -1] * jnp.arange(4.0, dtype=density.dtype), axis=-1) / step
        energy = embedding + slope * beyond + 0.5 * jnp.sum(jnp.where(near, pair, 0.0), axis=1)
        return jnp.where(species >= 0, energy, 0.0)


def _interpolate(table: Array, kinds: tuple[Array, ...], x: Array, grid: Grid) -> Array:
    """Cubic pieces ``sum_p c_p t^p`` with t from 0 to 1 in each interval of the grid."""
    step, count = grid
    scaled = x / step
    interval = jnp.clip(jnp.floor(scaled), 0, count - 2).astype(jnp.int32)
    t = scaled - interval
    c = table[(*kinds, interval)]
    return c[..., 0] + t * (c[..., 1] + t * (c[..., 2] + t * c[..., 3]))
