"""The vacancy: energy to take one atom out of the crystal and put it back elsewhere in it.

``E_f = E(N - 1) - (N - 1)/N E(N)`` with both cells at the volume of the perfect crystal; relaxed at constant volume.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ase import Atoms
from ase.calculators.calculator import BaseCalculator

from ingot.benchmarks.point_defects import check_room, check_sites, nearest_distance
from ingot.benchmarks.relaxation import LARGEST_FORCE, MAX_STEPS, relaxed_energy, static_energy
from ingot.benchmarks.spread import Asked, quantities_of
from ingot.benchmarks.tables import Quantity

_WHAT = "the vacancy"
_ROOM = 2.0
"""In nearest-neighbour distances: with more no atom is the neighbour of a vacancy and of its image."""


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
    largest_force: float = LARGEST_FORCE,
    max_steps: int = MAX_STEPS,
) -> Vacancy:
    """Formation energy of a vacancy in ``crystal``, a perfect cell with all atoms equivalent, at its volume.

    Relaxed until no force exceeds ``largest_force`` (eV/A), beginning at ``start`` if given. Raises
    :class:`BenchmarkError` when that takes more than ``max_steps``, the energy is not finite, the cell is too small,
    or the crystal does not keep its lattice.
    """
    check_room(crystal, _ROOM, _WHAT)
    defect = crystal.copy()
    reference = static_energy(crystal.copy(), calculator, "the crystal") * (len(crystal) - 1) / len(crystal)
    del defect[0]
    unrelaxed = static_energy(defect.copy(), calculator, _WHAT) - reference
    structure = (start or defect).copy()
    # A crystal without defect would stay where symmetry holds it; a vacancy's neighbours feel it at once.
    relaxed = relaxed_energy(structure, calculator, _WHAT, largest_force, max_steps) - reference
    check_sites(structure, defect.positions, nearest_distance(crystal), _WHAT)
    return Vacancy(unrelaxed, relaxed, structure)


def asked_of_vacancy(atoms: int) -> list[Asked]:
    """Relaxed and unrelaxed formation energy in a crystal of so many atoms."""
    condition = f"static, {atoms - 1} atoms, at the volume of the perfect crystal"
    return [
        Asked("vacancy_formation", "vacancy formation energy", "eV", condition),
        Asked("vacancy_formation_unrelaxed", "vacancy formation energy, unrelaxed", "eV", condition),
    ]


def vacancy_quantities(
    calculator: BaseCalculator, crystal: Atoms, members: Sequence[BaseCalculator] = ()
) -> list[Quantity]:
    """Relaxed and unrelaxed formation energy as rows; the uncertainty is the standard deviation over ``members``."""
    relaxed: list[Atoms] = []

    def compute(one: BaseCalculator) -> dict[str, float]:
        # Members begin where the mean has relaxed to.
        found = vacancy_formation(one, crystal, start=relaxed[0] if relaxed else None)
        relaxed.append(found.structure)
        return {"vacancy_formation": found.relaxed, "vacancy_formation_unrelaxed": found.unrelaxed}

    return quantities_of(asked_of_vacancy(len(crystal)), compute, calculator, members)
