"""Learning curves: the error of a potential against the number of labels it was trained on, with and without forces.

The experiment of Smith, Lubbers, Thompson and Barros (arXiv 2006.05475). One point is one network, trained on some of
the structures and tested on others; beside it stands the mean predictor, which knows the composition and no force.
"""

import csv
import hashlib
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
from ase import Atoms

from ingot.audit import compress
from ingot.audit.compression import Method
from ingot.benchmarks.accuracy import Comparison, compare, energy_summary, force_summary, method_zero
from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.tables import write_table
from ingot.potentials import Architecture, load_potential
from ingot.randomness import derive_seed
from ingot.training import TrainingOptions, divide, fit_method_offsets, screen, train_and_save

Selection = Method
"""Which structures a point is trained on: random ones, or what a compression keeps."""

_WATCHING = 10
"""One of so many labels watches the training of a point."""

_VALIDATIONS = 25
"""How often the network is looked at; the best look is kept."""


@dataclass(frozen=True)
class Curve:
    """What all points of a learning curve share."""

    architecture: Architecture
    options: TrainingOptions
    steps: int
    """Of every training; epochs follow from it."""
    force_limit: float
    """eV/A: structures beyond it are neither trained on nor tested on."""
    folds: int
    seed: int
    selection: Selection = "random"

    def options_for(self, size: int, forces: bool) -> TrainingOptions:
        """As many epochs as the steps make; without ``forces`` the weights of forces and stress are zero."""
        batches = math.ceil(size / self.options.optimiser.batch_size)
        epochs = math.ceil(self.steps / batches)
        optimiser = replace(self.options.optimiser, epochs=epochs, validation_interval=max(1, epochs // _VALIDATIONS))
        weights = self.options.weights if forces else replace(self.options.weights, forces=0.0, stress=0.0)
        return replace(self.options, optimiser=optimiser, weights=weights)


@dataclass(frozen=True)
class Subset:
    """What one point trains on, what watches it, and what it is tested on where there are no test files: ids."""

    train: set[str]
    validation: set[str]
    test: set[str]


@dataclass(frozen=True)
class PointError:
    """The error of one point on one test set; energies per atom in eV, forces in eV/A."""

    loss: str
    selection: str
    labels: int
    fold: int
    set: str
    quantity: str
    unit: str
    structures: int
    rmse: float
    mae: float
    median: float
    mean_predictor_rmse: float
    not_comparable: int
    """Structures of the test that a method labelled which the training did not see: their zero is unknown."""
    cpu_seconds: float
    """Of the training."""


COLUMNS = tuple(field.name for field in fields(PointError))


def draw_subset(
    frames: Sequence[Atoms],
    size: int,
    fold: int,
    folds: int,
    seed: int,
    hold_out: bool = True,
    selection: Selection = "random",
) -> Subset:
    """``size`` structures of a fold, drawn at random or as :func:`ingot.audit.compress` takes them.

    With ``hold_out`` the parents are dealt to ``folds`` parts and part ``fold`` is the test: a cross-validation that
    never divides what shares a parent. Smaller sizes are subsets of larger ones. Raises :class:`BenchmarkError` when
    there are fewer structures than asked for, or fewer parents than folds.
    """

    def order(kind: str, name: str) -> str:
        return hashlib.sha256(f"{seed}/{kind}/{name}".encode()).hexdigest()

    parents = sorted({a.info["parent"] for a in frames}, key=lambda parent: order("parent", parent))
    if hold_out and len(parents) < folds:
        raise BenchmarkError(f"{folds} folds need at least as many parents, there are {len(parents)}")
    tested = set(parents[fold::folds]) if hold_out else set()
    rest = sorted(
        (a.info["structure_id"] for a in frames if a.info["parent"] not in tested),
        key=lambda identity: order(f"structure {fold}", identity),
    )
    if size > len(rest):
        raise BenchmarkError(f"a point of {size} structures: fold {fold} has {len(rest)} to train on")
    if selection != "random":
        rest = _compressed(frames, rest, size, selection)
    chosen = rest[:size]
    validation = set(chosen[:: min(_WATCHING, size)])
    test = {a.info["structure_id"] for a in frames if a.info["parent"] in tested}
    return Subset(set(chosen) - validation, validation, test)


def _compressed(frames: Sequence[Atoms], identities: Sequence[str], size: int, method: Method) -> list[str]:
    of_id = {a.info["structure_id"]: a for a in frames}
    kept = compress([of_id[identity] for identity in identities], size / len(identities), method)
    return [identities[k] for k in kept]


def learning_point(
    curve: Curve,
    frames: Sequence[Atoms],
    tests: Mapping[str, Sequence[Atoms]],
    size: int,
    fold: int,
    forces: bool,
    directory: Path,
) -> list[PointError]:
    """Train one network into ``directory``, test it, and write ``point.csv`` there.

    ``tests`` by name, or nothing: then the parents of the fold are the test. Energies of several methods are compared
    after each method's offset, as fitted to what was trained on.
    """
    usable = screen(frames, curve.force_limit).frames
    subset = draw_subset(usable, size, fold, curve.folds, curve.seed, hold_out=not tests, selection=curve.selection)
    splits = {"train": subset.train, "validation": subset.validation}
    data = divide(usable, splits, curve.seed, curve.force_limit, curve.architecture.species)
    options = curve.options_for(len(data.train), forces)
    started = time.process_time()
    train_and_save(data, curve.architecture, options, derive_seed(curve.seed, "fold", fold), 0, directory)
    cost = time.process_time() - started
    potential = load_potential(directory)
    offsets = potential.provenance["offsets_by_method"]
    composition = fit_method_offsets([*data.train, *data.validation], curve.architecture.species)
    held_out = {"cross-validation": [a for a in usable if a.info["structure_id"] in subset.test]}
    rows = []
    for name, of_test in (tests or held_out).items():
        good = screen(of_test, curve.force_limit).frames
        known = [a for a in good if a.info["method"] in offsets]
        if not known:
            raise BenchmarkError(f"no structure of the test {name!r} was labelled by a method that was trained on")
        zero = method_zero(potential.offsets, offsets)
        found = compare(potential.calculator(), known, name, lambda identity: "test", zero=zero)
        mean = [_of_composition(c, a, composition) for c, a in zip(found, known, strict=True)]
        for quantity, unit, summary in (("energy", "eV/atom", energy_summary), ("force", "eV/A", force_summary)):
            error, of_mean = summary(found, 0.9), summary(mean, 0.9)
            rows.append(
                PointError(
                    loss="forces" if forces else "energies",
                    selection=curve.selection,
                    labels=size,
                    fold=fold,
                    set=name,
                    quantity=quantity,
                    unit=unit,
                    structures=error.structures,
                    rmse=error.rmse,
                    mae=error.mae,
                    median=error.median,
                    mean_predictor_rmse=of_mean.rmse,
                    not_comparable=len(good) - len(known),
                    cpu_seconds=cost,
                )
            )
    write_table(directory / "point.csv", COLUMNS, [[getattr(row, name) for name in COLUMNS] for row in rows])
    return rows


def _of_composition(c: Comparison, atoms: Atoms, offsets: Mapping[str, Mapping[str, float]]) -> Comparison:
    """What the mean predictor says: energies of the composition, fitted to the labels of the same method; no force."""
    own = offsets[str(atoms.info["method"])]
    return replace(
        c,
        energy_label=float(atoms.get_potential_energy(force_consistent=True)) / len(atoms),
        energy=sum(own[symbol] for symbol in atoms.symbols) / len(atoms),
        forces=np.zeros_like(c.forces),
    )


def gather_points(paths: Sequence[str | Path], output: str | Path) -> int:
    """One table of all points; the number of its rows."""
    rows = []
    for path in paths:
        with Path(path).open(newline="", encoding="utf-8") as handle:
            reader = csv.DictReader(handle)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise BenchmarkError(f"{path} is not a point of a learning curve; its columns are {reader.fieldnames}")
            rows += [[row[name] for name in COLUMNS] for row in reader]
    write_table(output, COLUMNS, rows)
    return len(rows)
