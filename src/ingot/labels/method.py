"""What every label method offers, and the digest that addresses its labels."""

from typing import Any, Protocol, runtime_checkable

from ase import Atoms

from ingot.files import digest
from ingot.labels.label import Label


@runtime_checkable
class LabelMethod(Protocol):
    """Something that labels structures: an engine with all its settings fixed."""

    @property
    def name(self) -> str:
        """Short name: ``pyscf``, ``pyscf-molecule``, ``orbital-free``, ``ase``, ``potential``."""
        ...

    @property
    def digest(self) -> str:
        """:func:`method_digest` of :meth:`settings`: it changes when, and only when, numbers may change."""
        ...

    def settings(self) -> dict[str, Any]:
        """All that decides the numbers: physical settings, engine and its version, numerics version."""
        ...

    def estimated_cost(self, atoms: Atoms) -> float:
        """Relative cost of a label, to deal work evenly to batches; must not depend on the machine."""
        ...

    def compute(self, atoms: Atoms) -> Label:
        """The label of a structure in canonical form.

        Raises :class:`~ingot.labels.errors.LabelFailure` where the structure cannot be labelled
        by this method; the result must not depend on what was computed before.
        """
        ...


def method_digest(settings: dict[str, Any]) -> str:
    """Sixteen hexadecimal digits of a method's settings (order of keys does not count)."""
    return digest(settings)
