"""Planar defects of a crystal: surfaces and stacking faults."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from ase.constraints import FixedLine
from ase.optimize import FIRE
from numpy.typing import NDArray

from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.lattices import volume_per_atom
from ingot.benchmarks.spread import Asked, quantities_of
from ingot.benchmarks.tables import Quantity
from ingot.structures import stacked_layers, surface_slab
from ingot.units import MILLIJOULE_PER_SQUARE_METRE

Values = NDArray[np.float64]

_LARGEST_FORCE = 0.005  # eV/A
_MAX_STEPS = 300


def _energy(atoms: Atoms, calculator: BaseCalculator, relax: bool) -> float:
    """Of a structure as it is, or after its atoms have relaxed; raises :class:`BenchmarkError` when they do not."""
    atoms.calc = calculator
    if relax and not FIRE(atoms, logfile=None).run(fmax=_LARGEST_FORCE, steps=_MAX_STEPS):
        left = float(np.linalg.norm(atoms.get_forces(), axis=1).max())
        raise BenchmarkError(f"a planar defect did not relax in {_MAX_STEPS} steps: a force of {left:.3g} eV/A is left")
    energy = float(atoms.get_potential_energy())
    if not np.isfinite(energy):
        raise BenchmarkError("the energy of a planar defect is not finite")
    return energy


@dataclass(frozen=True)
class SurfaceEnergy:
    """Energies per area in eV/A^2."""

    relaxed: float
    unrelaxed: float
    change: float
    """Of the relaxed energy when the thinnest slab is left out: how far from converged with thickness it is."""


def surface_energy(
    calculator: BaseCalculator,
    element: str,
    lattice: Literal["fcc", "bcc", "sc", "diamond"],
    edge: float,
    miller: tuple[int, int, int],
    layers: Sequence[int] = (3, 4, 5, 6),
    vacuum: float = 12.0,
) -> SurfaceEnergy:
    """Energy of a surface of a crystal with lattice constant ``edge`` (A).

    A straight line is laid through the energies of slabs of several thicknesses: its slope is the crystal's energy per
    atom, its value at no atoms that of two surfaces (Fiorentini and Methfessel, J. Phys.: Condens. Matter 8, 6525,
    1996), so that no error of the crystal's energy is multiplied by the number of atoms. ``layers`` count units of the
    conventional cell along the normal; ``vacuum`` (A) must exceed the range of the potential.
    """
    if len(set(layers)) < 3:
        raise BenchmarkError("a surface energy needs slabs of three thicknesses or more")
    volume = volume_per_atom(lattice, edge)
    counts, relaxed, unrelaxed, area = [], [], [], 0.0
    for thickness in sorted(set(layers)):
        slab = surface_slab(element, lattice, volume, miller, thickness, vacuum)
        area = float(np.linalg.norm(np.cross(slab.cell[0], slab.cell[1])))
        counts.append(len(slab))
        unrelaxed.append(_energy(slab.copy(), calculator, relax=False))
        relaxed.append(_energy(slab, calculator, relax=True))

    def at_no_atoms(energies: Sequence[float], first: int = 0) -> float:
        return float(np.polyfit(counts[first:], energies[first:], 1)[1]) / (2 * area)

    value = at_no_atoms(relaxed)
    return SurfaceEnergy(value, at_no_atoms(unrelaxed), abs(value - at_no_atoms(relaxed, 1)))


@dataclass(frozen=True)
class FaultCurve:
    """Energy per area (eV/A^2) of an fcc crystal one half of which has slipped over the other along <112>."""

    slip: Values
    """In units of the partial Burgers vector, ``edge / sqrt(6)``: 1 is the intrinsic stacking fault."""
    unrelaxed: Values
    relaxed: Values
    """With atoms free to move along the normal."""
    change: float
    """Of the stacking fault's energy from the thicker of the two cells to the limit: how far that was from it."""

    @property
    def intrinsic(self) -> float:
        """The stacking fault energy."""
        return float(self.relaxed[-1])

    @property
    def unstable(self) -> float:
        """The largest energy on the way to it."""
        return float(self.relaxed.max())


