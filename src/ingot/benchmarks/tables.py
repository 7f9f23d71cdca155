"""The tidy tables that benchmarks write and the report reads.

A benchmark writes one ``quantities.csv`` (a row per quantity, also for one that
failed) and its curves as further CSV files. Floats are written with ``repr``, so
that reading a table gives the same numbers back, bit for bit; a missing value is an
empty cell, never NaN.
"""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Literal

from ingot.benchmarks.errors import BenchmarkError
from ingot.errors import near_name
from ingot.files import write_atomically

Status = Literal["ok", "bound", "failed"]
STATUSES: tuple[Status, ...] = ("ok", "bound", "failed")


@dataclass(frozen=True)
class Quantity:
    """One benchmarked number: the row of a ``quantities.csv``.

    ``quantity`` is a stable key (``a0``, ``C11``, ...), ``label`` what a page prints.
    ``status`` is ``ok``, ``bound`` (the value is a limit, the note says which) or
    ``failed`` (no value, the note says why).
    """

    quantity: str
    label: str
    value: float | None
    unit: str
    uncertainty: float | None = None
    uncertainty_kind: str = ""
    condition: str = ""
    status: Status = "ok"
    note: str = ""

    def __post_init__(self) -> None:
        if self.status not in STATUSES:
            raise BenchmarkError(
                f"{self.quantity}: status {self.status!r} is not known{near_name(self.status, STATUSES)};"
                f" accepted: {', '.join(STATUSES)}"
            )
        if self.status == "failed":
            if self.value is not None:
                raise BenchmarkError(f"{self.quantity}: a failed quantity has no value (got {self.value!r})")
        elif self.value is None or not math.isfinite(self.value):
            raise BenchmarkError(
                f"{self.quantity}: the value is {self.value!r}; give a finite number or status 'failed'"
            )


COLUMNS = (
    "quantity",
    "label",
    "value",
    "uncertainty",
    "uncertainty_kind",
    "unit",
    "condition",
    "status",
    "note",
)
assert set(COLUMNS) == {field.name for field in fields(Quantity)}


def failed(quantity: str, label: str, unit: str, reason: str, condition: str = "") -> Quantity:
    """The row of a quantity that could not be computed, with the reason."""
    return Quantity(quantity, label, None, unit, condition=condition, status="failed", note=reason)


def write_quantities(path: str | Path, quantities: Sequence[Quantity]) -> None:
    """Write ``quantities.csv``; two rows with one key are refused."""
    seen: set[str] = set()
    for item in quantities:
        if item.quantity in seen:
            raise BenchmarkError(f"{path}: the quantity {item.quantity!r} appears twice; keys must be unique")
        seen.add(item.quantity)
    write_table(path, COLUMNS, ([getattr(item, name) for name in COLUMNS] for item in quantities))


def read_quantities(path: str | Path) -> list[Quantity]:
    """The rows of a ``quantities.csv``."""
    with Path(path).open(newline="", encoding="utf-8") as handle:
        reader = csv.DictReader(handle)
        missing = set(COLUMNS) - set(reader.fieldnames or ())
        if missing:
            raise BenchmarkError(f"{path}: not a table of quantities; missing columns: {', '.join(sorted(missing))}")
        return [_row_to_quantity(row) for row in reader]


def _row_to_quantity(row: Mapping[str, str]) -> Quantity:
    numbers = {name: float(row[name]) if row[name] != "" else None for name in ("value", "uncertainty")}
    values: dict[str, Any] = {**row, **numbers}
    return Quantity(**{name: values[name] for name in COLUMNS})


def write_table(path: str | Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV table atomically; ``None`` becomes an empty cell, NaN and infinity are refused."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        if len(row) != len(columns):
            raise BenchmarkError(f"{path}: a row of {len(row)} values under {len(columns)} columns")
        writer.writerow([_cell(value, path) for value in row])
    write_atomically(path, buffer.getvalue())


def _cell(value: object, path: str | Path) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value
    if hasattr(value, "item"):  # a NumPy scalar: repr would name its type
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        raise BenchmarkError(f"{path}: {value!r} in a table; leave the cell empty (None) and say why in a note")
    return repr(value)
