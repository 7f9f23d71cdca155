"""Spin-polarised Kohn-Sham: limits, stock PySCF, finite differences."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from derivatives import numerical_force, numerical_stress

from ingot.labels import label
from ingot.labels.kohn_sham.method import KohnShamLabels
from ingot.structures import canonical
from ingot.units import GIGAPASCAL, HARTREE

TIGHT = {"convergence_energy_hartree": 1e-10, "convergence_gradient_hartree": 1e-7}
ATOM = {"basis": "gth-tzv2p", "kpoint_mesh": (1, 1, 1), "ke_cutoff_hartree": 80.0, "smearing_width_ev": 0.05}


def _hydrogen(count: int, distance: float = 0.0) -> Atoms:
    box = np.diag([6.0, 6.0, 6.0 + (count - 1) * distance])
    return Atoms(f"H{count}", positions=[[0, 0, i * distance] for i in range(count)], cell=box, pbc=True)


@pytest.fixture(scope="module")
def hydrogen_atom():
    method = KohnShamLabels(**ATOM, spin_polarized=True)
    return label(_hydrogen(1), method).energy, method.last_cost["magnetic_moment"]


def test_a_metal_without_moment_is_what_it_is_without_spin():
    atoms = bulk("Al", cubic=True)
    atoms.rattle(0.1, seed=1)
    settings = {"kpoint_mesh": (2, 1, 1), "compute_stress": True, **TIGHT}
    plain, polarised = (label(atoms, KohnShamLabels(**settings, spin_polarized=spin)) for spin in (False, True))
    assert polarised.energy == pytest.approx(plain.energy, abs=1e-8)
    assert np.allclose(polarised.forces, plain.forces, atol=1e-5)
    assert np.allclose(polarised.stress, plain.stress, atol=1e-7)


def test_the_hydrogen_atom_is_polarised_and_stock_pyscf_agrees(hydrogen_atom):
    from pyscf.pbc import dft, gto

    energy, moment = hydrogen_atom
    assert moment == pytest.approx(1.0, abs=1e-3)
    cell = gto.Cell()
    cell.build(atom="H 0 0 0", a=np.eye(3) * 6, basis="gth-tzv2p", pseudo="gth-pbe", ke_cutoff=80, spin=1, verbose=0)
    stock = dft.UKS(cell, xc="pbe")
    assert energy / HARTREE == pytest.approx(stock.kernel(), abs=1e-4)  # the two take gradients differently on the grid
    assert energy / HARTREE == pytest.approx(-0.49999, abs=4e-3)  # the PBE atom; basis and box
    unpolarised = label(_hydrogen(1), KohnShamLabels(**ATOM)).energy
    assert unpolarised - energy > 0.5


def test_opposite_moments_dissociate_a_molecule(hydrogen_atom):
    """H2 at 4 A: two atoms of opposite spin, where the unpolarised solution is far too high."""
    molecule = _hydrogen(2, 4.0)
    molecule.set_initial_magnetic_moments([1, -1])
    method = KohnShamLabels(**ATOM, spin_polarized=True)
    energy = label(molecule, method).energy
    assert method.last_cost["magnetic_moment"] == pytest.approx(0.0, abs=1e-3)
    assert energy == pytest.approx(2 * hydrogen_atom[0], abs=0.15)
    assert label(molecule, KohnShamLabels(**ATOM)).energy > energy + 1.0


def test_forces_and_stress_are_derivatives():
    cell = np.array([[3.4, 0.2, 0.1], [0.3, 3.3, -0.2], [0.1, 0.2, 3.8]])
    atoms = Atoms("H3", positions=[[0.1, 0, 0], [1.2, 1.1, 0.9], [2.1, 0.4, 2.4]], cell=cell, pbc=True)
    atoms.set_initial_magnetic_moments([1, 1, 1])
    atoms = canonical(atoms)
    method = KohnShamLabels(
        kpoint_mesh=(1, 1, 2), fft_mesh=(32, 32, 36), smearing_width_ev=0.3, spin_polarized=True, compute_stress=True,
        **TIGHT,
    )  # fmt: skip
    result = label(atoms, method)
    assert method.last_cost["magnetic_moment"] == pytest.approx(1.0, abs=0.05)
    for index in ((0, 0), (1, 2), (2, 1)):
        numerical = numerical_force(lambda a: label(a, method).energy, atoms, index)
        assert result.forces[index] == pytest.approx(numerical, abs=1e-4)
    for component in (0, 3, 5):
        numerical = numerical_stress(lambda a: label(a, method).energy, atoms, component)
        assert abs(result.stress[component] - numerical) / GIGAPASCAL < 0.02


def test_the_address_of_unpolarised_labels_did_not_change():
    assert "spin_polarized" not in KohnShamLabels().settings()
    assert KohnShamLabels(spin_polarized=True).digest != KohnShamLabels().digest
