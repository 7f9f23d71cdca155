"""The ANI architecture: a fixed descriptor of each atom's surroundings, then a network per species."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Self

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from ingot.neighbors import NeighborTable
from ingot.potentials.centres import block_of_centres, in_blocks
from ingot.potentials.compiled import compiled_descriptor, compiled_pull, compiled_push
from ingot.potentials.coordinates import Coordinates, coordinate_slopes, displacement_tangents
from ingot.potentials.errors import PotentialError
from ingot.potentials.graph import Graph
from ingot.potentials.native import pack_constants, use_native
from ingot.potentials.network import apply_layers, fold_standardisation, initial_layers
from ingot.potentials.repulsion import Range, longest_range, repulsion_energies
from ingot.potentials.symmetry_functions import (
    Triples,
    angular_terms,
    contracted_angular_terms,
    pair_columns,
    radial_terms,
    triples,
)

Pull = Callable[[Array], Coordinates]
"""A product with the descriptor's Jacobian from the left: coefficients of features to derivatives by coordinates."""

Push = Callable[[Coordinates], Array]
"""A product from the right: a direction of coordinates to tangents of features."""

_PUBLISHED_ANGLES = "0.19634954 0.58904862 0.98174770 1.3744468 1.7671459 2.1598449 2.5525440 2.9452431"
"""In radians, as printed in the parameter file of ANI-Al."""


