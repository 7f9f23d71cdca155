"""What an iteration of active learning bought: errors before and after, selected frames against random ones."""

import numpy as np
import pandas as pd

from ingot.reporting.figures.style import GREY, INK, RED, SPLIT_COLORS, YELLOW, Figure, Format, canvas, picture
from ingot.reporting.run import Run, natural_order

_SPLITS = ("test", "validation", "extrapolation")


def draw_learning(run: Run, kind: Format) -> Figure | None:
    """``None`` where only one potential was benchmarked, or nothing was selected."""
    errors = run.table("benchmarks", "accuracy", "errors.csv")
    structures = run.table("benchmarks", "accuracy", "structures.csv")
    if errors is None or structures is None or errors["potential"].nunique() < 2:
        return None
    # Structures without forces by symmetry are predicted exactly by anything.
    structures = structures[structures["force_label_rms_eV_per_A"] > 1e-3]
    names = errors["potential"].unique()
    order = sorted(names, key=lambda name: (not name.startswith("iteration-"), natural_order(name)))
    force = errors[(errors["quantity"] == "force") & (errors["grouping"] == "split")]
    force = force[force["split"].isin(_SPLITS)]
    chosen = _chosen(structures)
    with canvas(7.6, 3.2, 1, 2) as (figure, (left, right)):
        for split in [s for s in _SPLITS if s in set(force["split"])]:
            part = force[force["split"] == split].set_index("potential").reindex(order)
            shift = 0.05 * (_SPLITS.index(split) - 1)  # bars that lie on each other cannot be read
            left.errorbar(
                np.arange(len(order)) + shift,
                part["rmse"],
                yerr=part["rmse_error"].fillna(0.0),
                fmt="o-",
                color=SPLIT_COLORS[split],
                elinewidth=0.8,
                capsize=2,
                label=split,
            )
        left.set_xticks(np.arange(len(order)), [_title(name) for name in order])
        left.set(xlabel="before iteration", ylabel="force RMSE (eV/Å)", title="Error on structures never trained on")
        left.set_xlim(-0.4, len(order) - 0.6)
        left.set_ylim(bottom=0)
        left.legend(loc="best")
        _strips(right, chosen)
        image = picture(figure, kind)
    data = pd.concat([force.assign(panel="errors"), chosen.assign(panel="selected")], ignore_index=True, sort=False)
    return Figure(
        "learning",
        "What the loop bought",
        "Left: the ensemble before each iteration's labels, and the final one; bars are jackknife standard errors over "
        "structures, so a change smaller than the bars is no change. Right: true force error, by the ensemble that "
        "chose, of the frames it selected and of a random control from the same dynamics; black bars are medians. "
        "Selection works where the selected lie higher.",
        image,
        kind,
        data,
        wide=True,
    )


def _title(name: str) -> str:
    return name.removeprefix("iteration-") if name.startswith("iteration-") else "final"


def _chosen(structures: pd.DataFrame) -> pd.DataFrame:
    """Frames that an iteration selected, and its control, judged by the potential that chose."""
    parts = []
    for name in structures["potential"].unique():
        if not str(name).startswith("iteration-"):
            continue
        number = str(name).removeprefix("iteration-")
        mine = structures[structures["potential"] == name]
        for origin, role in ((f"iteration-{number}", "selected"), (f"control-{number}", "control")):
            parts.append(mine[mine["origin"] == origin].assign(iteration=int(number), role=role))
    return pd.concat(parts, ignore_index=True) if parts else structures.iloc[:0].assign(iteration=0, role="")


def _strips(axes, chosen: pd.DataFrame) -> None:  # type: ignore[no-untyped-def]
    numbers = sorted(set(chosen["iteration"]))
    for (iteration, role), part in chosen.groupby(["iteration", "role"], sort=True):
        x = numbers.index(iteration) + {"control": -0.22, "selected": 0.22}[str(role)]
        values = np.sort(part["force_rmse_eV_per_A"].to_numpy())
        # Points are spread by rank, not at random: the picture is the same each time.
        offsets = 0.3 * np.array([((k * 0.618) % 1) - 0.5 for k in range(len(values))])
        color = {"selected": RED, "control": YELLOW}.get(str(role), GREY)
        label = str(role) if iteration == numbers[0] else None
        edge = {"markeredgecolor": "white", "markeredgewidth": 0.4}
        axes.plot(x + offsets, values, "o", color=color, markersize=4, label=label, **edge)
        axes.plot([x - 0.18, x + 0.18], [np.median(values)] * 2, color=INK, linewidth=1.4)
    axes.set_xticks(range(len(numbers)), [str(number) for number in numbers])
    axes.set(
        title="Selected frames against a random control", xlabel="iteration", ylabel="true force error, rms (eV/Å)"
    )
    axes.set_xlim(-0.6, max(len(numbers), 1) - 0.4)
    axes.set_ylim(bottom=0)
    if numbers:
        axes.legend(loc="best")
    else:
        axes.text(0.5, 0.5, "nothing was selected", ha="center", va="center", transform=axes.transAxes)
