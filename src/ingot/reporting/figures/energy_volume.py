"""Energy against volume of the lattices: the potential's curves and the labels' own points."""

from collections.abc import Mapping

import pandas as pd

from ingot.benchmarks.tables import Quantity
from ingot.reporting.figures.style import GREY, LATTICE_COLORS, Figure, Format, canvas, picture
from ingot.reporting.run import Run

_NEAR = 200.0
"""Lattices whose minimum lies within this (meV/atom) of the ground state have a panel to themselves."""


def draw_energy_volume(run: Run, kind: Format) -> Figure | None:
    """E(V) relative to each method's own ground state; ``None`` without the crystal benchmark."""
    curves = run.table("benchmarks", "crystal", "energy_volume.csv")
    if curves is None:
        return None
    ground = str(curves["lattice"].iloc[0])
    curves = _relative(curves, run.quantities("benchmarks", "crystal", "quantities.csv"), ground)
    lowest = curves.groupby("lattice", sort=False)["energy_meV"].min()
    near = list(lowest[lowest < _NEAR].index)
    groups = [near, list(lowest.index)] if len(near) < len(lowest) else [near]
    points = _direct_points(run, ground)
    with canvas(3.8 * len(groups) if len(groups) > 1 else 5.0, 3.3, 1, len(groups), squeeze=False) as (figure, grid):
        for axes, lattices in zip(grid[0], groups, strict=True):
            _curves(axes, curves[curves["lattice"].isin(lattices)])
            if points is not None:
                _points(axes, points[points["lattice"].isin(lattices)])
            axes.set(xlabel="volume (Å³/atom)", ylabel=f"energy above {ground} (meV/atom)")
        grid[0][0].plot([], [], color="#555555", label="potential (band: ensemble std)")
        if points is not None:
            label = "its label method, directly"
            grid[0][0].plot([], [], "o", color="#555555", markerfacecolor="white", label=label)
        grid[0][0].legend(loc="upper center")
        image = picture(figure, kind)
    parts = [curves.assign(source="potential"), *([points.assign(source="labels")] if points is not None else [])]
    return Figure(
        "energy-volume",
        "Energy and volume of the lattices",
        f"Each method is measured from its own {ground} minimum. Where circles leave the line of their colour, the "
        "potential departs from the method it was trained on; no experiment enters here.",
        image,
        kind,
        pd.concat(parts, ignore_index=True, sort=False),
        wide=len(groups) > 1,
    )


def _direct_points(run: Run, ground: str) -> pd.DataFrame | None:
    cells = run.table("benchmarks", "direct", "cells.csv")
    if cells is None:
        return None
    points = cells[cells["strain"].isna() & cells["energy_label_eV_per_atom"].notna()]
    if not (points["lattice"] == ground).any():
        return None
    points = points.assign(energy_eV_per_atom=points["energy_label_eV_per_atom"])
    return _relative(points, run.quantities("benchmarks", "direct", "quantities.csv"), ground)


def _relative(table: pd.DataFrame, quantities: Mapping[str, Quantity], ground: str) -> pd.DataFrame:
    row = quantities.get("energy_per_atom")
    zero = float(table.loc[table["lattice"] == ground, "energy_eV_per_atom"].min())
    if row is not None and row.value is not None:
        zero = row.value
    return table.assign(energy_meV=1e3 * (table["energy_eV_per_atom"] - zero))


def _curves(axes, curves: pd.DataFrame) -> None:  # type: ignore[no-untyped-def]
    for lattice, part in curves.groupby("lattice", sort=False):
        color = LATTICE_COLORS.get(str(lattice), GREY)
        volume, energy = part["volume_A3_per_atom"], part["energy_meV"]
        axes.plot(volume, energy, color=color)
        spread = 1e3 * part["energy_std_eV_per_atom"]
        if spread.notna().all():
            axes.fill_between(volume, energy - spread, energy + spread, color=color, alpha=0.15, linewidth=0)
        end = (volume.iloc[-1], energy.iloc[-1])
        axes.annotate(str(lattice), end, xytext=(4, 0), textcoords="offset points", color=color, va="center")


def _points(axes, points: pd.DataFrame) -> None:  # type: ignore[no-untyped-def]
    for lattice, part in points.groupby("lattice", sort=False):
        color = LATTICE_COLORS.get(str(lattice), GREY)
        axes.plot(part["volume_A3_per_atom"], part["energy_meV"], "o", color=color, markerfacecolor="white", zorder=3)
