"""The headline table: the potential beside its own label method and beside published values."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath

from ingot.benchmarks.reference import ReferenceValue, reference_values
from ingot.benchmarks.tables import Quantity
from ingot.reporting.run import Run

SUITES = ("crystal", "thermal", "rdf", "coexistence")
"""Benchmarks whose quantities are headline rows, in this order."""

_HIDDEN = ("vacancy_formation_unrelaxed", "energy_per_atom", "bulk_derivative", "rdf_first_minimum", "coordination")


def is_detail(key: str) -> bool:
    """Whether a quantity stays in the smaller tables, as the single runs of coexistence do."""
    return key in _HIDDEN or key.startswith("coexistence_temperature_")


DECIMALS = {
    "A": 3,
    "GPa": 1,
    "eV": 3,
    "mJ/m2": 0,
    "meV/atom": 1,
    "K": 0,
    "g/cm3": 3,
    "eV/atom": 3,
    "1": 2,
    "eV/A": 3,
    "1e-9 m2/s": 1,
    "1e-6/K": 1,
    "J/mol/K": 2,
    "kJ/mol": 2,
}


@dataclass(frozen=True)
class Row:
    """One quantity: the potential's row, the labels' row, and the published values."""

    potential: Quantity
    direct: Quantity | None
    references: tuple[ReferenceValue, ...]
    decimals: int

    @property
    def difference(self) -> float | None:
        """Potential minus direct."""
        if self.direct is None or self.direct.value is None or self.potential.value is None:
            return None
        return self.potential.value - self.direct.value

    @property
    def percent(self) -> float | None:
        """The difference in percent of the direct value; ``None`` for energy differences, which may be near zero."""
        if self.difference is None or self.potential.unit == "meV/atom":
            return None
        assert self.direct is not None
        assert self.direct.value is not None
        return 100 * self.difference / abs(self.direct.value) if self.direct.value else None


def element_of(run: Run) -> str | None:
    """The element of the benchmarks: as configured, or the only species of the potential."""
    benchmarks = run.configuration.get("benchmarks") or {}
    for suite in ("crystal", "direct"):
        if (benchmarks.get(suite) or {}).get("element"):
            return str(benchmarks[suite]["element"])
    species = potential_species(run)
    return species[0] if len(species) == 1 else None


def potential_species(run: Run) -> list[str]:
    """The elements of the final potential, from its ``potential.json``."""
    description = run.json("potential", "potential.json") or {}
    architecture = description.get("architecture") or {}
    species = architecture.get("species") or (architecture.get("constants") or {}).get("species") or []
    return [str(s) for s in species]


def direct_quantities(run: Run) -> dict[str, Quantity]:
    """What the label method itself gives, by key.

    First principles are asked by the benchmark ``direct``. Labels that are the predictions of a potential have that
    potential's own benchmarks, where ``benchmarks.compare`` names it.
    """
    computed = run.quantities("benchmarks", "direct", "quantities.csv")
    labels = run.configuration.get("labels") or {}
    if computed or labels.get("method") != "potential":
        return computed
    compared = (run.configuration.get("benchmarks") or {}).get("compare") or {}
    teacher = PurePath((labels.get("potential") or {}).get("path", ""))
    found: dict[str, Quantity] = {}
    for name in (name for name, path in compared.items() if PurePath(path) == teacher):
        for suite in SUITES:
            found |= run.quantities("benchmarks", "compare", name, suite, "quantities.csv")
    return found


def headline_rows(run: Run) -> list[Row]:
    """The rows of the headline table, in the order of the benchmarks."""
    element = element_of(run)
    references = reference_values(element) if element else []
    direct = direct_quantities(run)
    rows = []
    for suite in SUITES:
        for key, quantity in run.quantities("benchmarks", suite, "quantities.csv").items():
            if not is_detail(key):
                published = tuple(r for r in references if r.quantity == key)
                rows.append(Row(quantity, direct.get(key), published, DECIMALS.get(quantity.unit, 3)))
    return rows


def citations(rows: Sequence[Row]) -> list[str]:
    """Every source of the table once, in the order of first use: the footnotes."""
    found: list[str] = []
    for row in rows:
        for reference in row.references:
            text = citation(reference)
            if text not in found:
                found.append(text)
    return found


def citation(reference: ReferenceValue) -> str:
    """The source of a value; one that was not verified says so."""
    return reference.citation + (" (recalled, not verified)" if reference.status == "recalled" else "")


def direct_error(rows: Sequence[Row]) -> str:
    """What the uncertainty of the label method's own values is."""
    kinds = {row.direct.uncertainty_kind for row in rows if row.direct is not None}
    return "of the same kinds" if "ensemble std" in kinds else "the error of the fit to its energies"


def other_errors(rows: Sequence[Row]) -> list[tuple[str, list[str]]]:
    """Labels of the quantities whose uncertainty is not the spread over the ensemble, by the kind it is."""
    kinds: dict[str, list[str]] = {}
    for row in rows:
        q = row.potential
        if q.uncertainty is not None and q.uncertainty_kind != "ensemble std":
            kinds.setdefault({"fit": "error of the fit"}.get(q.uncertainty_kind, q.uncertainty_kind), []).append(
                q.label
            )
    return list(kinds.items())
