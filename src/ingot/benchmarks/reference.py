"""Reference values to stand beside a benchmark: each with its condition and where it was read."""

import math
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from ingot.benchmarks.errors import BenchmarkError
from ingot.files import read_json

Kind = Literal["experiment", "calculation", "potential"]
Provenance = Literal["read", "derived", "recalled"]


@dataclass(frozen=True)
class ReferenceValue:
    """A published value.

    ``kind`` tells measurements from first-principles calculations and from other potentials; ``status``
    is ``read`` (seen in the cited source or a stored copy), ``derived`` (arithmetic on such, or computed
    from published files) or ``recalled`` (not verified; a page must say so).
    """

    quantity: str
    value: float
    uncertainty: float | None
    unit: str
    kind: Kind
    status: Provenance
    condition: str
    citation: str

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise BenchmarkError(f"reference value of {self.quantity}: {self.value!r} is not a finite number")
        for name, accepted in (("kind", get_args(Kind)), ("status", get_args(Provenance))):
            if getattr(self, name) not in accepted:
                seen = getattr(self, name)
                raise BenchmarkError(f"reference value of {self.quantity}: {name} {seen!r}; accepted: {accepted}")
        if not self.citation or not self.condition or not self.unit:
            raise BenchmarkError(f"reference value of {self.quantity}: unit, condition and citation must be stated")


def available_elements() -> tuple[str, ...]:
    """Elements that have a table of reference values."""
    folder = resources.files("ingot.benchmarks") / "reference"
    return tuple(sorted(item.name.removesuffix(".json") for item in folder.iterdir() if item.name.endswith(".json")))


def reference_values(element: str) -> list[ReferenceValue]:
    """The reference values of an element; an empty list for one without a table.

    Raises :class:`BenchmarkError` for a table that is not valid.
    """
    if element not in available_elements():
        return []
    with resources.as_file(resources.files("ingot.benchmarks") / "reference" / f"{element}.json") as path:
        return parse_reference(read_json(path), element)


@dataclass(frozen=True)
class MeltingCurve:
    """Measured points of a melting curve; arrays (points,)."""

    pressure_gpa: NDArray[np.float64]
    temperature: NDArray[np.float64]
    """K."""
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    citation: str


_MELTING_CURVES = {"Al": "Boehler and Ross, Earth Planet. Sci. Lett. 153, 223 (1997), diamond anvil cell, digitised"}


def melting_curve(element: str) -> MeltingCurve | None:
    """The measured melting curve of an element, where there is a table."""
    if element not in _MELTING_CURVES:
        return None
    text = (resources.files("ingot.benchmarks") / "reference" / f"{element}_melting_curve.csv").read_text()
    pressure, temperature, low, high = np.genfromtxt(text.splitlines(), delimiter=",", skip_header=1).T
    return MeltingCurve(pressure, temperature, low, high, _MELTING_CURVES[element])


def parse_reference(table: dict[str, Any], element: str) -> list[ReferenceValue]:
    """The entries of a table as read from JSON, validated."""
    if table.get("element") != element:
        raise BenchmarkError(f"the reference table of {element} is for {table.get('element')!r}")
    entries = []
    for entry in table["entries"]:
        try:
            entries.append(ReferenceValue(**entry))
        except TypeError as error:
            raise BenchmarkError(f"reference table of {element}, {entry.get('quantity')!r}: {error}") from None
    keys = [(e.quantity, e.kind, e.condition) for e in entries]
    if len(set(keys)) != len(keys):
        raise BenchmarkError(f"reference table of {element}: two entries for one quantity, kind and condition")
    return entries
