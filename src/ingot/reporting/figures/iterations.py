"""The loop at a glance: information in the data, what was still unknown, and how the errors fell."""

from typing import Any

import numpy as np
import pandas as pd

from ingot.reporting.figures.style import (
    BLUE,
    CYAN,
    GREEN,
    GREY,
    INK,
    PURPLE,
    RED,
    YELLOW,
    Figure,
    Format,
    canvas,
    picture,
)
from ingot.reporting.loop import Iteration, iterations
from ingot.reporting.run import Run

_COLORS = (BLUE, RED, GREEN, PURPLE, CYAN, YELLOW)
_FEWEST = 5
"""Families of fewer structures have no line of their own."""


def draw_iterations(run: Run, kind: Format) -> Figure | None:
    """``None`` where no iteration decided anything."""
    loop = iterations(run)
    if not loop:
        return None
    panels = (_information(run), _unknown(loop), _errors(run), _added(loop))
    with canvas(7.6, 5.6, 2, 2) as (figure, axes):
        for place, (draw, data) in zip(axes.flat, panels, strict=True):
            draw(place, data)
            place.set_xlabel("iteration")
        image = picture(figure, kind)
    names = ("information", "unknown", "errors", "added")
    data = pd.concat([table.assign(panel=name) for name, (_, table) in zip(names, panels, strict=True)], sort=False)
    return Figure(
        "iterations",
        "The loop, iteration by iteration",
        "Upper left: entropy and diversity of all labelled environments, after each iteration's labels (nats; the "
        "start is the data that the loop began with). Upper right: how many trajectories the ensemble stopped and how "
        "many of the candidates' environments no data held, with the limits below which the loop may end (dotted). "
        "Lower left: error of the ensemble before each iteration, and of the final potential, on the fixed test. Lower "
        "right: what was labelled: density, coloured by the temperature of the trajectory (grey triangles: attacks, "
        "squares: quenches), and the share of crystalline atoms (green, right scale).",
        image,
        kind,
        data,
        wide=True,
    )


def _information(run: Run) -> tuple[Any, pd.DataFrame]:
    table = run.table("audit", "summary.csv")
    sets = pd.DataFrame(columns=["iteration", "entropy", "diversity"])
    if table is not None:
        mine = table[(table["grouping"] == "set") & table["group"].str.fullmatch(r"initial|iteration-\d+")]
        number = mine["group"].str.removeprefix("iteration-").where(mine["group"] != "initial", "-1").astype(int)
        sets = pd.DataFrame(
            {"iteration": number, "entropy": mine["cumulative_entropy"], "diversity": mine["cumulative_diversity"]}
        ).sort_values("iteration")

    def draw(axes: Any, data: pd.DataFrame) -> None:
        for column, color in (("entropy", BLUE), ("diversity", RED)):
            axes.plot(data["iteration"], data[column], "o-", color=color, label=column)
        axes.set(title="Information in the data", ylabel="nats")
        _whole_numbers(axes, data["iteration"])
        axes.legend(loc="best")

    return draw, sets


def _unknown(loop: list[Iteration]) -> tuple[Any, pd.DataFrame]:
    table = pd.DataFrame(
        {
            "iteration": [one.number for one in loop],
            "stopped_early": [one.decision["early_stop_fraction"] for one in loop],
            "novel": [one.decision["novel_fraction"] for one in loop],
        }
    )
    chosen = ((loop[0].run.configuration.get("active_learning") or {}).get("selection")) or {}

    def draw(axes: Any, data: pd.DataFrame) -> None:
        for column, color, label, limit in (
            ("stopped_early", RED, "trajectories stopped early", "converged_early_stops"),
            ("novel", BLUE, "novel environments of candidates", "converged_novelty"),
        ):
            axes.plot(data["iteration"], 100 * data[column], "o-", color=color, label=label)
            if limit in chosen:
                axes.axhline(100 * chosen[limit], color=color, linestyle=":", linewidth=0.9)
        axes.set(title="What was still unknown", ylabel="%", ylim=(-3, 103))
        _whole_numbers(axes, data["iteration"])
        axes.legend(loc="best")

    return draw, table


