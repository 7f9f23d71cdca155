"""The descriptor is torchani's, to rounding: recorded by ``tests/support/record_aev.py``."""

from pathlib import Path

import derivatives
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ingot.neighbors import displacements, neighbor_table
from ingot.potentials import AniArchitecture, native_status

RECORDED = np.load(Path(derivatives.__file__).with_name("aev.npz"))

ANI_1X = AniArchitecture(
    species=("H", "C", "N", "O"),
    radial_cutoff=5.2,
    radial_eta=16.0,
    radial_shifts=tuple(0.9 + k * 0.26875 for k in range(16)),
    angular_cutoff=3.5,
    angular_eta=8.0,
    angular_zeta=32.0,
    angular_angles=tuple((k + 0.5) * np.pi / 8 for k in range(8)),
    angular_shifts=tuple(0.9 + k * 0.65 for k in range(4)),
    hidden=(4,),
)
CASES = {
    "one species, a periodic cell smaller than twice the cutoff": (
        AniArchitecture.published_ani_al(), "aluminium", np.zeros(32, np.int32), RECORDED["aluminium_cell"], True,
    ),
    "four species, a molecule": (
        ANI_1X, "organic", RECORDED["organic_kinds"].astype(np.int32), np.zeros((3, 3)), False,
    ),
}  # fmt: skip


@pytest.mark.parametrize("native", [False, True])
@pytest.mark.parametrize("name", CASES)
def test_descriptor_is_that_of_torchani(name, native):
    """In float64, by JAX and compiled."""
    if native and not native_status()[0]:
        pytest.skip(f"no compiled descriptor: {native_status()[1]}")
    architecture, key, kinds, cell, periodic = CASES[name]
    positions = RECORDED[f"{key}_positions"]
    table = neighbor_table(positions, cell, [periodic] * 3, architecture.cutoff, architecture.inner_cutoff)
    vectors, species = displacements(positions, cell, table), jnp.asarray(kinds)
    if native:
        found = architecture.descriptor_and_products(vectors, species, table)[0]
    else:
        found = jax.jit(architecture.descriptor)(vectors, species, table)
    expected = RECORDED[key]
    assert expected.shape[1] == architecture.features
    assert (np.abs(expected).max(axis=0) > 1e-6).mean() > 0.5  # the structure reaches most features
    np.testing.assert_allclose(np.asarray(found)[: len(expected)], expected, rtol=0, atol=1e-12)
