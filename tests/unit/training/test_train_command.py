"""``ingot train`` by hand and as the workflow calls it."""

import csv
import json

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.singlepoint import SinglePointCalculator
from ase.io import read, write

from ingot.cli.main import main
from ingot.datasets import read_labelled
from ingot.potentials import load_potential
from ingot.structures import describe, write_structures

SETTINGS = {
    "members": 2,
    "epochs": 20,
    "validation_interval": 10,
    "architecture": {
        "radial": {"cutoff_angstrom": 4.5, "shifts": 4},
        "angular": {"cutoff_angstrom": 3.5, "shifts": 2, "angles": 2},
        "hidden": [6],
    },
}


@pytest.fixture
def alloy_file(tmp_path):
    """A small copper-nickel data set of effective-medium theory."""
    frames = []
    for seed in range(12):
        atoms = bulk("Cu", "fcc", a=3.6, cubic=True)
        atoms.symbols[seed % 4] = "Ni"
        atoms.rattle(0.08, seed=seed)
        atoms.calc = EMT()
        energy, forces, stress = atoms.get_potential_energy(), atoms.get_forces(), atoms.get_stress()
        atoms.calc = SinglePointCalculator(atoms, energy=energy, forces=forces, stress=stress)
        frames.append(atoms)
    path = tmp_path / "alloy.extxyz"
    write(path, frames)
    return path


def test_by_hand_on_any_labelled_file(alloy_file, tmp_path, capsys):
    output = tmp_path / "potential"
    assert main(["train", str(alloy_file), "--settings", json.dumps(SETTINGS), "-o", str(output)]) == 0
    said = capsys.readouterr().out
    assert "training on 10 structures (40 atoms of Ni, Cu), validating on 2" in said
    assert "2 members" in said
    potential = load_potential(output)
    assert potential.members == 2
    assert potential.architecture.species == ("Ni", "Cu")
    atoms = read_labelled(alloy_file)[0]
    reference = atoms.get_potential_energy()
    atoms.calc = potential.calculator()
    assert abs(atoms.get_potential_energy() - reference) / len(atoms) < 1.0
    assert atoms.calc.results["energy_std"] > 0
    assert str(tmp_path) not in (output / "potential.json").read_text()


