"""Quantities with the spread over an ensemble's members; what fails is a row that says why."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ase.calculators.calculator import BaseCalculator

from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.tables import Quantity, failed


@dataclass(frozen=True)
class Asked:
    """What is asked for: the key of a quantity, what a page prints, its unit and its condition."""

    key: str
    label: str
    unit: str
    condition: str


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
        return [failed(a.key, a.label, a.unit, reason, a.condition) for a in asked]
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
        deviation = float(np.std([of_member[a.key] for of_member in spread], ddof=1)) if len(spread) > 1 else None
        kind = "" if deviation is None else "ensemble std"
        rows.append(Quantity(a.key, a.label, values[a.key], a.unit, deviation, kind, a.condition, "ok", note))
    return rows
