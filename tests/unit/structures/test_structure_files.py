"""Files of structures: the round trip is exact."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk, molecule
from ase.io import write

from ingot.structures import StructureError, canonical, describe, read_structures, structure_id, write_structures


def _random_structure(rng: np.random.Generator) -> Atoms:
    """Any species, any handedness, mixed periodicity, sometimes charged, magnetic or oddly named."""
    count = int(rng.integers(1, 6))
    atoms = Atoms(
        numbers=rng.integers(1, 90, count),
        positions=rng.normal(scale=50, size=(count, 3)),
        cell=rng.normal(scale=20, size=(3, 3)),
        pbc=rng.integers(0, 2, 3).astype(bool),
    )
    if rng.random() < 0.5:
        atoms.set_initial_magnetic_moments(rng.normal(size=count))
    if rng.random() < 0.5:
        atoms.info["charge"] = int(rng.integers(-2, 3))
    if rng.random() < 0.5:
        atoms.info["spin_multiplicity"] = int(rng.integers(1, 4))
    atoms.info["family"] = str(rng.choice(["fcc", "T", "1e5"]))
    atoms.info["parent"] = str(rng.choice(["fcc-003", "123", "12e4", "a b", 'q"x', "F"]))
    return atoms


def test_round_trip_is_exact(tmp_path):
    rng = np.random.default_rng(0)
    written = [_random_structure(rng) for _ in range(300)]
    assert {np.sign(np.linalg.det(a.cell.array)) for a in written} == {-1, 1}
    write_structures(tmp_path / "s.extxyz", written)
    read = read_structures(tmp_path / "s.extxyz", check=False)
    assert len(read) == len(written)
    for before, after in zip(map(canonical, written), read, strict=True):
        assert np.array_equal(before.positions, after.positions)
        assert np.array_equal(before.cell.array, after.cell.array)
        assert np.array_equal(before.pbc, after.pbc)
        assert np.array_equal(before.numbers, after.numbers)
        assert np.array_equal(before.get_initial_magnetic_moments(), after.get_initial_magnetic_moments())
        assert {k: after.info[k] for k in before.info} == before.info
        assert after.info["structure_id"] == structure_id(before) == structure_id(after)
    write_structures(tmp_path / "again.extxyz", read)
    assert (tmp_path / "again.extxyz").read_bytes() == (tmp_path / "s.extxyz").read_bytes()


def test_molecules_and_slabs_come_back(tmp_path):
    slab = bulk("Al", cubic=True)
    slab.pbc = [True, True, False]
    write_structures(tmp_path / "s.extxyz", [molecule("H2O"), slab])
    water, plate = read_structures(tmp_path / "s.extxyz")
    assert not water.pbc.any()
    assert not water.cell.array.any()
    assert plate.pbc.tolist() == [True, True, False]


def test_an_edited_file_is_noticed(tmp_path):
    write_structures(tmp_path / "s.extxyz", [describe(bulk("Al", a=4.05), "fcc")])
    text = (tmp_path / "s.extxyz").read_text()
    (tmp_path / "s.extxyz").write_text(text.replace("2.025", "2.026"))
    with pytest.raises(StructureError, match="edited after it was written"):
        read_structures(tmp_path / "s.extxyz")


def test_files_of_other_programs_get_identities(tmp_path):
    write(tmp_path / "POSCAR", bulk("Al", cubic=True), format="vasp")
    (atoms,) = read_structures(tmp_path / "POSCAR")
    assert atoms.info == {"structure_id": structure_id(atoms), "family": "unknown", "parent": structure_id(atoms)}


def test_errors_name_file_frame_and_near_name(tmp_path):
    write_structures(tmp_path / "structures.extxyz", [bulk("Al"), Atoms("Al2", positions=[[0, 0, 0], [0, 0, 0.1]])])
    with pytest.raises(StructureError, match=r"structures.extxyz, structure 1: atoms 0 \(Al\) and 1"):
        read_structures(tmp_path / "structures.extxyz")
    with pytest.raises(StructureError, match=r"did you mean 'structures\.extxyz'"):
        read_structures(tmp_path / "structure.extxyz")
    (tmp_path / "bad.extxyz").write_text("3\nnot really\nAl 0 0\n")
    with pytest.raises(StructureError, match="cannot be read as a file of structures"):
        read_structures(tmp_path / "bad.extxyz")
