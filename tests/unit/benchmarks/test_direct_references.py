"""The direct references go through the same physics as the crystal benchmarks."""

import numpy as np
import pytest
from ase.calculators.emt import EMT

from ingot.benchmarks.crystal import fcc_properties
from ingot.benchmarks.direct import ReferenceSettings, fit_reference_cells, reference_cells
from ingot.benchmarks.direct_tables import write_direct
from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.evaluation import evaluate_with
from ingot.benchmarks.tables import read_quantities

COPPER = ReferenceSettings(a_guess=3.62)


@pytest.fixture(scope="module")
def energies() -> dict[str, float]:
    evaluate = evaluate_with(EMT())
    return {cell.id: evaluate(cell.atoms).energy for cell in reference_cells("Cu", COPPER)}


def test_labels_and_potential_agree_when_they_are_the_same_model(energies: dict[str, float]) -> None:
    """EMT as the label method and EMT as the potential, from a lattice constant 1 % off equilibrium."""
    potential = fcc_properties(EMT(), "Cu", phases=("bcc", "hcp"))
    rows = {q.quantity: q for q in fit_reference_cells(reference_cells("Cu", COPPER), energies)}
    assert rows["a0"].value == pytest.approx(potential["a0"], abs=1e-3)
    for key, tolerance in (("bulk_modulus", 1.0), ("C11", 2.0), ("C12", 2.0), ("C44", 1.0)):
        assert rows[key].value == pytest.approx(potential[key], abs=tolerance)
    for key in ("energy_bcc_minus_fcc", "energy_hcp_minus_fcc"):
        assert rows[key].value == pytest.approx(potential[key], abs=0.1)


def test_the_cells_of_a_lattice_can_share_their_meshes() -> None:
    cells = reference_cells("Al", ReferenceSettings())
    assert len({cell.id for cell in cells}) == len(cells) == 27
    assert {cell.atoms.info["family"] for cell in cells} == {"reference-fcc", "reference-bcc", "reference-hcp"}
    for cell in cells:
        assert len(cell.atoms) == (2 if cell.lattice == "hcp" else 1)
        assert cell.atoms.get_volume() / len(cell.atoms) == pytest.approx(cell.volume, rel=1e-6)
    unstrained = {cell.volume for cell in cells if not cell.strain}
    assert all(cell.volume in unstrained for cell in cells), "every strained cell has its unstrained partner"
    first = next(cell for cell in cells if cell.lattice == "fcc")
    assert first.volume == pytest.approx(4.05**3 / 4)
    assert reference_cells("Al", ReferenceSettings())[7].id == cells[7].id


def test_a_missing_label_costs_what_depends_on_it(energies: dict[str, float]) -> None:
    cells = reference_cells("Cu", COPPER)
    without_bcc = {c.id: energies[c.id] for c in cells if c.lattice != "bcc"}
    rows = {q.quantity: q for q in fit_reference_cells(cells, without_bcc)}
    assert rows["energy_bcc_minus_fcc"].status == "failed"
    assert rows["a0"].status == rows["energy_hcp_minus_fcc"].status == "ok"
    assert "5 of 27 cells have no energy" in rows["a0"].note
    without_shear = {c.id: energies[c.id] for c in cells if c.strain != "monoclinic"}
    rows = {q.quantity: q for q in fit_reference_cells(cells, without_shear)}
    assert rows["C44"].status == "failed"
    assert rows["a0"].status == "ok"


def test_the_quoted_error_of_an_elastic_constant_is_the_effect_of_the_strain(energies: dict[str, float]) -> None:
    rows = {q.quantity: q for q in fit_reference_cells(reference_cells("Cu", COPPER), energies)}
    assert rows["C44"].uncertainty_kind == "change without the largest strain"
    assert 0 < rows["C44"].uncertainty < 2


def test_tables_hold_labels_and_predictions(tmp_path, energies: dict[str, float]) -> None:
    cells = reference_cells("Cu", COPPER)
    shifted = {identity: 1.1 * energy for identity, energy in energies.items()}
    write_direct(tmp_path, cells, energies, shifted)
    labels = {q.quantity: q.value for q in read_quantities(tmp_path / "quantities.csv")}
    potential = {q.quantity: q.value for q in read_quantities(tmp_path / "potential_quantities.csv")}
    assert potential["C44"] == pytest.approx(1.1 * labels["C44"])
    assert potential["a0"] == pytest.approx(labels["a0"])
    assert len((tmp_path / "cells.csv").read_text().splitlines()) == 28


def test_only_cubic_ground_states() -> None:
    with pytest.raises(BenchmarkError, match="cubic ground state"):
        reference_cells("Mg", ReferenceSettings(lattice="hcp"))


def test_volumes_start_at_the_reference() -> None:
    """The first cell of a lattice is the one whose meshes the group is labelled with."""
    cells = reference_cells("Cu", COPPER)
    for lattice in ("fcc", "bcc", "hcp"):
        volumes = [c.volume for c in cells if c.lattice == lattice and not c.strain]
        assert volumes[0] == pytest.approx(np.median(volumes))
