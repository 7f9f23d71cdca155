"""What the melt benchmarks share: crystals to begin with, and runs of which a series is kept."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from ase import Atoms
from ase.build import bulk, make_supercell

from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.lattices import IDEAL_C_OVER_A, experimental_volume, lattice_constant
from ingot.dynamics import Average, Conditions, Model, Simulation, block_average, thermodynamics
from ingot.units import GRAM_PER_CUBIC_CENTIMETRE

MeltLattice = Literal["fcc", "bcc", "hcp"]


def crystal(element: str, lattice: MeltLattice, volume: float | None, repeat: tuple[int, int, int]) -> Atoms:
    """A block of crystal with its axes along x, y, z: cubic cells of fcc and bcc, orthorhombic cells of hcp.

    ``volume`` in A^3 per atom; ``None`` takes ASE's table of measured lattices.
    """
    per_atom = volume or experimental_volume(element)
    a = lattice_constant(lattice, per_atom)
    if lattice == "hcp":
        cell = bulk(element, "hcp", a=a, c=IDEAL_C_OVER_A * a, orthorhombic=True)
    else:
        cell = bulk(element, lattice, a=a, cubic=True)
    return make_supercell(cell, np.diag(repeat))


def scaled_to(atoms: Atoms, volume: float) -> Atoms:
    """A copy with the volume (A^3) changed in all directions alike."""
    result: Atoms = atoms.copy()
    result.set_cell(atoms.cell.array * (volume / atoms.get_volume()) ** (1 / 3), scale_atoms=True)
    return result


def only_element(model: Model, stated: str | None) -> str:
    """The element to melt: the stated one, or the model's only one."""
    if stated is not None and stated not in model.species:
        raise BenchmarkError(f"the potential is for {', '.join(model.species)}, not for {stated!r}")
    if stated is None and len(model.species) != 1:
        raise BenchmarkError("state the element: the potential knows several")
    return stated or model.species[0]


@dataclass
class Series:
    """Values along a run, by name, as they are met."""

    columns: dict[str, list[float]] = field(default_factory=dict)

    def add(self, **values: float) -> None:
        """One row."""
        for name, value in values.items():
            self.columns.setdefault(name, []).append(float(value))

    def __getitem__(self, name: str) -> np.ndarray:
        """One column."""
        return np.asarray(self.columns.get(name, []))

    def __len__(self) -> int:
        return max((len(c) for c in self.columns.values()), default=0)

    def rows(self) -> list[list[float]]:
        """All rows."""
        return [list(row) for row in zip(*self.columns.values(), strict=True)]

    def last(self, part: float) -> "Series":
        """The last part of every column."""
        first = len(self) - max(1, round(part * len(self)))
        return Series({name: values[first:] for name, values in self.columns.items()})


def observed(
    simulation: Simulation,
    steps: int,
    held: Conditions,
    every: int,
    title: str,
    also: Callable[[Atoms], dict[str, float]] | None = None,
    fixed_momentum: bool = False,
) -> Series:
    """Run and keep temperature, energies, pressures and volume each ``every`` steps, and what ``also`` says.

    Raises :class:`~ingot.dynamics.DynamicsError` when the run stops by itself.
    """
    series = Series()
    timestep = float(held.timestep)

    def look(running: Simulation) -> None:
        if running.status[0]:
            return
        now = thermodynamics(running, fixed_momentum=fixed_momentum)
        atoms = running.structure()
        series.add(
            time=now.step * timestep,
            temperature=now.temperature,
            potential_energy=now.potential_energy / len(atoms),
            total_energy=now.total_energy / len(atoms),
            pressure_x=now.pressure_gpa[0],
            pressure_y=now.pressure_gpa[1],
            pressure_z=now.pressure_gpa[2],
            volume=now.volume / len(atoms),
            length_z=float(now.cell[2, 2]),
            **(also(atoms) if also else {}),
        )

    simulation.run(steps, held, every, look, title)
    simulation.require_running(title)
    return series


def mean_with_drift(values: np.ndarray) -> Average:
    """A mean whose error is the larger of the block error and half the difference of the two halves.

    A run too short to be stationary drifts; its block error alone would not say so.
    """
    average = block_average(values)
    half = len(values) // 2
    drift = abs(float(np.mean(values[:half]) - np.mean(values[half:]))) / 2
    return Average(average.mean, max(average.error, drift), average.samples, average.independent)


def mass_density(volume_per_atom: float, mass: float) -> float:
    """g/cm^3 from A^3 per atom and amu."""
    return float(mass / volume_per_atom / GRAM_PER_CUBIC_CENTIMETRE)


def plain(value: Any) -> float | None:
    """A finite number, or ``None``."""
    return float(value) if value is not None and np.isfinite(value) else None
