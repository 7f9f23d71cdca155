"""Learning curves: errors against the number of labels, with and without forces in the loss."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import NullLocator

from ingot.reporting.figures.style import BLUE, GREEN, GREY, PURPLE, RED, Figure, Format, canvas, picture, plain_log
from ingot.reporting.run import Run

_LOSSES = {"forces": ("energies and forces", BLUE), "energies": ("energies alone", RED)}
_SELECTIONS = {"random": ("", "o", None), "msc": (", msc", "s", GREEN), "farthest": (", farthest", "^", PURPLE)}
_APART = 1.04
"""Ratio between the places of selections, so that their bars can be told apart."""
_QUANTITIES = {"force": ("force RMSE (eV/Å)", 1.0), "energy": ("energy RMSE (meV/atom)", 1e3)}
_LINES = ("-", "--", ":", "-.")


def draw_learning_curves(run: Run, kind: Format) -> Figure | None:
    """``None`` where the run has no learning curves."""
    points = run.table("benchmarks", "learning_curves", "points.csv")
    if points is None:
        return None
    with canvas(7.6, 3.3, 1, 2) as (figure, grid):
        for axes, (quantity, (label, scale)) in zip(grid, _QUANTITIES.items(), strict=True):
            _panel(axes, points[points["quantity"] == quantity], scale)
            axes.set(xscale="log", yscale="log", xlabel="labelled structures", ylabel=label)
            axes.set_xticks(sorted(points["labels"].unique()), sorted(points["labels"].unique()))
            axes.xaxis.set_minor_locator(NullLocator())
            plain_log(axes.yaxis)
        figure.legend(*grid[0].get_legend_handles_labels(), loc="outside upper center", ncols=3, handlelength=3)
        image = picture(figure, kind)
    return Figure(
        "learning-curves",
        "What forces teach",
        "One network per point and fold, all trained for equally many steps; bars are the standard deviation over "
        "folds. The mean predictor knows the energy of the composition, and no force.",
        image,
        kind,
        points,
        wide=True,
    )


def _panel(axes: Axes, points: pd.DataFrame, scale: float) -> None:
    sets = list(dict.fromkeys(points["set"]))
    for line, name in zip(_LINES, sets, strict=False):
        of_set = points[points["set"] == name]
        end = "" if len(sets) == 1 else f", {name.removeprefix('test-')}"
        for (loss, selection), part in of_set.groupby(["loss", "selection"], sort=False):
            label, color = _LOSSES[str(loss)]
            chosen, marker, own = _SELECTIONS[str(selection)]
            color = own if own and loss == "forces" else color
            place = _APART ** list(_SELECTIONS).index(str(selection))
            groups = scale * part.groupby("labels")["rmse"].agg(["mean", "std"])
            axes.errorbar(
                groups.index * place,
                groups["mean"],
                yerr=groups["std"].fillna(0.0),
                fmt=f"{marker}{line}",
                color=color,
                markerfacecolor="white" if own else color,
                elinewidth=0.8,
                capsize=2,
                label=label + chosen + end,
            )
        mean = scale * float(np.mean(of_set["mean_predictor_rmse"]))
        style = line if len(sets) > 1 else ":"
        axes.axhline(mean, color=GREY, linestyle=style, linewidth=1.0, label=f"mean predictor{end}")