def stacking_fault_curve(
    calculator: BaseCalculator, element: str, edge: float, points: int = 11, planes: int = 9
) -> FaultCurve:
    """The gamma line from the crystal to its intrinsic stacking fault (V. Vitek, Phil. Mag. 18, 773, 1968).

    ``planes`` close-packed planes, and twice as many, in a cell whose third vector leans: the slip is between a cell
    and its image, one fault per cell. A fault pushes its sides apart; in a cell of fixed height this strains the
    crystal between, at a cost that falls with one over the planes and is extrapolated away. ``edge`` (A) is the lattice
    constant.
    """
    if planes % 3 or planes < 6:
        raise BenchmarkError(f"a stacking fault needs a multiple of three planes, 6 or more, got {planes}")
    slip = np.linspace(0, 1, points)
    thin, thick = (_fault_energies(calculator, element, edge, slip, count) for count in (planes, 2 * planes))
    limit = 2 * thick - thin
    return FaultCurve(slip, limit[0], limit[1], float(abs(limit[1, -1] - thick[1, -1])))


def _fault_energies(calculator: BaseCalculator, element: str, edge: float, slip: Values, planes: int) -> Values:
    """Unrelaxed and relaxed energies per area along the slip, without that of no slip."""
    crystal = stacked_layers(element, "ABC" * (planes // 3), volume_per_atom("fcc", edge))
    area = float(np.linalg.norm(np.cross(crystal.cell[0], crystal.cell[1])))
    partial = (crystal.cell[0] + crystal.cell[1]) / 3
    energies = np.zeros((2, len(slip)))
    for k, fraction in enumerate(slip):
        for relax in (False, True):
            atoms = crystal.copy()
            atoms.set_cell([*crystal.cell[:2], crystal.cell[2] + fraction * partial])
            atoms.set_constraint([FixedLine(list(range(len(atoms))), (0, 0, 1))])
            energies[int(relax), k] = _energy(atoms, calculator, relax)
    return (energies - energies[:, :1]) / area


def planar_quantities(
    calculator: BaseCalculator,
    element: str,
    lattice: Literal["fcc", "bcc", "sc", "diamond"],
    edge: float,
    surfaces: Sequence[tuple[int, int, int]],
    stacking_fault: bool,
    members: Sequence[BaseCalculator] = (),
) -> list[Quantity]:
    """Surface energies and, of fcc, the stacking fault energies as rows, in mJ/m2."""
    rows = []
    for miller in surfaces:
        name = "".join(map(str, miller))
        asked = Asked(
            f"surface_{name}", f"surface energy ({name})", "mJ/m2", "static, relaxed, at a0, limit of thick slabs"
        )

        def of_surface(
            one: BaseCalculator, miller: tuple[int, int, int] = miller, key: str = asked.key
        ) -> dict[str, float]:
            return {key: surface_energy(one, element, lattice, edge, miller).relaxed / MILLIJOULE_PER_SQUARE_METRE}

        rows += quantities_of([asked], of_surface, calculator, members)
    if stacking_fault:
        condition = "static, relaxed along the normal, at a0, limit of many planes"

        def of_fault(one: BaseCalculator) -> dict[str, float]:
            curve = stacking_fault_curve(one, element, edge)
            energies = {"stacking_fault": curve.intrinsic, "unstable_stacking_fault": curve.unstable}
            return {key: energy / MILLIJOULE_PER_SQUARE_METRE for key, energy in energies.items()}

        labels = {
            "stacking_fault": "intrinsic stacking fault energy",
            "unstable_stacking_fault": "unstable stacking fault energy",
        }
        asked_fault = [Asked(key, label, "mJ/m2", condition) for key, label in labels.items()]
        rows += quantities_of(asked_fault, of_fault, calculator, members)
    return rows
