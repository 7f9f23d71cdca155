"""Labels by any ASE calculator, given by its import path and keyword arguments."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.calculator import CalculationFailed, PropertyNotImplementedError, SCFError

from ingot.errors import near_name
from ingot.labels.errors import LabelError, LabelFailure, PassingFailure
from ingot.labels.label import EnergyKind, Label
from ingot.labels.method import method_digest
from ingot.structures import structure_id

NUMERICS_VERSION = 1


@dataclass(frozen=True)
class AseCalculator:
    """A label method that asks a fresh ASE calculator about each structure.

    Energies are asked with ``force_consistent``; a calculator that does not tell the free energy
    apart gives its one energy. Stress is taken where the calculator has it. Engines that write files do so
    in a folder of their own, which is removed afterwards; if they fail, the last lines of their output are printed.
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
        calculator = self._load()(**self.arguments)
        frame.calc = calculator
        try:
            with _own_folder(calculator, keep="directory" in self.arguments):
                energy, forces, stress = (
                    consistent_energy(frame),
                    np.array(frame.get_forces(), dtype=float),
                    _stress(frame),
                )
        except SCFError as error:
            raise LabelFailure(f"the self-consistent field did not converge ({error})") from error
        except (CalculationFailed, subprocess.CalledProcessError, FileNotFoundError) as error:
            raise PassingFailure(f"the program broke: {error}") from error
        return Label(
            structure_id=structure_id(atoms),
            method=self.digest,
            converged=True,
            energy=energy,
            energy_kind=self.energy_kind,
            forces=forces,
            stress=stress,
        )

    def _load(self) -> Any:
        return load_calculator(self.calculator)


def load_calculator(path: str) -> Any:
    """The calculator class, or the function that makes one, of an import path; raises :class:`LabelError`."""
    module_name, _, class_name = path.rpartition(".")
    try:
        module = import_module(module_name)
    except (ImportError, ValueError) as error:
        raise LabelError(
            f"calculator {path!r} cannot be imported ({error}); "
            "give the full path of a class, such as 'ase.calculators.emt.EMT', and install what it needs"
        ) from error
    if not hasattr(module, class_name):
        raise LabelError(
            f"module {module_name!r} has no calculator {class_name!r}{near_name(class_name, vars(module))}"
        )
    return getattr(module, class_name)


@contextmanager
def _own_folder(calculator: Any, keep: bool) -> Iterator[None]:
    """Let the calculator write into a folder that no other one uses; ``keep``: into the one it was given."""
    if keep or not hasattr(calculator, "directory"):
        yield
        return
    with tempfile.TemporaryDirectory(prefix="ingot-ase-") as folder:
        calculator.directory = Path(folder)
        try:
            yield
        except Exception:
            for path in sorted(Path(folder).iterdir()):
                if path.is_file():
                    print(f"--- {path.name}", *path.read_text(errors="replace").splitlines()[-20:], sep="\n")
            raise


def consistent_energy(atoms: Atoms) -> float:
    """The energy (eV) whose derivative the forces are: the free one, where a calculator tells them apart."""
    try:
        return float(atoms.get_potential_energy(force_consistent=True))
    except PropertyNotImplementedError:  # it knows one energy only
        return float(atoms.get_potential_energy())


def _stress(atoms: Atoms) -> np.ndarray | None:
    if not atoms.pbc.all():
        return None
    try:
        return np.array(atoms.get_stress(), dtype=float)
    except PropertyNotImplementedError:
        return None
