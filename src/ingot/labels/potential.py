"""Labels by a trained potential: a cheap teacher for distillation and for tests of the whole chain."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms

from ingot.files import digest, sha256
from ingot.labels.errors import LabelError
from ingot.labels.label import Label
from ingot.labels.method import method_digest
from ingot.structures import structure_id

NUMERICS_VERSION = 1


@dataclass(frozen=True)
class PotentialLabels:
    """A label method that evaluates a potential directory; energies are total energies."""

    path: str
    """The potential's directory."""

    name = "potential"

    def __post_init__(self) -> None:
        """Fail at once where there is no such directory."""
        if not Path(self.path).is_dir():
            raise LabelError(f"no potential directory at {self.path!r}")

    @cached_property
    def _content(self) -> str:
        """Digest of the directory's files: the same potential elsewhere is the same method."""
        files = sorted(p for p in Path(self.path).rglob("*") if p.is_file() and not p.name.endswith(".cost.json"))
        return digest([[str(p.relative_to(self.path)), sha256(p)] for p in files])

    @cached_property
    def _calculator(self) -> Any:
        from ingot.potentials import load_potential  # JAX starts slowly: only where it is needed

        return load_potential(self.path).calculator()

    def settings(self) -> dict[str, Any]:
        """See :class:`~ingot.labels.method.LabelMethod`."""
        return {"name": self.name, "potential": self._content, "numerics_version": NUMERICS_VERSION}

    @property
    def digest(self) -> str:
        """See :class:`~ingot.labels.method.LabelMethod`."""
        return method_digest(self.settings())

    def estimated_cost(self, atoms: Atoms) -> float:
        """Linear in the atoms."""
        return float(len(atoms))

    def compute(self, atoms: Atoms) -> Label:
        """See :class:`~ingot.labels.method.LabelMethod`."""
        frame = atoms.copy()
        frame.calc = self._calculator
        return Label(
            structure_id=structure_id(atoms),
            method=self.digest,
            converged=True,
            energy=float(frame.get_potential_energy(force_consistent=True)),
            energy_kind="total",
            forces=np.array(frame.get_forces(), dtype=float),
            stress=np.array(frame.get_stress(), dtype=float) if frame.pbc.all() else None,
        )

    def __getstate__(self) -> dict[str, Any]:
        """Without the loaded potential: a worker process loads its own."""
        return {"path": self.path}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore from the path."""
        object.__setattr__(self, "path", state["path"])
