"""Temperature, pressure and energy along a trajectory, and averages with honest errors."""

import dataclasses

import numpy as np
from jaxtyping import Float

from ingot.dynamics.conditions import Barostat, Conditions
from ingot.dynamics.simulation import Simulation
from ingot.dynamics.velocities import kinetic_temperature
from ingot.units import GIGAPASCAL


@dataclasses.dataclass(frozen=True)
class Thermodynamics:
    """What a snapshot of one replica is worth in numbers."""

    step: int
    temperature: float
    """Kinetic, K."""
    potential_energy: float
    """eV."""
    kinetic_energy: float
    """eV."""
    pressure_gpa: Float[np.ndarray, "3"]
    """Along x, y, z; not a number without a cell."""
    cell: Float[np.ndarray, "3 3"]
    """A."""

    @property
    def volume(self) -> float:
        """A^3."""
        return float(abs(np.linalg.det(self.cell)))

    @property
    def total_energy(self) -> float:
        """eV; conserved without thermostat and barostat."""
        return self.potential_energy + self.kinetic_energy


def thermodynamics(simulation: Simulation, replica: int = 0, fixed_momentum: bool = False) -> Thermodynamics:
    """The present values. With ``fixed_momentum`` three degrees of freedom do not count (no Langevin noise)."""
    state = simulation.state
    velocities, masses = simulation.velocities[replica], simulation.masses[replica]
    cell, gradient = np.asarray(state.cell[replica]), np.asarray(state.strain_gradient[replica])
    twice_kinetic = np.sum(masses[:, None] * velocities**2, axis=0)
    volume = abs(np.linalg.det(cell)) or np.nan
    fixed = 3 if fixed_momentum and len(masses) > 1 else 0
    return Thermodynamics(
        step=int(state.step[replica]),
        temperature=kinetic_temperature(velocities, masses, 3 * len(masses) - fixed),
        potential_energy=float(state.energy[replica]),
        kinetic_energy=float(0.5 * twice_kinetic.sum()),
        pressure_gpa=(twice_kinetic - np.diagonal(gradient)) / volume / GIGAPASCAL,
        cell=cell,
    )


def conserved_enthalpy(simulation: Simulation, barostat: Barostat, replica: int = 0) -> float:
    """``K + U + P V + W/2 sum(rate^2)`` less the heat of the thermostats, in eV: what integration alone may change.

    Without thermostat the isoenthalpic piston conserves it; with one it is the effective energy of
    G. Bussi and M. Parrinello, Phys. Rev. E 75, 056707 (2007). ``barostat`` has a piston.
    """
    now = thermodynamics(simulation, replica)
    rate = np.asarray(simulation.state.strain_rate[replica])
    piston = 0.5 * float(np.sum(rate**2)) / float(barostat.inverse_inertia)
    heat = float(simulation.state.heat[replica])
    return float(now.total_energy - heat + float(barostat.pressure) * now.volume + piston)


def conserved_energy(simulation: Simulation, held: Conditions, replica: int = 0) -> float:
    """The energy, or with a piston the enthalpy, less the heat of the thermostats, in eV.

    Not a number where the cell is rescaled or driven: there work is done that nobody counts.
    """
    if np.any(np.asarray(held.barostat.inverse_inertia) > 0):
        return conserved_enthalpy(simulation, held.barostat, replica)
    if held.barostat.breathes or not held.density.is_constant:
        return float("nan")
    return thermodynamics(simulation, replica).total_energy - float(simulation.state.heat[replica])


@dataclasses.dataclass(frozen=True)
class Average:
    """A mean and its standard error."""

    mean: float
    error: float
    samples: int
    """Samples that entered."""
    independent: float
    """Effective number of independent samples."""


def block_average(values: np.ndarray, fewest_blocks: int = 8) -> Average:
    """Mean of a correlated series with its standard error by blocking.

    The error is the largest over block lengths that leave at least ``fewest_blocks`` blocks
    (H. Flyvbjerg and H. G. Petersen, J. Chem. Phys. 91, 461, 1989: it grows with the block length
    until blocks are independent, and only then is it an error). With fewer samples it is that of
    independent ones, which is too small. Needs at least two samples.
    """
    series = np.asarray(values, dtype=np.float64)
    if series.ndim != 1 or len(series) < 2:
        raise ValueError(f"a block average needs a series of at least two samples, got shape {series.shape}")
    naive = float(series.std(ddof=1) / np.sqrt(len(series)))
    error, length = naive, 2
    while len(series) // length >= fewest_blocks:
        blocks = series[len(series) % length :].reshape(-1, length).mean(1)
        error = max(error, float(blocks.std(ddof=1) / np.sqrt(len(blocks))))
        length *= 2
    independent = len(series) if error == 0 else len(series) * (naive / error) ** 2
    return Average(float(series.mean()), error, len(series), float(independent))
