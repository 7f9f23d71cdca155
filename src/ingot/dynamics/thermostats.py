"""Thermostats: what the middle of a step does to velocities, for a rate of zero exactly nothing."""

import jax.numpy as jnp
from jaxtyping import Array, Float

from ingot.dynamics.schedules import Scalar
from ingot.units import BOLTZMANN

Velocities = Float[Array, "atoms 3"]
Masses = Float[Array, " atoms"]


def kinetic_energy(velocities: Velocities, masses: Masses) -> Float[Array, ""]:
    """``1/2 sum m v^2`` in eV."""
    return 0.5 * jnp.sum(masses[:, None] * velocities**2)


def langevin(
    velocities: Velocities, masses: Masses, temperature: Scalar, friction: Scalar, dt: Scalar, noise: Velocities
) -> Velocities:
    """The exact flow of friction and noise, with a temperature (K) for all atoms or one for each."""
    keep = jnp.exp(-friction * dt)
    width = jnp.sqrt((1 - keep**2) * BOLTZMANN * temperature / masses)
    return keep * velocities + width[:, None] * noise


def velocity_rescaling(
    velocities: Velocities, masses: Masses, temperature: Scalar, rate: Scalar, dt: Scalar, noise: Velocities
) -> Velocities:
    """Stochastic velocity rescaling (G. Bussi, D. Donadio, M. Parrinello, J. Chem. Phys. 126, 014101, 2007, eq. A7).

    All velocities relative to the centre of mass are multiplied by one number that takes their kinetic energy
    along its exact stochastic flow to the canonical distribution of 3 N - 3 degrees of freedom, which uses
    as many of the Gaussian numbers in ``noise``. The motion of the centre of mass stays as it is, and with it
    a single atom.
    """
    if len(masses) == 1:
        return velocities
    centre = jnp.sum(masses[:, None] * velocities, axis=0) / jnp.sum(masses)
    relative = velocities - centre
    kinetic = kinetic_energy(relative, masses)
    # K_bar / (N_f K) of the equation; resting atoms cannot be rescaled.
    ratio = jnp.where(kinetic > 0, 0.5 * BOLTZMANN * temperature / jnp.where(kinetic > 0, kinetic, 1.0), 0.0)
    keep = jnp.exp(-rate * dt)
    gaussians = jnp.ravel(noise)[3:]
    along = jnp.sqrt(keep) + jnp.sqrt((1 - keep) * ratio) * gaussians[0]
    factor = jnp.sign(along) * jnp.sqrt(along**2 + (1 - keep) * ratio * jnp.sum(gaussians[1:] ** 2))
    # Not centre + factor * relative: without a thermostat the velocities must stay the same to the last bit.
    return velocities + (factor - 1) * relative
