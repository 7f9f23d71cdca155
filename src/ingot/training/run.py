"""From labelled structures to members and ensembles on disk."""

import dataclasses
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from ase import Atoms

from ingot.datasets import read_labelled, read_splits, split_by_parent
from ingot.files import digest
from ingot.potentials import Architecture, Potential, load_potential
from ingot.potentials.calculator import PaddedEvaluator
from ingot.randomness import derive_seed
from ingot.training.checkpoint import NAME as CHECKPOINT
from ingot.training.ensemble import combine, single_member
from ingot.training.errors import TrainingError
from ingot.training.examples import divide_buckets, learnable_energies, learned_part, make_buckets, species_of
from ingot.training.log import write_cost, write_log
from ingot.training.offsets import fit_method_offsets, method_of, principal_method
from ingot.training.optimise import TrainedMember, train_member
from ingot.training.schedule import TrainingOptions
from ingot.training.screening import screen
from ingot.training.shelf import Shelf
from ingot.training.together import train_together
from ingot.training.uncertainty import fit_uncertainty_scale

VALIDATION_FRACTION = 0.15
"""Share of the parents that watch the training when no split is given."""


@dataclasses.dataclass(frozen=True)
class TrainingData:
    """Screened structures, divided into those that train and those that watch."""

    train: list[Atoms]
    validation: list[Atoms]
    method: str
    """The method whose zero of energy is the potential's."""
    species: tuple[str, ...]
    note: str = ""
    """What was left out."""

    def offsets(self, architecture: Architecture, start: Potential | None = None) -> dict[str, dict[str, float]]:
        """Energy offsets by method, from training and validation structures: all members share them.

        With a potential to start from they are fitted to what its networks leave of the energies: its forces then are
        those of the first step, whatever the zeros of the two methods.
        """
        frames = sorted([*self.train, *self.validation], key=lambda atoms: str(atoms.info["structure_id"]))
        energies = learnable_energies(frames, architecture)
        if start is not None:
            nothing = dict.fromkeys(architecture.species, 0.0)
            networks = dataclasses.replace(start, architecture=learned_part(architecture), offsets=nothing)
            evaluator = PaddedEvaluator(networks)
            energies = energies - [float(evaluator.evaluate(atoms, "mean").energy[0]) for atoms in frames]
        return fit_method_offsets(frames, architecture.species, energies)

    def energy_range(self, offsets: dict[str, dict[str, float]]) -> tuple[float, float]:
        """Lowest and highest energy of the structures in eV per atom, relative to the offsets of their methods."""
        energies = []
        for atoms in [*self.train, *self.validation]:
            own = offsets[method_of(atoms)]
            energy = atoms.get_potential_energy(force_consistent=True) - sum(own[symbol] for symbol in atoms.symbols)
            energies.append(energy / len(atoms))
        return float(min(energies)), float(max(energies))

    def resplit(self, seed: int, member: int) -> "TrainingData":
        """Another division by parent, a member's own."""
        frames = [*self.train, *self.validation]
        fraction = min(0.45, len(self.validation) / len(frames))
        splits = split_by_parent(frames, derive_seed(seed, "resplit", member), fraction, 0.0)
        chosen = {name: set(ids) for name, ids in splits.items()}
        train, validation = (
            [a for a in frames if a.info["structure_id"] in chosen[name]] for name in ("train", "validation")
        )
        return dataclasses.replace(self, train=train, validation=validation)

    def message(self) -> str:
        """What is trained on, in a line or two."""
        atoms = sum(len(a) for a in self.train)
        line = (
            f"training on {len(self.train)} structures ({atoms} atoms of {', '.join(self.species)}), "
            f"validating on {len(self.validation)}"
        )
        methods = len({method_of(frame) for frame in [*self.train, *self.validation]})
        if methods > 1:
            line += f"; labels of {methods} methods, each with a zero of energy of its own"
        return f"{self.note}\n{line}" if self.note else line


