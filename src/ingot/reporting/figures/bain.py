"""The Bain path: energy from bcc to fcc at constant volume."""

import numpy as np

from ingot.reporting.figures.several import Runs, colors_of, joined, tables_of
from ingot.reporting.figures.style import GREY, Figure, Format, canvas, picture


def draw_bain(runs: Runs, kind: Format) -> Figure | None:
    """Energies of one or several potentials above fcc; ``None`` where none has a Bain path."""
    tables = tables_of(runs, "crystal", "bain.csv")
    if not tables:
        return None
    with canvas(4.6, 3.1) as (figure, axes):
        for name, table in tables.items():
            color, x, energy = colors_of(runs)[name], table["c_over_a"], table["energy_above_fcc_meV_per_atom"]
            spread = table["energy_above_fcc_std_meV_per_atom"]
            if spread.notna().all():
                axes.fill_between(x, energy - spread, energy + spread, color=color, alpha=0.15, linewidth=0)
            axes.plot(x, energy, color=color, label=name)
        axes.margins(x=0)
        for lattice, ratio in (("bcc", 1.0), ("fcc", np.sqrt(2))):
            axes.axvline(ratio, color=GREY, linewidth=0.7, zorder=0)
            axes.text(ratio, 1.0, f" {lattice}", transform=axes.get_xaxis_transform(), va="top")
        axes.set(xlabel="c/a of the body-centred tetragonal cell", ylabel="energy above fcc (meV/atom)")
        if len(tables) > 1:
            axes.legend()
        image = picture(figure, kind)
    return Figure(
        "bain",
        "Bain path",
        "bcc pulled along a cube axis at constant volume becomes fcc. A maximum at a lattice means that it does not "
        "resist this strain. Bands are the standard deviation over the members of an ensemble.",
        image,
        kind,
        joined(tables),
    )
