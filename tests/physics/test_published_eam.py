"""Mishin's EAM of aluminium through the crystal benchmark: values of Phys. Rev. B 59, 3393 (1999), as recalled."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from ase.build import bulk

from ingot.benchmarks import fcc_properties
from ingot.benchmarks.ensemble import EnsembleEvaluation
from ingot.benchmarks.interstitials import CONFIGURATIONS, interstitial_quantities
from ingot.benchmarks.lattices import primitive_cell
from ingot.benchmarks.measured_phonons import read_measured
from ingot.benchmarks.migration import vacancy_migration
from ingot.benchmarks.phonons import FiniteDisplacements, cubes
from ingot.benchmarks.planar import stacking_fault_curve, surface_energy
from ingot.benchmarks.vacancy import vacancy_formation
from ingot.potentials import load_potential
from ingot.units import MILLIJOULE_PER_SQUARE_METRE


@pytest.mark.slow
def test_crystal_and_vacancy(test_data: Callable[[str], Path]) -> None:
    potential = load_potential(test_data("al_potentials") / "Al99.eam.alloy")
    found = fcc_properties(EnsembleEvaluation(potential).mean, "Al", phases=())
    assert found["a0"] == pytest.approx(4.05, abs=1e-3)
    assert found["energy_per_atom"] == pytest.approx(-3.36, abs=1e-3)
    for key, value in (("C11", 113.8), ("C12", 61.6), ("C44", 31.6)):
        assert found[key] == pytest.approx(value, abs=0.3)
    crystal = bulk("Al", "fcc", a=found["a0"], cubic=True).repeat(4)
    assert vacancy_formation(potential.calculator(), crystal).relaxed == pytest.approx(0.68, abs=0.005)


@pytest.mark.slow
def test_surfaces_and_stacking_fault(test_data: Callable[[str], Path]) -> None:
    """In mJ/m2."""
    calculator = load_potential(test_data("al_potentials") / "Al99.eam.alloy").calculator()
    for miller, value in (((1, 1, 1), 870), ((1, 0, 0), 943), ((1, 1, 0), 1006)):
        found = surface_energy(calculator, "Al", "fcc", 4.05, miller)
        assert found.relaxed / MILLIJOULE_PER_SQUARE_METRE == pytest.approx(value, abs=4)
        assert found.change < 0.003 * found.relaxed
    fault = stacking_fault_curve(calculator, "Al", 4.05)
    assert fault.intrinsic / MILLIJOULE_PER_SQUARE_METRE == pytest.approx(146, abs=1)
    assert fault.unstable / MILLIJOULE_PER_SQUARE_METRE == pytest.approx(168, abs=1.5)


@pytest.mark.slow
def test_vacancy_migration_and_interstitials(test_data: Callable[[str], Path]) -> None:
    """The jump as published; of the interstitials the <100> dumbbell is the only minimum."""
    calculator = load_potential(test_data("al_potentials") / "Al99.eam.alloy").calculator()
    crystal = bulk("Al", "fcc", a=4.05, cubic=True).repeat(4)
    jump = vacancy_migration(calculator, crystal)
    assert jump.barrier == pytest.approx(0.64, abs=0.005)
    assert jump.highest_in_the_middle
    rows = {}
    for name in CONFIGURATIONS["fcc"]:
        (rows[name],) = interstitial_quantities(calculator, crystal, "fcc", 4.05, name)
    dumbbell = rows.pop("dumbbell_100")
    assert dumbbell.note == ""
    for row in rows.values():
        assert row.value > dumbbell.value
        assert "no minimum" in row.note


@pytest.mark.slow
def test_phonons(test_data: Callable[[str], Path], measured_al: Path) -> None:
    """In THz, at X and K as published; L as ASE's own phonons of ASE's own EAM in 8 x 8 x 8 primitive cells."""
    calculator = load_potential(test_data("al_potentials") / "Al99.eam.alloy").calculator()
    primitive = primitive_cell("Al", "fcc", 4.05**3 / 4)
    dynamics = FiniteDisplacements(primitive, 4.05, cubes(primitive, 4.05, 4)).dynamics(calculator)
    for line, branch, coordinate, value in (
        ("100", "L", 1.0, 9.31),
        ("100", "T", 1.0, 5.98),
        ("110", "L", 0.75, 7.30),
        ("110", "T1", 0.75, 5.42),
        ("110", "T2", 0.75, 8.28),
        ("111", "L", 0.5, 9.638),
        ("111", "T", 0.5, 4.430),
    ):
        found = dynamics.frequencies(line, branch, np.array([coordinate]))[0]
        assert found == pytest.approx(value, abs=0.006), (line, branch)
    measured = read_measured(measured_al)
    for line, branch in {*zip(measured.line, measured.branch, strict=True)}:
        of_branch = measured.of(line, branch)
        computed = dynamics.frequencies(line, branch, measured.coordinate[of_branch])
        np.testing.assert_allclose(computed, measured.frequency[of_branch], atol=0.8)
