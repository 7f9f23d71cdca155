"""``ingot benchmark``: each suite as a rule calls it."""

import json
from pathlib import Path

import jax
import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.io import write

from ingot.benchmarks.crystal import CrystalSettings as Sampling
from ingot.benchmarks.direct import ReferenceSettings, reference_cells
from ingot.benchmarks.direct_meshes import pinned_label_settings
from ingot.benchmarks.ensemble import EnsembleEvaluation
from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.lattices import primitive_cell, strained
from ingot.benchmarks.rdf import MeltProtocol
from ingot.benchmarks.tables import read_quantities
from ingot.benchmarks.thermal import ThermalProtocol
from ingot.benchmarks.two_phase import CoexistenceProtocol
from ingot.cli.main import main
from ingot.config.benchmarks import CrystalSettings, DirectSettings
from ingot.config.melt import CoexistenceSettings, RdfSettings, ThermalSettings
from ingot.potentials import AniArchitecture, Potential

DIRECT = json.dumps({"element": "Al", "lattice_constant_angstrom": 4.0, "phases": ["bcc"]})
EMT_LABELS = json.dumps({"method": "ase", "ase": {"calculator": "ase.calculators.emt.EMT"}, "batches": 1})


@pytest.fixture(scope="module")
def potential() -> Potential:
    architecture = AniArchitecture.evenly_spaced(("Al",), 4.5, 4, 3.5, 2, 2, (6,))
    members = [architecture.initial_parameters(seed) for seed in range(3)]
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *members)
    return Potential(architecture, stacked, {"Al": -3.0}, {"energy": 2.0, "forces": 3.0})


