"""Families of structures: from a few plain numbers to a reproducible list."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from ase import Atoms

from ingot.errors import near_name
from ingot.randomness import generator
from ingot.structures.defects import with_vacancy
from ingot.structures.errors import StructureError
from ingot.structures.heat import heated
from ingot.structures.lattices import Lattice, build_lattice, nearest_neighbor_distance
from ingot.structures.packing import packed_structure
from ingot.structures.planar import stacked_layers, surface_slab
from ingot.structures.rattle import rattled
from ingot.structures.strains import random_strain, strained
from ingot.structures.structure import check_structure, describe


@dataclass(frozen=True)
class Family:
    """One family: ``parents`` crystals or packings over a range of volumes, each with its children.

    ``lattice``: the perfect crystal and ``children`` strained (and rattled) copies of it. ``rattled``: only the
    copies. ``packing``: a disordered packing, and rattled copies. ``vacancy``: copies of the crystal without one
    atom. ``stacking`` and ``surface``: stacked close-packed layers and slabs, with strained and rattled copies.
    ``hot``: the crystal after dynamics, other ones for every copy. All that derives from one crystal at one volume, or
    from one packing, has one parent.
    """

    name: str
    kind: Literal["lattice", "rattled", "packing", "vacancy", "stacking", "surface", "hot"]
    parents: int
    children: int = 0
    lattice: Lattice = "fcc"
    conventional: bool = False
    repeat: tuple[int, int, int] = (1, 1, 1)
    atoms: int = 8
    volume_scale_range: tuple[float, float] = (1.0, 1.0)
    volume_scales: tuple[float, ...] | None = None
    strain_magnitude: float = 0.0
    rattle_angstrom: float = 0.0
    minimum_distance_fraction: float = 0.8
    composition: Mapping[str, float] | None = None
    sequence: str = "ABC"
    miller: tuple[int, int, int] = (1, 1, 1)
    layers: int = 4
    vacuum_angstrom: float = 10.0
    heat: float = 0.5
    steps: int = 500

    def scales(self) -> list[float]:
        """Volumes of the parents relative to the reference: the list given (in turn), or evenly over the range."""
        if self.volume_scales is not None:
            return [self.volume_scales[i % len(self.volume_scales)] for i in range(self.parents)]
        low, high = self.volume_scale_range
        return [float(s) for s in (np.linspace(low, high, self.parents) if self.parents > 1 else [(low + high) / 2])]


def build_structures(
    elements: Sequence[str],
    volume_per_atom: float | Mapping[str, float],
    families: Sequence[Family],
    seed: int,
    stream: str = "initial",
) -> list[Atoms]:
    """All structures of the families, in canonical form, with ``family`` and ``parent`` set.

    ``volume_per_atom`` (A^3) is the reference that volume scales multiply: one number, or one per element, mixed
    linearly by composition. Every structure draws from a stream of its own, named by ``stream``, family,
    parent and child: adding a family changes no other. Exact duplicates are kept once.
    """
    result: dict[str, Atoms] = {}
    for family in families:
        composition = _composition(family, elements)
        reference = sum(share * _volume(volume_per_atom, element) for element, share in composition.items())
        for number, scale in enumerate(family.scales()):
            parent = f"{family.name}-{number:03d}"
            for atoms in _members(family, parent, scale * reference, reference, composition, seed, stream):
                member = describe(atoms, family.name, parent)
                check_structure(member, f"structure of {parent}")
                result.setdefault(member.info["structure_id"], member)
    return list(result.values())


def _members(
    family: Family,
    parent: str,
    volume: float,
    reference: float,
    composition: Mapping[str, float],
    seed: int,
    stream: str,
) -> Iterator[Atoms]:
    rng = generator(seed, "structures", stream, parent)
    if family.kind == "packing":
        minimum = family.minimum_distance_fraction * nearest_neighbor_distance(min(volume, reference))
        base = packed_structure(_species(family.atoms, composition, rng), volume, minimum, rng)
    else:
        base = _crystal(family, volume)
        base.symbols[:] = _species(len(base), composition, rng)
    if family.kind in ("lattice", "packing", "stacking", "surface"):
        yield base
    for child in range(family.children):
        rng = generator(seed, "structures", stream, parent, "child", child)
        atoms = with_vacancy(base, rng) if family.kind == "vacancy" else base
        if family.strain_magnitude > 0:
            atoms = strained(atoms, random_strain(family.strain_magnitude, rng))
        if family.rattle_angstrom > 0:
            atoms = rattled(atoms, family.rattle_angstrom, rng)
        if family.kind == "hot":
            atoms = heated(atoms, nearest_neighbor_distance(reference), family.heat, family.steps, rng)
        yield atoms


def _crystal(family: Family, volume: float) -> Atoms:
    """What the family's parents are before elements are assigned."""
    if family.kind == "stacking":
        return stacked_layers("X", family.sequence, volume).repeat(family.repeat)
    if family.kind == "surface":
        slab = surface_slab("X", family.lattice, volume, family.miller, family.layers, family.vacuum_angstrom)
        return slab.repeat(family.repeat)
    return build_lattice("X", family.lattice, volume, family.conventional, family.repeat)


def _composition(family: Family, elements: Sequence[str]) -> dict[str, float]:
    shares = dict(family.composition) if family.composition is not None else dict.fromkeys(elements, 1.0)
    for element in shares:
        if element not in elements:
            raise StructureError(
                f"family {family.name!r} uses {element!r}, which is not among the elements {list(elements)}"
                f"{near_name(element, elements)}"
            )
    total = sum(shares.values())
    if total <= 0 or min(shares.values()) < 0:
        raise StructureError(f"family {family.name!r}: the shares of its composition must be positive, not {shares}")
    return {element: share / total for element, share in shares.items()}


def _volume(volume_per_atom: float | Mapping[str, float], element: str) -> float:
    if not isinstance(volume_per_atom, Mapping):
        return float(volume_per_atom)
    if element not in volume_per_atom:
        raise StructureError(f"no reference volume per atom for {element}; known: {', '.join(volume_per_atom)}")
    return float(volume_per_atom[element])


def _species(count: int, composition: Mapping[str, float], rng: np.random.Generator) -> list[str]:
    """Elements of ``count`` sites: whole shares as the composition says, the rest drawn by what is left of them."""
    elements = sorted(composition)
    wanted = np.array([composition[e] * count for e in elements])
    whole = np.floor(wanted + 1e-9).astype(int)
    rest = count - int(whole.sum())
    if rest > 0:
        left = np.maximum(wanted - whole, 0)
        whole += rng.multinomial(rest, left / left.sum())
    symbols = [element for element, number in zip(elements, whole, strict=True) for _ in range(number)]
    return [symbols[i] for i in rng.permutation(count)] if len(elements) > 1 else symbols
