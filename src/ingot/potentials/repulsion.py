"""The screened repulsion of nuclei at short range, which no data set of a material samples.

Without it a network trained on ordinary structures knows nothing of colliding atoms, and is confident about it. It has
no parameters to train: the networks learn what remains.
"""

import jax.numpy as jnp
import numpy as np
from ase.data import atomic_numbers, covalent_radii
from jaxtyping import Array, Bool, Float, Int

from ingot.potentials.symmetry_functions import distances
from ingot.units import BOHR, HARTREE

_SCREENING = ((0.18175, 3.19980), (0.50986, 0.94229), (0.28022, 0.40290), (0.02817, 0.20162))
"""Universal screening function: Ziegler, Biersack, Littmark, The Stopping and Range of Ions in Solids (1985)."""

Range = tuple[float, float]
"""Where the repulsion begins to fade and where it ends, as fractions of the sum of two covalent radii."""


def longest_range(species: tuple[str, ...], fractions: Range) -> float:
    """The largest distance (A) at which any two of the elements repel each other."""
    return 2 * fractions[1] * max(float(covalent_radii[atomic_numbers[symbol]]) for symbol in species)


def repulsion_energies(
    displacements: Float[Array, "atoms neighbors 3"],
    mask: Bool[Array, "atoms neighbors"],
    centre: Int[Array, " atoms"],
    neighbor: Int[Array, "atoms neighbors"],
    species: tuple[str, ...],
    fractions: Range,
) -> Float[Array, " atoms"]:
    """Half of each pair's Ziegler-Biersack-Littmark energy in eV, per atom.

    ``Z_i Z_j e^2 / r * phi(r / a)``, ``a = 0.8854 a_0 / (Z_i^0.23 + Z_j^0.23)``, times a quintic switch that is twice
    continuously differentiable at both ends. ``centre`` and ``neighbor`` are indices into ``species``.
    """
    numbers = np.array([atomic_numbers[symbol] for symbol in species])
    dtype = displacements.dtype
    charge = jnp.asarray(numbers, dtype)
    power = jnp.asarray(numbers**0.23, dtype)
    radius = jnp.asarray(covalent_radii[numbers], dtype)
    distance = distances(displacements, mask)
    contact = radius[centre][:, None] + radius[neighbor]
    screened = distance * (power[centre][:, None] + power[neighbor]) / (0.8854 * BOHR)
    phi = sum(weight * jnp.exp(-rate * screened) for weight, rate in _SCREENING)
    start, end = fractions
    done = jnp.clip((distance / contact - start) / (end - start), 0.0, 1.0)
    switch = jnp.where(mask, 1.0 - done**3 * (10.0 - 15.0 * done + 6.0 * done**2), 0.0)
    pair = (HARTREE * BOHR) * charge[centre][:, None] * charge[neighbor] / distance * phi * switch
    return 0.5 * jnp.sum(pair, axis=-1)