def _errors(run: Run) -> tuple[Any, pd.DataFrame]:
    errors = run.table("benchmarks", "accuracy", "errors.csv")
    columns = ["iteration", "family", "rmse", "rmse_error", "name"]
    table = pd.DataFrame(columns=columns)
    if errors is not None:
        mine = errors[(errors["quantity"] == "force") & (errors["split"] == "test")]
        by_family = mine[(mine["grouping"] == "family") & (mine["structures"] >= _FEWEST)]
        both = [mine[mine["grouping"] == "split"].assign(family="all")]
        if 1 < by_family["family"].nunique() <= len(_COLORS):
            both.append(by_family)
        table = pd.concat(both)
        known = [int(name.removeprefix("iteration-")) for name in table["potential"] if name.startswith("iteration-")]
        last = max(known, default=-1) + 1
        number = [int(n.removeprefix("iteration-")) if n.startswith("iteration-") else last for n in table["potential"]]
        name = ["final" if k == last else str(k) for k in number]
        table = table.assign(iteration=number, name=name)[columns].sort_values(["family", "iteration"])

    def draw(axes: Any, data: pd.DataFrame) -> None:
        for color, (family, part) in zip((INK, *_COLORS), data.groupby("family", sort=True), strict=False):
            spread = part["rmse_error"].fillna(0.0)
            axes.errorbar(part["iteration"], part["rmse"], yerr=spread, fmt="o-", color=color, capsize=2, label=family)
        axes.set(title="Error on the fixed test, before the iteration", ylabel="force RMSE (eV/Å)")
        ticks = data.drop_duplicates("iteration")
        axes.set_xticks(ticks["iteration"], ticks["name"])
        axes.set_ylim(bottom=0)
        if len(data):
            axes.legend(loc="best")

    return draw, table


def _added(loop: list[Iteration]) -> tuple[Any, pd.DataFrame]:
    parts = [one.added.assign(iteration=one.number) for one in loop if len(one.added)]
    table = pd.concat(parts, ignore_index=True) if parts else loop[0].added.assign(iteration=0)

    def draw(axes: Any, data: pd.DataFrame) -> None:
        axes.set(title="What was added", ylabel="density (g/cm³)")
        if data.empty:
            return
        driven = data["temperature"].notna()
        spread = np.array([0.5 * (((k * 0.618) % 1) - 0.5) for k in range(len(data))])
        x, y, hue = data["iteration"] + spread, data["density"], data["temperature"]
        hottest = max(500.0, hue.max()) if hue.notna().any() else 500.0
        for marker, others in (("^", data["reason"] == "attack"), ("s", ~driven & (data["reason"] != "attack"))):
            axes.plot(x[others], y[others], marker, color=GREY, markersize=3, markeredgewidth=0)
        colors = {"c": hue[driven], "cmap": "plasma", "vmin": 0, "vmax": hottest}
        points = axes.scatter(x[driven], y[driven], s=9, linewidths=0, **colors)
        axes.figure.colorbar(points, ax=axes, label="temperature (K)", pad=0.13)
        crystalline = 100 * data.groupby("iteration")["crystalline"].mean()
        right = axes.twinx()
        right.plot(crystalline.index, crystalline, "s-", color=GREEN, markersize=3, linewidth=1)
        right.set_ylim(0, 100)
        right.set_ylabel("crystalline atoms (%)", color=GREEN)
        right.spines["right"].set_visible(True)
        _whole_numbers(axes, data["iteration"])

    return draw, table


def _whole_numbers(axes: Any, numbers: pd.Series) -> None:
    ticks = sorted({int(n) for n in numbers})
    axes.set_xticks(ticks, ["start" if n < 0 else str(n) for n in ticks])
