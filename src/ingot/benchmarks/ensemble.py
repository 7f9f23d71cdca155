"""The crystal benchmarks' view of an Ingot potential: the mean and every member from one evaluation of a cell."""

from functools import lru_cache

import numpy as np
from ase import Atoms
from ase.stress import full_3x3_to_voigt_6_stress
from numpy.typing import NDArray

from ingot.benchmarks.evaluation import Evaluate, Point
from ingot.potentials import Potential

_CELLS_REMEMBERED = 4096


class EnsembleEvaluation:
    """Energies and stresses of all members together, each cell evaluated once, in float64."""

    def __init__(self, potential: Potential) -> None:
        self.members = potential.members
        self._calculator = potential.calculator(dtype="float64")
        self._remembered = lru_cache(maxsize=_CELLS_REMEMBERED)(self._compute)

    def mean(self, atoms: Atoms) -> Point:
        """Energy and stress of the ensemble: the mean over members."""
        energies, stresses = self._all(atoms)
        return Point(float(energies.mean()), stresses.mean(axis=0))

    def member(self, number: int) -> Evaluate:
        """Energy and stress of one member."""

        def evaluate(atoms: Atoms) -> Point:
            energies, stresses = self._all(atoms)
            return Point(float(energies[number]), stresses[number])

        return evaluate

    def all_members(self) -> list[Evaluate]:
        """Every member, or nothing for a potential of a single one: one network has no spread."""
        return [self.member(k) for k in range(self.members)] if self.members > 1 else []

    def _all(self, atoms: Atoms) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        numbers = tuple(int(z) for z in atoms.numbers)
        energies, stresses = self._remembered(numbers, atoms.positions.tobytes(), atoms.cell.array.tobytes())
        return energies, stresses

    def _compute(
        self, numbers: tuple[int, ...], positions: bytes, cell: bytes
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        r, h = (np.frombuffer(values).reshape(-1, 3) for values in (positions, cell))
        atoms = Atoms(numbers=numbers, positions=r, cell=h, pbc=True)
        evaluation = self._calculator.evaluate(atoms)
        gradients = np.asarray(evaluation.strain_gradient) / atoms.get_volume()
        stresses = np.array([full_3x3_to_voigt_6_stress(gradient) for gradient in gradients])
        return np.asarray(evaluation.energy, dtype=np.float64), stresses
