"""Labels by any ASE calculator, given by its import path and keyword arguments."""

from dataclasses import dataclass, field
from importlib import import_module, metadata
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import PropertyNotImplementedError

from ingot.errors import near_name
from ingot.labels.errors import LabelError
from ingot.labels.label import EnergyKind, Label
from ingot.labels.method import method_digest
from ingot.structures import structure_id

NUMERICS_VERSION = 1


@dataclass(frozen=True)
class AseCalculator:
    """A label method that asks a fresh ASE calculator about each structure.

    Energies are asked with ``force_consistent``; a calculator that does not tell the free energy
    apart gives its one energy. Stress is taken where the calculator has it.
    """

    calculator: str
    """Import path of the calculator class, such as ``ase.calculators.emt.EMT``."""
    arguments: dict[str, Any] = field(default_factory=dict)
    """Its keyword arguments."""
    energy_kind: EnergyKind = "unknown"
    """What the energies are, if known."""
    version: str = ""
    """Version of the engine behind the calculator; ASE's own version is always part of the digest."""

    name = "ase"

    def __post_init__(self) -> None:
        """Fail at once where the class cannot be imported."""
        self._load()

    def settings(self) -> dict[str, Any]:
        """See :class:`~ingot.labels.method.LabelMethod`."""
        return {
            "name": self.name,
            "calculator": self.calculator,
            "arguments": self.arguments,
            "energy_kind": self.energy_kind,
            "engine": f"ase {metadata.version('ase')}",
            "engine_version": self.version,
            "numerics_version": NUMERICS_VERSION,
        }

    @property
    def digest(self) -> str:
        """See :class:`~ingot.labels.method.LabelMethod`."""
        return method_digest(self.settings())

    def estimated_cost(self, atoms: Atoms) -> float:
        """Atoms squared: between a classical calculator and an electronic-structure one."""
        return float(len(atoms) ** 2)

    def compute(self, atoms: Atoms) -> Label:
        """See :class:`~ingot.labels.method.LabelMethod`."""
        frame = atoms.copy()
        frame.calc = self._load()(**self.arguments)
        try:
            energy = frame.get_potential_energy(force_consistent=True)
        except PropertyNotImplementedError:  # it knows one energy only
            energy = frame.get_potential_energy()
        forces = np.array(frame.get_forces(), dtype=float)
        return Label(
            structure_id=structure_id(atoms),
            method=self.digest,
            converged=True,
            energy=float(energy),
            energy_kind=self.energy_kind,
            forces=forces,
            stress=_stress(frame),
        )

    def _load(self) -> Any:
        module_name, _, class_name = self.calculator.rpartition(".")
        try:
            module = import_module(module_name)
        except (ImportError, ValueError) as error:
            raise LabelError(
                f"calculator {self.calculator!r} cannot be imported ({error}); "
                "give the full path of a class, such as 'ase.calculators.emt.EMT', and install what it needs"
            ) from error
        if not hasattr(module, class_name):
            raise LabelError(
                f"module {module_name!r} has no calculator {class_name!r}{near_name(class_name, vars(module))}"
            )
        return getattr(module, class_name)


def _stress(atoms: Atoms) -> np.ndarray | None:
    if not atoms.pbc.all():
        return None
    try:
        return np.array(atoms.get_stress(), dtype=float)
    except PropertyNotImplementedError:
        return None
