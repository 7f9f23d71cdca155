"""What a simulation is held at: time step, thermostat, driving and barostat.

All of it is data to one compiled step: without friction and rescaling it is velocity Verlet, a
barostat without coupling leaves the cell alone. Changing the ensemble recompiles nothing.
"""

import dataclasses
from typing import Literal

import jax
import numpy as np
from jaxtyping import Array, Float

from ingot.dynamics.errors import DynamicsError
from ingot.dynamics.schedules import Scalar, Schedule
from ingot.units import FEMTOSECOND, GIGAPASCAL

Axes = Literal["isotropic", "each", "x", "y", "z", "lateral"]
"""What of the cell may breathe: all axes alike, each by itself, one alone, or x and y alike."""

_COUPLINGS: dict[str, np.ndarray] = {
    "isotropic": np.full((3, 3), 1 / 3),
    "each": np.eye(3),
    "x": np.diag([1.0, 0.0, 0.0]),
    "y": np.diag([0.0, 1.0, 0.0]),
    "z": np.diag([0.0, 0.0, 1.0]),
    "lateral": np.array([[0.5, 0.5, 0.0], [0.5, 0.5, 0.0], [0.0, 0.0, 0.0]]),
}


@dataclasses.dataclass(frozen=True)
class Barostat:
    """How the cell answers the pressure; zero ``mobility`` and zero ``inverse_inertia`` is a fixed cell."""

    coupling: Float[Array, "3 3"] | np.ndarray
    """Projection of the three axial log-strains on those that are free."""
    pressure: Scalar = 0.0
    """Target, eV/A^3, along every free axis."""
    mobility: Scalar = 0.0
    """Compressibility over relaxation time of the stochastic cell rescaling, A^3/eV per internal time."""
    inverse_inertia: Scalar = 0.0
    """One over the inertia of the deterministic piston, per axis of log-strain, (eV time^2)^-1."""

    @property
    def breathes(self) -> bool:
        """Whether the cell answers at all."""
        return bool(np.any(np.asarray(self.mobility) > 0) or np.any(np.asarray(self.inverse_inertia) > 0))


@dataclasses.dataclass(frozen=True)
class Conditions:
    """One ensemble. Times in the internal unit, temperatures in K."""

    timestep: Scalar
    """Of one step."""
    temperature: Schedule
    """Of the thermostat, along time."""
    friction: Scalar
    """Of the Langevin thermostat, per internal time; 0 is none."""
    rescaling: Scalar
    """Rate of the stochastic velocity rescaling, one over its relaxation time, per internal time; 0 is none."""
    density: Schedule
    """Number density along time; only its ratios matter, the starting cell is that of t = 0."""
    barostat: Barostat
    """None by default."""
    hotter: Float[Array, "*atoms"] | np.ndarray
    """Factor on the temperature, one or one per atom: heats a part of the cell more than the rest."""
    closest: Scalar
    """Stop when two atoms come closer than this (A)."""


jax.tree_util.register_dataclass(
    Barostat, data_fields=["coupling", "pressure", "mobility", "inverse_inertia"], meta_fields=[]
)
jax.tree_util.register_dataclass(
    Conditions,
    data_fields=["timestep", "temperature", "friction", "rescaling", "density", "barostat", "hotter", "closest"],
    meta_fields=[],
)


def _coupling(axes: str) -> np.ndarray:
    if axes not in _COUPLINGS:
        raise DynamicsError(f"axes {axes!r} are not known; accepted: {', '.join(_COUPLINGS)}")
    return _COUPLINGS[axes]


def stochastic_cell_rescaling(
    relaxation_fs: float, bulk_modulus: float, pressure_gpa: float = 0.0, axes: Axes = "isotropic"
) -> Barostat:
    """The barostat of M. Bernetti and G. Bussi, J. Chem. Phys. 153, 114107 (2020): first order, and the right ensemble.

    ``bulk_modulus`` (eV/A^3) sets only how fast the volume relaxes, not where to.
    """
    if relaxation_fs <= 0 or bulk_modulus <= 0:
        raise DynamicsError(
            f"the barostat needs a positive relaxation time and bulk modulus, got {relaxation_fs} fs, {bulk_modulus}"
        )
    mobility = 1.0 / (bulk_modulus * relaxation_fs * FEMTOSECOND)
    return Barostat(_coupling(axes), pressure_gpa * GIGAPASCAL, mobility, 0.0)


def isoenthalpic_piston(
    period_fs: float, bulk_modulus: float, volume: float, pressure_gpa: float = 0.0, axes: Axes = "isotropic"
) -> Barostat:
    """A deterministic piston on the logarithm of the box lengths (H. C. Andersen, J. Chem. Phys. 72, 2384, 1980).

    Conserves ``K + U + P V + W/2 sum(rate^2)``. The inertia W is chosen so that a cell of
    ``volume`` (A^3) and ``bulk_modulus`` (eV/A^3) breathes with about ``period_fs``.
    """
    if period_fs <= 0 or bulk_modulus <= 0 or volume <= 0:
        raise DynamicsError(f"the piston needs positive numbers, got {period_fs} fs, {bulk_modulus}, {volume} A^3")
    inertia = volume * bulk_modulus * (period_fs * FEMTOSECOND / (2 * np.pi)) ** 2
    return Barostat(_coupling(axes), pressure_gpa * GIGAPASCAL, 0.0, 1.0 / inertia)


def conditions(
    timestep_fs: float,
    temperature: float | Schedule = 0.0,
    friction_per_ps: float = 0.0,
    density: Schedule | None = None,
    barostat: Barostat | None = None,
    hotter: np.ndarray | float = 1.0,
    closest_angstrom: float = 0.0,
    rescaling_fs: float | None = None,
) -> Conditions:
    """One ensemble from everyday units: without thermostat and barostat it is microcanonical.

    ``rescaling_fs`` is the relaxation time of the stochastic velocity rescaling, which takes the place of friction.
    Raises :class:`DynamicsError` for values without meaning and for two thermostats at once.
    """
    if not timestep_fs > 0 or not friction_per_ps >= 0:
        raise DynamicsError(f"need a time step > 0 and a friction >= 0, got {timestep_fs} fs, {friction_per_ps} /ps")
    if rescaling_fs is not None and not rescaling_fs > 0:
        raise DynamicsError(f"the relaxation time of the velocity rescaling must be positive, got {rescaling_fs} fs")
    if rescaling_fs is not None and (friction_per_ps > 0 or np.any(np.asarray(hotter) != 1.0)):
        raise DynamicsError("velocity rescaling is one temperature for all atoms: no friction or `hotter` beside it")
    if not isinstance(temperature, Schedule):
        if not temperature >= 0:
            raise DynamicsError(f"the temperature must not be negative, got {temperature} K")
        temperature = Schedule.constant(float(temperature))
    return Conditions(
        timestep=timestep_fs * FEMTOSECOND,
        temperature=temperature,
        friction=friction_per_ps / (1000 * FEMTOSECOND),
        rescaling=0.0 if rescaling_fs is None else 1.0 / (rescaling_fs * FEMTOSECOND),
        density=density or Schedule.constant(1.0),
        barostat=barostat or Barostat(np.zeros((3, 3))),
        hotter=np.asarray(hotter, dtype=np.float64),
        closest=float(closest_angstrom),
    )
