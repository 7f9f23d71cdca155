"""Pair structure and diffusion: known answers."""

import csv
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.melt import crystal, mass_density, mean_with_drift, only_element
from ingot.benchmarks.radial_distribution import RadialDistribution, diffusion, largest_distance, radial_distribution
from ingot.benchmarks.rdf import MeltProtocol, run_rdf
from ingot.benchmarks.tables import read_quantities
from ingot.dynamics import Model
from ingot.dynamics.pair import lennard_jones
from ingot.structures import read_structures


def test_an_ideal_gas_has_no_structure() -> None:
    rng = np.random.default_rng(1)
    frames = [
        Atoms("Ar200", scaled_positions=rng.random((200, 3)), cell=[12.0, 14.0, 16.0], pbc=True) for _ in range(40)
    ]
    g = radial_distribution(frames, 6.0, 12)
    assert np.abs(g.g[3:] - 1).max() < 0.05
    assert g.coordination(5.0) == pytest.approx(g.density * 4 / 3 * np.pi * 125, rel=0.03)


def test_a_crystal_has_its_shells() -> None:
    atoms = bulk("Al", "fcc", a=4.05, cubic=True).repeat(4)
    g = radial_distribution([atoms], 7.0, 700)
    assert g.coordination(3.5) == pytest.approx(12, abs=1e-9)
    assert g.coordination(4.5) == pytest.approx(18, abs=1e-9)
    assert g.distance[np.flatnonzero(g.g)[0]] == pytest.approx(4.05 / np.sqrt(2), abs=0.006)


def test_peak_and_minimum_of_a_known_curve() -> None:
    r = np.linspace(0.02, 8, 400)
    curve = np.where(r > 2, 1 + 1.7 * np.exp(-(((r - 2.8) / 0.3) ** 2)) - 0.4 * np.exp(-(((r - 3.9) / 0.4) ** 2)), 0.0)
    g = RadialDistribution(r, curve, 0.055)
    position, height = g.peak()
    assert position == pytest.approx(2.8, abs=0.003)
    assert height == pytest.approx(2.7, abs=0.01)
    assert g.first_minimum() == pytest.approx(3.9, abs=0.03)


def test_half_the_smallest_height_is_the_range() -> None:
    assert largest_distance(Atoms(cell=[10, 12, 14], pbc=True)) == pytest.approx(5)
    skewed = Atoms(cell=[[10, 0, 0], [8, 6, 0], [0, 0, 20]], pbc=True)
    assert largest_distance(skewed) == pytest.approx(3)


def test_a_random_walk_has_its_diffusion_coefficient() -> None:
    """Brownian steps of variance 2 D dt along each direction, in a cell that breathes and drifts as a whole."""
    rng = np.random.default_rng(5)
    coefficient, dt, atoms = 0.4, 0.05, 150
    reduced = np.cumsum(rng.normal(size=(120, atoms, 3)) * np.sqrt(2 * coefficient * dt), axis=0)
    reduced += np.linspace(0, 30, 120)[:, None, None]  # the centre of mass moves
    scale = 1 + 0.02 * np.sin(np.arange(120))
    frames = [
        Atoms(f"Ar{atoms}", p * s, cell=np.eye(3) * 20 * s, pbc=True) for p, s in zip(reduced, scale, strict=True)
    ]
    found = diffusion(frames, dt)
    assert found.coefficient == pytest.approx(coefficient, abs=4 * found.error)
    assert 0.002 < found.error < 0.08
    assert found.squared_displacement[0] == pytest.approx(6 * coefficient * dt, rel=0.05)


def test_a_drifting_series_has_an_error_that_says_so() -> None:
    rng = np.random.default_rng(0)
    flat, drifting = rng.normal(size=400), rng.normal(size=400) + np.linspace(-5, 5, 400)
    assert mean_with_drift(flat).error < 0.15
    assert mean_with_drift(drifting).error == pytest.approx(2.5, abs=0.15)


