"""Measured phonon frequencies to compare with, for elements that have a table of them.

Tables of others may not be passed on with the program: they are read from the folder that ``INGOT_REFERENCE`` names,
as ``Al_phonons.csv`` and so on.
"""

import csv
import os
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


def measured_phonons(element: str) -> MeasuredPhonons | None:
    """The measured frequencies of an element, or nothing without a table in the folder ``INGOT_REFERENCE``.

    Raises :class:`BenchmarkError` for a table that is not valid.
    """
    folder = os.environ.get("INGOT_REFERENCE")
    path = Path(folder, f"{element}_phonons.csv") if folder else None
    return parse_measured(path.read_text(encoding="utf-8"), element) if path and path.is_file() else None


def parse_measured(text: str, element: str) -> MeasuredPhonons:
    """A table whose first lines, after ``#``, say ``condition``, ``lattice_constant_A`` and ``citation``."""
    lines = text.splitlines()
    said = (line.removeprefix("#").partition(":") for line in lines if line.startswith("#"))
    about = {key.strip(): value.strip() for key, _, value in said}
    rows = list(csv.DictReader(line for line in lines if not line.startswith("#")))
    missing = [key for key in _ABOUT if not about.get(key)] + [key for key in COLUMNS if not rows or key not in rows[0]]
    if missing:
        raise BenchmarkError(f"measured phonons of {element}: missing {', '.join(missing)}")
    line, branch = (tuple(row[key] for row in rows) for key in ("line", "branch"))
    unknown = sorted({f"{b}[{a}]" for a, b in zip(line, branch, strict=True) if b not in POLARISATIONS.get(a, {})})
    if unknown:
        raise BenchmarkError(f"measured phonons of {element}: no branches {', '.join(unknown)}")
    numbers = (np.array([float(row[key]) for row in rows]) for key in COLUMNS[2:])
    return MeasuredPhonons(
        about["condition"], float(about["lattice_constant_A"]), about["citation"], line, branch, *numbers
    )