def test_member_processes_and_combination_equal_the_run_by_hand(alloy_file, tmp_path):
    ids = [a.info["structure_id"] for a in read_labelled(alloy_file)]
    splits = tmp_path / "splits.json"
    splits.write_text(json.dumps({"train": ids[:9], "validation": ids[9:11], "test": ids[11:], "extrapolation": []}))
    common = [str(alloy_file), "--splits", str(splits), "--seed", "5"]
    settings = ["--settings", json.dumps(SETTINGS)]
    for member in (1, 0):  # order does not matter
        target = tmp_path / "members" / str(member)
        assert main(["train", *common, *settings, "--member", str(member), "-o", str(target)]) == 0
        assert sorted(p.name for p in target.iterdir()) == [
            "log.cost.csv", "log.csv", "parameters.safetensors", "potential.json",
        ]  # fmt: skip
    members = [str(tmp_path / "members" / str(m)) for m in (0, 1)]
    assert main(["train", *common, "--combine", *members, "-o", str(tmp_path / "combined")]) == 0
    for workers in ("1", "2"):
        whole = tmp_path / f"whole-{workers}"
        assert main(["train", *common, *settings, "--workers", workers, "-o", str(whole)]) == 0
        for name in ("potential.json", "parameters.safetensors"):
            assert (tmp_path / "combined" / name).read_bytes() == (whole / name).read_bytes()
    with (tmp_path / "members" / "0" / "log.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    assert [row["epoch"] for row in rows] == ["10", "20"]
    assert all(np.isfinite(float(value)) for row in rows for value in row.values())
    scale = json.loads((tmp_path / "combined" / "potential.json").read_text())["uncertainty_scale"]
    assert scale["energy"] != 1.0
    assert scale["forces"] != 1.0


def test_a_training_goes_on_from_a_potential_whatever_the_zeros_of_energy(alloy_file, tmp_path, capsys):
    """Another method: the same forces, every copper 7 eV lower. A first step without length has the start's forces."""
    first = str(tmp_path / "first")
    settings = json.dumps(SETTINGS)
    assert main(["train", str(alloy_file), "--settings", settings, "--workers", "1", "-o", first]) == 0
    frames = read_labelled(alloy_file)
    for atoms in frames:
        energy, forces = atoms.get_potential_energy(), atoms.get_forces()
        lower = energy - 7.0 * (atoms.numbers == 29).sum()
        atoms.calc = SinglePointCalculator(atoms, energy=lower, forces=forces)
        atoms.info.pop("method", None)
    other = tmp_path / "other.extxyz"
    write(other, frames)
    still = json.dumps({**SETTINGS, "epochs": 1, "learning_rate": 1e-12, "weight_decay": 0.0})
    output = ["--workers", "1", "-o", str(tmp_path / "second")]
    assert main(["train", str(other), "--settings", still, "--start", first, *output]) == 0
    one, two = (load_potential(tmp_path / name) for name in ("first", "second"))
    assert two.provenance["started_from"]["training_structures"] == one.provenance["training_structures"]
    for atoms in frames[:3]:
        before, after = (p.calculator().evaluate(atoms) for p in (one, two))
        np.testing.assert_allclose(after.forces, before.forces, atol=2e-4)
        shift = np.asarray(after.energy - before.energy) + 7.0 * (atoms.numbers == 29).sum()
        assert np.abs(shift).max() / len(atoms) < 0.05
    alone = f"{first}/members/0"  # all go on from the one network that there is
    assert main(["train", str(other), "--settings", still, "--start", alone, *output]) == 0
    wider = json.dumps({**SETTINGS, "architecture": {**SETTINGS["architecture"], "hidden": [9]}})
    capsys.readouterr()
    assert main(["train", str(other), "--settings", wider, "--start", first, *output]) == 1
    assert "another architecture" in capsys.readouterr().err


def test_a_member_that_diverged_is_left_out_and_counted(alloy_file, tmp_path, capsys):
    settings = ["--settings", json.dumps({**SETTINGS, "members": 3})]
    assert main(["train", str(alloy_file), *settings, "--workers", "1", "-o", str(tmp_path)]) == 0
    members = [tmp_path / "members" / str(m) for m in range(3)]
    whole = json.loads((tmp_path / "potential.json").read_text())["provenance"]
    assert whole["diverged_members"] == []
    low, high = whole["energy_range_ev_per_atom"]
    energies = [a.get_potential_energy() / len(a) for a in read_labelled(alloy_file)]
    assert 0 < high - low <= max(energies) - min(energies) + 2.0  # offsets of two elements take a part
    described = json.loads((members[1] / "potential.json").read_text())
    described["provenance"]["diverged"] = "the loss became infinite"
    (members[1] / "potential.json").write_text(json.dumps(described))
    combine = ["train", str(alloy_file), *settings, "--combine", *map(str, members), "-o", str(tmp_path / "two")]
    capsys.readouterr()
    assert main(combine) == 0
    assert "1 of 3 members diverged and are left out" in capsys.readouterr().out
    two = load_potential(tmp_path / "two")
    assert two.members == 2
    assert two.provenance["diverged_members"] == [1]
    described["provenance"]["member"] = 0
    (members[0] / "potential.json").write_text(json.dumps(described))
    parameters = (members[1] / "parameters.safetensors").read_bytes()
    (members[0] / "parameters.safetensors").write_bytes(parameters)
    assert main(combine) == 1
    assert "2 of 3 members diverged" in capsys.readouterr().err


def test_mistakes_are_explained(alloy_file, tmp_path, capsys):
    output = ["-o", str(tmp_path / "p")]
    assert main(["train", str(alloy_file), "--settings", '{"epoch": 3}', *output]) == 1
    assert "did you mean 'epochs'" in capsys.readouterr().err
    broken = json.dumps({**SETTINGS, "learning_rate": 0.9, "clip_norm": 1e30, "weight_decay": 1e30})
    assert main(["train", str(alloy_file), "--settings", broken, "--workers", "2", *output]) == 1
    told = capsys.readouterr()
    assert "member 0 DIVERGED: the loss became infinite" in told.out
    assert "the training of 2 of 2 members diverged, too many for an ensemble: the loss became infinite" in told.err
    assert main(["train", str(alloy_file), "--member", "9", *output]) == 1
    assert "0..3" in capsys.readouterr().err
    assert main(["train", str(alloy_file), "--settings", '{"species": ["Cu"]}', *output]) == 1
    assert "hold Ni" in capsys.readouterr().err
    assert main(["train", str(tmp_path / "nothing.extxyz"), *output]) == 1
    assert "no file at" in capsys.readouterr().err


def labelled_by_ingot(folder, scale):
    """Copper cells about one density, labelled by ``ingot label``."""
    cells = []
    for seed in range(8):
        atoms = bulk("Cu", "fcc", a=3.6 * scale, cubic=True)
        atoms.rattle(0.05, seed=seed)
        cells.append(atoms)
    asked, path = folder / f"asked-{scale}.extxyz", folder / f"labelled-{scale}.extxyz"
    write_structures(asked, [describe(atoms, "dense" if scale < 1 else "loose") for atoms in cells])
    method = ["--method", "ase", "--calculator", "ase.calculators.emt.EMT"]
    assert main(["label", str(asked), *method, "--store", str(folder / "store"), "-o", str(path)]) == 0
    return path


def test_files_of_one_method_share_their_zero_of_energy(tmp_path, capsys):
    """A zero of its own for each file hides the difference in energy between what they hold."""
    dense, loose = labelled_by_ingot(tmp_path, 0.9), labelled_by_ingot(tmp_path, 1.1)
    output = tmp_path / "potential"
    assert main(["train", str(dense), str(loose), "--settings", json.dumps(SETTINGS), "-o", str(output)]) == 0
    assert "methods" not in capsys.readouterr().out
    frames = [*read_labelled(dense), *read_labelled(loose)]
    (method,) = {atoms.info["method"] for atoms in frames}
    assert {atoms.info["energy_kind"] for atoms in frames} == {atoms.info["energy_kind"] for atoms in read(dense, ":")}
    assert list(load_potential(output).provenance["offsets_by_method"]) == [method]

    text = dense.read_text()
    for digits in ("12e4567812345678", "0234567812345678"):  # text, though they look like numbers
        dense.write_text(text.replace(method, digits))
        assert {atoms.info["method"] for atoms in read_labelled(dense)} == {digits}
    dense.write_text(text)
    store = tmp_path / "imported.zarr"
    assert main(["dataset", "import", str(dense), "-o", str(store)]) == 0
    assert {atoms.info["method"] for atoms in read_labelled(store)} == {method}
    assert main(["dataset", "import", str(dense), "--method", "mine", "-o", str(tmp_path / "mine.zarr")]) == 0
    assert method not in {atoms.info["method"] for atoms in read_labelled(tmp_path / "mine.zarr")}


def test_files_of_others_have_zeros_of_their_own(alloy_file, tmp_path, capsys):
    other = tmp_path / "other.extxyz"
    frames = read(alloy_file, ":")
    for atoms in frames:
        results = atoms.calc.results | {"energy": atoms.get_potential_energy() + 100.0}
        atoms.rattle(0.02, seed=5)
        atoms.calc = SinglePointCalculator(atoms, **results)
    write(other, frames)
    output = tmp_path / "potential"
    assert main(["train", str(alloy_file), str(other), "--settings", json.dumps(SETTINGS), "-o", str(output)]) == 0
    assert "labels of 2 methods" in capsys.readouterr().out
    assert len(load_potential(output).provenance["offsets_by_method"]) == 2
