"""What the nonequilibrium dynamics found: when each trajectory was stopped and why, and which frames were picked."""

from typing import Any

import pandas as pd

from ingot.reporting.figures.style import BLUE, CYAN, GREEN, GREY, PURPLE, RED, Figure, Format, canvas, picture
from ingot.reporting.run import Run

_REASON_COLORS = {
    "end": GREY,
    "energy spread": CYAN,
    "mean force spread": BLUE,
    "largest force spread": PURPLE,
    "too close": RED,
    "blown up": "#000000",
}


_BELOW: dict[str, Any] = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.18)}
"""A place for a legend where it hides no point."""


def draw_exploration(run: Run, kind: Format) -> Figure | None:
    """``None`` where nothing was explored."""
    trajectories, candidates = _tables(run)
    if trajectories is None:
        return None
    with canvas(7.6, 3.1, 1, 2) as (figure, (left, right)):
        bars = trajectories.sort_values(["iteration", "trajectory"], ascending=False).reset_index(drop=True)
        for reason, part in bars.groupby("reason", sort=False):
            color = _REASON_COLORS.get(str(reason), GREEN)
            left.barh(part.index, part["time_fs"] / 1000, height=0.72, color=color, label=f"{reason} ({len(part)})")
        left.set(xlabel="time until the stop (ps)", ylabel="trajectory", yticks=[], title="Why dynamics stopped")
        left.legend(ncols=2, **_BELOW)
        if candidates is not None:
            picked = candidates["picked"].notna()
            attacked, quenched = candidates["reason"] == "attack", candidates["reason"] == "quench"
            for chosen, style, label in (
                (~picked, {"markerfacecolor": "white", "color": "#777777"}, "passed over"),
                (picked, {"color": GREEN}, "selected for a label"),
            ):
                for source, marker, name in (
                    (~attacked & ~quenched, "o", ""),
                    (attacked, "^", ", from an attack"),
                    (quenched, "s", ", from a quench"),
                ):
                    part = candidates[chosen & source]
                    if len(part) or marker == "o":
                        x, y, text = part["force_std_mean"], part["novelty_nats"], f"{label}{name} ({len(part)})"
                        right.plot(x, y, marker, label=text, **style)
            right.axhline(0, color="#999999", linewidth=0.7, zorder=0)
            right.legend(ncols=2, **_BELOW)
        right.set(xlabel="force spread, mean over atoms (eV/Å)", ylabel="novelty: median δH (nats)", title="Candidates")
        image = picture(figure, kind)
    parts = [trajectories.assign(panel="trajectories")]
    if candidates is not None:
        parts.append(candidates.assign(panel="candidates"))
    return Figure(
        "exploration",
        "Where the ensemble was sent, and what was kept",
        "Left: a bar per trajectory, coloured by what ended it; a spread means that the networks disagreed, too close "
        "that the frame was thrown away as unphysical. Right: candidates by the networks' disagreement and by how far "
        "their environments are from all data; those picked should lie high or far right, and not all in one spot. "
        "Triangles come from adversarial attacks instead of dynamics, squares are minima below its last frames.",
        image,
        kind,
        pd.concat(parts, ignore_index=True, sort=False),
        wide=True,
    )


def _tables(run: Run) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
    trajectories, candidates = [], []
    for number in run.iterations():
        table = run.table("iterations", str(number), "explore", "trajectories.csv")
        if table is not None:
            trajectories.append(table.assign(iteration=number))
        decision = run.json("iterations", str(number), "select", "selection.json") or {}
        if decision.get("candidates"):
            candidates.append(pd.DataFrame(decision["candidates"]).assign(iteration=number))
    return (
        pd.concat(trajectories, ignore_index=True) if trajectories else None,
        pd.concat(candidates, ignore_index=True, sort=False) if candidates else None,
    )
