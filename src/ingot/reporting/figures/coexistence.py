"""Melt beside solid: the temperature finds its way from both sides, or a phase dies."""

import pandas as pd

from ingot.benchmarks.reference import reference_values
from ingot.benchmarks.tables import Quantity
from ingot.reporting.figures.style import BLUE, GREEN, GREY, INK, RED, Figure, Format, canvas, picture
from ingot.reporting.headline import element_of
from ingot.reporting.run import Run

_COLORS = {"above": RED, "below": BLUE}


def draw_coexistence(run: Run, kind: Format) -> Figure | None:
    """``None`` without the coexistence benchmark, or where no cell ever held two phases."""
    runs = run.table("benchmarks", "coexistence", "runs.csv")
    profile = run.table("benchmarks", "coexistence", "profile.csv")
    if runs is None:
        return None
    result = run.quantities("benchmarks", "coexistence", "quantities.csv").get("coexistence_temperature")
    element = element_of(run)
    measured = [e for e in reference_values(element) if e.quantity == "coexistence_temperature"] if element else []
    with canvas(7.6, 2.9, 1, 3, width_ratios=(1.4, 1, 1)) as (figure, (heat, share, order)):
        for side, part in runs.groupby("run", sort=False):
            color = _COLORS.get(str(side).partition("-")[0], GREY)
            label = f"begun at {part['start_temperature_kelvin'].iloc[0]:.0f} K"
            heat.plot(part["time_ps"], part["temperature_kelvin"], color=color, linewidth=0.5, alpha=0.45)
            window = max(1, len(part) // 15)
            smooth = part["temperature_kelvin"].rolling(window, center=True, min_periods=1).mean()
            heat.plot(part["time_ps"], smooth, color=color, label=label)
            share.plot(part["time_ps"], part["solid_fraction"], color=color)
        if measured:
            heat.axhline(measured[0].value, color=GREEN, linewidth=0.9, linestyle=":", label="measured melting point")
        _result_band(heat, result)
        heat.set(xlabel="time (ps)", ylabel="temperature (K)", title="Temperature")
        figure.legend(*heat.get_legend_handles_labels(), loc="outside lower left", ncols=3)
        share.set(xlabel="time (ps)", ylabel="crystalline share of atoms", title="How much is solid", ylim=(0, 1))
        if profile is not None:
            for (name, moment), part in profile.groupby(["run", "moment"], sort=False):
                style = "-" if moment == "end" else ":"
                color = _COLORS.get(str(name).partition("-")[0], GREY)
                order.plot(part["z_angstrom"], part["order"], style, color=color)
        order.set(xlabel="z (Å)", ylabel="bond coherence", title="Order along the cell")
        order.set_ylim(bottom=min(0.0, *order.get_ylim()))
        image = picture(figure, kind)
    parts = [runs.assign(table="runs")] + ([profile.assign(table="profile")] if profile is not None else [])
    return Figure(
        "coexistence",
        "Melt and crystal side by side",
        f"{_reading(result)} Two runs at constant enthalpy begin above (red) and below (blue) the guess, a third (grey)"
        " in between where one of them lost a phase. Where both phases last, freezing heats and melting cools the cell "
        "until it is at its melting point, so the curves should meet. Right: order along the cell at the beginning "
        "(dotted) and at the end (full); a step means two phases.",
        image,
        kind,
        pd.concat(parts, ignore_index=True, sort=False),
        wide=True,
    )


def _result_band(axes, result: Quantity | None) -> None:  # type: ignore[no-untyped-def]
    if result is None or result.value is None or result.status != "ok":
        return
    axes.axhline(result.value, color=INK, linewidth=0.8)
    if result.uncertainty is not None:
        axes.axhspan(
            result.value - result.uncertainty, result.value + result.uncertainty, color=GREY, alpha=0.35, linewidth=0
        )


def _reading(result: Quantity | None) -> str:
    """What may be said: a melting point, a bound, or nothing."""
    if result is None or result.value is None:
        return "No melting point follows from this run."
    if result.status == "bound":
        return "A phase died before the temperature settled, so this is a bound and not a melting point."
    error = f" ± {result.uncertainty:.0f}" if result.uncertainty is not None else ""
    return f"Melting point of this potential: {result.value:.0f}{error} K, for a cell of this size."
