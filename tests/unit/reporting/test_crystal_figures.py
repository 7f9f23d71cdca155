"""Figures of the crystal's curves, from the tables that its benchmark writes."""

from pathlib import Path

import numpy as np
import pytest
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones

from ingot.benchmarks.crystal_suite import Model, Wanted, crystal_suite
from ingot.benchmarks.measured_phonons import COLUMNS
from ingot.benchmarks.tables import write_table
from ingot.reporting.figures.bain import draw_bain
from ingot.reporting.figures.gamma_line import draw_gamma_line
from ingot.reporting.figures.phonons import draw_phonons
from ingot.reporting.run import Run

WANTED = Wanted(
    bain_path=True, phonon_repeat=3, phonon_lattice_constant_angstrom=3.95, phonon_temperatures_kelvin=(300.0,)
)
NEAREST = 4.0 / np.sqrt(2)


def benchmark(folder: Path, model: Model, edge: float, wanted: Wanted = WANTED) -> Run:
    for name, table in crystal_suite(model, wanted, edge).tables.items():
        write_table(folder / "crystal" / f"{name}.csv", table.columns, table.rows)
    return Run(folder)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    folder = tmp_path_factory.mktemp("runs")
    bonds = [LennardJones(sigma=NEAREST / 2 ** (1 / 6), epsilon=d, rc=1.2 * NEAREST) for d in (0.28, 0.3, 0.32)]
    gamma = ("slip", "unrelaxed_mJ_per_m2", "relaxed_mJ_per_m2", "relaxed_std_mJ_per_m2")
    measured = [("100", "L", 1.0, 9.69, 0.1), ("110", "L", 1.0, 9.69, 0.1), ("110", "T1", 0.5, 4.0, 0.1)]
    rows = [(*point, "80 K", "nobody, nowhere (1900)") for point in measured]
    write_table(folder / "bonds" / "crystal" / "phonons_measured.csv", (*COLUMNS, "condition", "citation"), rows)
    write_table(folder / "bonds" / "crystal" / "gamma_line.csv", gamma, [(0.0, 0.0, 0.0, None), (1.0, 9.0, 8.0, None)])
    return {
        "bonds": benchmark(folder / "bonds", Model(bonds[1], bonds, "Al", "fcc"), 4.0),
        "EMT": benchmark(folder / "emt", Model(EMT(), (), "Al", "fcc"), 3.995, Wanted(bain_path=True, phonon_repeat=3)),
    }


@pytest.mark.parametrize("names", [("bonds",), ("bonds", "EMT")])
def test_one_or_several_potentials(runs: dict[str, Run], names: tuple[str, ...]) -> None:
    some = {name: runs[name] for name in names}
    for figure in (draw_phonons(some, "svg"), draw_bain(some, "svg"), draw_gamma_line(some, "svg")):
        assert figure is not None
        assert figure.image.startswith(b"<?xml")
    phonons = draw_phonons(some, "png")
    assert phonons is not None
    assert phonons.image == draw_phonons(some, "png").image
    assert set(phonons.data["potential"]) == {*names, "measured"}


def test_measured_points_stand_where_the_path_has_their_wave_vectors(runs: dict[str, Run]) -> None:
    figure = draw_phonons(runs, "svg")
    assert figure is not None
    measured = figure.data[figure.data["potential"] == "measured"]
    assert len(measured) == 3
    assert "nobody, nowhere" in figure.caption
    computed = figure.data[figure.data["potential"] == "bonds"]
    at_x = computed[computed["point"] == "X"]["path_coordinate"].unique()
    for line in ("100", "110"):
        at_boundary = measured[(measured["line"] == line) & (measured["frequency_THz"] == 9.69)]
        np.testing.assert_allclose(at_boundary["path_coordinate"], at_x)


def test_nothing_to_draw(tmp_path: Path) -> None:
    runs = {"none": Run(tmp_path)}
    assert draw_phonons(runs, "svg") is None
    assert draw_bain(runs, "svg") is None
    assert draw_gamma_line(runs, "svg") is None


def test_a_path_of_bcc_that_jumps_and_is_unstable(tmp_path: Path) -> None:
    model = Model(LennardJones(sigma=2.6, epsilon=0.4, rc=4.6), (), "Al", "bcc")
    figure = draw_phonons({"bcc": benchmark(tmp_path, model, 3.2)}, "svg")
    assert figure is not None
    assert figure.data["frequency_THz"].min() < -0.5
    jump = figure.data[figure.data["point"].isin(["N", "Gamma"])].groupby("path_coordinate")["point"].unique()
    assert any(set(names) == {"N", "Gamma"} for names in jump)
