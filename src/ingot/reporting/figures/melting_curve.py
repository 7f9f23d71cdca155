"""The melting curve: melting points against pressure, with the slopes that heat and volume of fusion give."""

import numpy as np
import pandas as pd

from ingot.benchmarks.reference import melting_curve
from ingot.reporting.figures.style import BLUE, GREEN, Figure, Format, canvas, picture
from ingot.reporting.headline import element_of
from ingot.reporting.run import Run


def draw_melting_curve(run: Run, kind: Format) -> Figure | None:
    """``None`` where coexistence was observed at one pressure only."""
    points = _points(run)
    if len(points) < 2:
        return None
    element = element_of(run)
    measured = melting_curve(element) if element else None
    with canvas(5.0, 3.4, 1, 1) as (figure, axes):
        certain = points[points["status"] == "ok"]
        pressure, temperature = certain["pressure_gpa"], certain["temperature_kelvin"]
        axes.errorbar(pressure, temperature, certain["uncertainty_kelvin"], fmt="o", color=BLUE, label="coexistence")
        bounds = points[points["status"] == "bound"]
        if len(bounds):
            axes.plot(bounds["pressure_gpa"], bounds["temperature_kelvin"], "x", color=BLUE, label="bound only")
        reach = 0.08 * float(np.ptp(points["pressure_gpa"]))
        along = np.array([-reach, reach])
        for p, t, slope in certain[["pressure_gpa", "temperature_kelvin", "slope_kelvin_per_gpa"]].dropna().to_numpy():
            axes.plot(p + along, t + slope * along, color=BLUE, linewidth=1.2)
        if measured is not None:
            errors = np.abs(np.stack([measured.low, measured.high]) - measured.temperature)
            label = measured.citation.split(",")[0]
            axes.errorbar(
                measured.pressure_gpa, measured.temperature, errors, fmt="D", color=GREEN, markerfacecolor="white",
                markersize=4, elinewidth=0.8, label=label,
            )  # fmt: skip
        axes.set(xlabel="pressure (GPa)", ylabel="melting point (K)")
        axes.legend(loc="lower right")
        image = picture(figure, kind)
    source = f" Diamonds: {measured.citation}." if measured is not None else ""
    return Figure(
        "melting-curve",
        "The melting curve",
        "Melting points by coexistence at several pressures, with their errors; short lines are the slopes that heat "
        f"and volume of fusion give by themselves (Clausius-Clapeyron) and should touch the curve.{source}",
        image,
        kind,
        points,
    )


def _points(run: Run) -> pd.DataFrame:
    """One row for each pressure."""
    rows = []
    paths = run.paths("benchmarks/coexistence/quantities.csv") + run.paths("benchmarks/coexistence/at-*/quantities.csv")
    for path in paths:
        found = run.quantities(*path.relative_to(run.root).parts)
        point, slope = found.get("coexistence_temperature"), found.get("melting_slope")
        if point is None or point.value is None:
            continue
        rows.append(
            {
                "pressure_gpa": float(point.condition.split()[0]),
                "temperature_kelvin": point.value,
                "uncertainty_kelvin": point.uncertainty,
                "status": point.status,
                "slope_kelvin_per_gpa": None if slope is None else slope.value,
            }
        )
    columns = ("pressure_gpa", "temperature_kelvin", "uncertainty_kelvin", "status", "slope_kelvin_per_gpa")
    table = pd.DataFrame(rows, columns=list(columns))
    return table.astype({name: float for name in columns if name != "status"}).sort_values("pressure_gpa")
