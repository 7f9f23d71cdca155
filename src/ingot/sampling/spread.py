"""The ensemble's spread as a measure of what it does not know, and the thresholds that stop a trajectory."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ingot.dynamics import FIRST_MONITOR_CODE, Monitor
from ingot.sampling.errors import SamplingError


class Stop(enum.IntEnum):
    """Which spread stopped a trajectory, after the codes of the dynamics itself."""

    ENERGY = FIRST_MONITOR_CODE
    MEAN_FORCE = FIRST_MONITOR_CODE + 1
    LARGEST_FORCE = FIRST_MONITOR_CODE + 2
    OUT_OF_RANGE = FIRST_MONITOR_CODE + 3
    """The energy left the range of the data, whatever the members agree on."""


MEASURES = ("energy_std_per_sqrt_atom", "force_std_mean", "force_std_max")
"""What the monitor measures, in its order: eV, eV/A, eV/A."""


@dataclass(frozen=True)
class Thresholds:
    """Spreads beyond which the ensemble is not to be trusted."""

    energy: float
    """Standard deviation of the total energy over sqrt(N), eV."""
    mean_force: float
    """Norm of an atom's force deviation, averaged over atoms, eV/A."""
    largest_force: float
    """The same for the worst atom, eV/A."""

    def __post_init__(self) -> None:
        if not min(self.energy, self.mean_force, self.largest_force) > 0:
            raise SamplingError(f"thresholds of the spread must be positive, got {self}")


def spreads(
    energy: Float[Array, " members"], forces: Float[Array, "members atoms 3"], scale: Mapping[str, float]
) -> Float[Array, " 3"]:
    """Energy spread per sqrt(N) (eV), mean and largest norm of the force spread (eV/A): see :data:`MEASURES`.

    Sample standard deviations over the members (ddof 1), times the calibration's ``scale``;
    that of a force is the root of the summed variances of its components.
    """
    atoms = forces.shape[1]
    energy_std = scale["energy"] * jnp.std(energy, ddof=1) / jnp.sqrt(atoms)
    force_std = scale["forces"] * jnp.sqrt(jnp.sum(jnp.var(forces, axis=0, ddof=1), axis=-1))
    return jnp.stack([energy_std, jnp.mean(force_std), jnp.max(force_std)])


def spread_monitor(thresholds: Thresholds, scale: Mapping[str, float]) -> Monitor:
    """A monitor that stops where the ensemble's spread passes a threshold."""

    def monitor(evaluation: Any) -> tuple[Int[Array, ""], Float[Array, " 3"]]:
        found = spreads(evaluation.energy, evaluation.forces, scale)
        code = jnp.where(found[2] > thresholds.largest_force, int(Stop.LARGEST_FORCE), 0)
        code = jnp.where(found[1] > thresholds.mean_force, int(Stop.MEAN_FORCE), code)
        code = jnp.where(found[0] > thresholds.energy, int(Stop.ENERGY), code)
        return code, found

    return monitor
