"""Feed-forward networks, one per species, with CELU activations and a linear output."""

from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

_HIGHEST = jax.lax.Precision.HIGHEST

Layers = tuple[dict[str, Any], ...]
"""``({"weight": (species, inputs, outputs), "bias": (species, outputs)}, ...)``."""


def celu(x: Array, alpha: float) -> Array:
    """``max(0, x) + min(0, alpha (exp(x / alpha) - 1))`` (Barron 2017), safe against overflow in its gradient."""
    return jnp.where(x > 0, x, alpha * (jnp.exp(jnp.minimum(x, 0.0) * (1.0 / alpha)) - 1.0))


def initial_layers(seed: int, species: int, sizes: tuple[int, ...]) -> Layers:
    """Random layers in float64: normal weights of variance 1 / inputs, zero biases, from one seed.

    ``sizes`` are the inputs, the hidden layers and the output.
    """
    rng = np.random.default_rng(seed)
    return tuple(
        {
            "weight": rng.normal(scale=inputs**-0.5, size=(species, inputs, outputs)),
            "bias": np.zeros((species, outputs)),
        }
        for inputs, outputs in pairwise(sizes)
    )


def fold_standardisation(
    layers: Layers, mean: Float[Array, "species features"], scale: Float[Array, "species features"]
) -> Layers:
    """Layers that take raw features, from layers that take ``(features - mean) / scale``."""
    first = layers[0]
    weight = first["weight"] / scale[:, :, None]
    bias = first["bias"] - jnp.einsum("sf,sfo->so", mean, weight, precision=_HIGHEST)
    return ({"weight": weight, "bias": bias}, *layers[1:])


def _one_species(layers: Layers, species: int, x: Array, alpha: float) -> Array:
    for depth, layer in enumerate(layers):
        x = jnp.matmul(x, layer["weight"][species], precision=_HIGHEST) + layer["bias"][species]
        if depth < len(layers) - 1:
            x = celu(x, alpha)
    return x[..., 0]


def apply_layers(
    layers: Layers,
    features: Float[Array, "atoms features"],
    species: Int[Array, " atoms"],
    alpha: float,
) -> Float[Array, " atoms"]:
    """Each atom's output of its own species' network; zero for padding atoms (species -1).

    Every network runs on every atom: for the few species of a material this beats sorting atoms by species.
    """
    output = jnp.zeros(features.shape[:-1], features.dtype)
    for kind in range(layers[0]["bias"].shape[0]):
        output = jnp.where(species == kind, _one_species(layers, kind, features, alpha), output)
    return output
