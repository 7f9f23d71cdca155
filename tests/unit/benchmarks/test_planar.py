"""Surfaces and stacking faults on potentials whose answers are known."""

from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones
from scaled import members

from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.planar import (
    stacking_fault_curve,
    stacking_fault_findings,
    surface_energy,
    surface_quantities,
)
from ingot.potentials.mei_davenport import mei_davenport
from ingot.structures import stacked_layers, surface_slab

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


def test_a_surface_that_is_not_flat_is_no_surface_energy(monkeypatch: pytest.MonkeyPatch) -> None:
    """An atom on the wrong side of the thinnest slab."""

    def ragged(*arguments: Any) -> Atoms:
        slab = surface_slab(*arguments)
        if arguments[-2] == 2:
            lowest = slab.positions[:, 2].argmin()
            slab.positions[lowest, 2] += 2 * EDGE
        return slab

    monkeypatch.setattr("ingot.benchmarks.planar.surface_slab", ragged)
    with pytest.raises(BenchmarkError, match="does not converge with the thickness"):
        surface_energy(BONDS, "Al", "fcc", EDGE, (1, 0, 0), layers=(2, 3, 4))


def test_rows_and_the_gamma_line() -> None:
    potential = mei_davenport()
    crystal = (potential.calculator(), "Al", "fcc", 4.05)
    (surface,) = surface_quantities(*crystal, (1, 0, 0), members(potential))
    found = stacking_fault_findings(potential.calculator(), "Al", 4.05, members(potential))
    for row in (surface, *found.quantities):
        assert row.value is not None
        # Members relax to within a force, not to the very same place.
        assert row.uncertainty == pytest.approx(0.1 * abs(row.value), rel=0.02)
    intrinsic, unstable = (row.value for row in found.quantities)
    columns = list(zip(*found.tables["gamma_line"].rows, strict=True))
    assert columns[0][0] == 0
    assert columns[2][-1] == intrinsic
    assert max(columns[2]) == unstable
    assert all(unrelaxed >= relaxed - 1e-6 for unrelaxed, relaxed in zip(*columns[1:3], strict=True))


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
