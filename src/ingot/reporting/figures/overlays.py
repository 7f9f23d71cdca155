"""Curves of several potentials on one another."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ingot.benchmarks.reference import melting_curve, reference_values
from ingot.reporting.figures.bain import draw_bain
from ingot.reporting.figures.gamma_line import draw_gamma_line
from ingot.reporting.figures.phonons import draw_phonons
from ingot.reporting.figures.several import Runs, colors_of, joined, tables_of
from ingot.reporting.figures.style import GREEN, GREY, Figure, Format, canvas, picture


def draw_equations_of_state(runs: Runs, element: str, kind: Format) -> Figure | None:
    """E(V) of the ground state from each potential's own minimum."""
    tables = tables_of(runs, "crystal", "energy_volume.csv")
    if not tables:
        return None
    shown = {}
    for name, table in tables.items():
        part = table[table["lattice"] == table["lattice"].iloc[0]]
        energy = part["energy_eV_per_atom"]
        shown[name] = part.assign(energy_meV=1e3 * (energy - energy.min()))
    with canvas(5.0, 3.3) as (figure, axes):
        for name, part in shown.items():
            axes.plot(part["volume_A3_per_atom"], part["energy_meV"], color=colors_of(runs)[name], label=name)
        for entry in reference_values(element):
            if entry.quantity == "a0" and entry.kind in ("calculation", "experiment"):
                style = "--" if entry.kind == "calculation" else ":"
                axes.axvline(entry.value**3 / 4, color=GREY, linestyle=style, linewidth=0.9, zorder=0)
        axes.set(xlabel="volume (Å³/atom)", ylabel="energy above the minimum (meV/atom)")
        axes.legend()
        image = picture(figure, kind)
    return Figure(
        "equations-of-state",
        "Energy and volume of the ground state",
        "Each potential from its own minimum. Vertical lines are published fcc volumes: first principles dashed, "
        "experiment dotted.",
        image,
        kind,
        joined(shown),
    )


def draw_pair_distributions(runs: Runs, element: str, kind: Format) -> Figure | None:
    """g(r) of the melt, and S(q)."""
    pairs, factors = tables_of(runs, "rdf", "rdf.csv"), tables_of(runs, "rdf", "structure_factor.csv")
    if not pairs:
        return None
    with canvas(7.6, 3.1, 1, 2) as (figure, (left, right)):
        for name, table in pairs.items():
            color, r, g = colors_of(runs)[name], table["distance_angstrom"], table["g"]
            left.fill_between(r, g - table["error"], g + table["error"], color=color, alpha=0.25, linewidth=0)
            left.plot(r, g, color=color, label=name)
        for name, table in factors.items():
            right.plot(table["wave_number_per_angstrom"], table["s"], color=colors_of(runs)[name])
        for axes, x, y in ((left, "r (Å)", "g(r)"), (right, "q (1/Å)", "S(q)")):
            axes.axhline(1, color=GREY, linewidth=0.7, zorder=0)
            axes.set(xlabel=x, ylabel=y)
            axes.set_ylim(bottom=0)
        left.legend()
        image = picture(figure, kind)
    parts = [joined(pairs).assign(table="g"), *([joined(factors).assign(table="S")] if factors else [])]
    return Figure(
        "pair-distributions",
        "The melt",
        "Radial distribution (bands: standard errors over blocks) and static structure factor, each potential at the "
        "temperature of its benchmark.",
        image,
        kind,
        pd.concat(parts, ignore_index=True, sort=False),
        wide=True,
    )


def draw_melting_points(runs: Runs, element: str, kind: Format) -> Figure | None:
    """Melting points by coexistence against pressure."""
    rows = []
    for name, run in runs.items():
        paths = run.paths("coexistence/quantities.csv") + run.paths("coexistence/at-*/quantities.csv")
        for path in paths:
            point = run.quantities(*path.relative_to(run.root).parts).get("coexistence_temperature")
            if point is not None and point.value is not None:
                pressure = float(point.condition.split()[0])
                rows.append((name, pressure, point.value, point.uncertainty or np.nan, point.status))
    if not rows:
        return None
    columns = ["potential", "pressure_gpa", "temperature_kelvin", "uncertainty_kelvin", "status"]
    points = pd.DataFrame(rows, columns=columns)
    with canvas(5.0, 3.3) as (figure, axes):
        for name, color in colors_of(runs).items():
            part = points[points["potential"] == name]
            if part.empty:
                continue
            certain = part[part["status"] == "ok"].sort_values("pressure_gpa")
            x, y, error = (certain[c] for c in columns[1:4])
            axes.errorbar(x, y, error.fillna(0), fmt="o-", color=color, linewidth=0.9, capsize=2, label=name)
            bounds = part[part["status"] == "bound"]
            axes.plot(bounds["pressure_gpa"], bounds["temperature_kelvin"], "x", color=color)
        _measured(axes, element, points["pressure_gpa"].nunique() > 1)
        axes.set(xlabel="pressure (GPa)", ylabel="melting point (K)")
        axes.legend()
        image = picture(figure, kind)
    return Figure(
        "melting-points",
        "Melting points",
        "By coexistence of melt and crystal, with their errors; crosses are bounds. Diamonds are measured.",
        image,
        kind,
        points,
    )


def _measured(axes: Axes, element: str, curve: bool) -> None:
    style: dict[str, Any] = {"color": GREEN, "markerfacecolor": "white", "markersize": 4}
    for entry in reference_values(element):
        if entry.quantity == "coexistence_temperature" and entry.kind == "experiment":
            axes.plot(0.0, entry.value, "D", **style)
    if curve and (found := melting_curve(element)) is not None:
        errors = np.abs(np.stack([found.low, found.high]) - found.temperature)
        axes.errorbar(found.pressure_gpa, found.temperature, errors, fmt="D", elinewidth=0.8, **style)


DrawSeveral = Callable[[Runs, str, Format], Figure | None]
"""A figure from folders of benchmarks, with the published values of an element."""

CRYSTAL_CURVES: tuple[DrawSeveral, ...] = (
    lambda runs, _, kind: draw_phonons(runs, kind),
    lambda runs, _, kind: draw_bain(runs, kind),
    lambda runs, _, kind: draw_gamma_line(runs, kind),
)

OVERLAYS: tuple[DrawSeveral, ...] = (
    draw_equations_of_state,
    *CRYSTAL_CURVES,
    draw_pair_distributions,
    draw_melting_points,
)
"""In the order of the page."""
