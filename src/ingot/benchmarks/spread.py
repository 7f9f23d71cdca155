"""Quantities with the spread over an ensemble's members; what fails is a row that says why."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from ase.calculators.calculator import BaseCalculator
from numpy.typing import NDArray

from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.tables import Quantity, failed


@dataclass(frozen=True)
class Asked:
    """What is asked for: the key of a quantity, what a page prints, its unit and its condition."""

    key: str
    label: str
    unit: str
    condition: str


@dataclass(frozen=True)
class Table:
    """A curve: the columns and rows of a CSV file."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[object, ...]]


@dataclass(frozen=True)
class Findings:
    """What one part of a benchmark gives: rows, and curves by the name of their file."""

    quantities: list[Quantity]
    tables: dict[str, Table] = field(default_factory=dict)


def not_computed(asked: Sequence[Asked], reason: str) -> list[Quantity]:
    """A failed row for each key, with the reason."""
    return [failed(a.key, a.label, a.unit, reason, a.condition) for a in asked]


def noted(row: Quantity, note: str) -> Quantity:
    """The row with a further note; an empty one changes nothing."""
    return replace(row, note="; ".join(text for text in (row.note, note) if text))


def deviation(members: Sequence[NDArray[np.float64]] | NDArray[np.float64], points: int) -> list[float | None]:
    """The sample standard deviation over members at each of the points; nothing for fewer than two members."""
    if len(members) < 2:
        return [None] * points
    return [float(value) for value in np.std(members, axis=0, ddof=1)]


def quantities_of(
    asked: Sequence[Asked],
    compute: Callable[[BaseCalculator], Mapping[str, float]],
    calculator: BaseCalculator,
    members: Sequence[BaseCalculator] = (),
) -> list[Quantity]:
    """One row for each key: the value by ``calculator``, the standard deviation over ``members``.

    ``compute`` gives the values by key. Whatever it raises for ``calculator`` is the note of failed rows; members
    without a value are counted in the note.
    """
    try:
        values = compute(calculator)
    except Exception as error:  # a calculator may raise anything: reported as data
        reason = str(error) if isinstance(error, BenchmarkError) else f"{type(error).__name__}: {error}"
        return not_computed(asked, reason)
    spread = []
    for member in members:
        try:
            spread.append(compute(member))
        except Exception:  # counted below
            continue
    lost = len(members) - len(spread)
    note = f"{lost} of {len(members)} members have no value" if lost else ""
    rows = []
    for a in asked:
        std = float(np.std([of_member[a.key] for of_member in spread], ddof=1)) if len(spread) > 1 else None
        kind = "" if std is None else "ensemble std"
        rows.append(Quantity(a.key, a.label, values[a.key], a.unit, std, kind, a.condition, "ok", note))
    return rows
