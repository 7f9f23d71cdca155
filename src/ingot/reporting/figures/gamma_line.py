"""The gamma line: energy of an fcc crystal one half of which slips over the other."""

from ingot.reporting.figures.several import Runs, colors_of, joined, tables_of
from ingot.reporting.figures.style import Figure, Format, canvas, picture


def draw_gamma_line(runs: Runs, kind: Format) -> Figure | None:
    """From the crystal to the intrinsic stacking fault, by one or several potentials; ``None`` where none has it."""
    tables = tables_of(runs, "crystal", "gamma_line.csv")
    if not tables:
        return None
    with canvas(4.6, 3.1) as (figure, axes):
        for name, table in tables.items():
            color, slip, energy = colors_of(runs)[name], table["slip"], table["relaxed_mJ_per_m2"]
            spread = table["relaxed_std_mJ_per_m2"]
            if spread.notna().all():
                axes.fill_between(slip, energy - spread, energy + spread, color=color, alpha=0.15, linewidth=0)
            axes.plot(slip, energy, "o-", color=color, label=name)
            axes.plot(slip, table["unrelaxed_mJ_per_m2"], ":", color=color, linewidth=0.9)
        axes.plot([], [], ":", color="#555555", linewidth=0.9, label="unrelaxed")
        axes.set(xlabel="slip along ⟨112⟩ (partial Burgers vectors)", ylabel="energy (mJ/m²)")
        axes.margins(x=0.02)
        axes.set_ylim(bottom=0)
        axes.legend(loc="upper left")
        image = picture(figure, kind)
    return Figure(
        "gamma-line",
        "Generalised stacking fault",
        "Relaxed along the normal, in the limit of many planes. The maximum is the unstable stacking fault, the right "
        "end the intrinsic one. Bands are the standard deviation over the members of an ensemble.",
        image,
        kind,
        joined(tables),
    )
