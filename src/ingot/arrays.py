"""Named array types: every array that crosses a module boundary carries its shape.

The names are jaxtyping annotations; tests check them at run time with beartype.
Importing this module switches JAX to 64-bit, because positions and energies are
float64 throughout; a kernel that wants float32 casts where it is safe.
"""

import jax
import numpy as np
from jaxtyping import Array, Bool, Float, Int

jax.config.update("jax_enable_x64", True)

Positions = Float[np.ndarray, "atoms 3"] | Float[Array, "atoms 3"]
"""Cartesian positions in angstrom."""

Forces = Float[np.ndarray, "atoms 3"] | Float[Array, "atoms 3"]
"""Forces in eV/A."""

Cell = Float[np.ndarray, "3 3"] | Float[Array, "3 3"]
"""Lattice vectors in angstrom, one per row; any handedness."""

Periodicity = Bool[np.ndarray, "3"]
"""True where the structure repeats along a lattice vector."""

Numbers = Int[np.ndarray, "atoms"]
"""Atomic numbers."""

Stress = Float[np.ndarray, "6"]
"""+(1/V) dE/d(strain) in eV/A^3, Voigt order xx yy zz yz xz xy (as in ASE)."""

Descriptors = Float[np.ndarray, "environments features"]
"""One descriptor vector per atom-centred environment."""