def test_crystals_have_their_atoms_and_volume() -> None:
    for lattice, atoms in (("fcc", 32), ("bcc", 16), ("hcp", 32)):
        block = crystal("Al", lattice, 16.6, (2, 2, 2))  # type: ignore[arg-type]
        assert len(block) == atoms
        assert block.get_volume() / atoms == pytest.approx(16.6)
        np.testing.assert_allclose(block.cell.angles(), 90)
    assert crystal("Al", "fcc", None, (1, 1, 1)).get_volume() == pytest.approx(4.05**3, rel=0.01)
    assert mass_density(16.6, 26.98) == pytest.approx(2.699, abs=0.001)


def test_the_element_must_be_known() -> None:
    model = Model(lennard_jones(1.0, 2.0, 5.0), ("Ar", "Ne"), 5.0)
    assert only_element(model, "Ne") == "Ne"
    with pytest.raises(BenchmarkError, match="knows several"):
        only_element(model, None)
    with pytest.raises(BenchmarkError, match="for Ar, Ne, not for 'Al'"):
        only_element(model, "Al")


ARGON = Model(lennard_jones(0.0104, 3.4, 6.8), ("Ar",), 6.8)
SHORT = {
    "volume_per_atom_angstrom3": 38.0, "repeat": (2, 2, 2), "timestep_fs": 10.0, "bulk_modulus_gpa": 0.5,
    "relaxation_fs": 500.0, "melt_steps": 200, "equilibration_steps": 100, "production_steps": 300,
}  # fmt: skip


def test_the_benchmark_writes_its_tables(tmp_path: Path) -> None:
    run_rdf(
        ARGON,
        MeltProtocol(130.0, also_kelvin=(120.0,), melt_factor=3.0, **{**SHORT, "pressure_gpa": 0.05}),
        1,
        tmp_path,
    )
    rows = {q.quantity: q for q in read_quantities(tmp_path / "quantities.csv")}
    assert {q.status for key, q in rows.items() if "factor" not in key} == {"ok"}  # so small a cell may have no peak
    assert rows["melt_density"].value == pytest.approx(1.0, abs=0.25)
    assert rows["rdf_peak_position"].value == pytest.approx(3.7, abs=0.15)
    assert rows["melt_temperature"].value == pytest.approx(130, abs=15)
    for name, columns in (("rdf", 3), ("msd", 2), ("series", 5), ("structure_factor", 3)):
        table = list(csv.reader((tmp_path / f"{name}.csv").read_text().splitlines()))
        assert len(table[0]) == columns
        known = [[cell for cell in row if cell] for row in table[1:]]  # one wave vector alone has no scatter
        assert all(np.isfinite(np.array(row, float)).all() and len(row) >= 2 for row in known)
    table = list(csv.DictReader((tmp_path / "temperatures.csv").read_text().splitlines()))
    reached = {row["temperature_kelvin"]: row for row in table if row["quantity"] == "melt_temperature"}
    assert float(reached["130.0"]["value"]) == rows["melt_temperature"].value
    assert float(reached["120.0"]["value"]) == pytest.approx(120, abs=20)
    (last,) = read_structures(tmp_path / "final.extxyz")
    assert last.info["family"] == "melt"
    assert len(last) == 32
    # The same seed gives the same table, byte for byte.
    run_rdf(ARGON, MeltProtocol(130.0, melt_factor=3.0, **{**SHORT, "pressure_gpa": 0.05}), 1, tmp_path / "again")
    assert (tmp_path / "again" / "quantities.csv").read_bytes() == (tmp_path / "quantities.csv").read_bytes()


def test_a_cell_that_does_not_melt_is_said_to_be_crystalline(tmp_path: Path) -> None:
    run_rdf(ARGON, MeltProtocol(20.0, melt_factor=1.0, **{**SHORT, "melt_steps": 20}), 1, tmp_path)
    rows = read_quantities(tmp_path / "quantities.csv")
    assert {q.status for q in rows} == {"failed"}
    assert "crystalline" in rows[0].note


def test_a_run_that_blows_up_is_a_failed_quantity_with_the_reason(tmp_path: Path) -> None:
    run_rdf(ARGON, MeltProtocol(1e7, **SHORT), 1, tmp_path)
    rows = read_quantities(tmp_path / "quantities.csv")
    assert {q.status for q in rows} == {"failed"}
    assert "half the neighbour skin" in rows[0].note
    assert (tmp_path / "final.extxyz").is_file()
