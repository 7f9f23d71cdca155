"""What the page of an audit shows beside the growth of entropy: novelty, overlap, groups, trajectories."""

import numpy as np
import pandas as pd

from ingot.reporting.figures.several import colors_of
from ingot.reporting.figures.style import BLUE, GREY, INK, Figure, Format, canvas, picture, plain_log
from ingot.reporting.run import Run

_MOST = 24
"""Rows of a figure that can still be read."""


def draw_histograms(run: Run, kind: Format, *folder: str) -> Figure | None:
    """Novelty of the environments of every set that was held against others."""
    table = run.table(*folder, "histogram.csv")
    if table is None:
        return None
    names = list(table["set"].unique())[:_MOST]
    with canvas(5.0, 3.0) as (figure, axes):
        axes.axvspan(axes.get_xlim()[0], 0, color="#f5f5f7", zorder=0)
        lowest = table["delta_entropy_from"].min()
        for name, color in colors_of(names).items():
            part = table[(table["set"] == name) & table["delta_entropy_to"].notna()]
            beyond = table[(table["set"] == name) & table["delta_entropy_to"].isna()]["share"].iloc[0]
            edges = [*part["delta_entropy_from"], part["delta_entropy_to"].iloc[-1]]
            label = f"{name} ({100 * beyond:.0f} % beyond 10)" if beyond else name
            axes.stairs(part["share"] / np.diff(edges), edges, color=color, label=label)
        axes.axvspan(lowest, 0, color="#f5f5f7", zorder=0)
        axes.set(xlim=(lowest, 10), xlabel="δH (nats)", ylabel="share of environments per nat")
        axes.legend(loc="best")
        image = picture(figure, kind)
    caption = (
        "Novelty of every environment: of added sets against all data before them, of tests and trajectories against "
        "all data. Left of zero (grey) the data hold it already, more than once further left."
    )
    return Figure("novelty", "How novel", caption, image, kind, table)


def draw_overlap_matrix(run: Run, kind: Format, *folder: str) -> Figure | None:
    """Which share of every set each other one covers; ``None`` for a single set."""
    table = run.table(*folder, "overlap_matrix.csv")
    if table is None or table["set"].nunique() < 2:
        return None
    widest = table[table["threshold"] == table["threshold"].max()]
    names = list(widest["set"].unique())[:_MOST]
    shares = 100 * widest.pivot(index="set", columns="reference", values="overlap").loc[names, names]
    side = 1.6 + 0.42 * len(names)
    with canvas(side + 0.6, side) as (figure, axes):
        image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=100)
        for i, j in np.ndindex(shares.shape):
            value = shares.iloc[i, j]
            axes.text(j, i, f"{value:.0f}", ha="center", va="center", fontsize=7, color="white" if value > 60 else INK)
        axes.set_xticks(range(len(names)), names, rotation=45, ha="right")
        axes.set_yticks(range(len(names)), names)
        axes.set(xlabel="… are covered by", ylabel="of the environments of")
        axes.spines[:].set_visible(False)
        axes.tick_params(length=0)
        figure.colorbar(image, label="%", shrink=0.8)
        drawn = picture(figure, kind)
    threshold = f"{widest['threshold'].iloc[0]:g}"
    caption = f"Share of the environments of one set with δH below {threshold} nats against another one alone."
    return Figure("overlap", "Overlap between sets", caption, drawn, kind, table)


def draw_groups(run: Run, kind: Format, *folder: str) -> Figure | None:
    """Entropy of the data by group, beside what as many environments could hold."""
    summary = run.table(*folder, "summary.csv")
    groups = None if summary is None else summary[summary["grouping"] != "set"]
    if groups is None or len(groups) < 2:
        return None
    by_label = [part.sort_values("entropy").tail(_MOST) for _, part in groups.groupby("grouping", sort=False)]
    heights = [len(part) + 1 for part in by_label]
    size = (5.0, 0.7 + 0.24 * sum(heights))
    with canvas(*size, len(by_label), 1, squeeze=False, sharex=True, height_ratios=heights) as (figure, grid):
        for axes, part in zip(grid[:, 0], by_label, strict=True):
            y = np.arange(len(part))
            axes.barh(y, part["largest_entropy"], color="#e6e6ea", label="ln N")
            axes.barh(y, part["entropy"], color=BLUE, height=0.55, label="entropy")
            axes.plot(part["diversity"], y, "|", color=INK, markersize=9, label="diversity")
            axes.set_yticks(y, [f"{_shortened(str(row.group))} ({row.environments:,})" for row in part.itertuples()])
            axes.set(ylim=(-0.6, len(part) - 0.4), ylabel=part["grouping"].iloc[0])
        grid[-1, 0].set_xlabel("nats")
        grid[0, 0].legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=3)
        image = picture(figure, kind)
    most = max(len(part) for _, part in groups.groupby("grouping"))
    caption = (
        "Entropy, diversity and ln N of the training data by group, with the number of environments. Near ln N no two "
        "are alike; diversity far above entropy is a few rare ones beside many alike."
    )
    if most > _MOST:
        caption += f" The {_MOST} of highest entropy; the data name all."
    return Figure("groups", "What the groups hold", caption, image, kind, groups)


