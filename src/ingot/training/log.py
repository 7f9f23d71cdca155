"""The training log as a tidy table, reproducible bit for bit; costs lie in a sidecar."""

import csv
import io
import math
from collections.abc import Sequence
from pathlib import Path

from ingot.files import write_atomically

COLUMNS = (
    "member",
    "epoch",
    "learning_rate",
    "train_energy_rmse_mev_per_atom",
    "train_force_rmse_ev_per_angstrom",
    "train_stress_rmse_mev_per_atom",
    "validation_energy_rmse_mev_per_atom",
    "validation_force_rmse_ev_per_angstrom",
    "validation_stress_rmse_mev_per_atom",
)


def _text(value: float | str) -> str:
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(value)
    return str(value)


def _table(columns: Sequence[str], rows: Sequence[dict[str, float]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_text(row[column]) for column in columns] for row in rows)
    return stream.getvalue()


def write_log(path: str | Path, member: int, rows: Sequence[dict[str, float]]) -> None:
    """One row per validation: train errors over the epoch's own steps, validation of the averaged parameters."""
    write_atomically(path, _table(COLUMNS, [{"member": member, **row} for row in rows]))


def write_cost(path: str | Path, member: int, rows: Sequence[dict[str, float]]) -> None:
    """CPU seconds since the start of the training at each validation."""
    columns = ("member", "epoch", "cpu_seconds")
    write_atomically(path, _table(columns, [{"member": member, **row} for row in rows]))
