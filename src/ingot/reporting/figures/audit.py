"""Entropy as the data grew, the novelty that each set brought, and how much of the tests the data covers."""

import numpy as np
import pandas as pd

from ingot.reporting.figures.style import BLUE, GREY, INK, PURPLE, RED, Figure, Format, canvas, picture, plain_log
from ingot.reporting.run import Run

_OVERLAP_COLORS = (BLUE, PURPLE, RED, GREY)
_CAPTIONS = (
    "Entropy of the environments in nats: circles as sets were added; dotted ln N, the most that N environments can "
    "hold; grey random parts of the final data, dashed where a saturating curve through them ends, if one fits: the "
    "distance to it is the information gap.",
    "Novelty: δH of each added set against all data before it (5 to 95 % and quartiles); above zero is new.",
    "Overlap: share of each test set's environments that the data covers (δH < 1).",
)


def draw_audit(run: Run, kind: Format, *folder: str) -> Figure | None:
    """Up to three panels from an audit's tables in ``folder``; ``None`` where there are none."""
    summary, novelty, overlap, curve = (
        run.table(*folder, f"{name}.csv") for name in ("summary", "novelty", "overlap", "learning_curve")
    )
    if summary is None:
        return None
    if novelty is not None:
        novelty = novelty[novelty["set"].isin(summary[summary["role"] == "training"]["group"])]
        novelty = novelty if len(novelty) else None
    sets = summary[(summary["grouping"] == "set") & (summary["role"] == "training")]
    # In the paper's notebook an environment is known when dH < 1; its code uses 1e-5.
    panels = 1 + (novelty is not None) + (overlap is not None)
    with canvas(2.55 * panels if panels > 1 else 3.4, 2.9, 1, panels, squeeze=False) as (figure, grid):
        axes = list(grid[0])
        _entropy(axes[0], sets, curve)
        if novelty is not None:
            _novelty(axes[1], novelty)
        if overlap is not None:
            _overlap(axes[-1], overlap, list(sets["group"]))
        image = picture(figure, kind)
    parts = [("summary", summary), ("novelty", novelty), ("overlap", overlap), ("learning_curve", curve)]
    data = pd.concat([table.assign(table=name) for name, table in parts if table is not None], sort=False)
    shown = [True, novelty is not None, overlap is not None]
    caption = " ".join(text for text, there in zip(_CAPTIONS, shown, strict=True) if there)
    if "bandwidth_per_angstrom" in summary:
        caption += f" Bandwidth {summary['bandwidth_per_angstrom'].iloc[0]:g} 1/Å."
    return Figure(
        "audit",
        ", ".join(["Entropy"] + ["novelty"] * (novelty is not None) + ["overlap"] * (overlap is not None)),
        caption,
        image,
        kind,
        data,
        wide=panels > 1,
    )


def _entropy(axes, sets: pd.DataFrame, curve: pd.DataFrame | None) -> None:  # type: ignore[no-untyped-def]
    if curve is not None:
        axes.plot(curve["environments"], curve["entropy"], color=GREY, zorder=1)
    n = sets["cumulative_environments"].astype(float)
    axes.plot(n, sets["cumulative_entropy"], "o-", color=BLUE, zorder=3)
    low = float(curve["environments"].min()) if curve is not None else float(n.min()) / 2
    grid = np.geomspace(low, 1.3 * n.max(), 50)
    axes.plot(grid, np.log(grid), ":", color=INK, linewidth=0.8)
    if curve is not None and curve["limit_entropy"].notna().any():
        axes.axhline(curve["limit_entropy"].iloc[0], color=GREY, linestyle="--", linewidth=0.8, zorder=0)
    for _, row in sets.iterrows():
        axes.annotate(
            str(row["group"]),
            (row["cumulative_environments"], row["cumulative_entropy"]),
            xytext=(5, -8),
            textcoords="offset points",
            fontsize=7,
        )
    axes.set(xscale="log", xlabel="environments", ylabel="entropy (nats)", title="Entropy")
    plain_log(axes.xaxis)


def _novelty(axes, novelty: pd.DataFrame) -> None:  # type: ignore[no-untyped-def]
    x = np.arange(len(novelty))
    quantile = {q: novelty[f"delta_entropy_q{q:02d}"] for q in (5, 25, 50, 75, 95)}
    axes.vlines(x, quantile[5], quantile[95], color=BLUE, linewidth=1)
    axes.vlines(x, quantile[25], quantile[75], color=BLUE, linewidth=5)
    axes.plot(x, quantile[50], "o", color="white", markeredgecolor=BLUE, zorder=3)
    axes.axhline(0, color="#999999", linewidth=0.7, zorder=0)
    for k, share in enumerate(novelty["share_above_0"]):
        axes.annotate(f"{100 * share:.0f} % new", (k, quantile[95].iloc[k]), xytext=(0, 4), textcoords="offset points",
                      ha="center", fontsize=7)  # fmt: skip
    axes.set_xticks(x, [str(name).replace("-", "\n") for name in novelty["set"]])
    axes.set(xlim=(-0.7, len(x) - 0.3), ylabel="δH against earlier data (nats)", title="Novelty")
    axes.margins(y=0.15)


def _overlap(axes, overlap: pd.DataFrame, order: list[str]) -> None:  # type: ignore[no-untyped-def]
    widest = overlap[overlap["threshold"] == overlap["threshold"].max()]
    for k, (name, part) in enumerate(widest.groupby("set", sort=False)):
        part = part.set_index("up_to").reindex(order)
        color = _OVERLAP_COLORS[k % len(_OVERLAP_COLORS)]
        axes.plot(range(len(order)), 100 * part["overlap"], "o-", color=color, label=str(name))
    axes.set_xticks(range(len(order)), [name.replace("-", "\n") for name in order])
    axes.set(ylim=(-3, 103), xlim=(-0.4, len(order) - 0.6), ylabel="environments covered (%)", title="Overlap")
    axes.legend(loc="best")
