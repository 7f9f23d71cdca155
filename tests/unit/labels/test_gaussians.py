"""Closed-form Fourier transforms of Gaussian orbitals against PySCF's, and their derivatives."""

import numpy as np
import pytest
from pyscf.gto import Mole
from pyscf.gto.ft_ao import ft_ao
from pyscf.pbc import gto

from ingot.labels.kohn_sham.gaussians import ElementOrbitals


@pytest.fixture(scope="module", params=["Al", "Cu"])  # Cu has f functions
def element(request):
    cell = gto.Cell()
    cell.build(
        atom=f"{request.param} 0 0 0", a=np.eye(3) * 5, basis="gth-dzvp-molopt-sr", pseudo="gth-pbe",
        ke_cutoff=20, spin=None, verbose=0,
    )  # fmt: skip
    return request.param, cell, ElementOrbitals(cell, request.param)


WAVE_VECTORS = np.vstack([np.zeros(3), np.random.default_rng(0).normal(size=(40, 3)) * 2])


def test_the_transforms_are_those_of_pyscf(element):
    name, cell, orbitals = element
    one = Mole().build(
        dump_input=False, parse_arg=False, atom=[(name, (0.0, 0.0, 0.0))], basis={name: cell._basis[name]}, spin=None,
    )  # fmt: skip
    expected = ft_ao(one, WAVE_VECTORS).T
    assert orbitals.size == len(expected) == {"Al": 13, "Cu": 25}[name]
    assert np.abs(orbitals.transforms(WAVE_VECTORS) - expected).max() < 1e-13 * np.abs(expected).max()


def test_the_strain_sum_is_the_derivative_of_the_sum(element):
    orbitals = element[2]
    rng = np.random.default_rng(1)
    values = rng.normal(size=(orbitals.size, len(WAVE_VECTORS))) + 1j * rng.normal(size=(orbitals.size, 41))

    def total(strain):
        return np.vdot(orbitals.transforms(WAVE_VECTORS - WAVE_VECTORS @ strain.T), values).real

    step = 1e-4
    numerical = np.empty((3, 3))
    for i, j in np.ndindex(3, 3):
        strain = np.zeros((3, 3))
        strain[i, j] = step
        numerical[i, j] = (total(strain) - total(-strain)) / (2 * step)
    assert np.abs(orbitals.strain_sum(WAVE_VECTORS, values) - numerical).max() < 1e-6 * np.abs(numerical).max()
