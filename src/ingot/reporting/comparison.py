"""Several potentials side by side: every quantity beside first principles and experiment, and curves overlaid."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ingot.benchmarks.reference import ReferenceValue, reference_values
from ingot.benchmarks.tables import Quantity
from ingot.reporting.errors import ReportError
from ingot.reporting.figures.overlays import OVERLAYS
from ingot.reporting.figures.style import Format
from ingot.reporting.headline import DECIMALS, SUITES, citation, is_detail
from ingot.reporting.html import Page, environment
from ingot.reporting.run import Run

LIMITS = (2.0, 5.0, 10.0, 20.0)
"""Deviations in percent where the colour of a cell changes."""


@dataclass(frozen=True)
class Cell:
    """What one potential gives; ``level`` counts the limits that its deviation exceeds, where there is a reference."""

    quantity: Quantity | None
    percent: float | None
    level: int | None
    why: str = ""
    """Of a failure: the reason where it is met first in a column, then the line that has it."""


@dataclass(frozen=True)
class Line:
    """A quantity of all potentials."""

    label: str
    unit: str
    condition: str
    decimals: int
    cells: tuple[Cell, ...]
    references: tuple[ReferenceValue, ...]
    """First principles before experiment; deviations are from the first."""


def build_comparison(folders: Mapping[str, Path], element: str, kind: Format) -> Page:
    """The page of potentials whose benchmarks lie in ``folders`` (by name), each with ``crystal/``, ``rdf/`` and so on.

    Raises :class:`ReportError` for a folder without any benchmark.
    """
    runs = {name: Run(path) for name, path in folders.items()}
    quantities = {name: _quantities(run) for name, run in runs.items()}
    empty = [f"{name} ({folders[name]})" for name, found in quantities.items() if not found]
    if empty:
        raise ReportError(f"no table of quantities below {', '.join(empty)}: expected crystal/quantities.csv or others")
    lines = comparison_lines(quantities, reference_values(element))
    figures = [figure for draw in OVERLAYS if (figure := draw(runs, element, kind)) is not None]
    sources = list(dict.fromkeys(citation(r) for line in lines for r in line.references))
    html = (
        environment()
        .get_template("comparison.html")
        .render(
            title=f"{element}: {len(folders)} potentials",
            names=list(folders),
            lines=lines,
            figures=figures,
            limits=LIMITS,
            citations=sources,
            number_of={text: n for n, text in enumerate(sources, start=1)},
            citation=citation,
        )
    )
    return Page(html, tuple(figures))


def _quantities(run: Run) -> dict[str, Quantity]:
    found: dict[str, Quantity] = {}
    for suite in SUITES:
        found |= run.quantities(suite, "quantities.csv")
    return found


def comparison_lines(
    quantities: Mapping[str, Mapping[str, Quantity]], references: list[ReferenceValue]
) -> tuple[Line, ...]:
    """One line for each quantity that any potential has, in the order of the benchmarks.

    Only values of first principles and experiment are references; those of other potentials are not.
    """
    kinds = ("calculation", "experiment")
    known = sorted((r for r in references if r.kind in kinds), key=lambda r: kinds.index(r.kind))
    lines = []
    reasons: list[dict[str, str]] = [{} for _ in quantities]
    for key in dict.fromkeys(key for found in quantities.values() for key in found):
        if is_detail(key):
            continue
        rows = [found.get(key) for found in quantities.values()]
        there = [row for row in rows if row is not None]
        first = next((row for row in there if row.value is not None), there[0])
        own = tuple(r for r in known if r.quantity == key)
        cells = tuple(_cell(row, own, known_to) for row, known_to in zip(rows, reasons, strict=True))
        lines.append(Line(first.label, first.unit, first.condition, DECIMALS.get(first.unit, 3), cells, own))
    return tuple(lines)


def _cell(quantity: Quantity | None, references: tuple[ReferenceValue, ...], reasons: dict[str, str]) -> Cell:
    if quantity is not None and quantity.value is None:
        before = reasons.setdefault(quantity.note, quantity.label) if quantity.note else quantity.label
        return Cell(quantity, None, None, quantity.note if before == quantity.label else f"see {before}")
    if quantity is None or quantity.value is None or quantity.status != "ok" or not references:
        return Cell(quantity, None, None)
    expected = references[0].value
    if not expected:
        return Cell(quantity, None, None)
    percent = 100 * (quantity.value - expected) / abs(expected)
    return Cell(quantity, percent, sum(abs(percent) > limit for limit in LIMITS))
