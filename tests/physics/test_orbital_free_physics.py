"""Orbital-free labels of aluminium: derivatives of all components, convergence, equation of state, Kohn-Sham (slow).

Needs DFTpy, and for aluminium itself the development data ``blps_al``: a bulk-derived local pseudopotential for LDA
(Huang and Carter, Phys. Chem. Chem. Phys. 10, 7109 (2008)).
"""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.eos import EquationOfState
from ase.units import GPa
from derivatives import numerical_force, numerical_stress

from ingot.labels import label
from ingot.labels.kohn_sham.method import KohnShamLabels
from ingot.structures import build_lattice, canonical, packed_structure

pytest.importorskip("dftpy", reason="DFTpy is not installed: pip install 'ingot-mlip[orbital-free]'")

from ingot.labels.orbital_free.method import OrbitalFreeLabels

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def method(test_data):
    """Methods with the local pseudopotential of aluminium."""
    path = str(test_data("blps_al") / "al.lda.recpot")

    def make(**settings) -> OrbitalFreeLabels:
        return OrbitalFreeLabels(pseudopotential={"Al": path}, **settings)

    return make


def _rattled(seed: int = 2) -> Atoms:
    atoms = bulk("Al", "fcc", a=4.05, cubic=True)
    atoms.rattle(0.25, seed=seed)
    return canonical(atoms)


def _strained() -> Atoms:
    atoms = _rattled()
    strain = np.array([[0.04, 0.02, -0.01], [0.02, -0.05, 0.03], [-0.01, 0.03, 0.02]])
    atoms.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
    return canonical(atoms)


def test_all_forces_are_derivatives_of_the_energy(method):
    atoms, pinned = _strained(), method(fft_mesh=(24, 24, 24))
    forces = label(atoms, pinned).forces
    numerical = np.zeros_like(forces)
    for index in np.ndindex(forces.shape):
        # the method itself: the canonical form would round the step
        numerical[index] = numerical_force(lambda a: pinned.compute(a).energy, atoms, index)
    assert np.abs(forces).max() > 1
    assert np.abs(forces - numerical).max() < 5e-5


def test_all_stresses_are_derivatives_with_respect_to_strain(method):
    atoms, pinned = _strained(), method(fft_mesh=(24, 24, 24))
    stress = label(atoms, pinned).stress
    for component in range(6):
        numerical = numerical_stress(lambda a: pinned.compute(a).energy, atoms, component, step=5e-4)
        assert abs(stress[component] - numerical) / GPa < 1e-3


def test_the_default_grid_is_converged(method):
    atoms = _rattled()
    coarse, fine = label(atoms, method()), label(atoms, method(ke_cutoff_hartree=80.0))
    assert coarse.energy / 4 == pytest.approx(fine.energy / 4, abs=1e-3)
    assert np.abs(coarse.forces - fine.forces).max() < 5e-3
    assert np.abs(coarse.stress - fine.stress).max() / GPa < 0.1


def test_a_supercell_is_its_cell_repeated(method):
    atoms = _rattled()
    one = label(atoms, method(fft_mesh=(20, 20, 20)))
    eight = label(atoms.repeat(2), method(fft_mesh=(40, 40, 40)))
    assert eight.energy == pytest.approx(8 * one.energy, abs=1e-5)
    assert np.allclose(eight.forces, np.tile(one.forces, (8, 1)), atol=1e-4)


def test_equation_of_state_of_aluminium(method):
    """Wang-Teter with this pseudopotential: a0 3.985 A, B 85 GPa (Kohn-Sham: 3.965 A, 88 GPa)."""
    volumes = np.linspace(14.5, 17.5, 7)
    found = {}
    for lattice in ("fcc", "hcp", "bcc"):
        crystals = [build_lattice("Al", lattice, v) for v in volumes]
        energies = [label(atoms, method()).energy / len(atoms) for atoms in crystals]
        found[lattice] = EquationOfState(volumes, energies, eos="birchmurnaghan").fit()
    volume, lowest, modulus = found["fcc"]
    assert (4 * volume) ** (1 / 3) == pytest.approx(3.985, abs=0.005)
    assert modulus / GPa == pytest.approx(85, abs=2)
    assert lowest < found["hcp"][1] < found["bcc"][1] < lowest + 0.12
    at_minimum = label(build_lattice("Al", "fcc", float(volume)), method())
    assert np.abs(at_minimum.stress).max() / GPa < 0.2


def test_forces_follow_kohn_sham(method):
    """A hot cell: forces of both first-principles methods, with the same LDA but different pseudopotentials."""
    atoms = _rattled(seed=5)
    exact = KohnShamLabels(
        functional="lda,pz", pseudopotential="gth-pade", kpoint_length_angstrom=20.0, compute_stress=False
    )
    ours, theirs = label(atoms, method()).forces, label(atoms, exact).forces
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.97
    assert np.sqrt(np.mean((ours - theirs) ** 2)) < 0.25


def test_disordered_cells_of_a_hundred_atoms_converge(method):
    atoms = packed_structure(["Al"] * 108, 18.0, 2.3, np.random.default_rng(1))
    result = label(atoms, method())
    assert result.converged, result.reason
    assert np.isfinite(result.forces).all()
    assert np.abs(result.forces.sum(axis=0)).max() < 0.02
