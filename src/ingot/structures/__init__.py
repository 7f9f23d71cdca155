"""Structures: their canonical form and identity, files, and the generators that make them."""

from ingot.structures.defects import with_vacancy
from ingot.structures.errors import StructureError
from ingot.structures.families import Family, build_structures
from ingot.structures.files import read_structures, write_structures
from ingot.structures.heat import heated
from ingot.structures.lattices import build_lattice, nearest_neighbor_distance
from ingot.structures.packing import packed_structure
from ingot.structures.planar import stacked_layers, surface_slab
from ingot.structures.rattle import rattled
from ingot.structures.strains import random_strain, strained, voigt_strain
from ingot.structures.structure import canonical, check_structure, describe, structure_id

__all__ = [
    "Family",
    "StructureError",
    "build_lattice",
    "build_structures",
    "canonical",
    "check_structure",
    "describe",
    "heated",
    "nearest_neighbor_distance",
    "packed_structure",
    "random_strain",
    "rattled",
    "read_structures",
    "stacked_layers",
    "strained",
    "structure_id",
    "surface_slab",
    "voigt_strain",
    "with_vacancy",
    "write_structures",
]
