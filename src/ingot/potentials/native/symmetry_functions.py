"""The compiled symmetry functions as JAX functions.

``kind`` is each neighbour's species, or -1 on padding; ``constants`` are those of :func:`pack_constants`.
Leading axes are a batch; atoms of a batch are independent of each other.
"""

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


def _call(name: str, result: jax.ShapeDtypeStruct, constants: Constants, *operands: Array) -> Array:
    call = jax.ffi.ffi_call(f"ingot_symmetry_functions_{name}", result, vmap_method="broadcast_all")
    out: Array = call(*operands, constants=np.array(constants, np.float64))
    return out


def native_descriptor(
    displacements: Float[Array, "atoms capacity 3"], kind: Int[Array, "atoms capacity"], constants: Constants
) -> Float[Array, "atoms features"]:
    """All symmetry functions; not differentiable by JAX: see :func:`native_pull` and :func:`native_push`."""
    shape = jax.ShapeDtypeStruct((*displacements.shape[:-2], _features(constants)), displacements.dtype)
    return _call("value", shape, constants, displacements, kind)


def native_pull(
    displacements: Float[Array, "atoms capacity 3"],
    kind: Int[Array, "atoms capacity"],
    coefficients: Float[Array, "atoms features"],
    constants: Constants,
) -> Float[Array, "atoms capacity 3"]:
    """``d(sum coefficients . descriptor)/d(displacements)``."""
    shape = jax.ShapeDtypeStruct(displacements.shape, displacements.dtype)
    return _call("pull", shape, constants, displacements, kind, coefficients)


def native_push(
    displacements: Float[Array, "atoms capacity 3"],
    kind: Int[Array, "atoms capacity"],
    tangents: Float[Array, "atoms capacity 3"],
    constants: Constants,
) -> Float[Array, "atoms features"]:
    """The derivative of the descriptor along ``tangents``."""
    shape = jax.ShapeDtypeStruct((*displacements.shape[:-2], _features(constants)), displacements.dtype)
    return _call("push", shape, constants, displacements, kind, tangents)
