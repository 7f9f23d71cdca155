"""Descriptor and EAM as compiled code for CPUs: the same numbers as the JAX functions, several times faster."""

from ingot.potentials.native.embedded_atom import native_embedded_atom
from ingot.potentials.native.library import native_status, set_native_threads, use_native
from ingot.potentials.native.symmetry_functions import (
    native_descriptor,
    native_pull,
    native_push,
    pack_constants,
)

__all__ = [
    "native_descriptor",
    "native_embedded_atom",
    "native_pull",
    "native_push",
    "native_status",
    "pack_constants",
    "set_native_threads",
    "use_native",
]
