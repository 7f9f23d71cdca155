"""Interatomic potentials: descriptors, networks, ensembles, their files and the ASE calculator."""

from ingot.potentials.ani import AniArchitecture
from ingot.potentials.architectures import Architecture, architecture_from_json
from ingot.potentials.calculator import PaddedEvaluator, PotentialCalculator, padded_atoms
from ingot.potentials.eam import EamArchitecture
from ingot.potentials.eam_files import read_eam, write_eam
from ingot.potentials.errors import PotentialError
from ingot.potentials.evaluate import Evaluation, Evaluator, Members, energies_and_slopes, make_evaluator
from ingot.potentials.graph import Graph
from ingot.potentials.native import native_status, set_native_threads, use_native
from ingot.potentials.neurochem import read_neurochem
from ingot.potentials.potential import EAM_SUFFIXES, Potential, load_potential

__all__ = [
    "EAM_SUFFIXES",
    "AniArchitecture",
    "Architecture",
    "EamArchitecture",
    "Evaluation",
    "Evaluator",
    "Graph",
    "Members",
    "PaddedEvaluator",
    "Potential",
    "PotentialCalculator",
    "PotentialError",
    "architecture_from_json",
    "energies_and_slopes",
    "load_potential",
    "make_evaluator",
    "native_status",
    "padded_atoms",
    "read_eam",
    "read_neurochem",
    "set_native_threads",
    "use_native",
    "write_eam",
]
