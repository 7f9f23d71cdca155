"""Energies of cells with a defect: as they are, and after their atoms have relaxed at constant cell."""

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from ase.optimize import FIRE

from ingot.benchmarks.errors import BenchmarkError

LARGEST_FORCE = 0.005
"""In eV/A: atoms have relaxed when no force exceeds it."""

MAX_STEPS = 300


def static_energy(atoms: Atoms, calculator: BaseCalculator, what: str) -> float:
    """Energy in eV of a structure as it is; ``atoms`` keep the calculator.

    Raises :class:`BenchmarkError`, which names ``what`` it is the energy of, when it is not finite.
    """
    atoms.calc = calculator
    energy = float(atoms.get_potential_energy())
    if not np.isfinite(energy):
        raise BenchmarkError(f"the energy of {what} is not finite")
    return energy


def relaxed_energy(
    atoms: Atoms,
    calculator: BaseCalculator,
    what: str,
    largest_force: float = LARGEST_FORCE,
    max_steps: int = MAX_STEPS,
) -> float:
    """Energy in eV after ``atoms`` have been moved until no force exceeds ``largest_force`` (eV/A).

    Raises :class:`BenchmarkError`, which names ``what`` was relaxed, when that takes more than ``max_steps``.
    """
    atoms.calc = calculator
    if not FIRE(atoms, logfile=None).run(fmax=largest_force, steps=max_steps):
        left = float(np.linalg.norm(atoms.get_forces(), axis=1).max())
        raise BenchmarkError(f"{what} did not relax in {max_steps} steps: a force of {left:.3g} eV/A is left")
    return static_energy(atoms, calculator, what)
