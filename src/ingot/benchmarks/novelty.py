"""Does novelty foretell error? Differential entropy of test environments against the errors of forces on their atoms.

The test of Schwalbe-Koda et al. (Nat. Commun. 16, 4014, 2025): dH of every test environment to the training data needs
no potential; the error of the force on its atom does. Their rank correlation says how well the one foretells the
other, and stands beside that of the ensemble's spread.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from ingot.audit import Engine, delta_entropy, environment_descriptors
from ingot.benchmarks.accuracy import Comparison
from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.tables import Quantity, failed, write_quantities, write_table
from ingot.randomness import generator

Values = NDArray[np.float64]

_BINS = 12
_KIND = "standard deviation over resampled structures"


@dataclass(frozen=True)
class Environments:
    """How environments are told apart: see :mod:`ingot.audit`."""

    neighbors: int = 32
    cutoff: float = 5.0
    bandwidth: float = 0.015
    species: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Foretold:
    """The atoms of one test set, (atoms,)."""

    structure: NDArray[np.int64]
    identities: tuple[str, ...]
    """``structure_id`` of every structure."""
    novelty: Values
    """dH to the training data, nats."""
    error: Values
    """Length of the error of the force, eV/A."""
    spread: Values | None
    """Length of the ensemble's standard deviation of the force, eV/A."""


@dataclass(frozen=True)
class RankCorrelation:
    """Spearman's rho with the standard deviation and the interval (2.5 to 97.5 %) of resampled structures."""

    value: float
    deviation: float
    lower: float
    upper: float


def foretold(
    training: Sequence[Atoms],
    tests: Mapping[str, Sequence[tuple[Atoms, Comparison]]],
    how: Environments | None = None,
    engine: Engine | None = None,
) -> dict[str, Foretold]:
    """Novelty and error of every atom of the tests with labelled forces; sets without any are left out.

    Raises :class:`BenchmarkError` without training structures.
    """
    how = how or Environments()
    if not training:
        raise BenchmarkError("novelty is relative to training data: there is none")
    known = environment_descriptors(training, how.neighbors, how.cutoff, how.species)
    found = {}
    for name, pairs in tests.items():
        labelled = [(atoms, c) for atoms, c in pairs if c.force_errors is not None]
        if not labelled:
            continue
        frames, compared = zip(*labelled, strict=True)
        x = environment_descriptors(frames, how.neighbors, how.cutoff, how.species)
        spread = [c.forces_std for c in compared if c.forces_std is not None]
        found[name] = Foretold(
            structure=np.repeat(np.arange(len(frames)), [len(atoms) for atoms in frames]),
            identities=tuple(c.structure_id for c in compared),
            novelty=delta_entropy(x, known, how.bandwidth, engine),
            error=np.concatenate([np.linalg.norm(c.forces - c.forces_label, axis=1) for c in compared]),
            spread=np.linalg.norm(np.concatenate(spread), axis=1) if len(spread) == len(compared) else None,
        )
    return found


def rank_correlation(
    a: Values, b: Values, structure: NDArray[np.int64], resamples: int = 400, seed: int = 0
) -> RankCorrelation:
    """Spearman's rho of two properties of atoms; atoms of one structure are drawn together (cluster bootstrap).

    Raises :class:`BenchmarkError` for fewer than three structures, or a property that is the same everywhere.
    """
    count = int(structure.max()) + 1 if len(structure) else 0
    if count < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        raise BenchmarkError("a rank correlation needs three structures and values that differ")
    members = np.split(np.argsort(structure, kind="stable"), np.cumsum(np.bincount(structure))[:-1])
    random = generator(seed, "rank correlation", count)
    resampled = []
    for _ in range(resamples):
        drawn = np.concatenate([members[k] for k in random.integers(0, count, count)])
        if np.ptp(a[drawn]) and np.ptp(b[drawn]):
            resampled.append(_spearman(a[drawn], b[drawn]))
    lower, upper = np.quantile(resampled, [0.025, 0.975])
    return RankCorrelation(_spearman(a, b), float(np.std(resampled, ddof=1)), float(lower), float(upper))


def _spearman(a: Values, b: Values) -> float:
    from scipy.stats import rankdata  # here: it starts slowly

    return float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])


def novelty_quantities(found: Mapping[str, Foretold], resamples: int = 400, seed: int = 0) -> list[Quantity]:
    """Rank correlations with the error of forces: of novelty by atom and by structure, of the ensemble's spread."""
    rows = []
    for name, test in found.items():
        count = np.bincount(test.structure)
        mean_novelty = np.bincount(test.structure, test.novelty) / count
        rmse = np.sqrt(np.bincount(test.structure, test.error**2) / count)
        own = np.arange(len(count))
        asked = [
            ("novelty", "novelty of an atom", test.novelty, test.error, test.structure),
            ("mean_novelty", "mean novelty of a structure", mean_novelty, rmse, own),
        ]
        if test.spread is not None:
            asked.append(("spread", "the ensemble's spread at an atom", test.spread, test.error, test.structure))
        for key, what, a, b, of in asked:
            label = f"rank correlation of {what} with the force error, {name}"
            identity = f"{key}_rank_correlation_{name}"
            condition = f"{len(test.error)} atoms of {len(count)} structures"
            try:
                rho = rank_correlation(a, b, of, resamples, seed)
            except BenchmarkError as error:
                rows.append(failed(identity, label, "", str(error), condition))
                continue
            note = f"95 % interval {rho.lower:.3f} to {rho.upper:.3f}"
            rows.append(Quantity(identity, label, rho.value, "", rho.deviation, _KIND, condition, note=note))
    return rows


ATOM_COLUMNS = ("set", "structure_id", "atom", "delta_entropy", "force_error_eV_per_A", "force_std_eV_per_A")
BIN_COLUMNS = (
    *("set", "atoms", "delta_entropy_from", "delta_entropy_median", "delta_entropy_to"),
    *("force_error_rms_eV_per_A", "force_error_q25_eV_per_A", "force_error_q50_eV_per_A", "force_error_q75_eV_per_A"),
)


def write_novelty_benchmark(
    directory: str | Path, found: Mapping[str, Foretold], rows: int, resamples: int = 400, seed: int = 0
) -> None:
    """``quantities.csv``, ``bins.csv`` (errors in bins of equally many atoms) and at most ``rows`` of ``atoms.csv``."""
    directory = Path(directory)
    atoms: list[tuple[object, ...]] = []
    bins: list[tuple[object, ...]] = []
    stride = max(1, -(-sum(len(test.error) for test in found.values()) // rows))
    for name, test in found.items():
        atom = np.arange(len(test.structure)) - np.searchsorted(test.structure, test.structure)
        for k in range(0, len(test.error), stride):
            spread = None if test.spread is None else float(test.spread[k])
            identity = test.identities[int(test.structure[k])]
            atoms.append((name, identity, int(atom[k]), float(test.novelty[k]), float(test.error[k]), spread))
        for part in np.array_split(np.argsort(test.novelty, kind="stable"), min(_BINS, len(test.error))):
            novelty, error = test.novelty[part], test.error[part]
            place = (float(novelty[0]), float(np.median(novelty)), float(novelty[-1]))
            quartiles = (float(value) for value in np.quantile(error, [0.25, 0.5, 0.75]))
            bins.append((name, len(part), *place, float(np.sqrt(np.mean(error**2))), *quartiles))
    write_table(directory / "atoms.csv", ATOM_COLUMNS, atoms)
    write_table(directory / "bins.csv", BIN_COLUMNS, bins)
    write_quantities(directory / "quantities.csv", novelty_quantities(found, resamples, seed))
