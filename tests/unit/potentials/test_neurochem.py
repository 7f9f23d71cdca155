"""The published ANI-Al ensemble, against the values recorded in the project's notes."""

import shutil

import numpy as np
import pytest
from ase.build import bulk

from ingot.potentials import AniArchitecture, PotentialError, load_potential
from ingot.units import GIGAPASCAL


def test_published_ani_al_gives_its_crystal(test_data):
    potential = load_potential(test_data("ani_al_model"))
    assert potential.members == 8
    assert potential.architecture.hidden == (96, 96, 64)
    reference = AniArchitecture.published_ani_al()
    assert np.allclose(potential.architecture.radial_shifts, reference.radial_shifts)
    assert potential.architecture == reference
    calculator = potential.calculator(uncertainty=False)
    atoms = bulk("Al", "fcc", a=4.0543)
    atoms.calc = calculator
    assert np.isclose(atoms.get_potential_energy(), -74.4750, atol=1e-4)
    assert np.abs(atoms.get_stress()).max() < 0.02 * GIGAPASCAL
    # Elastic constants from stresses of small strains of the primitive cell (one atom: no internal relaxation).
    size = 1e-3
    stresses = []
    for sign in (1, -1):
        for row in ([1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1]):
            e1, e2, e3, e4, e5, e6 = sign * size * np.array(row)
            strain = np.eye(3) + np.array([[e1, e6 / 2, e5 / 2], [e6 / 2, e2, e4 / 2], [e5 / 2, e4 / 2, e3]])
            strained = atoms.copy()
            strained.set_cell(atoms.cell.array @ strain, scale_atoms=True)
            strained.calc = calculator
            stresses.append(strained.get_stress() / GIGAPASCAL)
    axial, shear = ((stresses[k] - stresses[k + 2]) / (2 * size) for k in (0, 1))
    assert np.isclose(axial[0], 117.6, atol=0.3)
    assert np.isclose(axial[1], 57.3, atol=0.3)
    assert np.isclose(shear[5], 30.4, atol=0.3)


def test_damaged_models_are_refused(test_data, tmp_path):
    source = test_data("ani_al_model")
    target = tmp_path / "model"
    target.mkdir()
    for path in (*source.glob("*.params"), *source.glob("sae*")):
        shutil.copy(path, target)
    with pytest.raises(PotentialError, match="train0"):
        load_potential(target)
    shutil.copytree(source / "train0", target / "train0")
    assert load_potential(target).members == 1
    weights = next(target.rglob("*l2.wparam"))
    weights.write_bytes(weights.read_bytes()[:-4])
    with pytest.raises(PotentialError, match="numbers"):
        load_potential(target)
    next(target.rglob("ANN-Al.nnf")).write_bytes(b"nothing")
    with pytest.raises(PotentialError, match="activations"):
        load_potential(target)
