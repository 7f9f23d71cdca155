"""ANI-style HDF5: units and signs as the user says, shapes as they must be."""

import h5py
import numpy as np
import pytest
from ase.build import bulk, molecule
from ase.calculators.emt import EMT
from ase.io import read
from ase.units import Bohr, Hartree

from ingot.cli.main import main
from ingot.datasets import DatasetError
from ingot.datasets.ani_hdf5 import read_ani_hdf5


def _labelled(atoms, seed):
    atoms.rattle(0.1, seed=seed)
    atoms.calc = EMT()
    return atoms


@pytest.fixture
def crystals():
    return [_labelled(bulk("Al", cubic=True), seed) for seed in range(3)]


@pytest.fixture
def waters():
    return [_labelled(molecule("H2O"), seed) for seed in range(2)]


@pytest.fixture
def published(tmp_path, crystals, waters):
    """Two nested groups as the published files have them, in Hartree and Bohr, with gradients; one without a cell."""
    path = tmp_path / "data.h5"
    with h5py.File(path, "w") as file:
        for name, frames in (("aluminium/cells-4", crystals), ("molecules/water", waters)):
            group = file.create_group(name)
            group["species"] = np.array([s.encode() for s in frames[0].symbols])
            group.create_dataset("coordinates", data=[a.positions / Bohr for a in frames], compression="gzip")
            group["energies"] = [a.get_potential_energy() / Hartree for a in frames]
            group["forces"] = [-a.get_forces() / (Hartree / Bohr) for a in frames]
            if frames[0].pbc.all():
                group["cell"] = [a.cell.array / Bohr for a in frames]
    return path


def test_units_and_signs_come_out_as_they_went_in(published, crystals, waters):
    frames = read_ani_hdf5(published, Hartree, Bohr, gradients=True)
    assert [atoms.info["group"] for atoms in frames] == 3 * ["/aluminium/cells-4"] + 2 * ["/molecules/water"]
    for found, expected in zip(frames, crystals + waters, strict=True):
        assert found.get_chemical_symbols() == expected.get_chemical_symbols()
        assert (found.pbc == expected.pbc).all()
        np.testing.assert_allclose(found.positions, expected.positions, atol=1e-12)
        np.testing.assert_allclose(found.cell.array, expected.cell.array, atol=1e-12)
        assert found.get_potential_energy() == pytest.approx(expected.get_potential_energy(), abs=1e-10)
        np.testing.assert_allclose(found.get_forces(), expected.get_forces(), atol=1e-10)


def test_forces_taken_for_gradients_point_the_wrong_way(published, crystals):
    wrong = read_ani_hdf5(published, Hartree, Bohr, gradients=False)[0]
    np.testing.assert_allclose(wrong.get_forces(), -crystals[0].get_forces(), atol=1e-10)


def test_the_command_asks_for_units_and_writes_what_training_reads(published, tmp_path, crystals, capsys):
    output = tmp_path / "data.extxyz"
    assert main(["convert", str(published), "-o", str(output)]) == 1
    assert "give --energy-unit" in capsys.readouterr().err
    command = ["convert", str(published), "-o", str(output), "--energy-unit", "hartree", "--length-unit", "bohr"]
    assert main([*command, "--gradients"]) == 0
    assert "5 structures, 18 atoms of 2 groups, 5 with forces" in capsys.readouterr().out
    frames = read(output, ":")
    np.testing.assert_allclose(frames[2].get_forces(), crystals[2].get_forces(), atol=1e-7)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda g: g.pop("species"), "no species"),
        (lambda g: g.pop("energies"), "no energies"),
        (lambda g: (g.pop("energies"), g.create_dataset("energies", data=np.zeros(7))), "do not belong together"),
        (lambda g: (g.pop("forces"), g.create_dataset("forces", data=np.zeros((2, 2, 3)))), "forces"),
        (lambda g: g.create_dataset("cell", data=np.zeros((5, 3))), "cells"),
        (lambda g: (g.pop("species"), g.create_dataset("species", data=[b"Xx", b"H", b"H"])), "Xx are not element"),
    ],
)
def test_arrays_that_do_not_belong_together_are_named(published, damage, message):
    with h5py.File(published, "a") as file:
        damage(file["molecules/water"])
    with pytest.raises(DatasetError, match=f"molecules/water.*{message}"):
        read_ani_hdf5(published, Hartree, Bohr, gradients=True)


def test_a_truncated_or_empty_file_is_refused(published, tmp_path):
    (tmp_path / "half.h5").write_bytes(published.read_bytes()[:500])
    with pytest.raises(DatasetError, match=r"cannot read .*half\.h5"):
        read_ani_hdf5(tmp_path / "half.h5", 1.0, 1.0, gradients=False)
    h5py.File(tmp_path / "empty.h5", "w").close()
    with pytest.raises(DatasetError, match="no group with"):
        read_ani_hdf5(tmp_path / "empty.h5", 1.0, 1.0, gradients=False)
