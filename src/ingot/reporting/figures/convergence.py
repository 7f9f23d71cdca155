"""The crystal by the ensemble before each iteration: how the benchmark's quantities converge."""

import math

import pandas as pd

from ingot.reporting.figures.style import BLUE, INK, RED, Figure, Format, canvas, picture
from ingot.reporting.headline import is_detail
from ingot.reporting.numbers import unit
from ingot.reporting.run import Run

_COLUMNS = 4
_FAR = 4.0
"""Early values that stretch a scale more than so many times would make the later ones look equal."""


def draw_convergence(run: Run, kind: Format) -> Figure | None:
    """``None`` where the loop's ensembles did not go through the benchmark, or one did alone."""
    table = _table(run)
    if table is None or table["iteration"].nunique() < 2:
        return None
    shown = list(dict.fromkeys(table["quantity"]))
    rows = math.ceil(len(shown) / _COLUMNS)
    with canvas(7.6, 1.75 * rows, rows, _COLUMNS, squeeze=False) as (figure, axes):
        for place, quantity in zip(axes.flat, shown, strict=False):
            part = table[table["quantity"] == quantity]
            own = part[part["potential"] == "this"]
            place.errorbar(
                own["iteration"], own["value"], yerr=own["uncertainty"].fillna(0.0), fmt="o-", color=BLUE, capsize=2
            )
            for color, (name, other) in zip(
                (RED, INK), part[part["potential"] != "this"].groupby("potential"), strict=False
            ):
                place.axhline(other["value"].iloc[0], color=color, linestyle="--", linewidth=0.9, label=name)
            place.set_ylim(*scale_of_the_later(part))
            place.set_title(part["label"].iloc[0], fontsize=8)
            place.set_ylabel(part["unit"].iloc[0])
            place.set_xticks(own["iteration"], own["name"], rotation=90 if len(own) > 6 else 0)
        for place in axes.flat[len(shown) :]:
            place.set_axis_off()
        handles = [*axes.flat[0].get_legend_handles_labels()]
        if handles[0]:
            figure.legend(*handles, loc="outside lower right", ncols=2)
        image = picture(figure, kind)
    return Figure(
        "convergence",
        "The benchmark as the loop goes on",
        "The crystal by the ensemble before each iteration, and by the final potential; bars are standard deviations "
        "over the members. Dashed: the same benchmark by another potential, or by the labels' own method, where the "
        "run has them. A quantity that could not be computed yet has no point; where early ensembles are far off, the "
        "scale is that of the later ones.",
        image,
        kind,
        table,
        wide=True,
    )


def scale_of_the_later(part: pd.DataFrame) -> tuple[float | None, float | None]:
    """Limits of the axis: all of a quantity's values, or those of its later half where the early ones are far off."""
    own = part[part["potential"] == "this"]
    others = part.loc[part["potential"] != "this", "value"]
    later = own.iloc[len(own) // 2 :]
    error = later["uncertainty"].fillna(0.0)
    near = pd.concat([later["value"] - error, later["value"] + error, others])
    low, high = float(near.min()), float(near.max())
    width = (high - low) or abs(high) or 1.0
    far = own["value"].max() - own["value"].min() > _FAR * width
    return (low - width, high + width) if far else (None, None)


def _table(run: Run) -> pd.DataFrame | None:
    """Long table of quantities by iteration; ``potential`` is ``this`` or the name of what it is held against."""
    numbers = [int(path.parents[1].name) for path in run.paths("iterations/*/crystal/quantities.csv")]
    if not numbers:
        return None
    found = {str(n): run.quantities("iterations", str(n), "crystal", "quantities.csv") for n in numbers}
    found["final"] = run.quantities("benchmarks", "crystal", "quantities.csv")
    others = {
        path.parents[1].name: run.quantities(*path.relative_to(run.root).parts)
        for path in run.paths("benchmarks/compare/*/crystal/quantities.csv")
    }
    if direct := run.quantities("benchmarks", "direct", "quantities.csv"):
        others["labels' method"] = direct
    wanted = {key for quantities in found.values() for key in quantities if not is_detail(key)}
    rows = []
    for place, (name, quantities) in enumerate(found.items()):
        for key, q in quantities.items():
            if key in wanted and q.value is not None:
                rows.append((key, q.label, str(unit(q.unit)), "this", place, name, q.value, q.uncertainty))
    shown = {key: (label, text) for key, label, text, *_ in rows}
    for name, quantities in others.items():
        for key, q in quantities.items():
            if key in shown and q.value is not None:
                rows.append((key, *shown[key], name, -1, "", q.value, q.uncertainty))
    names = ("quantity", "label", "unit", "potential", "iteration", "name", "value", "uncertainty")
    table = pd.DataFrame(rows, columns=names)
    several = table[table["potential"] == "this"].groupby("quantity")["iteration"].nunique()
    return table[table["quantity"].isin(several.index[several > 1])]
