"""The loss on energy, forces and stress of one structure, and its slopes."""

import dataclasses
from typing import NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, Float

from ingot.training.examples import Example


@dataclasses.dataclass(frozen=True)
class LossWeights:
    """Weights of the squared residuals of one structure."""

    energy: float
    """Of the energy per atom, in 1/(eV/atom)^2."""
    forces: float
    """Of the mean square of the force components, in 1/(eV/A)^2."""
    stress: float
    """Of the mean square of the components of dE/d(strain) per atom, in 1/(eV/atom)^2."""


class Prediction(NamedTuple):
    """Energy (eV, without offsets), forces (eV/A) and dE/d(strain) (eV) of one structure."""

    energy: Float[Array, ""]
    forces: Float[Array, "atoms 3"]
    strain_gradient: Float[Array, "3 3"]


class SquaredErrors(NamedTuple):
    """Squared residuals of one structure: sums of them give root-mean-square errors."""

    energy: Float[Array, ""]
    """Of the energy per atom, (eV/atom)^2."""
    forces: Float[Array, ""]
    """Mean over force components, (eV/A)^2; 0 without forces."""
    stress: Float[Array, ""]
    """Mean over components of dE/d(strain) per atom, (eV/atom)^2; 0 without a stress label."""


def _residuals(prediction: Prediction, example: Example) -> Prediction:
    real = (jnp.asarray(example.species) >= 0)[:, None] & jnp.asarray(example.has_forces)
    dtype = prediction.forces.dtype
    return Prediction(
        prediction.energy - jnp.asarray(example.energy, dtype),
        jnp.where(real, prediction.forces - jnp.asarray(example.forces, dtype), 0.0),
        jnp.where(
            jnp.asarray(example.has_stress),
            prediction.strain_gradient - jnp.asarray(example.strain_gradient, dtype),
            0.0,
        ),
    )


def squared_errors(prediction: Prediction, example: Example) -> SquaredErrors:
    """What is reported, and what the loss weighs."""
    residual = _residuals(prediction, example)
    atoms = jnp.asarray(example.atoms, residual.energy.dtype)
    return SquaredErrors(
        jnp.square(residual.energy / atoms),
        jnp.sum(jnp.square(residual.forces)) / (3 * atoms),
        jnp.mean(jnp.square(residual.strain_gradient / atoms)),
    )


def structure_loss(prediction: Prediction, example: Example, weights: LossWeights) -> Float[Array, ""]:
    """Weighted sum of the squared residuals of one structure."""
    error = squared_errors(prediction, example)
    loss = weights.energy * error.energy + weights.forces * error.forces + weights.stress * error.stress
    return jnp.asarray(example.weight, loss.dtype) * loss


def loss_slopes(prediction: Prediction, example: Example, weights: LossWeights) -> Prediction:
    """Derivatives of :func:`structure_loss` by energy, forces and dE/d(strain)."""
    residual = _residuals(prediction, example)
    atoms, weight = (jnp.asarray(x, residual.energy.dtype) for x in (example.atoms, example.weight))
    return Prediction(
        2 * weight * weights.energy * residual.energy / atoms**2,
        2 * weight * weights.forces * residual.forces / (3 * atoms),
        2 * weight * weights.stress * residual.strain_gradient / (9 * atoms**2),
    )
