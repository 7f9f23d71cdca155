"""The vacancy formation energy on calculators whose answers are known."""

import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.calculators.lj import LennardJones

from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.vacancy import vacancy_formation, vacancy_quantities

SIGMA, EPSILON, CUTOFF = 2.6, 0.4, 5.2


def test_of_a_pair_potential_is_its_cohesive_energy_before_relaxation() -> None:
    """Taking an atom out breaks all its bonds, putting it back at a kink restores half of them: -E per atom."""
    calculator = LennardJones(sigma=SIGMA, epsilon=EPSILON, rc=CUTOFF)
    crystal = bulk("Al", "fcc", a=4.0, cubic=True).repeat(3)
    crystal.calc = calculator
    found = vacancy_formation(calculator, crystal)
    assert found.unrelaxed == pytest.approx(-crystal.get_potential_energy() / len(crystal), abs=1e-9)
    assert found.relaxed < found.unrelaxed
    relaxed = found.structure
    relaxed.calc = calculator
    assert np.linalg.norm(relaxed.get_forces(), axis=1).max() <= 0.005


def test_does_not_depend_on_which_atom_is_missing_nor_on_the_start() -> None:
    crystal = bulk("Cu", "fcc", a=3.59, cubic=True).repeat(2)
    first = vacancy_formation(EMT(), crystal)
    shuffled = crystal[np.random.default_rng(0).permutation(len(crystal))]
    assert vacancy_formation(EMT(), shuffled).relaxed == pytest.approx(first.relaxed, abs=1e-4)
    assert vacancy_formation(EMT(), crystal, start=first.structure).relaxed == pytest.approx(first.relaxed, abs=1e-4)


def test_spread_over_members_and_what_fails() -> None:
    crystal = bulk("Al", "fcc", a=4.0, cubic=True).repeat(2)
    members = [LennardJones(sigma=SIGMA, epsilon=e, rc=CUTOFF) for e in (0.36, 0.4, 0.44)]
    relaxed, unrelaxed = vacancy_quantities(members[1], crystal, members)
    assert unrelaxed.value is not None
    assert unrelaxed.uncertainty == pytest.approx(0.1 * unrelaxed.value, rel=1e-6)
    assert relaxed.uncertainty_kind == "ensemble std"

    class Broken(EMT):
        def calculate(self, *args: object, **kwargs: object) -> None:
            raise RuntimeError("no such element")

    rows = vacancy_quantities(Broken(), crystal)
    assert [row.status for row in rows] == ["failed", "failed"]
    assert "no such element" in rows[0].note
    with pytest.raises(BenchmarkError, match="did not relax in 1 steps"):
        vacancy_formation(EMT(), bulk("Cu", cubic=True).repeat(2), max_steps=1)
    with pytest.raises(BenchmarkError, match="at least two atoms"):
        vacancy_formation(EMT(), bulk("Cu"))
    with pytest.raises(BenchmarkError, match="too small for the vacancy"):
        vacancy_formation(EMT(), bulk("Cu", cubic=True))


def test_a_crystal_that_does_not_keep_its_lattice_has_no_vacancy() -> None:
    """Simple cubic atoms of a pair potential shear into something denser as soon as one is missing."""
    calculator = LennardJones(sigma=SIGMA, epsilon=EPSILON, rc=CUTOFF)
    crystal = bulk("Al", "sc", a=2.75).repeat(3)
    crystal.rattle(0.01, seed=1)
    with pytest.raises(BenchmarkError, match="did not keep its lattice"):
        vacancy_formation(calculator, crystal, max_steps=2000)
