"""Elastic moduli and phase energies: the potential, its label method and published values side by side."""

import pandas as pd

from ingot.benchmarks.reference import reference_values
from ingot.benchmarks.tables import Quantity
from ingot.reporting.figures.style import BLUE, GREEN, INK, Figure, Format, canvas, picture
from ingot.reporting.headline import element_of
from ingot.reporting.run import Run

_MODULI = ("bulk_modulus", "C11", "C12", "C44")


def draw_phases(run: Run, kind: Format) -> Figure | None:
    """``None`` without the crystal benchmark."""
    potential = run.quantities("benchmarks", "crystal", "quantities.csv")
    if not any(q.value is not None for q in potential.values()):
        return None
    direct = run.quantities("benchmarks", "direct", "quantities.csv")
    element = element_of(run)
    rows = [*_rows("potential", potential), *_rows("labels' method, directly", direct)]
    for entry in reference_values(element) if element else []:
        # Published calculations stand in the table at the top; a figure of all of them would be a thicket.
        if entry.kind == "experiment":
            rows.append((entry.quantity, "experiment", entry.value, entry.uncertainty))
    table = pd.DataFrame(rows, columns=["quantity", "source", "value", "uncertainty"])
    phases = [key for key in potential if key.startswith("energy_") and "_minus_" in key]
    panels = [("Elastic moduli", "GPa", [m for m in _MODULI if m in potential])]
    if phases:
        panels.append(("Energy above the ground state", "meV/atom", phases))
    with canvas(3.8 * len(panels), 2.7, 1, len(panels), squeeze=False) as (figure, grid):
        for axes, (title, unit, keys) in zip(grid[0], panels, strict=True):
            _dots(axes, table, keys)
            labels = [key.removeprefix("energy_").split("_minus_")[0].replace("bulk_modulus", "B") for key in keys]
            axes.set_yticks(range(len(keys)), labels)
            axes.set(xlabel=unit, title=title, ylim=(len(keys) - 0.4, -0.6))
            axes.axvline(0, color="#999999", linewidth=0.7, zorder=0)
        grid[0][0].legend(loc="lower right")
        image = picture(figure, kind)
    shown = table[table["quantity"].isin([*_MODULI, *phases])]
    return Figure(
        "crystal-quantities",
        "Elastic moduli and phase energies",
        "Bars of the potential are the ensemble's standard deviation; bars of the direct values are the error of the "
        "fit. Filled against open circles is the error of learning, open circles against diamonds that of the "
        "labels (their k-points, basis, functional, and the missing thermal motion).",
        image,
        kind,
        shown,
        wide=True,
    )


def _rows(source: str, quantities: dict[str, Quantity]) -> list[tuple[str, str, float, float | None]]:
    return [(q.quantity, source, q.value, q.uncertainty) for q in quantities.values() if q.value is not None]


def _dots(axes, table: pd.DataFrame, keys: list[str]) -> None:  # type: ignore[no-untyped-def]
    looks = {
        "potential": {"fmt": "o", "color": BLUE, "markersize": 5},
        "labels' method, directly": {"fmt": "o", "color": INK, "markerfacecolor": "white", "markersize": 5},
        "experiment": {"fmt": "D", "color": GREEN, "markersize": 4},
    }
    for offset, (source, look) in zip((-0.18, 0.0, 0.18), looks.items(), strict=True):
        part = table[(table["source"] == source) & table["quantity"].isin(keys)]
        if len(part):
            y = [keys.index(key) + offset for key in part["quantity"]]
            error = pd.to_numeric(part["uncertainty"]).fillna(0.0)
            axes.errorbar(part["value"], y, xerr=error, elinewidth=0.9, label=source, **look)
