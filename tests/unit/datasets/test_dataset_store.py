"""Stores: what goes in comes out, and damage never passes silently."""

import re

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import write

from ingot.cli.main import main
from ingot.datasets import DatasetError, from_labelled_atoms, from_labels, open_dataset, to_ase, write_dataset
from ingot.labels.label import Label
from ingot.manifest import ManifestError, damaged_stores, manifest_path
from ingot.structures import canonical, structure_id


def _frames() -> list[Atoms]:
    generator = np.random.default_rng(0)
    frames = []
    for n, pbc in ((1, True), (4, (True, False, True)), (3, False)):
        cell = np.diag([4.0, 5.0, 6.0]) + generator.normal(scale=0.3, size=(3, 3))
        if n == 4:
            cell[[0, 1]] = cell[[1, 0]]  # left-handed
        atoms = Atoms(["Al", "Cu", "Al", "Al"][:n], cell=cell, pbc=pbc, positions=generator.uniform(0, 4, (n, 3)))
        atoms.info.update(family=f"family-{n}", parent=f"parent-{n}")
        frames.append(canonical(atoms))
    return frames


def _label(atoms: Atoms, **changes: object) -> Label:
    generator = np.random.default_rng(len(atoms))
    values: dict[str, object] = {
        "structure_id": structure_id(atoms),
        "method": "0123456789abcdef",
        "converged": True,
        "reason": None,
        "energy": float(generator.normal()),
        "energy_kind": "free",
        "energy_zero": 0.25,
        "energy_total": 0.5,
        "entropy_term": 0.125,
        "forces": generator.normal(size=(len(atoms), 3)),
        "stress": generator.normal(size=6),
    }
    return Label(**{**values, **changes})  # type: ignore[arg-type]


def test_structures_and_labels_survive_the_store_exactly(tmp_path):
    frames = _frames()
    labels = {structure_id(a): _label(a) for a in frames}
    write_dataset(tmp_path / "a.zarr", from_labels(frames, labels), {"run": "test"})
    back = to_ase(open_dataset(tmp_path / "a.zarr"))
    for atoms, found in zip(frames, back, strict=True):
        label = labels[structure_id(atoms)]
        assert structure_id(found) == structure_id(atoms) == found.info["structure_id"]
        assert found.info["family"] == atoms.info["family"]
        assert (found.pbc == atoms.pbc).all()
        assert found.get_potential_energy(force_consistent=True) == label.energy
        np.testing.assert_array_equal(found.get_forces(), label.forces)
        np.testing.assert_array_equal(found.get_stress(), label.stress)


def test_writing_twice_gives_identical_bytes(tmp_path):
    frames = _frames()
    data = from_labels(frames, {structure_id(a): _label(a) for a in frames})
    first = write_dataset(tmp_path / "a" / "x.zarr", data, {}).read_bytes()
    second = write_dataset(tmp_path / "b" / "x.zarr", data, {}).read_bytes()
    assert first == second


def test_a_failed_label_is_a_row_with_its_reason(tmp_path):
    frames = _frames()
    failed = {"converged": False, "reason": "SCF did not converge", "energy": None, "forces": None, "stress": None}
    labels = {structure_id(a): _label(a, **(failed if len(a) == 4 else {})) for a in frames}
    write_dataset(tmp_path / "a.zarr", from_labels(frames, labels), {})
    dataset = open_dataset(tmp_path / "a.zarr")
    assert dataset.sizes["configuration"] == 3
    assert list(dataset["reason"].values) == ["", "SCF did not converge", ""]
    assert [len(a) for a in to_ase(dataset)] == [1, 3]
    everything = to_ase(dataset, labelled_only=False)
    assert everything[1].calc is None
    assert everything[1].info["reason"] == "SCF did not converge"


def test_a_structure_without_a_label_is_refused():
    with pytest.raises(DatasetError, match="has no label"):
        from_labels(_frames(), {})


@pytest.fixture
def store(tmp_path):
    frames = _frames()
    write_dataset(tmp_path / "a.zarr", from_labels(frames, {structure_id(a): _label(a) for a in frames}), {})
    return tmp_path / "a.zarr"


