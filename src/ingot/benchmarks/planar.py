"""Planar defects of a crystal: surfaces and stacking faults."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from ase.calculators.calculator import BaseCalculator
from ase.constraints import FixedLine
from numpy.typing import NDArray

from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.lattices import volume_per_atom
from ingot.benchmarks.relaxation import relaxed_energy, static_energy
from ingot.benchmarks.spread import Asked, Findings, Table, deviation, quantities_of
from ingot.benchmarks.tables import Quantity
from ingot.structures import stacked_layers, surface_slab
from ingot.units import MILLIJOULE_PER_SQUARE_METRE

Values = NDArray[np.float64]

_WHAT = "a planar defect"
_LARGEST_CHANGE = 0.05
GAMMA_COLUMNS = ("slip", "unrelaxed_mJ_per_m2", "relaxed_mJ_per_m2", "relaxed_std_mJ_per_m2")


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
    conventional cell along the normal; ``vacuum`` (A) must exceed the range of the potential. Raises
    :class:`BenchmarkError` when the thinnest slab changes the result by more than a twentieth.
    """
    if len(set(layers)) < 3:
        raise BenchmarkError("a surface energy needs slabs of three thicknesses or more")
    volume = volume_per_atom(lattice, edge)
    counts, relaxed, unrelaxed, area = [], [], [], 0.0
    for thickness in sorted(set(layers)):
        slab = surface_slab(element, lattice, volume, miller, thickness, vacuum)
        area = float(np.linalg.norm(np.cross(slab.cell[0], slab.cell[1])))
        counts.append(len(slab))
        unrelaxed.append(static_energy(slab.copy(), calculator, _WHAT))
        relaxed.append(relaxed_energy(slab, calculator, _WHAT))

    def at_no_atoms(energies: Sequence[float], first: int = 0) -> float:
        return float(np.polyfit(counts[first:], energies[first:], 1)[1]) / (2 * area)

    value = at_no_atoms(relaxed)
    change = abs(value - at_no_atoms(relaxed, 1))
    if change > _LARGEST_CHANGE * abs(value):
        numbers = (number / MILLIJOULE_PER_SQUARE_METRE for number in (value, change))
        raise BenchmarkError(
            "the surface energy does not converge with the thickness of the slab: "
            "{:.0f} mJ/m2 changes by {:.0f} when the thinnest slab is left out".format(*numbers)
        )
    return SurfaceEnergy(value, at_no_atoms(unrelaxed), change)


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
        atoms = crystal.copy()
        atoms.set_cell([*crystal.cell[:2], crystal.cell[2] + fraction * partial])
        atoms.set_constraint([FixedLine(list(range(len(atoms))), (0, 0, 1))])
        energies[0, k] = static_energy(atoms.copy(), calculator, _WHAT)
        energies[1, k] = relaxed_energy(atoms, calculator, _WHAT)
    return (energies - energies[:, :1]) / area


def asked_of_surface(miller: tuple[int, int, int]) -> list[Asked]:
    """The energy of a surface, relaxed."""
    name = "".join(map(str, miller))
    condition = "static, relaxed, at a0, limit of thick slabs"
    return [Asked(f"surface_{name}", f"surface energy ({name})", "mJ/m2", condition)]


def surface_quantities(
    calculator: BaseCalculator,
    element: str,
    lattice: Literal["fcc", "bcc", "sc", "diamond"],
    edge: float,
    miller: tuple[int, int, int],
    members: Sequence[BaseCalculator] = (),
) -> list[Quantity]:
    """Energy of a surface as a row, in mJ/m2."""
    (asked,) = asked_of_surface(miller)

    def compute(one: BaseCalculator) -> dict[str, float]:
        return {asked.key: surface_energy(one, element, lattice, edge, miller).relaxed / MILLIJOULE_PER_SQUARE_METRE}

    return quantities_of([asked], compute, calculator, members)


def asked_of_stacking_fault() -> list[Asked]:
    """The intrinsic and the unstable stacking fault energy of an fcc crystal."""
    condition = "static, relaxed along the normal, at a0, limit of many planes"
    return [
        Asked("stacking_fault", "intrinsic stacking fault energy", "mJ/m2", condition),
        Asked("unstable_stacking_fault", "unstable stacking fault energy", "mJ/m2", condition),
    ]


def stacking_fault_findings(
    calculator: BaseCalculator, element: str, edge: float, members: Sequence[BaseCalculator] = ()
) -> Findings:
    """Stacking fault energies of an fcc crystal as rows in mJ/m2, and the gamma line."""
    curves: list[FaultCurve] = []

    def compute(one: BaseCalculator) -> dict[str, float]:
        curve = stacking_fault_curve(one, element, edge)
        curves.append(curve)
        energies = {"stacking_fault": curve.intrinsic, "unstable_stacking_fault": curve.unstable}
        return {key: energy / MILLIJOULE_PER_SQUARE_METRE for key, energy in energies.items()}

    rows = quantities_of(asked_of_stacking_fault(), compute, calculator, members)
    return Findings(rows, {"gamma_line": _gamma_table(curves)} if curves else {})


def _gamma_table(curves: Sequence[FaultCurve]) -> Table:
    """Of the mean, which comes first, with the spread over the members, which follow."""
    mean, *members = curves
    unrelaxed, relaxed = (energies / MILLIJOULE_PER_SQUARE_METRE for energies in (mean.unrelaxed, mean.relaxed))
    std = deviation([one.relaxed / MILLIJOULE_PER_SQUARE_METRE for one in members], len(mean.slip))
    return Table(GAMMA_COLUMNS, list(zip(mean.slip, unrelaxed, relaxed, std, strict=True)))
