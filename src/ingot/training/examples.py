"""Labelled structures as padded arrays, in buckets of equal shape."""

import dataclasses
from collections.abc import Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ase import Atoms
from ase.calculators.calculator import PropertyNotImplementedError
from ase.data import atomic_numbers
from ase.stress import voigt_6_to_full_3x3_stress
from jaxtyping import Array, Bool, Float, Int

from ingot.neighbors import NeighborTable, displacements, neighbor_table, round_up
from ingot.potentials import Architecture, Graph, padded_atoms
from ingot.training.errors import TrainingError
from ingot.training.offsets import label_energies, method_of
from ingot.training.shelf import Shelf


@dataclasses.dataclass(frozen=True)
class Example:
    """One labelled structure, or a stack of them along a leading axis. Padding atoms have species -1."""

    positions: Float[Array, "*batch atoms 3"] | Float[np.ndarray, "*batch atoms 3"]
    cell: Float[Array, "*batch 3 3"] | Float[np.ndarray, "*batch 3 3"]
    species: Int[Array, "*batch atoms"] | Int[np.ndarray, "*batch atoms"]
    table: NeighborTable
    atoms: Float[Array, "*batch"] | Float[np.ndarray, "*batch"]
    """Number of real atoms."""
    energy: Float[Array, "*batch"] | Float[np.ndarray, "*batch"]
    """In eV, offsets subtracted."""
    forces: Float[Array, "*batch atoms 3"] | Float[np.ndarray, "*batch atoms 3"]
    """In eV/A; zero on padding atoms, and where they are not known."""
    strain_gradient: Float[Array, "*batch 3 3"] | Float[np.ndarray, "*batch 3 3"]
    """dE/d(strain) in eV; zero where the stress is not known."""
    has_forces: Bool[Array, "*batch"] | Bool[np.ndarray, "*batch"]
    """A structure without forces is trained on for its energy alone."""
    has_stress: Bool[Array, "*batch"] | Bool[np.ndarray, "*batch"]
    weight: Float[Array, "*batch"] | Float[np.ndarray, "*batch"]
    """Factor of this structure's loss."""


jax.tree_util.register_dataclass(Example, data_fields=[f.name for f in dataclasses.fields(Example)], meta_fields=[])


@dataclasses.dataclass(frozen=True)
class Bucket:
    """Examples of equal padding, stacked, with their places in the list that they came from."""

    examples: Example
    places: tuple[int, ...]
    filed: bool = False
    """Whether the arrays lie in files: then only what a batch needs is read."""

    def __len__(self) -> int:
        return len(self.places)

    def select(self, wanted: set[int]) -> "Bucket":
        """The examples whose places are wanted; may be empty. Neighbours in the bucket are not copied."""
        rows = [row for row, place in enumerate(self.places) if place in wanted]
        together = bool(rows) and rows[-1] - rows[0] + 1 == len(rows)
        taken = slice(rows[0], rows[-1] + 1) if together else rows
        examples = jax.tree.map(lambda leaf: leaf[taken], self.examples)
        return dataclasses.replace(self, examples=examples, places=tuple(self.places[row] for row in rows))


def forces_of(atoms: Atoms) -> np.ndarray | None:
    """The labelled forces (eV/A), or nothing where there are none."""
    try:
        forces: np.ndarray = atoms.get_forces(apply_constraint=False)
    except PropertyNotImplementedError:
        return None
    return forces


def _stress(atoms: Atoms) -> np.ndarray | None:
    """dE/d(strain) in eV of a periodic structure with a finite stress."""
    if not atoms.pbc.all():
        return None
    try:
        stress = atoms.get_stress(voigt=True, apply_constraint=False)
    except (PropertyNotImplementedError, RuntimeError):
        return None
    if not np.isfinite(stress).all():
        return None
    strain_gradient: np.ndarray = np.asarray(voigt_6_to_full_3x3_stress(stress)) * atoms.get_volume()
    return strain_gradient


def species_of(frames: Sequence[Atoms]) -> tuple[str, ...]:
    """The elements that occur, in the order of their atomic numbers."""
    return tuple(sorted({symbol for atoms in frames for symbol in atoms.symbols}, key=atomic_numbers.__getitem__))


