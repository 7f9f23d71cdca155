"""The melt: its pair structure, whether it was stationary, and how its atoms move."""

import pandas as pd

from ingot.benchmarks.reference import reference_values
from ingot.reporting.figures.style import BLUE, GREEN, GREY, INK, Figure, Format, canvas, picture
from ingot.reporting.headline import element_of
from ingot.reporting.run import Run


def draw_radial_distribution(run: Run, kind: Format) -> Figure | None:
    """``None`` without the melt benchmark, or where nothing melted."""
    table = run.table("benchmarks", "rdf", "rdf.csv")
    if table is None:
        return None
    series, motion = run.table("benchmarks", "rdf", "series.csv"), run.table("benchmarks", "rdf", "msd.csv")
    with canvas(7.6, 2.9, 1, 3, width_ratios=(1.6, 1, 1)) as (figure, (pairs, stationary, moving)):
        _pairs(pairs, table, run)
        if series is not None:
            stationary.plot(series["time_ps"], series["density_g_cm3"], color=BLUE, linewidth=0.9)
            stationary.axhline(series["density_g_cm3"].mean(), color=INK, linewidth=0.7, linestyle=":")
        stationary.set(xlabel="time (ps)", ylabel="density (g/cm³)", title="Is it stationary?")
        if motion is not None:
            moving.plot(motion["time_ps"], motion["msd_angstrom2"], color=BLUE)
        moving.set(xlabel="lag (ps)", ylabel="mean square displacement (Å²)", title="Does it flow?")
        image = picture(figure, kind)
    parts = [("rdf", table), ("series", series), ("msd", motion)]
    data = pd.concat([part.assign(table=name) for name, part in parts if part is not None], sort=False)
    return Figure(
        "radial-distribution",
        "The melt",
        "Left: radial distribution function of the melt (band: standard error over blocks of the run); the diamond is "
        "the first peak of the published ANI-Al potential where the reference table has one, at its own temperature. "
        "Middle: the density as it was observed, the dotted line its mean: a drift means that the run was too short. "
        "Right: a straight line is diffusion, a plateau a solid.",
        image,
        kind,
        data,
        wide=True,
    )


def _pairs(axes, table: pd.DataFrame, run: Run) -> None:  # type: ignore[no-untyped-def]
    r, g = table["distance_angstrom"], table["g"]
    axes.axhline(1, color=GREY, linewidth=0.7, zorder=0)
    axes.fill_between(r, g - table["error"], g + table["error"], color=BLUE, alpha=0.25, linewidth=0)
    axes.plot(r, g, color=BLUE)
    element = element_of(run)
    known = {e.quantity: e for e in reference_values(element)} if element else {}
    if "rdf_peak_position" in known and "rdf_peak_height" in known:
        peak = (known["rdf_peak_position"].value, known["rdf_peak_height"].value)
        axes.plot(*peak, "D", color=GREEN, markerfacecolor="white", markersize=5)
        label = f"published, {known['rdf_peak_position'].condition.split(',')[0]}"
        axes.annotate(label, peak, xytext=(7, 2), textcoords="offset points", fontsize=7, color=GREEN)
    axes.set(xlabel="r (Å)", ylabel="g(r)", title="Pair structure", xlim=(0, float(r.max())))
    axes.set_ylim(bottom=0)
