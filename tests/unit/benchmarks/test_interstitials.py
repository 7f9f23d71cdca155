"""Self-interstitials: geometry, references, and what is no minimum."""

import numpy as np
import pytest
from ase.build import bulk
from finnis_sinclair import LATTICE_CONSTANT, write_tungsten
from scaled import members

from ingot.benchmarks.curvature import lowest_curvature
from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.interstitials import (
    CONFIGURATIONS,
    _pairs,
    _placed,
    configuration,
    interstitial_formation,
    interstitial_quantities,
)
from ingot.potentials import PotentialCalculator, load_potential
from ingot.potentials.mei_davenport import mei_davenport

EDGE = 4.05


@pytest.fixture(scope="module")
def tungsten(tmp_path_factory: pytest.TempPathFactory) -> PotentialCalculator:
    return load_potential(write_tungsten(tmp_path_factory.mktemp("tungsten") / "W.eam.alloy")).calculator()


@pytest.fixture(scope="module")
def aluminium() -> PotentialCalculator:
    return mei_davenport().calculator()


@pytest.mark.parametrize(("lattice", "edge"), [("fcc", 4.05), ("bcc", 3.2)])
def test_configurations_are_recognised_turned_moved_and_shaken(lattice: str, edge: float) -> None:
    crystal = bulk("Al", lattice, a=edge, cubic=True).repeat(4)
    rng = np.random.default_rng(0)
    for name, pair in _pairs(lattice, relaxed=True).items():
        # A little nearer to its site than half way to the next: noise must not decide whose it is.
        cell = _placed(crystal, 0.9 * edge * pair[:, [2, 0, 1]] * [1, -1, 1])
        cell.positions += 0.04 * rng.normal(size=cell.positions.shape) + (edge / 2) * np.array(
            [1, 1, 0] if lattice == "fcc" else [1, 1, 1]
        )
        cell.wrap()
        shuffled = cell[rng.permutation(len(cell))]
        assert configuration(shuffled, crystal, lattice, edge) == name
    assert configuration(crystal, crystal, lattice, edge) == "another configuration"


@pytest.mark.parametrize(("lattice", "edge"), [("fcc", 4.05), ("bcc", 3.2)])
def test_interstitial_sites_have_their_neighbours(lattice: str, edge: float) -> None:
    """Octahedral: six in fcc, two close ones in bcc; tetrahedral: four in both."""
    crystal = bulk("Al", lattice, a=edge, cubic=True).repeat(3)
    for name, neighbors in (("octahedral", {"fcc": 6, "bcc": 2}), ("tetrahedral", {"fcc": 4, "bcc": 4})):
        cell = _placed(crystal, edge * _pairs(lattice, relaxed=False)[name])
        distances = cell.get_distances(-1, range(len(crystal)), mic=True)
        assert np.sum(distances < distances.min() + 1e-6) == neighbors[lattice]


def test_a_configuration_kept_by_symmetry_alone_says_so(tungsten: PotentialCalculator) -> None:
    """Finnis-Sinclair tungsten: every configuration ends as a crowdion, whose energy is lower."""
    crystal = bulk("W", "bcc", a=LATTICE_CONSTANT, cubic=True).repeat(4)
    (row,) = interstitial_quantities(tungsten, crystal, "bcc", LATTICE_CONSTANT, "octahedral")
    assert row.status == "ok"
    assert "no minimum" in row.note
    assert "becomes a crowdion" in row.note
    found = interstitial_formation(tungsten, crystal, "bcc", LATTICE_CONSTANT, "octahedral")
    assert found.energy == row.value
    curvature, mode = lowest_curvature(found.structure, tungsten, np.random.default_rng(0).normal(size=(129, 3)))
    assert curvature < 0
    assert f"({curvature:.2f} eV/A2)" in row.note
    energies = []
    for step in (-0.05, 0.0, 0.05):
        moved = found.structure.copy()
        moved.positions += step * mode
        moved.calc = tungsten
        energies.append(moved.get_potential_energy())
    assert (energies[0] - 2 * energies[1] + energies[2]) / 0.05**2 == pytest.approx(curvature, rel=0.05)


def test_a_minimum_has_no_note_and_does_not_depend_on_its_axis(aluminium: PotentialCalculator) -> None:
    """The <100> dumbbell of fcc aluminium, along x and, from a turned start, along z."""
    crystal = bulk("Al", "fcc", a=EDGE, cubic=True).repeat(3)
    (row,) = interstitial_quantities(aluminium, crystal, "fcc", EDGE, "dumbbell_100")
    assert row.status == "ok"
    assert row.note == ""
    turned = _placed(crystal, EDGE * _pairs("fcc", relaxed=False)["dumbbell_100"][:, ::-1])
    found = interstitial_formation(aluminium, crystal, "fcc", EDGE, "dumbbell_100", start=turned)
    assert found.energy == pytest.approx(row.value, abs=1e-6)


def test_the_energy_counts_atoms_from_the_crystal(aluminium: PotentialCalculator) -> None:
    """A constant per atom changes nothing; members that scale it spread as they do."""
    crystal = bulk("Al", "fcc", a=EDGE, cubic=True).repeat(3)
    scaled = members(aluminium.potential, shift=3.0)
    (row,) = interstitial_quantities(aluminium, crystal, "fcc", EDGE, "octahedral", scaled)
    assert row.value is not None
    assert row.uncertainty == pytest.approx(0.1 * row.value, rel=2e-3)
    shifted = interstitial_formation(scaled[1], crystal, "fcc", EDGE, "octahedral")
    assert shifted.energy == pytest.approx(row.value, abs=1e-8)


def test_what_cannot_be_computed_says_why(aluminium: PotentialCalculator) -> None:
    crystal = bulk("Al", "fcc", a=EDGE, cubic=True)
    (row,) = interstitial_quantities(aluminium, crystal.repeat(2), "fcc", EDGE, "dumbbell_100")
    assert row.status == "failed"
    assert "too small for the <100> dumbbell interstitial" in row.note
    elsewhere = _placed(crystal.repeat(3), EDGE * _pairs("fcc", relaxed=False)["dumbbell_100"])
    with pytest.raises(BenchmarkError, match="did not keep its symmetry: it became a <100> dumbbell"):
        interstitial_formation(aluminium, crystal.repeat(3), "fcc", EDGE, "octahedral", start=elsewhere)
    assert set(CONFIGURATIONS["fcc"]) == set(CONFIGURATIONS["bcc"])
