"""Mishin's EAM of aluminium through the crystal benchmark: values of Phys. Rev. B 59, 3393 (1999), as recalled."""

from collections.abc import Callable
from pathlib import Path

import pytest
from ase.build import bulk

from ingot.benchmarks import fcc_properties
from ingot.benchmarks.ensemble import EnsembleEvaluation
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
