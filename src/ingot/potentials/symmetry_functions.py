"""The radial and angular symmetry functions of ANI, as functions of displacement vectors.

Constants and order follow Smith, Isayev, Roitberg, Chem. Sci. 8, 3192 (2017), eqs. 3 and 4, with the factors of the
published code: 0.25 for radial terms, 2 for each unordered angular pair, and cos(theta) replaced by 0.95 cos(theta).
"""

from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

_HIGHEST = jax.lax.Precision.HIGHEST


def distances(
    displacements: Float[Array, "atoms neighbors 3"], mask: Bool[Array, "atoms neighbors"]
) -> Float[Array, "atoms neighbors"]:
    """Lengths in angstrom; 1 on padding, so that no gradient passes through the root of zero."""
    squared = jnp.sum(displacements * displacements, axis=-1)
    return jnp.sqrt(jnp.where(mask, squared, 1.0))


def cosine_cutoff(
    distance: Float[Array, "atoms neighbors"], mask: Bool[Array, "atoms neighbors"], cutoff: float
) -> Float[Array, "atoms neighbors"]:
    """``(cos(pi r / cutoff) + 1) / 2`` inside the cutoff; zero outside it and on padding."""
    return jnp.where(mask & (distance < cutoff), 0.5 * jnp.cos(distance * (np.pi / cutoff)) + 0.5, 0.0)


def radial_terms(
    displacements: Float[Array, "atoms neighbors 3"],
    mask: Bool[Array, "atoms neighbors"],
    channel: Int[Array, "atoms neighbors"],
    channels: int,
    cutoff: float,
    eta: float,
    shifts: tuple[float, ...],
) -> Float[Array, "atoms features"]:
    """``0.25 sum_j exp(-eta (r_ij - R_s)^2) f_c(r_ij)``, one block of shifts per species of the neighbour."""
    distance = distances(displacements, mask)
    weight = 0.25 * cosine_cutoff(distance, mask, cutoff)
    offset = distance[..., None] - jnp.asarray(shifts, displacements.dtype)
    terms = jnp.exp(-eta * offset * offset)
    blocks = [
        jnp.sum(terms * (weight if channels == 1 else jnp.where(channel == c, weight, 0.0))[..., None], axis=-2)
        for c in range(channels)
    ]
    return jnp.concatenate(blocks, axis=-1)


class Triples(NamedTuple):
    """The unordered pairs of neighbours of each atom, each once."""

    cosine: Float[Array, "atoms triples"]
    """0.95 cos(theta) at the central atom."""
    mean_distance: Float[Array, "atoms triples"]
    """(r_ij + r_ik) / 2 in angstrom."""
    weight: Float[Array, "atoms triples"]
    """2 f_c(r_ij) f_c(r_ik)."""


@lru_cache(maxsize=64)
def pair_columns(neighbors: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns (j, k), j < k, of every unordered pair of neighbours."""
    left, right = np.triu_indices(neighbors, 1)
    return left, right


def triples(
    displacements: Float[Array, "atoms neighbors 3"], mask: Bool[Array, "atoms neighbors"], cutoff: float
) -> Triples:
    """The geometry of all pairs of neighbours.

    Neighbours are sent to pairs by products with constant 0/1 matrices: on a CPU their transposes,
    which carry the gradient back, are several times faster than those of gathers, slices or broadcasts.
    """
    distance = distances(displacements, mask)
    direction = displacements / distance[..., None]
    cut = cosine_cutoff(distance, mask, cutoff)
    columns = jnp.stack([direction[..., 0], direction[..., 1], direction[..., 2], distance, cut])
    identity = np.eye(displacements.shape[-2])
    left, right = (
        jnp.matmul(columns, jnp.asarray(identity[:, chosen], columns.dtype), precision=_HIGHEST)
        for chosen in pair_columns(displacements.shape[-2])
    )
    cosine = 0.95 * (left[0] * right[0] + left[1] * right[1] + left[2] * right[2])
    return Triples(cosine, 0.5 * (left[3] + right[3]), 2.0 * left[4] * right[4])


def _power(base: Array, exponent: float) -> Array:
    """``base ** exponent`` for base in [0, 1]: repeated products for integers, else a safe exponential."""
    if float(exponent).is_integer() and exponent <= 128:
        return jax.lax.integer_pow(base, int(exponent))
    return jnp.exp(exponent * jnp.log(jnp.maximum(base, 1e-6)))


def angle_factors(cosine: Array, zeta: float, angles: tuple[float, ...]) -> list[Array]:
    """``((1 + cos(theta - theta_s)) / 2)^zeta`` for each reference angle, without an arc cosine."""
    sine = jnp.sqrt(1.0 - cosine * cosine)  # never zero: |cosine| <= 0.95
    return [
        _power(0.5 + (0.5 * float(np.cos(angle))) * cosine + (0.5 * float(np.sin(angle))) * sine, zeta)
        for angle in angles
    ]


def distance_factors(mean_distance: Array, eta: float, shifts: tuple[float, ...]) -> list[Array]:
    """``exp(-eta ((r_ij + r_ik)/2 - R_s)^2)`` for each reference distance."""
    return [jnp.exp(-eta * jnp.square(mean_distance - shift)) for shift in shifts]


def angular_terms(
    geometry: Triples,
    channel: Int[Array, "atoms triples"],
    channels: int,
    eta: float,
    zeta: float,
    angles: tuple[float, ...],
    shifts: tuple[float, ...],
) -> Float[Array, "atoms features"]:
    """Sums over pairs of neighbours, one block per pair of species; within a block the angle runs fastest."""
    angular = jnp.stack(angle_factors(geometry.cosine, zeta, angles), axis=-1)
    radial = jnp.stack(distance_factors(geometry.mean_distance, eta, shifts), axis=-1)
    blocks = []
    for c in range(channels):
        weight = geometry.weight if channels == 1 else jnp.where(channel == c, geometry.weight, 0.0)
        block = jnp.einsum("nta,ntz->naz", radial * weight[..., None], angular, precision=_HIGHEST)
        blocks.append(block.reshape(block.shape[0], -1))
    return jnp.concatenate(blocks, axis=-1)


def contracted_angular_terms(
    geometry: Triples,
    coefficients: Float[Array, "atoms features"],
    channel: Int[Array, "atoms triples"],
    channels: int,
    eta: float,
    zeta: float,
    angles: tuple[float, ...],
    shifts: tuple[float, ...],
) -> Float[Array, ""]:
    """``sum_n coefficients_n . angular_terms_n`` with the features summed before the pairs.

    The gradient of this scalar is an element-wise function of each pair, which compiles to one vectorised
    loop; the gradient through :func:`angular_terms` is ten times slower. Written out per angle and shift on purpose.
    """
    blocks = coefficients.reshape(coefficients.shape[0], channels, len(shifts), len(angles))
    angular = angle_factors(geometry.cosine, zeta, angles)
    radial = distance_factors(geometry.mean_distance, eta, shifts)
    total = jnp.zeros((), coefficients.dtype)
    for c in range(channels):
        per_pair = sum(
            radial[a] * sum(blocks[:, c, a, z, None] * angular[z] for z in range(len(angles)))
            for a in range(len(shifts))
        )
        weight = geometry.weight if channels == 1 else jnp.where(channel == c, geometry.weight, 0.0)
        total = total + jnp.sum(per_pair * weight)
    return total
