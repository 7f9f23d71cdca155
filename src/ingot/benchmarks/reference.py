"""Reference values to stand beside a benchmark: each with its condition and where it was read."""

import math
from dataclasses import dataclass
from importlib import resources
from typing import Any, Literal, get_args

from ingot.benchmarks.errors import BenchmarkError
from ingot.files import read_json

Kind = Literal["experiment", "calculation"]
Provenance = Literal["read", "derived", "recalled"]


@dataclass(frozen=True)
class ReferenceValue:
    """A published value.

    ``kind`` tells measurements from calculations; ``status`` is ``read`` (seen in the cited
    source or a stored copy), ``derived`` (arithmetic on such, or computed from published files)
    or ``recalled`` (not verified; a page must say so).
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
