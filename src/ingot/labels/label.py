"""The record of one label: what a method says about one structure, or why it says nothing."""

from dataclasses import dataclass, fields
from typing import Any, Literal

import numpy as np

from ingot.labels.errors import LabelError

EnergyKind = Literal["free", "zero", "total", "unknown"]
"""Which energy the forces derive: the free energy E - TS of smeared electrons, its zero-smearing
estimate, the total energy, or not known."""

_ARRAYS = ("forces", "stress")


@dataclass(frozen=True, eq=False)
class Label:
    """Energy, forces and stress of one structure by one method; or a failure with its reason."""

    structure_id: str
    """Identity of the structure (:func:`ingot.structures.structure_id`)."""
    method: str
    """Digest of the method (:class:`ingot.labels.LabelMethod`)."""
    converged: bool
    """Whether the numbers can be used; if not, ``reason`` says why and there are none."""
    reason: str | None = None
    """Why the label failed."""
    energy: float | None = None
    """eV; the energy that the forces derive, of the kind ``energy_kind``."""
    energy_kind: EnergyKind = "unknown"
    """What ``energy`` is."""
    energy_zero: float | None = None
    """eV; estimate for zero smearing, E - TS/2."""
    energy_total: float | None = None
    """eV; total energy E without the entropy term."""
    entropy_term: float | None = None
    """eV; TS of the smeared electrons."""
    forces: np.ndarray | None = None
    """(atoms, 3), eV/A."""
    stress: np.ndarray | None = None
    """(6,), eV/A^3, +(1/V) dE/d(strain), Voigt xx yy zz yz xz xy."""

    def __post_init__(self) -> None:
        """Refuse a record that says both, or neither."""
        if self.converged and (self.energy is None or self.reason is not None):
            raise LabelError(f"a converged label needs an energy and no reason (structure {self.structure_id})")
        if not self.converged and (not self.reason or self.energy is not None or self.forces is not None):
            raise LabelError(f"a failed label needs a reason and no energy or forces (structure {self.structure_id})")

    def to_dict(self) -> dict[str, Any]:
        """A JSON-like value that :meth:`from_dict` turns back into the same label, bit for bit."""
        values: dict[str, Any] = {field.name: getattr(self, field.name) for field in fields(self)}
        for name in _ARRAYS:
            values[name] = None if values[name] is None else np.asarray(values[name], dtype=float).tolist()
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> "Label":
        """The label of a JSON-like value; raises :class:`LabelError` where a key or a shape is wrong."""
        expected = {field.name for field in fields(cls)}
        if not isinstance(values, dict) or set(values) != expected:
            found = sorted(values) if isinstance(values, dict) else type(values).__name__
            raise LabelError(f"not a label: expected the keys {sorted(expected)}, found {found}")
        arrays = {key: None if values[key] is None else np.asarray(values[key], dtype=float) for key in _ARRAYS}
        for key, shape in (("forces", (-1, 3)), ("stress", (6,))):
            array = arrays[key]
            if array is not None and (array.ndim != len(shape) or array.shape[-1] != shape[-1]):
                raise LabelError(f"not a label: {key} has the shape {array.shape}")
        return cls(**{**values, **arrays})


def failed_label(structure_id: str, method: str, reason: str) -> Label:
    """A label that says why there are no numbers."""
    return Label(structure_id, method, converged=False, reason=reason)
