"""Measured phonon frequencies to compare with: tables of others, which may not be passed on with the program."""

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.phonon_paths import POLARISATIONS

COLUMNS = ("line", "branch", "coordinate", "frequency_THz", "error_THz")
_ABOUT = ("condition", "lattice_constant_A", "citation")


@dataclass(frozen=True)
class MeasuredPhonons:
    """Frequencies in THz with their errors, at wave vectors on symmetry lines (see ``phonon_paths``)."""

    condition: str
    lattice_constant: float
    """In A, under the condition of the measurement."""
    citation: str
    line: tuple[str, ...]
    branch: tuple[str, ...]
    coordinate: NDArray[np.float64]
    frequency: NDArray[np.float64]
    error: NDArray[np.float64]

    def of(self, line: str, branch: str) -> NDArray[np.bool_]:
        """Which of the points lie on a branch."""
        pairs = zip(self.line, self.branch, strict=True)
        return np.array([pair == (line, branch) for pair in pairs])


def read_measured(path: str | Path) -> MeasuredPhonons:
    """A table whose first lines, after ``#``, say ``condition``, ``lattice_constant_A`` and ``citation``.

    Its columns are ``COLUMNS``. Raises :class:`BenchmarkError` for a file that is missing or not such a table.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise BenchmarkError(f"measured phonons: {path} cannot be read ({error})") from error
    said = (line.removeprefix("#").partition(":") for line in lines if line.startswith("#"))
    about = {key.strip(): value.strip() for key, _, value in said}
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    missing = [key for key in _ABOUT if not about.get(key)] + [key for key in COLUMNS if not rows or key not in rows[0]]
    if missing:
        raise BenchmarkError(f"measured phonons: {path} lacks {', '.join(missing)}")
    line, branch = (tuple(row[key] for row in rows) for key in ("line", "branch"))
    unknown = sorted({f"{b}[{a}]" for a, b in zip(line, branch, strict=True) if b not in POLARISATIONS.get(a, {})})
    if unknown:
        raise BenchmarkError(f"measured phonons: {path} names unknown branches: {', '.join(unknown)}")
    try:
        lattice_constant = float(about["lattice_constant_A"])
        numbers = [np.array([float(row[key]) for row in rows]) for key in COLUMNS[2:]]
    except (TypeError, ValueError) as error:
        raise BenchmarkError(f"measured phonons: {path}: {error}") from error
    return MeasuredPhonons(about["condition"], lattice_constant, about["citation"], line, branch, *numbers)
