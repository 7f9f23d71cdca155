"""Learning curves of every network: errors against epochs."""

import pandas as pd
from matplotlib.axes import Axes

from ingot.reporting.figures.style import BLUE, GREY, Figure, Format, canvas, picture, plain_log
from ingot.reporting.run import Run

_PANELS = (
    ("energy_rmse_mev_per_atom", "energy RMSE (meV/atom)"),
    ("force_rmse_ev_per_angstrom", "force RMSE (eV/Å)"),
)


def _draw_time(axes: Axes, logs: pd.DataFrame) -> None:
    """What the accuracy cost."""
    column, label = _PANELS[1]
    for _, log in logs.groupby(["training", "member"], sort=False):
        axes.plot(log["cpu_seconds"] / 60, log[f"validation_{column}"], color=BLUE, linewidth=0.9)
    axes.set(yscale="log", xlabel="CPU time of one network (minutes)", ylabel=f"validation {label}")
    plain_log(axes.yaxis)


def draw_loss(run: Run, kind: Format) -> Figure | None:
    """The final ensemble's networks; ``None`` without logs of a training."""
    logs = [log.assign(training=training, member=member) for training, member, log in run.member_logs() if len(log)]
    if not logs:
        return None
    table = pd.concat(logs, ignore_index=True, sort=False)
    final = table[table["training"] == "final"] if (table["training"] == "final").any() else table
    timed = "cpu_seconds" in final and final["cpu_seconds"].notna().any()
    with canvas(7.6, 2.8, 1, 3 if timed else 2) as (figure, grid):
        if timed:
            _draw_time(grid[2], final)
        for axes, (column, label) in zip(grid[:2], _PANELS, strict=True):
            for number, (_, log) in enumerate(final.groupby(["training", "member"], sort=False)):
                for part, color in (("train", GREY), ("validation", BLUE)):
                    values = log[f"{part}_{column}"]
                    if (values > 0).any():
                        name = {"train": "train, running", "validation": "validation, averaged parameters"}[part]
                        axes.plot(log["epoch"], values, color=color, linewidth=0.9, label=name if number == 0 else None)
            axes.set(yscale="log", xlabel="epoch", ylabel=label)
            plain_log(axes.yaxis)
        grid[1].legend(loc="best")
        image = picture(figure, kind)
    return Figure(
        "loss",
        "Training",
        "One line per network of the final ensemble. The training curve is the running error of the parameters as they "
        "move, the validation curve that of their moving average, on structures no gradient comes from; the network "
        "that is kept is the best of the latter.",
        image,
        kind,
        table,
        wide=True,
    )
