"""The accuracy benchmark's tables: one row per structure, per force component, per group, and the headline."""

import contextlib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ingot.benchmarks.accuracy import Comparison, ErrorSummary, energy_summary, force_summary, stress_summary
from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.tables import Quantity, write_quantities, write_table

STRUCTURE_COLUMNS = (
    "potential",
    "origin",
    "split",
    "family",
    "structure_id",
    "atoms",
    "density_g_per_cm3",
    "crystalline_fraction",
    "energy_label_eV_per_atom",
    "energy_eV_per_atom",
    "energy_std_eV_per_atom",
    "force_rmse_eV_per_A",
    "force_std_rms_eV_per_A",
    "force_max_error_eV_per_A",
    "force_label_rms_eV_per_A",
    "stress_rmse_GPa",
    "members",
)
FORCE_COLUMNS = (
    "potential",
    "origin",
    "split",
    "family",
    "structure_id",
    "atom",
    "component",
    "label_eV_per_A",
    "predicted_eV_per_A",
    "std_eV_per_A",
)
ERROR_COLUMNS = (
    "potential",
    "grouping",
    "origin",
    "split",
    "family",
    "density",
    "quantity",
    "unit",
    "structures",
    "count",
    "rmse",
    "rmse_error",
    "mae",
    "median",
    "q95",
    "largest",
    "expected_rms",
    "coverage",
    "interval",
)
GROUPINGS = {
    "split": ("split",),
    "origin": ("origin",),
    "family": ("split", "family"),
    "density": ("split", "family", "density"),
}
SPLIT_ORDER = ("train", "validation", "test", "extrapolation", "unseen")


def write_accuracy(
    directory: str | Path, results: Mapping[str, Sequence[Comparison]], interval: float, parity_rows: int
) -> None:
    """Write ``structures.csv``, ``forces.csv``, ``errors.csv`` and ``quantities.csv``.

    ``results`` maps the name of a potential to its comparisons; the headline quantities are
    those of the last potential.
    """
    directory = Path(directory)
    write_table(
        directory / "structures.csv",
        STRUCTURE_COLUMNS,
        (_structure_row(name, c) for name, comparisons in results.items() for c in comparisons),
    )
    rows = [row for name, comparisons in results.items() for row in _force_rows(name, comparisons, parity_rows)]
    write_table(directory / "forces.csv", FORCE_COLUMNS, rows)
    errors = [row for name, comparisons in results.items() for row in _error_rows(name, comparisons, interval)]
    write_table(directory / "errors.csv", ERROR_COLUMNS, errors)
    write_quantities(directory / "quantities.csv", headline(list(results.values())[-1], interval))


def _structure_row(name: str, c: Comparison) -> tuple[object, ...]:
    spread = None if c.forces_std is None else float(np.sqrt(np.mean(c.forces_std**2)))
    errors = c.force_errors
    return (
        name,
        c.origin,
        c.split,
        c.family,
        c.structure_id,
        c.atoms,
        c.density,
        c.crystalline,
        c.energy_label,
        c.energy,
        c.energy_std,
        c.force_rmse,
        spread,
        None if errors is None else float(np.abs(errors).max()),
        None if c.forces_label is None else float(np.sqrt(np.mean(c.forces_label**2))),
        None if c.stress_errors is None else float(np.sqrt(np.mean(c.stress_errors**2))),
        c.members,
    )