def divide(
    frames: Sequence[Atoms],
    splits: dict[str, set[str]] | None,
    seed: int,
    force_limit: float,
    species: Sequence[str] | None = None,
) -> TrainingData:
    """Screen structures and divide them by the ids of ``splits``, or by parent when there are none.

    Raises :class:`TrainingError` when the splits name none of the structures, nothing usable is left, or an element is
    not among ``species``.
    """
    screened = screen(frames, force_limit)
    ids: dict[str, set[str]]
    if splits is None:
        made = split_by_parent(screened.frames, derive_seed(seed, "validation"), VALIDATION_FRACTION, 0.0)
        ids = {name: set(members) for name, members in made.items()}
    else:
        ids = splits
    train, validation = (
        [a for a in screened.frames if a.info["structure_id"] in ids.get(name, set())]
        for name in ("train", "validation")
    )
    if not train:
        raise TrainingError(
            f"the splits put none of the {len(screened.frames)} structures into training: "
            "they belong to other data, or everything was held out"
        )
    used = [*train, *validation]
    elements = tuple(species) if species is not None else species_of(used)
    unknown = sorted(set(species_of(used)) - set(elements))
    if unknown:
        raise TrainingError(
            f"the data hold {', '.join(unknown)}, which training.species ({', '.join(elements)}) does not name: "
            "add them, or leave training.species out"
        )
    return TrainingData(train, validation, principal_method(used), elements, screened.message())


def load_data(
    paths: Iterable[str | Path],
    split_paths: Sequence[str | Path],
    seed: int,
    force_limit: float,
    species: Sequence[str] | None = None,
) -> TrainingData:
    """Read and divide labelled data; see :func:`divide`."""
    frames: dict[str, Atoms] = {}
    for path in paths:
        for atoms in read_labelled(path):
            frames.setdefault(atoms.info["structure_id"], atoms)
    splits = read_splits(split_paths) if split_paths else None
    return divide(list(frames.values()), splits, seed, force_limit, species)


def _provenance(data: TrainingData) -> dict[str, Any]:
    """What the potential was trained on, without paths or dates."""
    return {
        "training_structures": len(data.train),
        "training_atoms": sum(len(a) for a in data.train),
        "validation_structures": len(data.validation),
        "structures_digest": digest(sorted(a.info["structure_id"] for a in [*data.train, *data.validation])),
        "method": data.method,
        "excluded": data.note,
    }


def train_and_save(
    data: TrainingData,
    architecture: Architecture,
    options: TrainingOptions,
    seed: int,
    member: int,
    directory: str | Path,
    resplit: bool = False,
    memory: float = float("inf"),
    start: Potential | None = None,
) -> str:
    """Train one member into ``directory`` (a potential of one member, ``log.csv``, ``log.cost.csv``).

    Members differ by the seed derived from ``seed`` and ``member``. A training that was killed goes on from its last
    checkpoint. Neighbour tables, displacements and descriptors beyond ``memory`` (bytes) lie in files without names
    in the directory. With ``start`` the network goes on from the one of its number there. Gives a line that says how
    good the member is.
    """
    target = Path(directory)
    first = None if start is None else _member_to_start_from(start, architecture, member)
    if resplit:
        data = data.resplit(seed, member)
    target.mkdir(parents=True, exist_ok=True)
    offsets, shelf = data.offsets(architecture, start), Shelf(memory, target)
    buckets = make_buckets([*data.train, *data.validation], architecture, offsets, shelf)
    own_seed = derive_seed(seed, "member", member)
    divided = divide_buckets(buckets, len(data.train))
    trained = train_member(architecture, *divided, options, own_seed, target / CHECKPOINT, shelf, first)
    return _save(data, architecture, options, offsets, trained, own_seed, member, target, start)


def _member_to_start_from(start: Potential, architecture: Architecture, member: int) -> Any:
    """Parameters of one member; over again when there are fewer."""
    if start.architecture != architecture:
        raise TrainingError(
            "the potential to start from has another architecture: train with its `architecture`, cutoffs and elements "
            f"({', '.join(start.architecture.species)}) included"
        )
    return jax.tree.map(lambda leaf: np.asarray(leaf[member % start.members]), start.parameters)