def test_every_single_damaged_file_is_named(store):
    files = sorted(p for p in store.rglob("*") if p.is_file())
    assert len(files) > 20
    for path in files:
        content = path.read_bytes()
        path.unlink()
        with pytest.raises(ManifestError, match=str(path.relative_to(store))):
            open_dataset(store)
        assert any(str(path) in line for line in damaged_stores(store.parent))
        flipped = bytearray(content)
        flipped[len(flipped) // 2] ^= 1
        path.write_bytes(flipped)
        with pytest.raises(ManifestError, match=str(path.relative_to(store))):
            open_dataset(store)
        path.write_bytes(content)
    open_dataset(store)


def test_a_store_without_manifest_or_with_a_foreign_file_is_refused(store):
    (store / "energy" / "c" / "9").write_bytes(b"foreign")
    with pytest.raises(ManifestError, match="not in the manifest"):
        open_dataset(store)
    manifest_path(store).unlink()
    with pytest.raises(ManifestError, match="was not finished"):
        open_dataset(store)


def test_import_keeps_what_a_file_says_and_counts_what_is_not_finite():
    frames = []
    for k in range(3):
        atoms = bulk("Al", a=4.0 + 0.1 * k)
        energy = np.nan if k == 2 else -3.0 - k
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=np.zeros((1, 3)))
        frames.append(atoms)
    data = from_labelled_atoms([*frames, frames[0]], "somebody's file")
    assert data.sizes["configuration"] == 3  # the exact duplicate is kept once
    assert list(data["converged"].values) == [True, True, False]
    assert [a.get_potential_energy() for a in to_ase(data)] == [-3.0, -4.0]
    with pytest.raises(DatasetError, match="carries no energy"):
        from_labelled_atoms([bulk("Al")], "nothing")


def import_with(tmp_path, origin) -> int:
    crystal = bulk("Al", a=4.0)
    squeezed = bulk("Al", a=3.0)
    molecule = Atoms("Al2", [[0, 0, 0], [2.5, 0, 0]])
    for atoms in (crystal, squeezed, molecule):
        atoms.calc = SinglePointCalculator(atoms, energy=-1.0, forces=np.zeros((len(atoms), 3)))
    write(tmp_path / "mine.extxyz", [crystal, squeezed, molecule])
    where = [str(tmp_path / "mine.extxyz"), "--origin", origin, "-o", str(tmp_path / "mine.zarr")]
    return main(["dataset", "import", *where])


def test_volumes_are_those_of_periodic_structures(tmp_path, capsys):
    assert import_with(tmp_path, '{"volume_range_angstrom3": [10, 20]}') == 0
    crystal, molecule = to_ase(open_dataset(tmp_path / "mine.zarr"))
    assert crystal.get_volume() == pytest.approx(16.0)
    assert not molecule.pbc.any()
    assert "1 of 3 structures are outside of 10 to 20" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("origin", "words"),
    [
        ('{"parent_pattern": "(["}', "not a regular expression"),
        ('{"volume_range_angstrom3": [20, 10]}', "must ascend"),
        ('{"familykey": "group"}', "did you mean.*family_key"),
        ('{"family_key": ', "--origin is not valid JSON"),
    ],
)
def test_an_origin_that_makes_no_sense_is_explained(tmp_path, capsys, origin, words):
    assert import_with(tmp_path, origin) == 1
    assert re.search(words, capsys.readouterr().err)


def test_large_stores_are_sharded_and_read_back(tmp_path):
    atoms = canonical(bulk("Al", cubic=True))
    row = from_labels([atoms], {structure_id(atoms): _label(atoms)})
    import xarray as xr

    many = xr.concat([row] * 5, dim="configuration", data_vars="minimal", coords="minimal", compat="override")
    tiled = {
        name: (xr.concat([row[name]] * 1500, dim=row[name].dims[0]) if row[name].dims else row[name]) for name in row
    }
    big = xr.Dataset(tiled, attrs=many.attrs)
    write_dataset(tmp_path / "big.zarr", big, {})
    back = open_dataset(tmp_path / "big.zarr")
    assert back.sizes["atom"] == 6000
    np.testing.assert_array_equal(back["position"].values, big["position"].values)
    assert len([p for p in (tmp_path / "big.zarr" / "position").rglob("*") if p.is_file()]) == 2
