"""The smaller tables of the page, from the benchmarks' tidy tables."""

from dataclasses import dataclass

import pandas as pd

from ingot.reporting.headline import is_detail
from ingot.reporting.loop import iterations
from ingot.reporting.numbers import unit
from ingot.reporting.run import Run


@dataclass(frozen=True)
class Column:
    """A column: its heading, the unit under it, and the decimals of its numbers (``None`` for text)."""

    heading: str
    unit: str = ""
    decimals: int | None = None


@dataclass(frozen=True)
class Table:
    """A table for the page; cells are text, numbers, or ``None`` for an empty cell."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[object, ...], ...]


_SPLITS = ("train", "validation", "test", "extrapolation", "unseen", "control")
_MEANING = {"unseen": "chosen, not yet learned", "control": "random control"}


def error_table(run: Run) -> Table | None:
    """Errors of the headline potential by split and by family within the test set."""
    errors = run.table("benchmarks", "accuracy", "errors.csv")
    if errors is None:
        return None
    errors = errors[errors["potential"] == errors["potential"].iloc[-1]]
    by_split = errors[errors["grouping"] == "split"]
    by_family = errors[errors["grouping"] == "family"]
    rows = []
    for split in [s for s in _SPLITS if s in set(by_split["split"])]:
        rows.append(_error_row(split, "all", by_split[by_split["split"] == split]))
        inside = by_family[by_family["split"] == split]
        if split in ("test", "extrapolation") and inside["family"].nunique() > 1:
            rows += [_error_row("", str(family), part) for family, part in inside.groupby("family", sort=True)]
    interval = f"{errors['interval'].iloc[0]:.0%}"
    columns = (
        Column("set"),
        Column("family"),
        Column("structures", "", 0),
        Column("energy RMSE", "meV/atom", 1),
        Column("median", "meV/atom", 1),
        Column("force RMSE", "eV/Å", 3),
        Column("MAE", "eV/Å", 3),
        Column("median", "eV/Å", 3),
        Column("95 % quantile", "eV/Å", 3),
        Column(f"in {interval} interval", "forces, %", 0),
        Column("stress RMSE", "GPa", 2),
    )
    caption = (
        f"Errors of the final potential. The last column but one is how often a labelled force component lies "
        f"inside the potential's own {interval} interval: less means that it is too sure of itself."
    )
    return Table(caption, columns, tuple(rows))


def density_table(run: Run) -> Table | None:
    """Force errors of the families of the fixed test by density, where they span several intervals."""
    errors = run.table("benchmarks", "accuracy", "errors.csv")
    if errors is None or "density" not in errors:
        return None
    errors = errors[(errors["potential"] == errors["potential"].iloc[-1]) & (errors["quantity"] == "force")]
    part = errors[(errors["grouping"] == "density") & (errors["split"] == "test")]
    part = part[part.groupby("family")["density"].transform("nunique") > 1]
    if part.empty:
        return None
    names = ("structures", "rmse", "rmse_error", "median", "q95")
    part = part.assign(low=part["density"].str.split("-").str[0].astype(float)).sort_values(["family", "low"])
    rows = tuple(
        (str(row["family"]), str(row["density"]), *(None if pd.isna(row[n]) else float(row[n]) for n in names))
        for _, row in part.iterrows()
    )
    columns = (
        *(Column("family"), Column("density", "g/cm³"), Column("structures", "", 0), Column("force RMSE", "eV/Å", 3)),
        *(Column("±", "eV/Å", 3), Column("median", "eV/Å", 3), Column("95 % quantile", "eV/Å", 3)),
    )
    return Table("Force errors of the test structures by density; ± is the jackknife over structures.", columns, rows)


def _error_row(split: str, family: str, part: pd.DataFrame) -> tuple[object, ...]:
    def value(quantity: str, column: str, scale: float = 1.0) -> float | None:
        row = part[part["quantity"] == quantity]
        if len(row) != 1 or pd.isna(row[column].iloc[0]):
            return None
        return scale * float(row[column].iloc[0])

    return (
        f"{split} ({_MEANING[split]})" if split in _MEANING else split,
        family,
        value("energy", "structures"),
        value("energy", "rmse", 1e3),
        value("energy", "median", 1e3),
        *(value("force", name) for name in ("rmse", "mae", "median", "q95")),
        value("force", "coverage", 100.0),
        value("stress", "rmse"),
    )


def learning_curve_table(run: Run) -> Table | None:
    """Errors of all points of the learning curves, with and without forces."""
    points = run.table("benchmarks", "learning_curves", "points.csv")
    if points is None:
        return None
    keys = ["set", "selection", "quantity", "labels"]
    rows = []
    for (name, selection, quantity, labels), part in points.groupby(keys, sort=False):
        scale, text = (1e3, "meV/atom") if quantity == "energy" else (1.0, "eV/Å")
        cells: list[object] = [str(name), str(selection), str(quantity), text, float(str(labels))]
        for loss in ("forces", "energies"):
            errors = scale * part[part["loss"] == loss]["rmse"]
            cells += [float(errors.mean()) if len(errors) else None, float(errors.std()) if len(errors) > 1 else None]
        rows.append((*cells, scale * float(part["mean_predictor_rmse"].mean())))
    columns = (
        *(Column("test"), Column("trained on"), Column("RMSE of"), Column("unit"), Column("labels", "", 0)),
        *(
            Column("energies and forces", "", 3),
            Column("±", "", 3),
            Column("energies alone", "", 3),
            Column("±", "", 3),
        ),
        Column("mean predictor", "", 3),
    )
    rows.sort(key=lambda row: (str(row[0]), str(row[2]), str(row[1]), row[4]))
    return Table("Learning curves; ± is the standard deviation over folds.", columns, tuple(rows))


def iteration_table(run: Run) -> Table | None:
    """One row per active-learning iteration: what was explored, found and decided."""
    structures = run.table("benchmarks", "accuracy", "structures.csv")
    rows = []
    for one in iterations(run):
        decision = one.decision
        picked = one.candidates[one.candidates["picked"].notna()] if len(one.candidates) else one.candidates
        rows.append(
            (
                str(one.number),
                None if one.trajectories is None else float(len(one.trajectories)),
                100 * float(decision["early_stop_fraction"]),
                float(len(decision["candidates"])),
                100 * float(decision["novel_fraction"]),
                float(picked["novelty_nats"].median()) if len(picked) else None,
                float(len(decision["selected"])),
                *(_true_error(structures, one.number, origin) for origin in ("iteration", "control")),
                str(decision["reason"]),
            )
        )
    if not rows:
        return None
    columns = (
        Column("iteration"),
        Column("trajectories", "", 0),
        Column("stopped early", "%", 0),
        Column("candidates", "", 0),
        Column("novel", "% of environments", 0),
        Column("novelty of the selected", "median, nats", 1),
        Column("selected", "", 0),
        Column("true error, selected", "median, eV/Å", 3),
        Column("control", "median, eV/Å", 3),
        Column("decision"),
    )
    caption = (
        "True errors are those of the ensemble that chose, against labels made afterwards; the control is drawn at "
        "random from the same dynamics and is never trained on."
    )
    return Table(caption, columns, tuple(rows))


def acquisition_table(run: Run) -> Table | None:
    """One row per iteration: what its labels were of, what they cost, and what failed."""
    rows = []
    for one in iterations(run):
        added, cost = one.added, one.cost
        labels = one.labels
        ranges = [
            " to ".join(f"{q:.{decimals}f}" for q in part.quantile([0.05, 0.95])) if len(part) else ""
            for part, decimals in ((added["density"].dropna(), 2), (added["temperature"].dropna(), 0))
        ]
        crystalline = pd.to_numeric(added["crystalline"]).dropna()
        rows.append(
            (
                str(one.number),
                float(labels["iteration"][0] - labels["iteration"][1]),
                float(labels["control"][0] - labels["control"][1]),
                *(float((added["reason"] == source).sum()) for source in ("attack", "quench")),
                *ranges,
                100 * float(crystalline.mean()) if len(crystalline) else None,
                float(one.discarded),
                float(labels["iteration"][1] + labels["control"][1]),
                float(len(one.diverged)),
                *(_minutes(cost[stage]) for stage in ("training", "exploring", "labelling")),
            )
        )
    if not rows:
        return None
    columns = (
        Column("iteration"),
        Column("labels", "learned", 0),
        Column("labels", "control", 0),
        Column("from attacks", "", 0),
        Column("from quenches", "", 0),
        Column("densities", "g/cm³, 5 to 95 %"),
        Column("temperatures", "K, 5 to 95 %"),
        Column("crystalline", "% of atoms", 0),
        Column("discarded", "trajectories", 0),
        Column("failed", "labels", 0),
        Column("diverged", "networks", 0),
        Column("training", "CPU minutes", 1),
        Column("exploring", "CPU minutes", 1),
        Column("labelling", "CPU minutes", 1),
    )
    caption = (
        "What each iteration labelled, what failed and was left out, and what it cost. Temperatures are those of the "
        "thermostat at the labelled frames of trajectories. Crystalline are atoms whose neighbours' surroundings are "
        "oriented alike (cells of 24 atoms and more). Labels that were in the store cost nothing here."
    )
    return Table(caption, columns, tuple(rows))


def _minutes(seconds: float | None) -> float | None:
    return None if seconds is None else seconds / 60


def _true_error(structures: pd.DataFrame | None, number: int, origin: str) -> float | None:
    if structures is None:
        return None
    mine = structures[
        (structures["potential"] == f"iteration-{number}")
        & (structures["origin"] == f"{origin}-{number}")
        & (structures["force_label_rms_eV_per_A"] > 1e-3)
    ]
    return float(mine["force_rmse_eV_per_A"].median()) if len(mine) else None


def comparison_table(run: Run) -> Table | None:
    """The crystal of the final potential beside that of the other potentials that went through the same benchmark."""
    own = run.quantities("benchmarks", "crystal", "quantities.csv")
    others = {
        path.parents[1].name: run.quantities(*path.relative_to(run.root).parts)
        for path in run.paths("benchmarks/compare/*/crystal/quantities.csv")
    }
    if not own or not others:
        return None
    rows = []
    for key, q in own.items():
        cells: list[object] = [q.label, str(unit(q.unit)), q.value, q.uncertainty]
        for found in others.values():
            other = found.get(key)
            value = None if other is None else other.value
            cells += [value, None if value is None or q.value is None else q.value - value]
        rows.append(tuple(cells))
    columns = [Column("quantity"), Column("unit"), Column("this potential", "", 3), Column("±", "", 3)]
    for name in others:
        columns += [Column(name, "", 3), Column("difference", "", 3)]
    caption = "The same benchmark on other potentials; ± is the standard deviation over the members of this one."
    return Table(caption, tuple(columns), tuple(rows))


def melt_table(run: Run) -> Table | None:
    """What the melt benchmarks say beside the headline: finer quantities, and how each run ended."""
    rows = []
    for suite in ("rdf", "coexistence"):
        for key, q in run.quantities("benchmarks", suite, "quantities.csv").items():
            if is_detail(key) and q.value is not None:
                rows.append((q.label, q.value, q.uncertainty, str(unit(q.unit)), q.condition, q.note))
    if not rows:
        return None
    columns = (
        Column("quantity"),
        Column("value", "", 2),
        Column("±", "", 2),
        Column("unit"),
        Column("condition"),
        Column("note"),
    )
    return Table("Finer quantities of the melt, and how each run of coexistence ended.", columns, tuple(rows))