def make_example(
    atoms: Atoms,
    architecture: Architecture,
    offsets: dict[str, float],
    size: int | None = None,
    capacity: int | None = None,
    inner_capacity: int | None = None,
) -> Example:
    """One structure padded to ``size`` atoms; offsets (eV) are those of its method."""
    order = {symbol: k for k, symbol in enumerate(architecture.species)}
    unknown = sorted(set(atoms.symbols) - set(order))
    if unknown:
        raise TrainingError(
            f"the data hold {', '.join(unknown)}, the potential is for {', '.join(architecture.species)}: "
            "name all elements in `training.species`, or leave it out to take them from the data"
        )
    table = neighbor_table(
        atoms.positions,
        atoms.cell.array,
        atoms.pbc,
        architecture.cutoff,
        architecture.inner_cutoff,
        capacity,
        inner_capacity,
    )
    extra = (size or len(atoms)) - len(atoms)
    strain_gradient, forces = _stress(atoms), forces_of(atoms)
    return Example(
        positions=np.pad(atoms.positions, ((0, extra), (0, 0))),
        cell=np.array(atoms.cell.array),
        species=np.pad(np.array([order[symbol] for symbol in atoms.symbols], np.int32), (0, extra), constant_values=-1),
        table=NeighborTable(
            index=np.pad(table.index, ((0, extra), (0, 0))),
            shift=np.pad(table.shift, ((0, extra), (0, 0), (0, 0))).astype(np.int16),
            mask=np.pad(table.mask, ((0, extra), (0, 0))),
            inner=table.inner,
        ),
        atoms=np.array(float(len(atoms))),
        energy=np.array(
            atoms.get_potential_energy(force_consistent=True) - sum(offsets[symbol] for symbol in atoms.symbols)
        ),
        forces=np.zeros((len(atoms) + extra, 3)) if forces is None else np.pad(forces, ((0, extra), (0, 0))),
        strain_gradient=np.zeros((3, 3)) if strain_gradient is None else strain_gradient,
        has_forces=np.array(forces is not None),
        has_stress=np.array(strain_gradient is not None),
        weight=np.array(1.0),
    )


def emphasised(buckets: Sequence[Bucket], scale: float | None) -> list[Bucket]:
    """Buckets whose low-lying structures weigh more: ``1 / (1 + e / scale)``, e (eV/atom) above the lowest one.

    Crystals near equilibrium have small forces: without this, squared residuals of
    strongly disturbed structures decide the fit. Weights are scaled to a mean of one; ``None`` leaves them at one.
    """
    if scale is None:
        return list(buckets)
    per_atom = [np.asarray(b.examples.energy) / np.asarray(b.examples.atoms) for b in buckets]
    lowest = min(energies.min() for energies in per_atom)
    weights = [1.0 / (1.0 + (energies - lowest) / scale) for energies in per_atom]
    mean = np.concatenate(weights).mean()
    return [
        dataclasses.replace(b, examples=dataclasses.replace(b.examples, weight=w / mean))
        for b, w in zip(buckets, weights, strict=True)
    ]


_STRUCTURES_AT_ONCE = 512


def learnable_energies(frames: Sequence[Atoms], architecture: Architecture) -> np.ndarray:
    """The energies (eV) minus the part without parameters: what offsets and networks share."""
    if learned_part(architecture) == architecture:
        return label_energies(frames)
    nothing = dict.fromkeys(architecture.species, 0.0)
    energies = np.zeros(len(frames))
    # Structures of one size follow each other, so that portions share compiled code.
    order = sorted(range(len(frames)), key=lambda place: len(frames[place]))
    for first in range(0, len(order), _STRUCTURES_AT_ONCE):
        portion = order[first : first + _STRUCTURES_AT_ONCE]
        some = [frames[place] for place in portion]
        for bucket in make_buckets(some, architecture, {method_of(atoms): nothing for atoms in some}):
            energies[[portion[place] for place in bucket.places]] = bucket.examples.energy
    return energies


