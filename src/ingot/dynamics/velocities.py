"""Velocities of a given temperature, and the temperature of given velocities."""

import numpy as np
from jaxtyping import Float

from ingot.dynamics.errors import DynamicsError
from ingot.randomness import generator
from ingot.units import BOLTZMANN


def maxwell_boltzmann(
    masses: Float[np.ndarray, " atoms"], temperature: float, seed: int, exact: bool = False
) -> Float[np.ndarray, "atoms 3"]:
    """Velocities (internal units) drawn at ``temperature`` (K), without motion of the centre of mass.

    ``exact`` scales them to the temperature, for a microcanonical start.
    """
    if not temperature >= 0:
        raise DynamicsError(f"the temperature must not be negative, got {temperature} K")
    width = np.sqrt(BOLTZMANN * temperature / masses)[:, None]
    velocities: np.ndarray = generator(seed, "maxwell-boltzmann").normal(size=(len(masses), 3)) * width
    if len(masses) > 1:
        velocities -= (masses[:, None] * velocities).sum(0) / masses.sum()
        if exact and temperature > 0:
            velocities *= np.sqrt(temperature / kinetic_temperature(velocities, masses, len(masses) * 3 - 3))
    return velocities


def kinetic_temperature(
    velocities: Float[np.ndarray, "atoms 3"], masses: Float[np.ndarray, " atoms"], degrees_of_freedom: int
) -> float:
    """``sum(m v^2) / (f k)`` in K."""
    return float(np.sum(masses[:, None] * velocities**2) / (degrees_of_freedom * BOLTZMANN))
