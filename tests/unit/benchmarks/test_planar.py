"""Surfaces and stacking faults on potentials whose answers are known."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones

from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.planar import stacking_fault_curve, surface_energy
from ingot.structures import stacked_layers

EDGE = 4.0
NEAREST = EDGE / np.sqrt(2)
BONDS = LennardJones(sigma=NEAREST / 2 ** (1 / 6), epsilon=0.3, rc=1.2 * NEAREST)
"""Nearest neighbours alone, at the minimum of their pair energy: nothing relaxes."""


def bond() -> float:
    crystal = bulk("Al", "fcc", a=EDGE)
    crystal.calc = BONDS
    return -float(crystal.get_potential_energy()) / 6


@pytest.mark.parametrize(
    ("miller", "lost", "area"),
    [((1, 1, 1), 3, np.sqrt(3) / 4), ((1, 0, 0), 4, 1 / 2), ((1, 1, 0), 6, 1 / np.sqrt(2))],
)
def test_surface_energy_counts_broken_bonds(miller: tuple[int, int, int], lost: int, area: float) -> None:
    """Half a bond for each neighbour that an atom of the surface has lost (of the two outer planes for 110)."""
    found = surface_energy(BONDS, "Al", "fcc", EDGE, miller, layers=(2, 3, 4))
    assert found.unrelaxed == pytest.approx(0.5 * lost * bond() / (area * EDGE**2), rel=1e-9)
    assert found.relaxed == pytest.approx(found.unrelaxed, rel=1e-4)
    assert found.change < 1e-6


def test_relaxation_lowers_a_surface_and_thickness_is_looked_at() -> None:
    found = surface_energy(EMT(), "Cu", "fcc", 3.59, (1, 1, 0), layers=(3, 4, 5))
    assert found.relaxed < found.unrelaxed
    assert found.change < 0.01 * found.relaxed
    with pytest.raises(BenchmarkError, match="three thicknesses"):
        surface_energy(EMT(), "Cu", "fcc", 3.59, (1, 1, 0), layers=(3, 4))


def test_a_stacking_fault_costs_nothing_between_nearest_neighbours() -> None:
    """Every atom keeps its twelve neighbours; half way they are too close or too far."""
    curve = stacking_fault_curve(BONDS, "Al", EDGE, points=5, planes=6)
    assert curve.unrelaxed[0] == curve.relaxed[0] == 0
    assert curve.unrelaxed[-1] == pytest.approx(0, abs=1e-9)
    assert curve.intrinsic == pytest.approx(0, abs=1e-6)
    assert curve.unstable > 1e-3
    assert (curve.relaxed <= curve.unrelaxed + 1e-6).all()


def test_stacking_fault_follows_from_the_energies_of_stackings() -> None:
    """Planes that interact over three spacings: E(hcp) + 2 E(dhcp) - 3 E(fcc), per atom of a plane."""
    calculator = LennardJones(sigma=2.6, epsilon=0.4, rc=7.5)
    volume = EDGE**3 / 4
    energies = []
    for sequence in ("ABC", "AB", "ABAC"):
        crystal = stacked_layers("Al", sequence, volume)
        crystal.calc = calculator
        energies.append(crystal.get_potential_energy() / len(crystal))
    fcc, hcp, dhcp = energies
    area = np.sqrt(3) / 4 * EDGE**2
    curve = stacking_fault_curve(calculator, "Al", EDGE, points=2, planes=6)
    assert curve.unrelaxed[-1] * area == pytest.approx(hcp + 2 * dhcp - 3 * fcc, rel=0.03)
    with pytest.raises(BenchmarkError, match="multiple of three"):
        stacking_fault_curve(calculator, "Al", EDGE, planes=7)
