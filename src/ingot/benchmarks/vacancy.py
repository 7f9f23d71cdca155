"""The vacancy: energy to take one atom out of the crystal and put it back elsewhere in it.

``E_f = E(N - 1) - (N - 1)/N E(N)`` with both cells at the volume of the perfect crystal; relaxed at constant volume.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from ase.optimize import FIRE

from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.spread import Asked, quantities_of
from ingot.benchmarks.tables import Quantity

KEYS = ("vacancy_formation", "vacancy_formation_unrelaxed")
_LABELS = dict(zip(KEYS, ("vacancy formation energy", "vacancy formation energy, unrelaxed"), strict=True))


@dataclass(frozen=True)
class Vacancy:
    """Formation energies in eV, and the relaxed cell."""

    unrelaxed: float
    relaxed: float
    structure: Atoms


def vacancy_formation(
    calculator: BaseCalculator,
    crystal: Atoms,
    start: Atoms | None = None,
    largest_force: float = 0.005,
    max_steps: int = 300,
) -> Vacancy:
    """Formation energy of a vacancy in ``crystal``, a perfect cell with all atoms equivalent, at its volume.

    Relaxed until no force exceeds ``largest_force`` (eV/A), beginning at ``start`` if given. Raises
    :class:`BenchmarkError` when that takes more than ``max_steps``, or the energy is not finite.
    """
    if len(crystal) < 2:
        raise BenchmarkError("a vacancy needs a cell of at least two atoms: repeat the crystal")

    def energy(atoms: Atoms) -> float:
        atoms.calc = calculator
        value = float(atoms.get_potential_energy())
        if not np.isfinite(value):
            raise BenchmarkError("the energy of the cell with a vacancy is not finite")
        return value

    perfect, defect = crystal.copy(), crystal.copy()
    reference = energy(perfect) * (len(crystal) - 1) / len(crystal)
    del defect[0]
    unrelaxed = energy(defect) - reference
    relaxed = (start or defect).copy()
    relaxed.calc = calculator
    # A crystal without defect would stay where symmetry holds it; a vacancy's neighbours feel it at once.
    if not FIRE(relaxed, logfile=None).run(fmax=largest_force, steps=max_steps):
        left = float(np.linalg.norm(relaxed.get_forces(), axis=1).max())
        raise BenchmarkError(f"the vacancy did not relax in {max_steps} steps: a force of {left:.3g} eV/A is left")
    return Vacancy(unrelaxed, energy(relaxed) - reference, relaxed)


def vacancy_quantities(
    calculator: BaseCalculator, crystal: Atoms, members: Sequence[BaseCalculator] = ()
) -> list[Quantity]:
    """Relaxed and unrelaxed formation energy as rows; the uncertainty is the standard deviation over ``members``."""
    condition = f"static, {len(crystal) - 1} atoms, at the volume of the perfect crystal"
    relaxed: list[Atoms] = []

    def compute(one: BaseCalculator) -> dict[str, float]:
        # Members begin where the mean has relaxed to.
        found = vacancy_formation(one, crystal, start=relaxed[0] if relaxed else None)
        relaxed.append(found.structure)
        return dict(zip(KEYS, (found.relaxed, found.unrelaxed), strict=True))

    return quantities_of([Asked(key, _LABELS[key], "eV", condition) for key in KEYS], compute, calculator, members)
