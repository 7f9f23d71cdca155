"""Predicted uncertainty against true error, structure by structure, and the coverage of the intervals."""

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from ingot.reporting.figures.style import GREY, SPLIT_COLORS, Figure, Format, canvas, picture, plain_log
from ingot.reporting.run import Run

_SPLITS = ("train", "validation", "extrapolation", "test")
_MARKERS = {"train": "o", "validation": "s", "extrapolation": "^", "test": "D"}
_NOMINAL = np.linspace(0.05, 0.99, 48)


def draw_calibration(run: Run, kind: Format) -> Figure | None:
    """``None`` without an accuracy benchmark of an ensemble."""
    structures = run.table("benchmarks", "accuracy", "structures.csv")
    forces = run.table("benchmarks", "accuracy", "forces.csv")
    if structures is None or forces is None or structures["force_std_rms_eV_per_A"].isna().all():
        return None
    headline = structures["potential"].iloc[-1]
    # Structures without forces by symmetry have neither an error nor a spread to compare.
    structures = structures[(structures["potential"] == headline) & (structures["force_label_rms_eV_per_A"] > 1e-3)]
    forces = forces[(forces["potential"] == headline) & forces["structure_id"].isin(structures["structure_id"])]
    members = float(structures["members"].iloc[-1])
    curves = []
    with canvas(7.6, 3.6, 1, 2) as (figure, (left, right)):
        for split in [s for s in _SPLITS if s in set(structures["split"])]:
            part = structures[structures["split"] == split]
            color = SPLIT_COLORS.get(split, GREY)
            left.plot(
                part["force_std_rms_eV_per_A"],
                part["force_rmse_eV_per_A"],
                _MARKERS[split],
                color=color,
                markeredgecolor="white",
                markeredgewidth=0.4,
                label=split,
            )
            points = forces[forces["split"] == split]
            observed = _coverage(points, members)
            right.plot(_NOMINAL, observed, color=color, label=f"{split} ({len(points)} components)")
            curves.append(pd.DataFrame({"split": split, "nominal": _NOMINAL, "observed": observed}))
        both = structures[["force_std_rms_eV_per_A", "force_rmse_eV_per_A"]].to_numpy()
        both = both[both > 0]
        limits = (0.7 * both.min(), 1.4 * both.max())
        left.plot(limits, limits, color="#999999", linewidth=0.7, zorder=0)
        left.set(xscale="log", yscale="log", xlim=limits, ylim=limits, aspect="equal", title="Structure by structure")
        plain_log(left.xaxis, left.yaxis)
        left.set(xlabel="predicted: ensemble std, rms (eV/Å)", ylabel="true force error, rms (eV/Å)")
        left.legend(loc="upper left")
        right.plot([0, 1], [0, 1], color="#999999", linewidth=0.7, zorder=0)
        right.set(xlim=(0, 1), ylim=(0, 1), aspect="equal", title="Coverage of the intervals")
        right.set(xlabel="promised coverage", ylabel="labels inside")
        right.legend(loc="upper left")
        image = picture(figure, kind)
    data = pd.concat([structures.assign(panel="structures"), *(c.assign(panel="coverage") for c in curves)])
    return Figure(
        "calibration",
        "Predicted and true errors",
        "Left: each point is a structure; on the grey line the ensemble expects exactly the error it makes, above it "
        "the ensemble is too sure. Right: the share of labelled force components inside the central interval of each "
        "nominal coverage (Student's t for the number of members); below the line the intervals are too narrow.",
        image,
        kind,
        data,
        wide=True,
    )


def _coverage(points: pd.DataFrame, members: float) -> np.ndarray:
    """Shares inside the intervals of Student's t; Gaussian ones where the number of members is not known (NaN)."""
    degrees = np.inf if np.isnan(members) else members - 1
    error = (points["predicted_eV_per_A"] - points["label_eV_per_A"]).abs().to_numpy()
    sigma = points["std_eV_per_A"].to_numpy()
    return np.array([np.mean(error <= stdtrit(degrees, (1 + level) / 2) * sigma + 1e-9) for level in _NOMINAL])
