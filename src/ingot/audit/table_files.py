"""The files of an audit: its tables as CSV, structures coloured by novelty as extended XYZ."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

import ase.io
import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from ingot.audit.rows import QUANTILES, Row
from ingot.audit.sets import AuditedSet
from ingot.files import write_atomically

COLUMNS: dict[str, tuple[str, ...]] = {
    "summary": (
        *("grouping", "group", "role", "structures", "environments", "entropy", "diversity", "largest_entropy"),
        *("entropy_lower", "entropy_upper", "diversity_lower", "diversity_upper"),
        *("cumulative_environments", "cumulative_entropy", "cumulative_diversity", "temperature_K"),
    ),
    "novelty": (
        *("set", "environments", "reference_environments", "share_above_0", "share_above_1"),
        *(f"delta_entropy_q{100 * q:02.0f}" for q in QUANTILES),
    ),
    "overlap": (
        *("set", "up_to", "environments", "reference_environments", "threshold", "overlap"),
        *(f"delta_entropy_q{100 * q:02.0f}" for q in QUANTILES),
    ),
    "overlap_matrix": ("set", "reference", "environments", "reference_environments", "threshold", "overlap"),
    "histogram": ("set", "role", "delta_entropy_from", "delta_entropy_to", "share"),
    "structures": (
        *("set", "role", "structure_id", "family", "parent", "atoms"),
        *("delta_entropy_mean", "delta_entropy_max", "share_above_0"),
    ),
    "trajectories": (
        *("trajectory", "frame", "environments", "temperature_K", "share_above_0", "share_above_1"),
        *(f"delta_entropy_q{100 * q:02.0f}" for q in QUANTILES),
    ),
    "outliers": ("set", "structure_id", "family", "parent", "atom", "delta_entropy"),
    "compression": ("method", "share", "structures", "environments", "entropy", "diversity", "covered", "related"),
    "learning_curve": (
        *("environments", "entropy", "standard_deviation", "largest_entropy"),
        *("fitted_entropy", "limit_entropy"),
    ),
}


def write_table(path: str | Path, columns: Sequence[str], rows: Sequence[Row], constants: Row) -> None:
    """Write one table as CSV, atomically, with the ``constants`` of the audit on every row.

    Floats are written with ``repr``: reading gives the same bits back. Missing values are empty.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    columns = (*columns, *constants)
    writer.writerow(columns)
    for row in rows:
        cells = row | constants
        writer.writerow(["" if cells.get(name) is None else cells[name] for name in columns])
    write_atomically(path, buffer.getvalue())


def write_novelty(
    path: str | Path, frames: Sequence[Atoms], part: AuditedSet, novelty: NDArray[np.float64], most: int | None = None
) -> int:
    """Structures with ``delta_entropy`` (nats) of every atom, to be coloured in a viewer; how many were written.

    ``frames`` is the whole file that ``part`` was described from. In their order, or the ``most`` novel ones, by the
    median over their atoms.
    """
    ends = np.cumsum(np.bincount(part.structure, minlength=len(part.labels)))
    chosen = range(len(part.labels))
    of_structure = np.split(novelty, ends[:-1])
    if most is not None:
        medians = [-float(np.median(own)) if len(own) else np.inf for own in of_structure]
        chosen = np.argsort(medians, kind="stable")[:most].tolist()  # type: ignore[assignment]
    coloured = []
    for k in chosen:
        atoms = frames[int(part.number[k])]
        plain = Atoms(atoms.numbers, atoms.positions, cell=atoms.cell, pbc=atoms.pbc)
        plain.info.update(set=part.name, **part.labels[k], delta_entropy_median=float(np.median(of_structure[k])))
        plain.arrays["delta_entropy"] = of_structure[k]
        coloured.append(plain)
    buffer = io.StringIO()
    ase.io.write(buffer, coloured, format="extxyz")
    write_atomically(path, buffer.getvalue())
    return len(coloured)