def divide_buckets(buckets: Sequence[Bucket], train: int) -> tuple[list[Bucket], list[Bucket]]:
    """Buckets of the first ``train`` structures and of the others, with shapes (and compiled code) in common."""
    places = {place for bucket in buckets for place in bucket.places}
    first = {place for place in places if place < train}
    divided = ([bucket.select(wanted) for bucket in buckets] for wanted in (first, places - first))
    learning, watching = ([bucket for bucket in part if len(bucket)] for part in divided)
    return learning, watching


def learned_part(architecture: Any) -> Any:
    """The architecture without what has no parameters; that is what is trained."""
    return architecture.learned_part() if hasattr(architecture, "learned_part") else architecture


@partial(jax.jit, static_argnames="architecture")
def _baseline(architecture: Any, example: Example) -> tuple[Array, Array, Array]:
    """Energy, gradient by positions and by strain of the part without parameters."""

    def energy(positions: Array, strain: Array) -> Array:
        vectors = displacements(positions, jnp.asarray(example.cell), example.table)
        graph = Graph(jnp.asarray(example.species), example.table, vectors + vectors @ strain)
        return jnp.sum(architecture.baseline_energies(graph))

    value, slopes = jax.value_and_grad(energy, argnums=(0, 1))(jnp.asarray(example.positions), jnp.zeros((3, 3)))
    return value, *slopes


def without_baseline(architecture: Any, example: Example) -> Example:
    """The labels minus what the architecture knows without parameters; see :func:`learned_part`."""
    if learned_part(architecture) is architecture or learned_part(architecture) == architecture:
        return example
    energy, by_position, by_strain = map(np.asarray, _baseline(architecture, example))
    return dataclasses.replace(
        example,
        energy=example.energy - energy,
        forces=example.forces + np.where(example.has_forces, by_position, 0.0),
        strain_gradient=example.strain_gradient - np.where(example.has_stress, 0.5 * (by_strain + by_strain.T), 0.0),
    )


def make_buckets(
    frames: Sequence[Atoms],
    architecture: Architecture,
    offsets: dict[str, dict[str, float]],
    shelf: Shelf | None = None,
) -> list[Bucket]:
    """All structures, grouped by padded size; ``offsets`` by method as :func:`fit_method_offsets` gives.

    The labels lack the part of the energy that has no parameters (:func:`without_baseline`).
    A bucket's neighbour capacities are the largest of its members, so that each bucket compiles once. Buckets that
    ``shelf`` has no room for, displacements and descriptors to come included, are in files.
    """
    groups: dict[int, list[int]] = {}
    for place, atoms in enumerate(frames):
        groups.setdefault(padded_atoms(len(atoms)), []).append(place)
    return [_make_bucket(frames, groups[padded], architecture, offsets, shelf or Shelf()) for padded in sorted(groups)]


def _allocated(count: int, shelf: Shelf, filed: bool, leaf: np.ndarray) -> np.ndarray:
    return shelf.empty((count, *leaf.shape), leaf.dtype, filed)


def _make_bucket(
    frames: Sequence[Atoms],
    places: list[int],
    architecture: Architecture,
    offsets: dict[str, dict[str, float]],
    shelf: Shelf,
) -> Bucket:
    size = max(8, round_up(max(len(frames[k]) for k in places), 4))
    capacity = inner = 0
    for k in places:
        atoms = frames[k]
        table = neighbor_table(
            atoms.positions, atoms.cell.array, atoms.pbc, architecture.cutoff, architecture.inner_cutoff
        )
        capacity, inner = max(capacity, table.capacity), max(inner, table.inner)
    capacity = round_up(capacity, 8)
    stacked: Any = None
    filed = False
    for row, k in enumerate(places):
        own = offsets[method_of(frames[k])]
        example = without_baseline(
            architecture, make_example(frames[k], architecture, own, size, capacity, inner or None)
        )
        leaves = jax.tree.map(np.asarray, example)
        if stacked is None:
            described = 4 * size * (3 * capacity + getattr(architecture, "features", 0))
            bytes_of_one = sum(leaf.nbytes for leaf in jax.tree.leaves(leaves)) + described
            filed = not shelf.has_room(len(places) * bytes_of_one)
            stacked = jax.tree.map(partial(_allocated, len(places), shelf, filed), leaves)
        jax.tree.map(lambda to, leaf, row=row: to.__setitem__(row, leaf), stacked, leaves)
    return Bucket(stacked, tuple(places), filed)