def train_together_and_save(
    data: TrainingData,
    architecture: Architecture,
    options: TrainingOptions,
    seed: int,
    directories: Sequence[str | Path],
    memory: float = float("inf"),
) -> list[str]:
    """Train as many members as there are directories in one program, for a GPU; see :func:`train_and_save`."""
    targets = [Path(directory) for directory in directories]
    for target in targets:
        target.mkdir(parents=True, exist_ok=True)
    offsets, shelf = data.offsets(architecture), Shelf(memory, targets[0])
    buckets = make_buckets([*data.train, *data.validation], architecture, offsets, shelf)
    seeds = [derive_seed(seed, "member", member) for member in range(len(targets))]
    divided = divide_buckets(buckets, len(data.train))
    checkpoints = [target / CHECKPOINT for target in targets]
    members = train_together(architecture, *divided, options, seeds, checkpoints, shelf)
    return [
        _save(data, architecture, options, offsets, trained, seeds[m], m, targets[m])
        for m, trained in enumerate(members)
    ]


def _save(
    data: TrainingData,
    architecture: Architecture,
    options: TrainingOptions,
    offsets: dict[str, dict[str, float]],
    trained: TrainedMember,
    seed: int,
    member: int,
    target: Path,
    start: Potential | None = None,
) -> str:
    provenance = {
        **_provenance(data),
        "options": dataclasses.asdict(options),
        "member": member,
        "seed": seed,
        "best_epoch": trained.best_epoch,
        "diverged": trained.diverged,
        "offsets_by_method": offsets,
    }
    if start is not None:
        about = ("method", "training_structures", "structures_digest")
        provenance["started_from"] = {name: start.provenance.get(name) for name in about}
    write_log(target / "log.csv", member, trained.log)
    write_cost(target / "log.cost.csv", member, trained.cost)
    single_member(architecture, trained.parameters, offsets[data.method], provenance).save(target)
    (target / CHECKPOINT).unlink(missing_ok=True)
    if trained.diverged:
        return f"member {member} DIVERGED: {trained.diverged}"
    row = next(r for r in trained.log if r["epoch"] == trained.best_epoch)
    return (
        f"member {member}: epoch {trained.best_epoch}, train {row['train_energy_rmse_mev_per_atom']:.1f} meV/atom, "
        f"{row['train_force_rmse_ev_per_angstrom']:.3f} eV/A; validation "
        f"{row['validation_energy_rmse_mev_per_atom']:.1f} meV/atom, "
        f"{row['validation_force_rmse_ev_per_angstrom']:.3f} eV/A"
    )


def combine_members(directories: Sequence[str | Path], data: TrainingData, output: str | Path) -> str:
    """Stack members into an ensemble, calibrate its spread on the validation structures, and save it.

    Members whose training diverged are counted and left out; with fewer than two left it raises
    :class:`TrainingError`.
    """
    members = [load_potential(path) for path in directories]
    sound = [member for member in members if not member.provenance.get("diverged")]
    if len(sound) < min(2, len(members)):
        reason = next(why for member in members if (why := member.provenance.get("diverged")))
        lost = f"{len(members) - len(sound)} of {len(members)} members"
        raise TrainingError(f"the training of {lost} diverged, too many for an ensemble: {reason}")
    ensemble = combine(sound)
    offsets = ensemble.provenance.get("offsets_by_method") or data.offsets(ensemble.architecture)
    scale, report = {"energy": 1.0, "forces": 1.0}, {"structures": 0}
    if data.validation and ensemble.members > 1:
        scale, report = fit_uncertainty_scale(ensemble, data.validation, offsets)
    provenance = {
        **ensemble.provenance,
        "calibration": report,
        "diverged_members": [m.provenance["member"] for m in members if m.provenance.get("diverged")],
        "energy_range_ev_per_atom": data.energy_range(offsets),
    }
    dataclasses.replace(ensemble, uncertainty_scale=scale, provenance=provenance).save(output)
    if without := len(members) - len(sound):
        print(f"{without} of {len(members)} members diverged and are left out")
    if not report["structures"]:
        why = "one member has no spread" if ensemble.members == 1 else "no validation structures to calibrate on"
        return f"{ensemble.members} member{'s' * (ensemble.members > 1)}; the uncertainty is not calibrated: {why}"
    return (
        f"{ensemble.members} members; their spread times {scale['energy']:.2f} (energy) and {scale['forces']:.2f} "
        f"(forces) matches the errors on {report['structures']} validation structures"
    )
