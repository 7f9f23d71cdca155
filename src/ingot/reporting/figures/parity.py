"""Parity: predicted against labelled energies and forces of the headline potential."""

import pandas as pd

from ingot.reporting.figures.style import GREY, SPLIT_COLORS, Figure, Format, canvas, diagonal, picture
from ingot.reporting.run import Run

_ORDER = ("train", "validation", "unseen", "control", "extrapolation", "test")  # drawn last = on top


def draw_parity(run: Run, kind: Format) -> Figure | None:
    """Energies and forces by split; ``None`` without an accuracy benchmark."""
    structures = run.table("benchmarks", "accuracy", "structures.csv")
    forces = run.table("benchmarks", "accuracy", "forces.csv")
    if structures is None or forces is None:
        return None
    headline = structures["potential"].iloc[-1]
    structures, forces = (t[t["potential"] == headline] for t in (structures, forces))
    # Against the mean label of its own composition nothing is hidden; here one offset makes the axis readable.
    shift = structures["energy_label_eV_per_atom"].min()
    with canvas(7.6, 3.8, 1, 2) as (figure, (left, right)):
        for split in [s for s in _ORDER if s in set(structures["split"])]:
            color = SPLIT_COLORS.get(split, GREY)
            part = structures[structures["split"] == split]
            left.errorbar(
                part["energy_label_eV_per_atom"] - shift,
                part["energy_eV_per_atom"] - shift,
                yerr=part["energy_std_eV_per_atom"] if part["energy_std_eV_per_atom"].notna().all() else None,
                fmt="o",
                color=color,
                markersize=3.5,
                elinewidth=0.7,
                label=f"{split} ({len(part)})",
            )
            points = forces[forces["split"] == split]
            right.plot(
                points["label_eV_per_A"],
                points["predicted_eV_per_A"],
                "o",
                color=color,
                markersize=2.2,
                alpha=0.7,
                markeredgewidth=0,
                rasterized=len(points) > 500,
            )
        for axes, values in (
            (left, structures[["energy_label_eV_per_atom", "energy_eV_per_atom"]] - shift),
            (right, forces[["label_eV_per_A", "predicted_eV_per_A"]]),
        ):
            diagonal(axes, float(values.min().min()), float(values.max().max()))
        left.set(xlabel="label: energy above the lowest (eV/atom)", ylabel="potential (eV/atom)", title="Energies")
        right.set(xlabel="label: force component (eV/Å)", ylabel="potential (eV/Å)", title="Forces")
        figure.legend(*left.get_legend_handles_labels(), loc="outside lower left", ncols=6)
        image = picture(figure, kind)
    data = pd.concat(
        [structures.assign(quantity="energy"), forces.assign(quantity="force")], ignore_index=True, sort=False
    )
    return Figure(
        "parity",
        "Predicted against labelled",
        "Points on the grey line are exact. Bars are the ensemble's own standard deviation, calibrated on validation "
        "data. Training structures (grey) show what was learned, the coloured ones what that is worth elsewhere; test "
        "structures descend from nothing that was trained on.",
        image,
        kind,
        data,
        wide=True,
    )
