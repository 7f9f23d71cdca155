"""The compiled embedded-atom method as a JAX function."""

from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float, Int


def native_embedded_atom(
    displacements: Float[Array, "atoms capacity 3"],
    kind: Int[Array, "atoms capacity"],
    index: Int[Array, "atoms capacity"],
    species: Int[Array, " atoms"],
    tables: dict[str, Any],
    cutoff: float,
    steps: tuple[float, float],
) -> tuple[Float[Array, " atoms"], Float[Array, "atoms 3"], Float[Array, "3 3"]]:
    """Site energies, and the derivatives of their sum by positions and strain in float64.

    ``kind`` is each neighbour's species, or -1 on padding; ``tables`` the pieces of the three functions, as in
    :class:`~ingot.potentials.eam.EamArchitecture`; ``steps`` those of distances and densities. Not differentiable.
    """
    atoms = displacements.shape[0]
    shapes = (
        jax.ShapeDtypeStruct((atoms,), displacements.dtype),
        jax.ShapeDtypeStruct((atoms, 3), np.float64),
        jax.ShapeDtypeStruct((3, 3), np.float64),
    )
    call = jax.ffi.ffi_call("ingot_embedded_atom", shapes, vmap_method="sequential")
    operands = [tables[name].astype(displacements.dtype) for name in ("embedding", "density", "pair")]
    integers = (x.astype(np.int32) for x in (kind, index, species))
    energies, by_position, by_strain = call(
        displacements, *integers, *operands, constants=np.array([cutoff, *steps], np.float64)
    )
    return energies, by_position, by_strain