def test_crystal_of_an_ase_calculator(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--calculator", "emt", "--element", "Cu", "--settings", '{"phases": ["bcc"]}']
    assert main(["benchmark", "crystal", *arguments, "-o", str(tmp_path)]) == 0
    rows = {q.quantity: q for q in read_quantities(tmp_path / "quantities.csv")}
    assert rows["a0"].value == pytest.approx(3.59, abs=0.01)
    assert "energy_bcc_minus_fcc" in rows
    assert "lattice constant" in capsys.readouterr().out
    assert main(["benchmark", "crystal", "--calculator", "emtt", "-o", str(tmp_path)]) == 1
    assert "did you mean 'emt'" in capsys.readouterr().err
    assert main(["benchmark", "crystal", "--calculator", "emt", "-o", str(tmp_path)]) == 1
    assert "state the element" in capsys.readouterr().err


def test_direct_references_travel_through_the_label_stage(tmp_path: Path) -> None:
    """Structures, labels, data set, fit: the five commands that the rules run, with EMT as the label method."""
    store = str(tmp_path / "labels")
    manifests, datasets = [], []
    for lattice in ("fcc", "bcc"):
        cells, settings = tmp_path / f"direct-{lattice}.extxyz", tmp_path / f"direct-{lattice}.labels.json"
        build = ["benchmark", "reference-structures", "--lattice", lattice, "--settings", DIRECT]
        assert main([*build, "--labels", EMT_LABELS, "--label-settings", str(settings), "-o", str(cells)]) == 0
        manifest, dataset = tmp_path / f"direct-{lattice}.json", tmp_path / f"direct-{lattice}.zarr"
        assert main(["label", str(cells), "--settings", str(settings), "--store", store, "-o", str(manifest)]) == 0
        build = ["dataset", "build", str(cells), "--labels", str(manifest), "--store", store]
        assert main([*build, "-o", str(dataset)]) == 0
        manifests.append(str(manifest))
        datasets.append(str(dataset))
    command = ["benchmark", "direct", "--settings", DIRECT]
    assert main([*command, *datasets, "-o", str(tmp_path / "from-data")]) == 0
    assert main([*command, "--labels", *manifests, "--store", store, "-o", str(tmp_path / "from-store")]) == 0
    results = [read_quantities(tmp_path / name / "quantities.csv") for name in ("from-data", "from-store")]
    assert results[0] == results[1]
    rows = {q.quantity: q for q in results[0]}
    assert rows["a0"].value == pytest.approx(3.994, abs=2e-3)
    assert rows["C44"].value == pytest.approx(36, abs=1)
    assert all(q.status == "ok" for q in results[0])


def test_accuracy_of_several_potentials(tmp_path: Path, potential: Potential) -> None:
    potential.save(tmp_path / "potential")
    frames = []
    for seed in range(3):
        atoms = bulk("Al", cubic=True)
        atoms.rattle(0.1, seed=seed)
        atoms.calc = EMT()
        atoms.get_forces()
        frames.append(atoms)
    write(tmp_path / "test.extxyz", frames)
    write(tmp_path / "iteration-0.extxyz", frames[:1])
    potentials = ["--potential", f"iteration-0={tmp_path}/potential", "--potential", f"final={tmp_path}/potential"]
    sets = ["--set", f"test={tmp_path}/test.extxyz", "--set", f"iteration-0={tmp_path}/iteration-0.extxyz"]
    assert main(["benchmark", "accuracy", *potentials, *sets, "-o", str(tmp_path / "out")]) == 0
    errors = (tmp_path / "out" / "errors.csv").read_text()
    assert "iteration-0,split,,unseen,," in errors
    rows = {q.quantity: q for q in read_quantities(tmp_path / "out" / "quantities.csv")}
    assert rows["force_rmse_test"].value > 0
    assert 0 <= rows["energy_coverage_test"].value <= 1


def test_an_ensemble_is_its_members(potential: Potential) -> None:
    ensemble = EnsembleEvaluation(potential)
    atoms = bulk("Al", a=4.0)
    atoms.set_cell(atoms.cell.array @ np.diag([1.02, 1.0, 0.99]), scale_atoms=True)
    members = [member(atoms) for member in ensemble.all_members()]
    mean = ensemble.mean(atoms)
    assert mean.energy == pytest.approx(np.mean([m.energy for m in members]))
    assert np.allclose(mean.stress, np.mean([m.stress for m in members], axis=0))
    atoms.calc = potential.calculator()
    assert mean.energy == pytest.approx(atoms.get_potential_energy())
    assert np.allclose(mean.stress, atoms.get_stress())


def test_the_meshes_of_a_lattice_are_pinned() -> None:
    for lattice in ("fcc", "bcc", "hcp"):
        cells = [c.atoms for c in reference_cells("Al", ReferenceSettings()) if c.lattice == lattice]
        settings = pinned_label_settings({"method": "pyscf", "pyscf": {"kpoint_length_angstrom": 16.0}}, cells)
        mesh = settings["pyscf"]["kpoint_mesh"]
        assert len(set(mesh[:2])) == 1, "symmetry-equivalent directions have equally many k-points"
        assert (len(set(mesh)) == 1) == (lattice != "hcp")
        assert settings["pyscf"]["kpoint_length_angstrom"] == 16.0
        assert settings["pyscf"]["compute_stress"] is False
    assert pinned_label_settings({"method": "ase", "ase": {}}, cells) == {"method": "ase", "ase": {}}


def test_strains_that_would_change_the_k_mesh_are_refused() -> None:
    crystal = primitive_cell("Mg", "hcp", 23.0)

    def pin(strain: float) -> None:
        cells = [crystal, strained(crystal, np.diag([strain, -strain, 0.0]))]
        pinned_label_settings({"method": "pyscf", "pyscf": {}}, cells)

    pin(0.02)
    with pytest.raises(BenchmarkError, match="smaller strains"):
        pin(0.2)


def test_settings_of_the_melt_are_its_protocol() -> None:
    """Each key of the configuration is a field of the protocol with the same default: nothing is lost between them."""
    for settings, protocol in ((RdfSettings, MeltProtocol), (CoexistenceSettings, CoexistenceProtocol)):
        values = settings(temperature_kelvin=900.0).model_dump(exclude={"curve"})  # a protocol for each point
        assert protocol(**values) == protocol(temperature_kelvin=900.0)
    assert ThermalProtocol(**ThermalSettings().model_dump()) == ThermalProtocol()


def test_settings_of_the_crystal_are_its_sampling() -> None:
    configured = CrystalSettings().model_dump()
    for key in ("points", "window", "strain", "energy_strains"):
        assert configured[key] == getattr(Sampling(), key)
    configured = DirectSettings(element="Al").model_dump()
    for key in ("lattice", "phases", "points", "phase_points", "window", "strains", "elastic_volumes"):
        assert configured[key] == getattr(ReferenceSettings(), key)


def test_defects_are_computed_where_asked_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = {"phases": [], "points": 5, "vacancy_repeat": 2, "surfaces": [[1, 1, 1]], "stacking_fault": True}
    arguments = ["benchmark", "crystal", "--calculator", "emt", "--element", "Cu", "-o", str(tmp_path)]
    assert main([*arguments, "--settings", json.dumps(settings)]) == 0
    rows = {q.quantity: q for q in read_quantities(tmp_path / "quantities.csv")}
    for key, unit in (("vacancy_formation", "eV"), ("surface_111", "mJ/m2"), ("unstable_stacking_fault", "mJ/m2")):
        value = rows[key].value
        assert value is not None
        assert value > 0
        assert rows[key].unit == unit
    assert main([*arguments, "--settings", json.dumps({**settings, "lattice": "bcc"})]) == 1
    assert "stacking_fault is for fcc" in capsys.readouterr().err
