"""An analytic pair potential with the evaluator's signature: known answers for every protocol built on dynamics."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from ingot.neighbors import NeighborTable, displacements


class PairEvaluation(NamedTuple):
    """Energy (members,), forces (members, atoms, 3) and dE/d(strain) (members, 3, 3), in eV and A."""

    energy: Float[Array, " members"]
    forces: Float[Array, "members atoms 3"]
    strain_gradient: Float[Array, "members 3 3"]


def lennard_jones(
    epsilon: float | tuple[float, ...], sigma: float, cutoff: float
) -> Callable[[Any, Any, Any, NeighborTable], PairEvaluation]:
    """Evaluator of the Lennard-Jones potential (eV, A), one member per ``epsilon``.

    Potential and force go smoothly to zero at the cutoff: the pair energy is multiplied by
    ``1 - 10 x^3 + 15 x^4 - 6 x^5`` with x from 0 to 1 over the last tenth of the range.
    """
    depths = jnp.atleast_1d(jnp.asarray(epsilon, jnp.float64))
    inner = 0.9 * cutoff

    def pair_energy(squared: Array) -> Array:
        s6 = (sigma**2 / squared) ** 3
        x = jnp.clip((jnp.sqrt(squared) - inner) / (cutoff - inner), 0.0, 1.0)
        return 4 * (s6**2 - s6) * (1 - 10 * x**3 + 15 * x**4 - 6 * x**5)

    def evaluate(positions: Any, cell: Any, species: Any, table: NeighborTable) -> PairEvaluation:
        vectors = displacements(positions, cell, table)
        squared = jnp.where(table.mask, jnp.sum(vectors**2, axis=-1), 4 * cutoff**2)
        energies, slopes = jax.vmap(jax.vmap(jax.value_and_grad(pair_energy)))(squared)
        # Every pair appears twice; dE/dr_i gathers both, hence no factor of one half in the forces.
        push = jnp.where(table.mask, 2 * slopes, 0.0)[..., None] * vectors
        energy = 0.5 * jnp.sum(jnp.where(table.mask, energies, 0.0))
        gradient = 0.5 * jnp.einsum("nka,nkb->ab", push, vectors)
        forces = jnp.sum(push, axis=1)
        return PairEvaluation(depths * energy, depths[:, None, None] * forces, depths[:, None, None] * gradient)

    return evaluate
