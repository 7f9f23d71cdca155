"""Crystal benchmarks on calculators whose answers are known."""

from typing import Any

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones

from ingot.benchmarks.crystal import CrystalSettings, crystal_properties, fcc_properties
from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.evaluation import Point
from ingot.benchmarks.lattices import IDEAL_C_OVER_A, primitive_cell, volume_per_atom
from ingot.units import GIGAPASCAL

FEW = CrystalSettings(points=7, window=0.03, curve_points=3)

# Lattice sums of the fcc crystal (C. Kittel, Introduction to Solid State Physics, chapter 3).
A12, A6 = 12.13188, 14.45392
SIGMA, EPSILON = 2.6, 0.4


@pytest.fixture(scope="module")
def lennard_jones() -> LennardJones:
    return LennardJones(sigma=SIGMA, epsilon=EPSILON, rc=9 * SIGMA)


def test_lennard_jones_obeys_its_lattice_sums(lennard_jones: LennardJones) -> None:
    crystal = bulk("Al", "fcc", a=4.1)
    found = crystal_properties(lennard_jones, crystal, settings=CrystalSettings(points=9, window=0.01, curve_points=3))
    nearest = SIGMA * (2 * A12 / A6) ** (1 / 6)
    assert found["a0"] == pytest.approx(np.sqrt(2) * nearest, rel=2e-4)
    modulus = 4 * EPSILON / SIGMA**3 * A12 * (A6 / A12) ** 2.5
    assert found["bulk_modulus"] == pytest.approx(modulus / GIGAPASCAL, rel=5e-3)
    assert (found["C11"] + 2 * found["C12"]) / 3 == pytest.approx(found["bulk_modulus"], rel=5e-3)
    # Cauchy: central forces and no pressure, every atom a centre of inversion.
    assert found["C12"] == pytest.approx(found["C44"], rel=5e-3)


def test_energies_and_stresses_give_the_same_elastic_constants() -> None:
    calculator = EMT()

    def without_stress(atoms: Atoms) -> Point:
        atoms = atoms.copy()
        atoms.calc = calculator
        return Point(atoms.get_potential_energy())

    by_stress = fcc_properties(calculator, "Cu", phases=(), settings=FEW)
    by_energy = fcc_properties(without_stress, "Cu", phases=(), settings=FEW)
    for key in ("C11", "C12", "C44"):
        assert by_energy[key] == pytest.approx(by_stress[key], rel=0.01)
    conditions = {q.quantity: q.condition for q in by_energy.quantities}
    assert "energies under strains" in conditions["C44"]


def test_the_start_does_not_matter() -> None:
    near = fcc_properties(EMT(), "Al", phases=("bcc",), settings=FEW, a_guess=4.0)
    far = fcc_properties(EMT(), "Al", phases=("bcc",), settings=FEW, a_guess=4.5)
    for key in ("a0", "C44", "energy_bcc_minus_fcc"):
        # The window is centred on the minimum of a fit in a window: not exactly the same volumes.
        assert near[key] == pytest.approx(far[key], rel=2e-3)


def test_the_uncertainty_is_the_spread_over_members() -> None:
    """Members that differ in the well depth alone: B spreads as the depths do, a0 not at all."""
    depths = (0.36, 0.4, 0.44)
    members = [LennardJones(sigma=SIGMA, epsilon=e, rc=4 * SIGMA) for e in depths]
    found = crystal_properties(members[1], bulk("Al", "fcc", a=4.0), members, settings=FEW)
    rows = {q.quantity: q for q in found.quantities}
    assert rows["bulk_modulus"].uncertainty_kind == "ensemble std"
    assert rows["bulk_modulus"].uncertainty == pytest.approx(0.1 * found["bulk_modulus"], rel=1e-3)
    assert rows["a0"].uncertainty == pytest.approx(0, abs=1e-9)
    assert found.members["fcc"].shape == (3, 3)


class _Refusing(EMT):
    """EMT that fails on cells of more than one atom."""

    def calculate(self, atoms: Atoms | None = None, *args: Any, **kwargs: Any) -> None:
        if atoms is not None and len(atoms) > 1:
            raise RuntimeError("no convergence")
        super().calculate(atoms, *args, **kwargs)


def test_a_failure_is_a_row_and_leaves_the_others_alone() -> None:
    found = fcc_properties(_Refusing(), "Al", phases=("bcc", "hcp"), settings=FEW)
    rows = {q.quantity: q for q in found.quantities}
    assert rows["energy_hcp_minus_fcc"].status == "failed"
    assert rows["energy_hcp_minus_fcc"].value is None
    assert "RuntimeError: no convergence" in rows["energy_hcp_minus_fcc"].note
    assert rows["energy_bcc_minus_fcc"].status == rows["C44"].status == "ok"
    with pytest.raises(BenchmarkError, match="no convergence"):
        found["energy_hcp_minus_fcc"]


def test_a_crystal_that_flies_apart_has_no_lattice_constant() -> None:
    found = crystal_properties(lambda atoms: Point(-float(atoms.get_volume())), bulk("Al", "fcc", a=4.0), settings=FEW)
    rows = {q.quantity: q for q in found.quantities}
    assert rows["a0"].status == rows["C11"].status == "failed"
    assert "flies apart" in rows["a0"].note
    assert "needs the equilibrium volume" in rows["C11"].note


def test_an_unstable_crystal_is_called_so() -> None:
    found = crystal_properties(
        LennardJones(sigma=SIGMA, epsilon=1.0, rc=4 * SIGMA), bulk("Al", "sc", a=2.8), settings=FEW
    )
    notes = {q.quantity: q.note for q in found.quantities}
    assert "mechanically unstable" in notes["C44"]


def test_compounds_and_skewed_crystals_are_judged() -> None:
    b2 = bulk("NiAl", "cesiumchloride", a=2.9)
    found = crystal_properties(EMT(), b2, settings=FEW)
    assert found["a0"] == pytest.approx(2.9, abs=0.15)
    with pytest.raises(BenchmarkError, match="relative phase energies are for elements"):
        crystal_properties(EMT(), b2, phases=("bcc",))
    with pytest.raises(BenchmarkError, match="cubic"):
        crystal_properties(EMT(), bulk("Mg", "hcp", a=3.2, c=5.2))
    rotated = bulk("Al", "fcc", a=4.0)
    rotated.rotate(20, "z", rotate_cell=True)
    with pytest.raises(BenchmarkError, match="cube axes"):
        crystal_properties(EMT(), rotated)


@pytest.mark.parametrize(("lattice", "coordination"), [("fcc", 12), ("bcc", 8), ("hcp", 12), ("sc", 6), ("diamond", 4)])
def test_lattices_have_their_volume_and_coordination(lattice: str, coordination: int) -> None:
    cell = primitive_cell("Al", lattice, 17.0)
    assert cell.get_volume() / len(cell) == pytest.approx(17.0)
    distances = (cell * (5, 5, 5)).get_all_distances(mic=True)[0]
    nearest = np.sort(distances)[1]
    assert np.sum(np.abs(distances - nearest) < 1e-6) == coordination
    a = cell.cell.lengths()[0] if lattice in ("hcp", "sc") else None
    if a is not None:
        assert volume_per_atom(lattice, a, IDEAL_C_OVER_A) == pytest.approx(17.0)
