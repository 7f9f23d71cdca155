"""One way to ask anything for energies and stresses: a function of a structure.

The crystal benchmarks see nothing of a potential but this function, so that an ASE
calculator, one member of an ensemble and a table of first-principles labels go
through the very same fits.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator, PropertyNotImplementedError
from numpy.typing import NDArray


@dataclass(frozen=True)
class Point:
    """Energy of a cell in eV (the one that forces derive), and stress in eV/A^3, (6,) Voigt, where it is known."""

    energy: float
    stress: NDArray[np.float64] | None = None


Evaluate = Callable[[Atoms], Point]
"""Energy and stress of a structure."""


def evaluate_with(calculator: BaseCalculator | Evaluate, stress: bool = True) -> Evaluate:
    """The :data:`Evaluate` of an ASE calculator (functions pass through unchanged).

    With smeared electrons the free energy is asked for; a calculator that does not
    tell them apart gives its only energy.
    """
    if not isinstance(calculator, BaseCalculator):
        return calculator
    implemented = getattr(calculator, "implemented_properties", [])
    with_stress = stress and "stress" in implemented

    def evaluate(atoms: Atoms) -> Point:
        atoms = atoms.copy()
        atoms.calc = calculator
        try:
            energy = atoms.get_potential_energy(force_consistent=True)
        except (PropertyNotImplementedError, NotImplementedError, KeyError):
            energy = atoms.get_potential_energy()
        return Point(float(energy), np.array(atoms.get_stress()) if with_stress else None)

    return evaluate