def _shortened(name: str, most: int = 40) -> str:
    """The end of a long name tells it apart from its siblings, its beginning where it belongs."""
    return name if len(name) <= most else f"{name[: most // 3]}…{name[-(most - most // 3 - 1) :]}"


def draw_compression(run: Run, kind: Format, *folder: str) -> Figure | None:
    """What parts of the data cover that were taken by different methods."""
    table = run.table(*folder, "compression.csv")
    if table is None or table.empty:
        return None
    with canvas(6.4, 3.0, 1, 2) as (figure, (shares, diversity)):
        for method, color in colors_of(table["method"].unique()).items():
            part = table[table["method"] == method]
            shares.plot(100 * part["share"], 100 * part["related"], "o-", color=color, label=method)
            shares.plot(100 * part["share"], 100 * part["covered"], "o:", color=color, markersize=3)
            diversity.plot(100 * part["share"], part["diversity"], "o-", color=color, label=method)
        shares.set(xscale="log", ylim=(-3, 103), xlabel="structures taken (%)", ylabel="environments covered (%)")
        diversity.set(xscale="log", xlabel="structures taken (%)", ylabel="diversity (nats)")
        plain_log(shares.xaxis, diversity.xaxis)
        shares.legend(loc="lower right")
        image = picture(figure, kind)
    caption = (
        "What the structures hold which a compression takes first. Left: share of all environments that they cover, δH "
        "below 1 nat, dotted below 1e-5. Right: their diversity. msc: minimum set coverage; farthest: mean descriptors "
        "far apart; random: chance."
    )
    return Figure("compression", "How redundant", caption, image, kind, table, wide=True)


def draw_trajectories(run: Run, kind: Format, *folder: str) -> Figure | None:
    """The share of novel atoms in dynamics, frame by frame: uncertainty without a model."""
    table = run.table(*folder, "trajectories.csv")
    if table is None:
        return None
    with canvas(5.0, 3.0) as (figure, axes):
        for name, color in colors_of(table["trajectory"].unique()).items():
            part = table[table["trajectory"] == name]
            axes.plot(part["frame"], 100 * part["share_above_0"], color=color, label=name)
            axes.plot(part["frame"], 100 * part["share_above_1"], ":", color=color)
        axes.set(ylim=(-3, 103), xlabel="frame", ylabel="novel atoms (%)")
        axes.legend(loc="best")
        image = picture(figure, kind)
    caption = (
        "Share of a frame's atoms whose surroundings nothing in the data resembles: δH above 0, dotted above 1 nat."
    )
    return Figure("trajectories", "Dynamics against the data", caption, image, kind, table)


def draw_temperatures(run: Run, kind: Format, *folder: str) -> Figure | None:
    """Entropy of sets and trajectories over their temperature; ``None`` for fewer than two that have one."""
    summary = run.table(*folder, "summary.csv")
    if summary is None or "temperature_K" not in summary:
        return None
    warm = summary[summary["temperature_K"].notna()].sort_values("temperature_K")
    if len(warm) < 2:
        return None
    with canvas(4.0, 3.0) as (figure, axes):
        axes.plot(warm["temperature_K"], warm["entropy"], "o-", color=BLUE, label="entropy")
        axes.plot(warm["temperature_K"], warm["diversity"], "o-", color=GREY, label="diversity")
        for row in warm.itertuples():
            place = {"xytext": (4, -9), "textcoords": "offset points", "fontsize": 7}
            axes.annotate(str(row.group), (row.temperature_K, row.entropy), **place)
        axes.set(xlabel="temperature (K)", ylabel="nats")
        axes.legend(loc="best")
        image = picture(figure, kind)
    caption = "Entropy and diversity over kinetic temperature. Compare sets of equal size: both grow with it."
    return Figure("temperatures", "Entropy and temperature", caption, image, kind, pd.DataFrame(warm))
