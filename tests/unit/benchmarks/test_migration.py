"""The migration of a vacancy on calculators whose saddle points are known otherwise."""

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.constraints import FixAtoms
from ase.optimize import FIRE
from finnis_sinclair import LATTICE_CONSTANT, write_tungsten
from scaled import members

from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.migration import Migration, migration_findings, vacancy_migration
from ingot.benchmarks.vacancy import vacancy_formation
from ingot.potentials import Potential, PotentialCalculator, load_potential
from ingot.potentials.mei_davenport import mei_davenport

EDGE = 4.05


@pytest.fixture(scope="module")
def aluminium() -> PotentialCalculator:
    return mei_davenport().calculator()


@pytest.fixture(scope="module")
def crystal() -> Atoms:
    return bulk("Al", "fcc", a=EDGE, cubic=True).repeat(3)


@pytest.fixture(scope="module")
def path(aluminium: PotentialCalculator, crystal: Atoms) -> Migration:
    return vacancy_migration(aluminium, crystal)


@pytest.fixture(scope="module")
def tungsten(tmp_path_factory: pytest.TempPathFactory) -> Potential:
    return load_potential(write_tungsten(tmp_path_factory.mktemp("tungsten") / "W.eam.alloy"))


def test_the_saddle_point_of_fcc_is_where_symmetry_holds_it(
    aluminium: PotentialCalculator, crystal: Atoms, path: Migration
) -> None:
    """An atom fixed half way, in the middle of four others, with all else relaxed around it."""
    middle = crystal.copy()
    del middle[0]
    neighbor = int(np.argmin(np.linalg.norm(middle.positions - crystal.positions[0], axis=1)))
    middle.positions[neighbor] = (middle.positions[neighbor] + crystal.positions[0]) / 2
    middle.set_constraint(FixAtoms([neighbor]))
    middle.calc = aluminium
    assert FIRE(middle, logfile=None).run(fmax=0.002, steps=300)
    assert np.abs(middle.get_forces(apply_constraint=False)[neighbor]).max() < 1e-6
    vacancy = vacancy_formation(aluminium, crystal, largest_force=0.002).structure
    vacancy.calc = aluminium
    barrier = middle.get_potential_energy() - vacancy.get_potential_energy()
    assert path.barrier == pytest.approx(barrier, abs=1e-4)


def test_the_path_is_symmetric_and_one_neighbour_distance_long(path: Migration) -> None:
    assert path.highest_in_the_middle
    np.testing.assert_allclose(path.energy, path.energy[::-1], atol=1e-6)
    jump = path.images[-1].positions - path.images[0].positions
    distances = np.linalg.norm(jump, axis=1)
    assert distances.max() == pytest.approx(EDGE / np.sqrt(2), rel=0.05)
    assert np.sort(distances)[-2] < 0.3
    assert path.path[-1] >= np.linalg.norm(jump)


def test_published_barrier_of_a_bcc_metal(tungsten: Potential) -> None:
    """Finnis-Sinclair tungsten: formation 3.63 and migration 1.44 eV, as recalled from the literature."""
    calculator = tungsten.calculator()
    crystal = bulk("W", "bcc", a=LATTICE_CONSTANT, cubic=True).repeat(4)
    assert vacancy_formation(calculator, crystal).relaxed == pytest.approx(3.63, abs=0.01)
    found = vacancy_migration(calculator, crystal)
    assert found.barrier == pytest.approx(1.44, abs=0.01)
    assert found.highest_in_the_middle


def test_rows_and_the_spread_over_members(tungsten: Potential) -> None:
    crystal = bulk("W", "bcc", a=LATTICE_CONSTANT, cubic=True).repeat(3)
    found = migration_findings(tungsten.calculator(), crystal, members(tungsten))
    (row,) = found.quantities
    assert row.quantity == "vacancy_migration"
    assert row.value is not None
    assert row.uncertainty == pytest.approx(0.1 * row.value, rel=2e-3)
    rows = found.tables["vacancy_migration"].rows
    assert max(energy for _, energy, _ in rows) == row.value
    assert rows[len(rows) // 2][2] == pytest.approx(row.uncertainty)


def test_what_cannot_be_computed_says_why(aluminium: PotentialCalculator, crystal: Atoms) -> None:
    with pytest.raises(BenchmarkError, match="did not converge in 2 steps"):
        vacancy_migration(aluminium, crystal, max_steps=2)
    with pytest.raises(BenchmarkError, match="odd number of images"):
        vacancy_migration(aluminium, crystal, images=4)
    (row,) = migration_findings(aluminium, bulk("Al", "fcc", a=EDGE, cubic=True).repeat(2)).quantities
    assert row.status == "failed"
    assert "too small for the jump of a vacancy" in row.note
