"""Melt and crystal in one cell: how it is made, and how its phases are told apart."""

from dataclasses import dataclass

import numpy as np
from ase import Atoms

from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.melt import MeltLattice, Series, crystal, observed, only_element
from ingot.benchmarks.order import MOLTEN, SHELL, bond_coherence, profile
from ingot.dynamics import Conditions, Model, Simulation, conditions, stochastic_cell_rescaling
from ingot.dynamics.conditions import Axes
from ingot.randomness import derive_seed
from ingot.units import GIGAPASCAL

_ATTEMPTS = 4
_COLD = 0.6
"""The crystal half is kept at this multiple of the guess while the other half is melted."""


@dataclass(frozen=True)
class CoexistenceProtocol:
    """How melt and crystal are brought together and observed; steps are time steps."""

    temperature_kelvin: float
    element: str | None = None
    lattice: MeltLattice = "fcc"
    volume_per_atom_angstrom3: float | None = None
    repeat: tuple[int, int, int] = (3, 3, 8)
    pressure_gpa: float = 0.0
    timestep_fs: float = 3.0
    offset: float = 0.06
    crystal_steps: int = 600
    melt_factor: float = 2.5
    melt_steps: int = 500
    equilibration_steps: int = 300
    production_steps: int = 5000
    sample_every: int = 25
    relaxation_fs: float = 300.0
    piston_period_fs: float = 1000.0
    bulk_modulus_gpa: float = 50.0
    slabs: int = 16
    skin_angstrom: float = 0.5


@dataclass(frozen=True)
class Phases:
    """Tells crystal from melt by the bond coherence of both in this very simulation."""

    neighbors: int
    crystal: float
    """Mean coherence of the crystal at the guessed temperature."""
    melt: float
    """Mean coherence in the middle of the melt."""

    @property
    def threshold(self) -> float:
        """Half-way."""
        return 0.5 * (self.crystal + self.melt)

    def solid(self, atoms: Atoms) -> np.ndarray:
        """Which atoms are crystal."""
        return bond_coherence(atoms, self.neighbors) > self.threshold

    def solid_fraction(self, atoms: Atoms) -> float:
        """Share of crystal atoms."""
        return float(self.solid(atoms).mean())

    def profile(self, atoms: Atoms, slabs: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Coherence, solid fraction and atoms in slabs along z."""
        coherence = bond_coherence(atoms, self.neighbors)
        heights = atoms.get_scaled_positions()[:, 2]
        order, number = profile(coherence, heights, slabs)
        return order, profile((coherence > self.threshold).astype(float), heights, slabs)[0], number


@dataclass(frozen=True)
class TwoPhaseStart:
    """A cell that is half melt, half crystal, and the simulation that made it (kept: it is compiled)."""

    simulation: Simulation
    atoms: Atoms
    phases: Phases
    crystal: Series
    """The crystal alone, at the guess."""


def _half(atoms: Atoms) -> np.ndarray:
    """The atoms to melt: the lower half along z."""
    return np.asarray(atoms.get_scaled_positions()[:, 2] < 0.5)


def two_phase_start(model: Model, protocol: CoexistenceProtocol, seed: int) -> TwoPhaseStart:
    """Equilibrate the crystal at the guessed temperature, fix the lateral box at its mean, melt one half.

    The melt pushes along z only; laterally it has the box of the crystal, so that the crystal is free of
    lateral stress. Raises :class:`BenchmarkError` when the crystal does not stay crystal or the half does not melt.
    """
    p = protocol
    neighbors = SHELL[p.lattice]
    start = crystal(only_element(model, p.element), p.lattice, p.volume_per_atom_angstrom3, p.repeat)
    simulation = Simulation(
        model, start, temperature=2 * p.temperature_kelvin, seed=derive_seed(seed, "crystal"), skin=p.skin_angstrom
    )
    axes: Axes = "each" if p.lattice == "hcp" else "isotropic"
    held = _held(p, p.temperature_kelvin, 5.0, axes)
    observed(simulation, p.crystal_steps // 2, held, p.sample_every, "equilibrating the crystal")
    cells: list[np.ndarray] = []
    order: list[float] = []

    def keep(atoms: Atoms) -> dict[str, float]:
        cells.append(atoms.cell.array)
        order.append(float(bond_coherence(atoms, neighbors).mean()))
        return {}

    alone = observed(simulation, p.crystal_steps // 2, held, p.sample_every, "the crystal alone", keep)
    solid = float(np.mean(order))
    if order[-1] < MOLTEN:
        raise BenchmarkError(
            f"the {p.lattice} crystal did not survive at {p.temperature_kelvin:g} K (bond coherence {order[-1]:.2f}): "
            "this potential melts far below, or prefers another crystal; guess lower or name another lattice"
        )
    atoms = simulation.structure()
    velocities = atoms.get_velocities()
    atoms.set_cell(np.mean(cells, axis=0), scale_atoms=True)
    atoms.set_velocities(velocities)
    simulation.restart(atoms, seed=derive_seed(seed, "melting"))
    hot = _half(atoms)
    middle = np.abs(atoms.get_scaled_positions()[:, 2] - 0.25) < 0.125
    for attempt in range(_ATTEMPTS):
        factor = np.where(hot, p.melt_factor * (1 + 0.25 * attempt), _COLD)
        held = _held(p, p.temperature_kelvin, 10.0, "z", factor)
        observed(simulation, p.melt_steps, held, p.sample_every, "melting one half")
        liquid = float(bond_coherence(simulation.structure(), neighbors)[middle].mean())
        if liquid < 0.5 * solid:
            break
    else:
        raise BenchmarkError(f"one half did not melt (bond coherence {liquid:.2f}): raise melt_factor or melt_steps")
    return TwoPhaseStart(simulation, simulation.structure(), Phases(neighbors, solid, liquid), alone)


def _held(
    p: CoexistenceProtocol, temperature: float, friction: float, axes: Axes, factor: np.ndarray | float = 1.0
) -> Conditions:
    barostat = stochastic_cell_rescaling(p.relaxation_fs, p.bulk_modulus_gpa * GIGAPASCAL, p.pressure_gpa, axes)
    return conditions(p.timestep_fs, temperature, friction, barostat=barostat, hotter=factor)


def thermalised(start: TwoPhaseStart, protocol: CoexistenceProtocol, temperature: float, seed: int) -> Simulation:
    """The two-phase cell brought to one temperature at constant pressure along z."""
    simulation = start.simulation
    simulation.restart(start.atoms, temperature, derive_seed(seed, "thermalising"))
    held = _held(protocol, temperature, 10.0, "z")
    observed(
        simulation, protocol.equilibration_steps, held, protocol.sample_every, f"melt and crystal, {temperature:g} K"
    )
    return simulation
