"""The Bain path against the lattices at its ends and their elastic constants."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones

from ingot.benchmarks.bain import bain_findings, bain_path, tetragonal_cell
from ingot.benchmarks.elastic import elastic_by_stress
from ingot.benchmarks.evaluation import evaluate_with
from ingot.units import GIGAPASCAL

VOLUME = 3.59**3 / 4


@pytest.mark.parametrize(("lattice", "c_over_a", "atoms"), [("bcc", 1.0, 2), ("fcc", np.sqrt(2), 4)])
def test_the_ends_are_the_cubic_lattices(lattice: str, c_over_a: float, atoms: int) -> None:
    cell = tetragonal_cell("Cu", VOLUME, c_over_a)
    assert cell.get_volume() == pytest.approx(VOLUME)
    cubic = bulk("Cu", lattice, a=(atoms * VOLUME) ** (1 / 3))
    for atoms_of in (cell, cubic):
        atoms_of.calc = EMT()
    assert cell.get_potential_energy() == pytest.approx(cubic.get_potential_energy(), abs=1e-9)
    path = bain_path(EMT(), "Cu", VOLUME)
    assert path.at(lattice) == pytest.approx(cubic.get_potential_energy(), abs=1e-9)


@pytest.mark.parametrize(("lattice", "atoms"), [("bcc", 2), ("fcc", 4)])
def test_curvature_is_the_shear_modulus_of_the_stress(lattice: str, atoms: int) -> None:
    """C' by second differences along the path and by first differences of the stress; EMT copper is bcc-unstable."""
    modulus = bain_path(EMT(), "Cu", VOLUME).shear_modulus[lattice]
    crystal = bulk("Cu", lattice, a=(atoms * VOLUME) ** (1 / 3))
    found = elastic_by_stress(evaluate_with(EMT()), crystal, 1e-3)
    assert modulus == pytest.approx((found.c11 - found.c12) / 2, rel=0.02)


def test_rows_curve_and_spread() -> None:
    members = [LennardJones(sigma=2.6, epsilon=epsilon, rc=7.8) for epsilon in (0.36, 0.40, 0.44)]
    found = bain_findings(members[1], "Al", "fcc", 4.0**3 / 4, members)
    difference, modulus = found.quantities
    assert difference.value is not None
    assert difference.value > 0
    assert difference.uncertainty == pytest.approx(0.1 * difference.value, rel=1e-6)
    assert modulus.value is not None
    assert modulus.value < 0
    assert "bcc is a maximum of the Bain path" in modulus.note
    assert modulus.value * GIGAPASCAL == bain_path(members[1], "Al", 16.0).shear_modulus["bcc"]
    rows = found.tables["bain"].rows
    energies = {round(float(row[0]), 6): float(row[2]) for row in rows}
    assert energies[round(np.sqrt(2), 6)] == 0
    assert energies[1.0] == pytest.approx(difference.value)
    assert all(row[1] == 16.0 for row in rows)
    assert min(row[0] for row in rows) < 0.95
    assert max(row[0] for row in rows) > 1.5


def test_a_bcc_metal_asks_about_fcc() -> None:
    rows = {row.quantity: row for row in bain_findings(EMT(), "Cu", "bcc", VOLUME).quantities}
    assert "fcc is a minimum of the Bain path" in rows["bain_shear_modulus_fcc"].note
    assert rows["bain_bcc_minus_fcc"].condition.startswith("static, at the volume per atom of bcc")
