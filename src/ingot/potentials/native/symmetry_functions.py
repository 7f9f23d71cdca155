"""The compiled symmetry functions as JAX functions.

``kind`` is each neighbour's species, or -1 on padding; ``constants`` are those of :func:`pack_constants`.
Leading axes are a batch; atoms of a batch are independent of each other.
"""

from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Float, Int

Constants = tuple[float, ...]


def pack_constants(
    species: int,
    radial: tuple[float, float, tuple[float, ...]],
    angular: tuple[float, float, float, tuple[float, ...], tuple[float, ...]],
) -> Constants:
    """Radial cutoff, eta and shifts; angular cutoff, eta, zeta, angles and shifts (A, 1/A^2, rad), in one row."""
    radial_cutoff, radial_eta, radial_shifts = radial
    cutoff, eta, zeta, angles, shifts = angular
    sizes = (float(species), float(len(radial_shifts)), float(len(shifts)), float(len(angles)))
    return (*sizes, radial_cutoff, radial_eta, cutoff, eta, zeta, *radial_shifts, *shifts, *angles)


def _features(constants: Constants) -> int:
    species, radial, shifts, angles = (int(size) for size in constants[:4])
    return species * radial + species * (species + 1) // 2 * shifts * angles


def _call(name: str, result: Any, constants: Constants, *operands: Array) -> Any:
    call = jax.ffi.ffi_call(f"ingot_symmetry_functions_{name}", result, vmap_method="broadcast_all")
    return call(*operands, constants=np.array(constants, np.float64))


def native_descriptor(
    displacements: Float[Array, "atoms capacity 3"], kind: Int[Array, "atoms capacity"], constants: Constants
) -> Float[Array, "atoms features"]:
    """All symmetry functions; not differentiable by JAX: see :func:`native_pull` and :func:`native_push`."""
    shape = jax.ShapeDtypeStruct((*displacements.shape[:-2], _features(constants)), displacements.dtype)
    value: Array = _call("value", shape, constants, displacements, kind)
    return value


def native_pull(
    displacements: Float[Array, "*batch atoms capacity 3"],
    kind: Int[Array, "*batch atoms capacity"],
    index: Int[Array, "*batch atoms capacity"],
    coefficients: Float[Array, "*batch atoms features"],
    constants: Constants,
) -> tuple[Float[Array, "*batch atoms 3"], Float[Array, "*batch 3 3"]]:
    """``d(sum coefficients . descriptor)`` by the positions and by the strain of whole structures, in float64.

    ``index`` counts neighbours inside their structure.
    """
    *batch, atoms, _, _ = displacements.shape
    shapes = (
        jax.ShapeDtypeStruct((*batch, atoms, 3), np.float64),
        jax.ShapeDtypeStruct((*batch, 3, 3), np.float64),
    )
    by_position, by_strain = _call("pull", shapes, constants, displacements, kind, index.astype(np.int32), coefficients)
    return by_position, by_strain


def native_push(
    displacements: Float[Array, "*batch atoms capacity 3"],
    kind: Int[Array, "*batch atoms capacity"],
    index: Int[Array, "*batch atoms capacity"],
    by_position: Float[Array, "*batch atoms 3"],
    strain: Float[Array, "*batch 3 3"],
    constants: Constants,
) -> Float[Array, "*batch atoms features"]:
    """The derivative of the descriptor along a direction of positions and strain of whole structures."""
    shape = jax.ShapeDtypeStruct((*displacements.shape[:-2], _features(constants)), displacements.dtype)
    along = (by_position.astype(displacements.dtype), strain.astype(displacements.dtype))
    moved: Array = _call("push", shape, constants, displacements, kind, index.astype(np.int32), *along)
    return moved
