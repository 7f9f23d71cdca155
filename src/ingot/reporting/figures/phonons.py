"""Phonon dispersion and density of states, beside measured frequencies where there are some."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from ingot.reporting.figures.several import Runs, colors_of, joined, tables_of
from ingot.reporting.figures.style import GREY, INK, Figure, Format, canvas, picture

_STYLES = ("-", "--")
"""Of the equilibrium lattice constant, which comes first, and of another one."""


def draw_phonons(runs: Runs, kind: Format) -> Figure | None:
    """Dispersion of one or several potentials along the symmetry lines; ``None`` where none has phonons."""
    tables, densities = (tables_of(runs, "crystal", f"{name}.csv") for name in ("phonons", "phonon_dos"))
    if not tables:
        return None
    measured = next(iter(tables_of(runs, "crystal", "phonons_measured.csv").values()), None)
    with canvas(7.6, 3.6, 1, 2, sharey=True, width_ratios=(4, 1)) as (figure, (left, right)):
        for name, table in tables.items():
            _dispersion(left, table, colors_of(runs)[name], name, len(tables) == 1)
        for name, table in densities.items():
            for line, (_, part) in zip(_STYLES, table.groupby("lattice_constant_A", sort=False), strict=False):
                right.plot(part["modes_per_atom_THz"], part["frequency_THz"], line, color=colors_of(runs)[name])
        first = next(iter(tables.values()))
        points = _placed(measured, first) if measured is not None else None
        if points is not None:
            style: dict[str, Any] = {"color": INK, "markerfacecolor": "white", "markersize": 3, "elinewidth": 0.7}
            place = (points["path_coordinate"], points["frequency_THz"], points["error_THz"])
            left.errorbar(*place, fmt="o", label=f"measured, {points['condition'].iloc[0]}", **style)
        _points_of_symmetry(left, first)
        left.set_ylabel("frequency (THz)")
        right.set_xlabel("density (modes/atom/THz)")
        right.set_xlim(left=0)
        right.xaxis.set_major_locator(MaxNLocator(2))
        figure.legend(loc="outside upper left", ncols=5)
        image = picture(figure, kind)
    parts = [joined(tables), *([] if points is None else [points.assign(potential="measured")])]
    cited = "" if points is None else f" Measured: {points['citation'].iloc[0]}."
    return Figure(
        "phonons",
        "Phonons",
        "Harmonic frequencies at the potential's own lattice constant, dashed at another one; bands are the standard "
        f"deviation over the members of an ensemble. Below zero stand imaginary modes: an unstable crystal.{cited}",
        image,
        kind,
        pd.concat(parts, ignore_index=True, sort=False),
        wide=True,
    )


def _dispersion(axes: Axes, table: pd.DataFrame, color: str, name: str, alone: bool) -> None:
    groups = table.groupby("lattice_constant_A", sort=False)
    for style, (edge, part) in zip(_STYLES, groups, strict=False):
        label = f"{name}, {edge:.3f} Å" if alone or groups.ngroups > 1 else name
        for _, branch in part.groupby(["line", "branch"], sort=False):
            x, frequency, spread = (branch[c] for c in ("path_coordinate", "frequency_THz", "frequency_std_THz"))
            look: dict[str, Any] = {"color": color, "linewidth": 1.1}
            axes.plot(x, frequency, style, label=label, **look)
            label = "_"  # one entry for all branches
            if style == _STYLES[0] and spread.notna().all():
                band = (frequency - spread, frequency + spread)
                axes.fill_between(x, *band, color=color, alpha=0.12, linewidth=0)


def _placed(measured: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame | None:
    """The measured points with their place on the path; those on lines that are not drawn are left out."""
    lines = table.drop_duplicates(["line", "q_x"]).astype({"line": str}).groupby("line", sort=False)
    name, coordinate = measured["line"].astype(str), measured["coordinate"]
    place = pd.Series(np.nan, measured.index)
    for line, part in lines:
        ordered = part.sort_values("q_x")
        within = (name == line) & (coordinate <= ordered["q_x"].max() + 1e-9)
        place[within] = np.interp(coordinate[within], ordered["q_x"], ordered["path_coordinate"])
    points = measured.assign(line=name, path_coordinate=place).dropna(subset="path_coordinate")
    return points if len(points) else None


def _points_of_symmetry(axes: Axes, table: pd.DataFrame) -> None:
    """Names and lines at the special wave vectors; two names where the path jumps."""
    special = table.dropna(subset="point").drop_duplicates(["path_coordinate", "point"])
    names = special.groupby(special["path_coordinate"].round(6), sort=True)["point"].agg("|".join)
    for place in names.index:
        axes.axvline(place, color=GREY, linewidth=0.7, zorder=0)
    axes.axhline(0, color=GREY, linewidth=0.7, zorder=0)
    axes.set_xticks(list(names.index), [name.replace("Gamma", "Γ") for name in names])
    axes.set_xlim(names.index.min(), names.index.max())
