"""Migration of a vacancy: the energy that a neighbouring atom needs to jump into it."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from ase.calculators.singlepoint import SinglePointCalculator
from ase.geometry import find_mic
from ase.mep import NEB, interpolate
from ase.optimize.ode import ode12r
from ase.optimize.sciopt import OptimizerConvergenceError
from numpy.typing import NDArray

from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.point_defects import check_room, check_sites, nearest_distance
from ingot.benchmarks.relaxation import relaxed_energy
from ingot.benchmarks.spread import Asked, Findings, Table, deviation, noted, quantities_of

Values = NDArray[np.float64]

KEY = "vacancy_migration"
PATH_COLUMNS = ("path_A", "energy_eV", "energy_std_eV")
_WHAT = "the jump of a vacancy"
_ROOM = 3.0
"""In nearest-neighbour distances: a jump is one of them longer than a vacancy."""

_SPRING = 1.0  # eV/A^2
_SAME = 1e-3
"""In eV: ends whose energies differ by more are not equivalent, images that do are not equally high."""


@dataclass(frozen=True)
class Migration:
    """The minimum-energy path of a vacancy to a neighbouring site, both ends included."""

    images: list[Atoms]
    path: Values
    """Distance from the start in A, over all coordinates."""
    energy: Values
    """In eV, relative to the start."""

    @property
    def barrier(self) -> float:
        """The energy of the saddle point."""
        return float(self.energy.max())

    @property
    def highest_in_the_middle(self) -> bool:
        """Whether the saddle point lies half way, as it does on a path with a single one."""
        return bool(self.energy[len(self.energy) // 2] > self.barrier - _SAME)


def vacancy_migration(
    calculator: BaseCalculator,
    crystal: Atoms,
    images: int = 7,
    start: Sequence[Atoms] = (),
    largest_force: float = 0.002,
    max_steps: int = 200,
) -> Migration:
    """Path of a nearest neighbour into a vacancy of ``crystal``, a perfect cell of fcc or bcc, at its volume.

    A nudged elastic band with the improved tangent (G. Henkelman and H. Jonsson, J. Chem. Phys. 113, 9978, 2000)
    whose highest image climbs to the saddle point (Henkelman, Uberuaga and Jonsson, ibid. 9901), relaxed with adaptive
    steps (S. Makri, C. Ortner and J. R. Kermode, J. Chem. Phys. 150, 094109, 2019) until no force exceeds
    ``largest_force`` (eV/A). The two ends are equivalent by symmetry, which makes the path symmetric: ``images``, with
    both ends, are odd in number so that one stands in its middle. The band begins at ``start``, such as that of another
    potential, or on a straight line. Raises :class:`BenchmarkError` when it does not converge in ``max_steps``, the
    cell is too small, or the crystal around the ends does not keep its lattice.
    """
    if images % 2 == 0 or images < 3:
        raise BenchmarkError(f"the path of a vacancy needs an odd number of images, 3 or more, got {images}")
    check_room(crystal, _ROOM, _WHAT)
    sites = _ends(crystal)
    band = [image.copy() for image in start] or _straight_band(*sites, images)
    for end, perfect in zip((band[0], band[-1]), sites, strict=True):
        energy = relaxed_energy(end, calculator, "the vacancy", largest_force)
        check_sites(end, perfect.positions, nearest_distance(crystal), "the vacancy")
        end.calc = SinglePointCalculator(end, energy=energy, forces=end.get_forces())
    if not start:
        interpolate(band)
    energies = _relaxed_band(band, calculator, largest_force, max_steps)
    if abs(energies[-1] - energies[0]) > _SAME:
        raise BenchmarkError(f"the ends of {_WHAT} differ by {1e3 * (energies[-1] - energies[0]):.3g} meV")
    steps = [float(np.linalg.norm(b.positions - a.positions)) for a, b in pairwise(band)]
    return Migration(band, np.cumsum([0.0, *steps]), energies - energies[0])


def _ends(crystal: Atoms) -> tuple[Atoms, Atoms]:
    """Unrelaxed cells with the vacancy at a site, and with a nearest neighbour of that site moved there."""
    first = crystal.copy()
    del first[0]
    vectors, distances = find_mic(first.positions - crystal.positions[0], crystal.cell, pbc=True)
    jumping = int(distances.argmin())
    last = first.copy()
    last.positions[jumping] -= vectors[jumping]
    return first, last


def _straight_band(first: Atoms, last: Atoms, images: int) -> list[Atoms]:
    return [*(first.copy() for _ in range(images - 1)), last.copy()]


def _relaxed_band(band: list[Atoms], calculator: BaseCalculator, largest_force: float, max_steps: int) -> Values:
    """The energies (eV) of the images after those between the ends have relaxed.

    ASE's own optimiser of bands takes no notice of the climbing image when it looks whether forces are small.
    """
    for image in band[1:-1]:
        image.calc = calculator
    elastic = NEB(band, k=_SPRING, climb=True, method="improvedtangent", allow_shared_calculator=True)
    largest = np.inf

    def forces(positions: Values) -> Values:
        elastic.set_positions(positions.reshape(-1, 3))
        return np.ravel(elastic.get_forces())

    def residual(force: Values, _: Values) -> float:
        nonlocal largest
        largest = float(np.linalg.norm(force.reshape(-1, 3), axis=1).max())
        return largest

    start = np.ravel(elastic.get_positions())
    try:
        found = ode12r(forces, start, fmax=largest_force, steps=max_steps, verbose=0, residual=residual)
    except OptimizerConvergenceError:
        found = None
    if found is None:
        raise BenchmarkError(
            f"{_WHAT}: the elastic band did not converge in {max_steps} steps: a force of {largest:.3g} eV/A is left"
        )
    return np.array(elastic.energies)


def asked_of_migration(atoms: int) -> list[Asked]:
    """The migration energy in a crystal of so many atoms."""
    condition = f"static, {atoms - 1} atoms, at the volume of the perfect crystal, climbing-image elastic band"
    return [Asked(KEY, "vacancy migration energy", "eV", condition)]


def migration_findings(calculator: BaseCalculator, crystal: Atoms, members: Sequence[BaseCalculator] = ()) -> Findings:
    """The migration energy as a row in eV, and the energies along the path."""
    found: list[Migration] = []

    def compute(one: BaseCalculator) -> dict[str, float]:
        # Members begin at the path of the mean.
        found.append(vacancy_migration(one, crystal, start=found[0].images if found else ()))
        return {KEY: found[-1].barrier}

    (row,) = quantities_of(asked_of_migration(len(crystal)), compute, calculator, members)
    if not found:
        return Findings([row])
    mean, *others = found
    if not mean.highest_in_the_middle:
        row = noted(row, "the saddle point does not lie half way: the path has two of them")
    std = deviation([one.energy for one in others], len(mean.path))
    return Findings([row], {KEY: Table(PATH_COLUMNS, list(zip(mean.path, mean.energy, std, strict=True)))})
