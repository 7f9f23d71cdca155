"""The parameter gradient of an energy, force and stress loss without third-order cost.

Let E(theta; x, e) be the energy at positions x and strain e, F = -dE/dx and W = dE/de. A loss L(E, F, W) has

    dL/dtheta = d/dtheta [ (dL/dE) E + D E(theta) ],

where D is the derivative along the direction (-dL/dF, dL/dW) in (x, e), and the slopes of L are held fixed: one
directional derivative contracts all forces (Smith, Lubbers, Thompson, Barros, arXiv 2006.05475, eqs. 4 to 8).
The modes differ in how they take it:

- ``split``: the descriptor is pushed along the direction, then only the network meets second derivatives;
- ``forward``: forward over reverse through the whole energy (for architectures without a descriptor);
- ``difference``: the paper's central difference of dE/dtheta, displaced by at most ``DIFFERENCE_STEP``;
- ``reverse``: plain reverse over reverse of the loss, the reference that the others are tested against.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from jaxtyping import Array, Float

from ingot.neighbors import displacements
from ingot.potentials import Architecture, Graph
from ingot.potentials.coordinates import Coordinates
from ingot.training.errors import TrainingError
from ingot.training.examples import Example, learned_part, make_example, without_baseline
from ingot.training.loss import LossWeights, Prediction, SquaredErrors, loss_slopes, squared_errors, structure_loss

DIFFERENCE_STEP = 0.001
"""Largest displacement (A) or strain of the central difference, as in the paper. CELU has kinks in its slope, so
that the error falls only in proportion to the step: about 1 % here for a random network of the published size."""

Energy = Callable[[Any, Coordinates], Float[Array, ""]]
"""Energy in eV of one structure as a function of parameters and coordinates."""

GradientFunction = Callable[[Any, Example], tuple[Any, SquaredErrors]]
"""Gradient by the parameters, and squared errors, of one structure."""


def strained_displacements(example: Example, coordinates: Coordinates) -> Float[Array, "atoms capacity 3"]:
    """Displacements of the strained structure; formed in the precision of the coordinates."""
    positions, strain = coordinates
    vectors = displacements(positions, jnp.asarray(example.cell), example.table)
    return vectors + jnp.einsum("nka,ab->nkb", vectors, strain, precision=jax.lax.Precision.HIGHEST)


def coordinates_of(example: Example) -> Coordinates:
    """The structure as it is: its positions, no strain."""
    return jnp.asarray(example.positions), jnp.zeros((3, 3), jnp.asarray(example.positions).dtype)


def energy_function(architecture: Architecture, example: Example, dtype: Any) -> Energy:
    """The energy of one structure, with the architecture evaluated in ``dtype``."""

    def energy(parameters: Any, coordinates: Coordinates) -> Float[Array, ""]:
        vectors = strained_displacements(example, coordinates).astype(dtype)
        graph = Graph(species=jnp.asarray(example.species), table=example.table, displacements=vectors)
        return jnp.sum(architecture.site_energies(parameters, graph))

    return energy


def _prediction(energy: Float[Array, ""], slopes: Coordinates) -> Prediction:
    by_position, by_strain = slopes
    dtype = energy.dtype
    return Prediction(energy, -by_position.astype(dtype), (0.5 * (by_strain + by_strain.T)).astype(dtype))


def predict(energy: Energy, parameters: Any, coordinates: Coordinates) -> Prediction:
    """Energy, forces and dE/d(strain) of one structure by reverse differentiation."""
    value, slopes = jax.value_and_grad(energy, argnums=1)(parameters, coordinates)
    return _prediction(value, slopes)


def _direction(slopes: Prediction, coordinates: Coordinates) -> Coordinates:
    """The direction (-dL/dF, dL/dW) along which the energy is differentiated."""
    return -slopes.forces.astype(coordinates[0].dtype), slopes.strain_gradient.astype(coordinates[1].dtype)


def _reverse(architecture: Architecture, weights: LossWeights, dtype: Any) -> GradientFunction:
    def gradient(parameters: Any, example: Example) -> tuple[Any, SquaredErrors]:
        energy, coordinates = energy_function(architecture, example, dtype), coordinates_of(example)

        def loss(values: Any) -> tuple[Array, SquaredErrors]:
            prediction = predict(energy, values, coordinates)
            return structure_loss(prediction, example, weights), squared_errors(prediction, example)

        by_parameter, errors = jax.grad(loss, has_aux=True)(parameters)
        return by_parameter, errors

    return gradient


def _forward(architecture: Architecture, weights: LossWeights, dtype: Any) -> GradientFunction:
    def gradient(parameters: Any, example: Example) -> tuple[Any, SquaredErrors]:
        energy, coordinates = energy_function(architecture, example, dtype), coordinates_of(example)
        prediction = predict(energy, parameters, coordinates)
        slopes = loss_slopes(prediction, example, weights)
        by_energy, by_direction = jax.jvp(
            lambda at: jax.grad(energy)(parameters, at), (coordinates,), (_direction(slopes, coordinates),)
        )
        total = jax.tree.map(lambda a, b: slopes.energy * a + b, by_energy, by_direction)
        return total, squared_errors(prediction, example)

    return gradient


def _difference(architecture: Architecture, weights: LossWeights, dtype: Any) -> GradientFunction:
    def gradient(parameters: Any, example: Example) -> tuple[Any, SquaredErrors]:
        energy, coordinates = energy_function(architecture, example, dtype), coordinates_of(example)
        prediction = predict(energy, parameters, coordinates)
        slopes = loss_slopes(prediction, example, weights)
        direction = _direction(slopes, coordinates)
        # Scaled so that no atom moves and no strain component changes by more than the step.
        largest = jnp.maximum(jnp.max(jnp.linalg.norm(direction[0], axis=-1)), jnp.max(jnp.abs(direction[1])))
        step = DIFFERENCE_STEP / jnp.maximum(largest, 1e-30)

        def displaced(sign: float) -> Any:
            at = jax.tree.map(lambda x, d: x + sign * step * d, coordinates, direction)
            return jax.grad(energy)(parameters, at)

        by_energy = jax.grad(energy)(parameters, coordinates)
        total = jax.tree.map(
            lambda a, plus, minus: slopes.energy * a + ((plus - minus) / (2 * step)).astype(a.dtype),
            by_energy,
            displaced(1.0),
            displaced(-1.0),
        )
        return total, squared_errors(prediction, example)

    return gradient


def _alone(function: Callable[..., Any]) -> Callable[..., Any]:
    return function


def contract_network(
    network: Callable[[Any, Array], Array],
    parameters: Any,
    descriptor: Float[Array, "*batch atoms features"],
    pull: Callable[[Array], Coordinates],
    push: Callable[[Coordinates], Array],
    example: Example,
    weights: LossWeights,
    each: Callable[[Callable[..., Any]], Callable[..., Any]] = _alone,
    share: Float[Array, "*batch"] | float = 1.0,
) -> tuple[Any, SquaredErrors]:
    """The split contraction, given the descriptor and products with its Jacobian.

    ``pull`` maps a descriptor cotangent to coordinates, ``push`` a direction to a descriptor tangent: whether they
    differentiate the descriptor or multiply by a stored Jacobian is the caller's choice. For a batch ``each`` is
    ``jax.vmap``; the gradient is then the sum over structures, each times its ``share``.
    """
    sites, network_pullback = jax.vjp(lambda g: network(parameters, g), descriptor)
    (slope,) = network_pullback(jnp.ones_like(sites))
    prediction = each(_prediction)(jnp.sum(sites, axis=-1), pull(slope))

    def shared_slopes(at: Prediction, of: Example, part: Any) -> Prediction:
        return Prediction(*(leaf * jnp.asarray(part, leaf.dtype) for leaf in loss_slopes(at, of, weights)))

    if each is _alone:
        slopes = shared_slopes(prediction, example, share)
    else:
        slopes = each(shared_slopes)(prediction, example, share)
    tangent = push((-slopes.forces, slopes.strain_gradient))

    def contracted(values: Any) -> Array:
        energies, along = jax.jvp(lambda g: network(values, g), (descriptor,), (tangent,))
        return jnp.sum(slopes.energy * jnp.sum(energies, axis=-1)) + jnp.sum(along)

    return jax.grad(contracted)(parameters), each(squared_errors)(prediction, example)


def _split(architecture: Any, weights: LossWeights, dtype: Any) -> GradientFunction:
    def gradient(parameters: Any, example: Example) -> tuple[Any, SquaredErrors]:
        coordinates, species = coordinates_of(example), jnp.asarray(example.species)
        vectors = strained_displacements(example, coordinates).astype(dtype)
        descriptor, pull, push = architecture.descriptor_and_products(
            vectors, species, example.table, sums=coordinates[0].dtype
        )
        return contract_network(
            lambda values, g: architecture.network(values, g, species),
            parameters,
            descriptor,
            pull,
            push,
            example,
            weights,
        )

    return gradient


_MODES: dict[str, Callable[[Any, LossWeights, Any], GradientFunction]] = {
    "split": _split,
    "forward": _forward,
    "difference": _difference,
    "reverse": _reverse,
}


def contraction_modes(architecture: Architecture) -> tuple[str, ...]:
    """The modes that an architecture allows, the fastest first."""
    return tuple(mode for mode in _MODES if mode != "split" or hasattr(architecture, "descriptor_and_products"))


def gradient_function(
    architecture: Architecture, weights: LossWeights, mode: str, dtype: Any = jnp.float32
) -> GradientFunction:
    """``gradient(parameters, example) -> (gradient, squared errors)`` of one structure."""
    accepted = contraction_modes(architecture)
    if mode not in accepted:
        raise TrainingError(f"unknown contraction {mode!r}; {type(architecture).__name__} accepts {accepted}")
    return _MODES[mode](architecture, weights, dtype)


def parameter_gradient(
    architecture: Architecture,
    parameters: Any,
    atoms: Atoms,
    target: tuple[float, Any, Any],
    mode: str = "split",
    weights: LossWeights | None = None,
) -> Any:
    """The gradient of the loss of one structure in float64; ``target`` is energy, forces and dE/d(strain)."""
    labelled = atoms.copy()
    labelled.calc = SinglePointCalculator(labelled, energy=target[0], free_energy=target[0], forces=target[1])
    example = make_example(labelled, architecture, dict.fromkeys(architecture.species, 0.0))
    example = dataclasses.replace(example, strain_gradient=np.asarray(target[2]), has_stress=np.array(True))
    example = without_baseline(architecture, example)
    weights = weights or LossWeights(1.0, 1.0, 1.0)
    function = gradient_function(learned_part(architecture), weights, mode, jnp.float64)
    return jax.jit(function)(jax.tree.map(jnp.asarray, parameters), example)[0]
