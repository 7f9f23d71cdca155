"""A trained potential: architecture, parameters of every member, offsets, calibration and provenance."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np
from ase.data import atomic_numbers, chemical_symbols
from jaxtyping import Int
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from ingot.arrays import Numbers
from ingot.files import sha256, write_atomically, write_json
from ingot.potentials.architectures import Architecture, architecture_from_json
from ingot.potentials.errors import PotentialError

if TYPE_CHECKING:
    from ingot.potentials.calculator import PotentialCalculator

DESCRIPTION = "potential.json"
PARAMETERS = "parameters.safetensors"
EAM_SUFFIXES = (".alloy", ".fs", ".setfl")
FORMAT = 1


def tensor_names(parameters: Any) -> dict[str, np.ndarray]:
    """The leaves of a parameter tree under names such as ``layers.0.weight``."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(parameters)
    return {".".join(str(getattr(k, "key", getattr(k, "idx", k))) for k in path): np.asarray(x) for path, x in leaves}


def fill_parameters(template: Any, tensors: dict[str, np.ndarray], source: str) -> Any:
    """The tree shaped like ``template`` with the named tensors (a leading axis of members added).

    Raises :class:`PotentialError` when names or shapes do not belong to the template.
    """
    expected = tensor_names(template)
    if set(expected) != set(tensors):
        raise PotentialError(
            f"{source} does not fit its architecture: missing {sorted(set(expected) - set(tensors))}, "
            f"unexpected {sorted(set(tensors) - set(expected))}"
        )
    counts = {tensor.shape[0] if tensor.ndim else 0 for tensor in tensors.values()}
    wrong = [name for name, leaf in expected.items() if tensors[name].shape[1:] != leaf.shape]
    if wrong or len(counts) != 1 or 0 in counts:
        raise PotentialError(f"{source} does not fit its architecture: wrong shapes for {wrong or sorted(tensors)}")
    return jax.tree_util.tree_unflatten(jax.tree.structure(template), [tensors[name] for name in expected])


@dataclass(frozen=True)
class Potential:
    """An ensemble of networks of one architecture (one member is an ensemble of one)."""

    architecture: Architecture
    parameters: Any
    """A tree of NumPy arrays whose leading axis runs over the members."""
    offsets: dict[str, float]
    """Energy per atom of each element in eV, added to the networks' energies."""
    uncertainty_scale: dict[str, float] = field(default_factory=lambda: {"energy": 1.0, "forces": 1.0})
    """Factors that turn the members' standard deviations into errors, fitted on validation data."""
    provenance: dict[str, Any] = field(default_factory=dict)
    """How the potential was made: JSON values without dates, paths or hosts."""

    def __post_init__(self) -> None:
        missing = [symbol for symbol in self.architecture.species if symbol not in self.offsets]
        if missing:
            raise PotentialError(f"no energy offset for {', '.join(missing)}; offsets given: {self.offsets}")

    @property
    def members(self) -> int:
        """Number of networks in the ensemble."""
        return int(jax.tree.leaves(self.parameters)[0].shape[0])

    def species_index(self, numbers: Numbers) -> Int[np.ndarray, " atoms"]:
        """Atomic numbers as indices into ``architecture.species``.

        Raises :class:`PotentialError` for an element that the potential was not made for.
        """
        lookup = np.full(len(chemical_symbols), -1, np.int32)
        for index, symbol in enumerate(self.architecture.species):
            lookup[atomic_numbers[symbol]] = index
        species: np.ndarray = lookup[np.asarray(numbers, dtype=int)]
        if (species < 0).any():
            unknown = sorted({chemical_symbols[z] for z in np.asarray(numbers)[species < 0]})
            raise PotentialError(
                f"this potential describes {', '.join(self.architecture.species)}, not {', '.join(unknown)}: "
                "train one on data that contain these elements"
            )
        return species

    def member(self, number: int) -> "Potential":
        """One network by itself, as a potential of one member."""
        if not 0 <= number < self.members:
            raise PotentialError(f"no network {number}: the potential has {self.members}, counted from 0")
        return replace(self, parameters=jax.tree.map(lambda leaf: leaf[number : number + 1], self.parameters))

    def calculator(self, **options: Any) -> "PotentialCalculator":
        """An ASE calculator; see :class:`~ingot.potentials.PotentialCalculator` for the options."""
        from ingot.potentials.calculator import PotentialCalculator  # here: the calculator imports this module

        return PotentialCalculator(self, **options)

    def save(self, directory: str | Path) -> None:
        """Write ``parameters.safetensors``, then ``potential.json`` with its sha256."""
        target = Path(directory)
        tensors = {name: np.ascontiguousarray(leaf) for name, leaf in tensor_names(self.parameters).items()}
        write_atomically(target / PARAMETERS, save_tensors(tensors))
        description = {
            "format": FORMAT,
            "architecture": self.architecture.to_json(),
            "members": self.members,
            "offsets": {symbol: float(energy) for symbol, energy in self.offsets.items()},
            "uncertainty_scale": {name: float(scale) for name, scale in self.uncertainty_scale.items()},
            "units": {"length": "angstrom", "energy": "eV"},
            "provenance": self.provenance,
            "parameters": {"file": PARAMETERS, "sha256": sha256(target / PARAMETERS)},
        }
        write_json(target / DESCRIPTION, description)