@dataclass(frozen=True)
class AniArchitecture:
    """Constants of an ANI potential; hashable, so that it may be a static argument of compiled code.

    Lengths in angstrom, etas in 1/A^2, angles in radians.
    """

    species: tuple[str, ...]
    radial_cutoff: float
    radial_eta: float
    radial_shifts: tuple[float, ...]
    angular_cutoff: float
    angular_eta: float
    angular_zeta: float
    angular_angles: tuple[float, ...]
    angular_shifts: tuple[float, ...]
    hidden: tuple[int, ...]
    celu_alpha: float = 0.1
    repulsion: Range | None = None
    """Short-range repulsion of nuclei (see :mod:`ingot.potentials.repulsion`); the published ANI has none."""

    kind = "ani"

    def __post_init__(self) -> None:
        if not self.species or len(set(self.species)) != len(self.species):
            raise PotentialError(f"species must be distinct element symbols, got {self.species!r}")
        if not 0 < self.angular_cutoff <= self.radial_cutoff:
            raise PotentialError(
                f"the angular cutoff must lie in (0, {self.radial_cutoff}] A (the radial cutoff), "
                f"got {self.angular_cutoff}"
            )
        for name in ("radial_eta", "angular_eta", "angular_zeta", "celu_alpha"):
            if not getattr(self, name) > 0:
                raise PotentialError(f"{name} must be positive, got {getattr(self, name)!r}")
        if self.repulsion is not None:
            start, end = self.repulsion
            reach = longest_range(self.species, self.repulsion)
            if not 0 < start < end or reach > self.radial_cutoff:
                raise PotentialError(
                    f"the repulsion must fade from a positive fraction to a larger one and end within the cutoff of "
                    f"{self.radial_cutoff} A; got fractions {self.repulsion}, which end at {reach:.2f} A"
                )
        if not self.radial_shifts or not self.angular_shifts or not self.angular_angles or not self.hidden:
            raise PotentialError("shifts, angles and hidden layers must not be empty")

    @property
    def cutoff(self) -> float:
        """The range of the potential in angstrom."""
        return self.radial_cutoff

    @property
    def inner_cutoff(self) -> float:
        """The range of the angular terms in angstrom."""
        return self.angular_cutoff

    @property
    def features(self) -> int:
        """Length of the descriptor: radial blocks per species, then angular blocks per pair of species."""
        kinds = len(self.species)
        angular = len(self.angular_shifts) * len(self.angular_angles)
        return kinds * len(self.radial_shifts) + self._pair_channels * angular

    @property
    def _pair_channels(self) -> int:
        return len(self.species) * (len(self.species) + 1) // 2

    @classmethod
    def evenly_spaced(
        cls,
        species: tuple[str, ...],
        radial_cutoff: float,
        radial_shifts: int,
        angular_cutoff: float,
        angular_shifts: int,
        angles: int,
        hidden: tuple[int, ...],
        first_shift: float = 1.25,
        angular_zeta: float = 16.0,
        repulsion: Range | None = None,
    ) -> Self:
        """Shifts from ``first_shift`` (A) at even steps to one step short of the cutoffs, angles centred in equal bins.

        Widths follow the steps as in the published ANI-Al set: eta = 1.4 / step^2. An integer ``angular_zeta``
        is evaluated by products, which is faster than a general power.
        """

        def spread(cutoff: float, count: int) -> tuple[tuple[float, ...], float]:
            step = (cutoff - first_shift) / count
            if not step > 0:
                raise PotentialError(f"the cutoff {cutoff} A must exceed the first shift, {first_shift} A")
            return tuple(round(first_shift + k * step, 6) for k in range(count)), round(1.4 / step**2, 6)

        radial, radial_eta = spread(radial_cutoff, radial_shifts)
        angular, angular_eta = spread(angular_cutoff, angular_shifts)
        return cls(
            species=tuple(species),
            radial_cutoff=radial_cutoff,
            radial_eta=radial_eta,
            radial_shifts=radial,
            angular_cutoff=angular_cutoff,
            angular_eta=angular_eta,
            angular_zeta=angular_zeta,
            angular_angles=tuple(round((k + 0.5) * np.pi / angles, 8) for k in range(angles)),
            angular_shifts=angular,
            hidden=tuple(hidden),
            repulsion=repulsion,
        )

    @classmethod
    def published_ani_al(cls, species: tuple[str, ...] = ("Al",)) -> Self:
        """The constants of ANI-Al: Smith et al., Nat. Commun. 12, 1257 (2021), published parameter file."""
        return cls(
            species=tuple(species),
            radial_cutoff=7.0,
            radial_eta=43.9,
            radial_shifts=tuple(1.25 + k * 0.1796875 for k in range(32)),
            angular_cutoff=5.0,
            angular_eta=6.5,
            angular_zeta=69.4,
            angular_angles=tuple(float(angle) for angle in _PUBLISHED_ANGLES.split()),
            angular_shifts=tuple(1.25 + k * 0.46875 for k in range(8)),
            hidden=(96, 96, 64),
        )

    def to_json(self) -> dict[str, Any]:
        """The constants as JSON values, as stored in ``potential.json``."""
        return {
            "kind": self.kind,
            "species": list(self.species),
            "radial": {"cutoff": self.radial_cutoff, "eta": self.radial_eta, "shifts": list(self.radial_shifts)},
            "angular": {
                "cutoff": self.angular_cutoff,
                "eta": self.angular_eta,
                "zeta": self.angular_zeta,
                "angles": list(self.angular_angles),
                "shifts": list(self.angular_shifts),
            },
            "hidden": list(self.hidden),
            "celu_alpha": self.celu_alpha,
            "repulsion": None if self.repulsion is None else list(self.repulsion),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """The inverse of :meth:`to_json`; raises :class:`PotentialError` for a missing or malformed entry."""
        try:
            radial, angular, repulsion = values["radial"], values["angular"], values["repulsion"]
            return cls(
                species=tuple(str(symbol) for symbol in values["species"]),
                radial_cutoff=float(radial["cutoff"]),
                radial_eta=float(radial["eta"]),
                radial_shifts=tuple(float(s) for s in radial["shifts"]),
                angular_cutoff=float(angular["cutoff"]),
                angular_eta=float(angular["eta"]),
                angular_zeta=float(angular["zeta"]),
                angular_angles=tuple(float(a) for a in angular["angles"]),
                angular_shifts=tuple(float(s) for s in angular["shifts"]),
                hidden=tuple(int(width) for width in values["hidden"]),
                celu_alpha=float(values["celu_alpha"]),
                repulsion=None if repulsion is None else (float(repulsion[0]), float(repulsion[1])),
            )
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise PotentialError(f"the ANI architecture is incomplete or malformed: {error!r}") from None

    def initial_parameters(self, seed: int) -> Any:
        """Random parameters of one network (float64 NumPy arrays) from a seed."""
        return {"layers": initial_layers(seed, len(self.species), (self.features, *self.hidden, 1))}

    @property
    def _angular(self) -> tuple[int, float, float, tuple[float, ...], tuple[float, ...]]:
        return self._pair_channels, self.angular_eta, self.angular_zeta, self.angular_angles, self.angular_shifts

    def _radial(self, kinds: Array, displacements: Array) -> Array:
        constants = len(self.species), self.radial_cutoff, self.radial_eta, self.radial_shifts
        return radial_terms(displacements, kinds >= 0, kinds, *constants)

    def _triples(self, kinds: Array, displacements: Array) -> Triples:
        return triples(displacements, kinds >= 0, self.angular_cutoff)

    def _pair_channel(self, kinds: Array) -> Array:
        """Which pair of species each pair of inner neighbours is: (0, 0), (0, 1), ..., (1, 1), ..."""
        if self._pair_channels == 1:
            return jnp.zeros((), jnp.int32)
        count = len(self.species)
        channel = np.zeros((count, count), np.int32)
        channel[np.triu_indices(count)] = np.arange(self._pair_channels)
        channel = np.maximum(channel, channel.T)
        left, right = pair_columns(kinds.shape[-1])
        return jnp.asarray(channel)[kinds[:, left], kinds[:, right]]

    def _features(self, inner: int, kinds: Array, displacements: Array) -> Float[Array, "centres features"]:
        """The descriptor of centres with neighbours of ``kinds``, the first ``inner`` columns inner ones."""
        geometry = self._triples(kinds[:, :inner], displacements[:, :inner])
        angular = angular_terms(geometry, self._pair_channel(kinds[:, :inner]), *self._angular)
        return jnp.concatenate([self._radial(kinds, displacements), angular], axis=-1)

    def _slopes(
        self, inner: int, kinds: Array, displacements: Array, coefficients: Float[Array, "centres features"]
    ) -> Float[Array, "centres capacity 3"]:
        """Derivatives of ``sum coefficients . descriptor`` by displacements; three times faster than ``jax.vjp``."""
        near = kinds[:, :inner]
        radial, radial_pullback = jax.vjp(lambda d: self._radial(kinds, d), displacements)
        geometry, geometry_pullback = jax.vjp(lambda d: self._triples(near, d[:, :inner]), displacements)
        split = radial.shape[-1]
        weights = coefficients[:, split:]

        def slope(at: Triples) -> Triples:
            gradient: Triples = jax.grad(contracted_angular_terms)(
                at, weights, self._pair_channel(near), *self._angular
            )
            return gradient

        # XLA's CPU fusion would otherwise repeat the whole slope inside each of its consumers; a branch taken
        # at run time keeps it whole. A broken network gives forces that are not numbers, to its own atoms alone.
        some_sane = jnp.any(jnp.isfinite(jnp.sum(weights, axis=1)))
        gradient = jax.lax.cond(
            some_sane, slope, lambda at: jax.tree.map(lambda leaf: jnp.full_like(leaf, jnp.nan), at), geometry
        )
        total: Array = radial_pullback(coefficients[:, :split])[0] + geometry_pullback(gradient)[0]
        return total

    def descriptor(
        self,
        displacements: Float[Array, "*batch atoms capacity 3"],
        species: Int[Array, "*batch atoms"],
        table: NeighborTable,
    ) -> Float[Array, "*batch atoms features"]:
        """The symmetry functions of every atom, in the precision of ``displacements``, in JAX.

        The table must list every neighbour within the cutoffs; neighbours beyond them contribute nothing.
        """
        kinds = self.neighbor_kinds(species, table)
        return in_blocks(partial(self._features, table.inner), None, kinds, displacements)

    def descriptor_and_products(
        self,
        displacements: Float[Array, "*batch atoms capacity 3"],
        species: Int[Array, "*batch atoms"],
        table: NeighborTable,
        sums: Any = None,
    ) -> tuple[Array, Pull, Push]:
        """The descriptor and products with its Jacobian, by the fastest means of the machine.

        The first, ``pull``, takes coefficients c (one per feature) to ``d(sum c . descriptor)`` by positions and strain
        of whole structures; the second, ``push``, takes a direction of these to tangents of the descriptor. All are
        equal to ``jax.vjp`` and ``jax.jvp`` of :meth:`descriptor` to round-off, and differentiable themselves.
        Neighbours are summed in the precision ``sums`` (that of the displacements by default), by compiled code always
        in float64. Without compiled code atoms are worked on in blocks.
        """
        if use_native():
            return (
                compiled_descriptor(self, displacements, species, table),
                lambda coefficients: compiled_pull(self, displacements, species, table, coefficients),
                lambda along: compiled_push(self, displacements, species, table, *along),
            )
        inner = table.inner
        kinds, block = self.neighbor_kinds(species, table), block_of_centres(inner)
        dtype = sums or displacements.dtype

        def pull(coefficients: Array) -> Coordinates:
            slopes = in_blocks(partial(self._slopes, inner), block, kinds, displacements, coefficients)
            return coordinate_slopes(displacements.astype(dtype), table, slopes.astype(dtype))

        def tangents(kinds: Array, displacements: Array, moved: Array) -> Array:
            found: Array = jax.jvp(lambda d: self._features(inner, kinds, d), (displacements,), (moved,))[1]
            return found

        def push(along: Coordinates) -> Array:
            moved = displacement_tangents(displacements, table, along)
            return in_blocks(tangents, block, kinds, displacements, moved)

        return in_blocks(partial(self._features, inner), block, kinds, displacements), pull, push

    def neighbor_kinds(self, species: Array, table: NeighborTable) -> Int[Array, "*batch atoms capacity"]:
        """Each neighbour's species, -1 on padding."""
        if len(self.species) == 1:
            return jnp.where(jnp.asarray(table.mask), 0, -1).astype(jnp.int32)
        neighbor = jnp.take_along_axis(jnp.asarray(species)[..., None], jnp.asarray(table.index), axis=-2)
        return jnp.where(jnp.asarray(table.mask), neighbor, -1).astype(jnp.int32)

    @property
    def packed_constants(self) -> tuple[float, ...]:
        """What the compiled functions take."""
        radial = (self.radial_cutoff, self.radial_eta, self.radial_shifts)
        angular = (self.angular_cutoff, self.angular_eta, self.angular_zeta, self.angular_angles, self.angular_shifts)
        return pack_constants(len(self.species), radial, angular)

    def network(
        self, parameters: Any, descriptor: Float[Array, "atoms features"], species: Int[Array, " atoms"]
    ) -> Float[Array, " atoms"]:
        """Site energies in eV, without offsets, of one network; zero for padding atoms."""
        return apply_layers(parameters["layers"], descriptor, species, self.celu_alpha)

    def from_standardised(
        self, parameters: Any, mean: Float[Array, "species features"], scale: Float[Array, "species features"]
    ) -> Any:
        """Parameters for the descriptor, from parameters for ``(descriptor - mean) / scale`` (linear in them)."""
        return {"layers": fold_standardisation(parameters["layers"], mean, scale)}

    def to_standardised(
        self, parameters: Any, mean: Float[Array, "species features"], scale: Float[Array, "species features"]
    ) -> Any:
        """The inverse of :meth:`from_standardised`: where a training goes on from a network."""
        inverse = 1 / scale
        return {"layers": fold_standardisation(parameters["layers"], -mean * inverse, inverse)}

    def baseline_energies(self, graph: Graph) -> Float[Array, " atoms"]:
        """The part of the site energies that has no parameters: the repulsion of nuclei, in eV."""
        table, species = graph.table, jnp.asarray(graph.species)
        if self.repulsion is None:
            return jnp.zeros(species.shape, graph.displacements.dtype)
        near = longest_range(self.species, self.repulsion) <= self.angular_cutoff
        columns = table.inner if near else table.capacity
        return repulsion_energies(
            graph.displacements[:, :columns],
            jnp.asarray(table.mask)[:, :columns],
            species,
            species[jnp.asarray(table.index)[:, :columns]],
            self.species,
            self.repulsion,
        )

    def learned_part(self) -> Self:
        """The same architecture without what has no parameters: what is fitted to labels minus the baseline."""
        return replace(self, repulsion=None)

    def site_energies(self, parameters: Any, graph: Graph) -> Float[Array, " atoms"]:
        """Site energies in eV, without offsets, of one network."""
        species = jnp.asarray(graph.species)
        learned = self.network(parameters, self.descriptor(graph.displacements, species, graph.table), species)
        return learned + self.baseline_energies(graph)
