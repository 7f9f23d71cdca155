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

_ATTEMPTS = 10
_FEWEST = 0.15
"""Share of either phase below which a cell is no start for coexistence."""
_FORGOTTEN = 0.35
"""A melt with more than this part of the crystal's coherence remembers it, and freezes as soon as it is cooled."""
_COLD = 0.5
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
    timestep_fs: float = 2.5
    offset: float = 0.03
    crystal_steps: int = 800
    melt_factor: float = 2.0
    melt_steps: int = 150
    equilibration_steps: int = 300
    production_steps: int = 4500
    repeat_lost: bool = True
    cells: int = 1
    fusion: bool = False
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
    """The atoms to melt: the lower half along z, and a little more, because the melt freezes back while it cools."""
    return np.asarray(atoms.get_scaled_positions()[:, 2] < 0.55)


def two_phase_start(model: Model, protocol: CoexistenceProtocol, seed: int) -> TwoPhaseStart:
    """Equilibrate the crystal at the guess, fix the lateral box at its mean, melt one half, bring both to the guess.

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
    middle = np.abs(atoms.get_scaled_positions()[:, 2] - 0.275) < 0.15
    for attempt in range(_ATTEMPTS):
        # In short attempts, each hotter, so that the heat does not eat into the crystal half.
        factor = np.where(hot, p.melt_factor * (1 + 0.1 * attempt), _COLD)
        held = _held(p, p.temperature_kelvin, 20.0, "z", factor)
        observed(simulation, p.melt_steps, held, p.sample_every, "melting one half")
        liquid = float(bond_coherence(simulation.structure(), neighbors)[middle].mean())
        if liquid < _FORGOTTEN * solid:
            break
    else:
        raise BenchmarkError(f"one half did not melt (bond coherence {liquid:.2f}): raise melt_factor or melt_steps")
    phases = Phases(neighbors, solid, liquid)
    held = _held(p, p.temperature_kelvin, 10.0, "z")
    observed(simulation, p.equilibration_steps, held, p.sample_every, "melt and crystal at the guess")
    atoms = simulation.structure()
    share = phases.solid_fraction(atoms)
    if not _FEWEST < share < 1 - _FEWEST:
        raise BenchmarkError(
            f"the cell went to {share:.0%} crystal before the runs could begin: "
            f"the melting point is far {'above' if share > 0.5 else 'below'} {p.temperature_kelvin:g} K"
        )
    return TwoPhaseStart(simulation, atoms, phases, alone)


def _held(
    p: CoexistenceProtocol, temperature: float, friction: float, axes: Axes, factor: np.ndarray | float = 1.0
) -> Conditions:
    barostat = stochastic_cell_rescaling(p.relaxation_fs, p.bulk_modulus_gpa * GIGAPASCAL, p.pressure_gpa, axes)
    return conditions(p.timestep_fs, temperature, friction, barostat=barostat, hotter=factor)