def _force_rows(name: str, comparisons: Sequence[Comparison], limit: int) -> list[tuple[object, ...]]:
    """Every k-th force component, such that no more than ``limit`` rows are written."""
    rows: list[tuple[object, ...]] = []
    total = sum(c.forces.size for c in comparisons if c.forces_label is not None)
    stride = max(1, -(-total // limit))
    seen = 0
    for c in comparisons:
        if c.forces_label is None:
            continue
        for flat in range(-seen % stride, c.forces.size, stride):
            atom, axis = divmod(flat, 3)
            std = None if c.forces_std is None else c.forces_std[atom, axis]
            rows.append(
                (
                    *(name, c.origin, c.split, c.family, c.structure_id, atom, "xyz"[axis]),
                    *(c.forces_label[atom, axis], c.forces[atom, axis], std),
                )
            )
        seen += c.forces.size
    return rows


def _error_rows(name: str, comparisons: Sequence[Comparison], interval: float) -> Iterable[tuple[object, ...]]:
    interval_of = _density_intervals([c.density for c in comparisons if c.density is not None])
    for grouping, keys in GROUPINGS.items():
        groups: dict[tuple[str, ...], list[Comparison]] = {}
        for c in comparisons:
            if "density" in keys and c.density is None:
                continue
            place_of = {"density": interval_of(c.density), "origin": c.origin, "split": c.split, "family": c.family}
            groups.setdefault(tuple(place_of[key] for key in keys), []).append(c)
        for values in sorted(groups):
            labels = dict(zip(keys, values, strict=True))
            place = [labels.get(key, "") for key in ("origin", "split", "family", "density")]
            for quantity, unit, summary in _summaries(groups[values], interval):
                yield name, grouping, *place, quantity, unit, *_numbers(summary), interval


_DENSITY_INTERVALS = 6
"""At most this many, of equal and round width."""


def _density_intervals(densities: Sequence[float]) -> Callable[[float | None], str]:
    """Names, such as ``2.0-2.5``, of the intervals (g/cm3) that densities lie in."""
    if not densities:
        return lambda density: ""
    widths = [factor * 10.0**power for power in range(-3, 3) for factor in (1, 2, 5)]
    low, high = min(densities), max(densities)
    width = next(w for w in widths if math.floor(high / w) - math.floor(low / w) < _DENSITY_INTERVALS)
    digits = max(0, -math.floor(math.log10(width)))

    def name(density: float | None) -> str:
        if density is None:
            return ""
        first = math.floor(density / width + 1e-9) * width
        return f"{first:.{digits}f}-{first + width:.{digits}f}"

    return name


def _summaries(group: Sequence[Comparison], interval: float) -> Iterable[tuple[str, str, ErrorSummary]]:
    yield "energy", "eV/atom", energy_summary(group, interval)
    with contextlib.suppress(BenchmarkError):  # only structures whose forces vanish by symmetry
        yield "force", "eV/A", force_summary(group, interval)
    with contextlib.suppress(BenchmarkError):  # labels without stress
        yield "stress", "GPa", stress_summary(group, interval)


def _numbers(s: ErrorSummary) -> tuple[object, ...]:
    return (
        s.structures, s.count, s.rmse, s.rmse_error, s.mae, s.median, s.q95, s.largest, s.expected, s.coverage,
    )  # fmt: skip


_HEADLINE = {
    "energy": ("energies", 1e3, "meV/atom", "structures"),
    "force": ("forces", 1.0, "eV/A", "structures with forces that symmetry does not cancel"),
    "stress": ("stresses", 1.0, "GPa", "structures with labelled stress"),
}
"""Plural, scale and unit of the RMSE, and what is counted."""


def headline(comparisons: Sequence[Comparison], interval: float) -> list[Quantity]:
    """RMSE of energy, force and stress, and the coverage of each split, as rows of ``quantities.csv``."""
    rows = []
    splits = [s for s in SPLIT_ORDER if any(c.split == s for c in comparisons)]
    for split in splits:
        group = [c for c in comparisons if c.split == split]
        for quantity, _, s in _summaries(group, interval):
            plural, scale, unit, what = _HEADLINE[quantity]
            condition = f"{s.structures} {what}"
            error = None if s.rmse_error is None else scale * s.rmse_error
            kind = "" if error is None else "jackknife over structures"
            key = f"{quantity}_rmse_{split}"
            rows.append(Quantity(key, f"{quantity} RMSE, {split}", scale * s.rmse, unit, error, kind, condition))
            if s.coverage is not None:
                key, label = f"{quantity}_coverage_{split}", f"{plural} inside the {interval:.0%} interval, {split}"
                rows.append(Quantity(key, label, s.coverage, "1", condition=condition))
    return rows