def _read_description(directory: Path) -> dict[str, Any]:
    path = directory / DESCRIPTION
    try:
        description: dict[str, Any] = json.loads(path.read_text())
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise PotentialError(f"cannot read {path}: {error}") from None
    needed = ("format", "architecture", "offsets", "uncertainty_scale", "parameters", "members")
    missing = [k for k in needed if not isinstance(description, dict) or k not in description]
    if missing:
        raise PotentialError(f"{path} lacks {', '.join(missing)}: it is not a potential, or it was edited")
    if description["format"] != FORMAT:
        raise PotentialError(f"{path} has format {description['format']!r}, this version of Ingot reads {FORMAT}")
    return description


def _load_directory(directory: Path) -> Potential:
    description = _read_description(directory)
    architecture = architecture_from_json(description["architecture"])
    path = directory / PARAMETERS
    if not path.is_file():
        raise PotentialError(f"{path} is missing: copy the whole directory of the potential")
    recorded = description["parameters"].get("sha256")
    if sha256(path) != recorded:
        raise PotentialError(
            f"{path} is not the file that {DESCRIPTION} describes (its sha256 differs from {recorded}): "
            "it was edited, truncated or belongs to another potential"
        )
    try:
        tensors = load_tensors(path.read_bytes())
    except SafetensorError as error:
        raise PotentialError(f"cannot read {path}: {error}") from None
    potential = Potential(
        architecture=architecture,
        parameters=fill_parameters(architecture.initial_parameters(0), tensors, str(path)),
        offsets={str(symbol): float(energy) for symbol, energy in description["offsets"].items()},
        uncertainty_scale={str(name): float(scale) for name, scale in description["uncertainty_scale"].items()},
        provenance=dict(description.get("provenance", {})),
    )
    if potential.members != description["members"]:
        raise PotentialError(f"{path} holds {potential.members} members, {DESCRIPTION} says {description['members']}")
    return potential


def load_potential(path: str | Path) -> Potential:
    """A potential from its directory, a NeuroChem model directory such as the published ANI-Al, or an EAM file.

    ``"mei-davenport"`` is the analytic potential that melting methods are checked on.
    Raises :class:`PotentialError` when nothing readable is there, or a file was changed since it was saved.
    """
    directory = Path(path)
    if directory.name == DESCRIPTION:
        directory = directory.parent
    if (directory / DESCRIPTION).is_file():
        return _load_directory(directory)
    if directory.is_dir() and any(directory.glob("*.params")):
        from ingot.potentials.neurochem import read_neurochem  # here: the reader imports this module

        return read_neurochem(directory)
    if directory.is_file() and directory.suffix in EAM_SUFFIXES:
        from ingot.potentials.eam_files import read_eam  # as above

        return read_eam(directory)
    if str(path) == "mei-davenport":
        from ingot.potentials.mei_davenport import mei_davenport  # as above

        return mei_davenport()
    raise PotentialError(
        f"no potential at {directory}: expected {DESCRIPTION} and {PARAMETERS} (as `ingot train` writes), "
        "a NeuroChem directory with a .params file, or an EAM file (.eam.alloy, .eam.fs)"
    )
