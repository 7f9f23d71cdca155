"""Lattices, strains, rattles, packings, vacancies."""

import numpy as np
import pytest
from ase.neighborlist import neighbor_list

from ingot.structures import (
    StructureError,
    build_lattice,
    check_structure,
    heated,
    nearest_neighbor_distance,
    packed_structure,
    random_strain,
    rattled,
    stacked_layers,
    strained,
    surface_slab,
    voigt_strain,
    with_vacancy,
)
from ingot.structures.distances import minimum_distance


@pytest.mark.parametrize("conventional", [False, True])
@pytest.mark.parametrize(("lattice", "neighbors"), [("fcc", 12), ("bcc", 8), ("hcp", 12), ("sc", 6), ("diamond", 4)])
def test_lattices_have_their_volume_and_coordination(lattice, neighbors, conventional):
    atoms = build_lattice("W", lattice, 14.0, conventional)
    assert atoms.get_volume() / len(atoms) == pytest.approx(14.0, rel=1e-12)
    distances = neighbor_list("d", atoms, 6.0)
    nearest = distances.min()
    assert (distances < nearest * 1.02).sum() == neighbors * len(atoms)
    if lattice in ("fcc", "hcp"):
        assert nearest == pytest.approx(nearest_neighbor_distance(14.0), rel=1e-12)


def test_unknown_lattice_and_volume_are_refused():
    with pytest.raises(StructureError, match="did you mean 'diamond'"):
        build_lattice("Al", "diamnd", 16.0)
    with pytest.raises(StructureError, match="must be positive"):
        build_lattice("Al", "fcc", -1.0)


def test_random_strain_is_symmetric_and_of_the_magnitude_asked():
    rng = np.random.default_rng(0)
    for magnitude in (0.01, 0.05):
        strain = random_strain(magnitude, rng)
        assert np.array_equal(strain, strain.T)
        assert np.abs(np.linalg.eigvalsh(strain)).max() == pytest.approx(magnitude)


def test_strain_changes_lengths_and_volume_to_first_order():
    atoms = build_lattice("Al", "fcc", 16.5, conventional=True)
    strain = voigt_strain([1e-4, -2e-4, 3e-4, 2e-4, 0, 0])
    deformed = strained(atoms, strain)
    assert deformed.get_volume() / atoms.get_volume() - 1 == pytest.approx(np.trace(strain), rel=1e-3)
    assert np.allclose(deformed.get_scaled_positions(), atoms.get_scaled_positions())
    angle = np.pi / 2 - np.radians(deformed.cell.angles()[0])
    assert angle == pytest.approx(2e-4, rel=1e-2)  # engineering shear yz


def test_rattle_has_the_amplitude_asked_and_no_drift():
    atoms = build_lattice("Al", "fcc", 16.5, conventional=True, repeat=(4, 4, 4))
    shift = rattled(atoms, 0.1, np.random.default_rng(0)).positions - atoms.positions
    assert shift.std() == pytest.approx(0.1, rel=0.05)
    assert np.abs(shift.mean(axis=0)).max() < 1e-12


def test_rattle_never_gives_impossible_pairs():
    atoms = build_lattice("Al", "fcc", 16.5, conventional=True)
    for seed in range(20):
        check_structure(rattled(atoms, 0.6, np.random.default_rng(seed)))
    with pytest.raises(StructureError, match="smaller amplitude"):
        rattled(build_lattice("Al", "fcc", 1.2, conventional=True), 0.5, np.random.default_rng(0))


def _brute_force_minimum(atoms) -> float:
    images = np.array([[i, j, k] for i in range(-3, 4) for j in range(-3, 4) for k in range(-3, 4)]) @ atoms.cell.array
    vectors = atoms.positions[None, :, None] - atoms.positions[:, None, None] + images
    distances = np.linalg.norm(vectors, axis=-1)
    return float(distances[distances > 1e-9].min())


@pytest.mark.parametrize(("count", "volume"), [(1, 20.0), (8, 14.0), (8, 22.0), (32, 17.0)])
def test_packings_keep_their_distance_and_density(count, volume):
    minimum = 0.8 * nearest_neighbor_distance(min(volume, 16.6))
    for seed in range(4):
        atoms = packed_structure(["Al"] * count, volume, minimum, np.random.default_rng(seed))
        assert atoms.get_volume() / count == pytest.approx(volume, rel=1e-9)
        assert _brute_force_minimum(atoms) >= minimum
        assert minimum_distance(atoms.positions, atoms.cell.array, 9.0) == pytest.approx(_brute_force_minimum(atoms))
        inside = atoms.get_scaled_positions(wrap=False)
        assert ((inside > -1e-9) & (inside < 1 + 1e-9)).all()


def test_packings_are_disordered_and_reproducible():
    first, again, other = (packed_structure(["Al"] * 16, 17.0, 2.3, np.random.default_rng(s)) for s in (1, 1, 2))
    assert np.array_equal(first.positions, again.positions)
    assert not np.allclose(first.cell.array, other.cell.array)
    # no shell structure: the number of neighbors within 3.5 A differs between atoms
    counts = np.bincount(neighbor_list("i", first, 3.5), minlength=16)
    assert counts.std() > 0.3


def test_packing_that_does_not_fit_is_refused():
    with pytest.raises(StructureError, match="minimum_distance_fraction"):
        packed_structure(["Al"] * 4, 10.0, 2.6, np.random.default_rng(0))


def test_vacancy_removes_one_atom_and_keeps_the_cell():
    atoms = build_lattice("Al", "fcc", 16.5, conventional=True, repeat=(2, 1, 1))
    defective = with_vacancy(atoms, np.random.default_rng(0))
    assert len(defective) == 7
    assert np.array_equal(defective.cell.array, atoms.cell.array)
    with pytest.raises(StructureError, match="at least two atoms"):
        with_vacancy(build_lattice("Al", "fcc", 16.5), np.random.default_rng(0))


@pytest.mark.parametrize(("sequence", "lattice"), [("ABC", "fcc"), ("ABCABC", "fcc"), ("AB", "hcp")])
def test_stackings_of_perfect_crystals_are_the_crystals(sequence, lattice):
    stacked = stacked_layers("Al", sequence, 16.5)
    crystal = build_lattice("Al", lattice, 16.5)
    assert stacked.get_volume() / len(stacked) == pytest.approx(16.5)
    shells = [np.sort(neighbor_list("d", a, 6.2)) for a in (stacked, crystal)]
    assert len(shells[0]) / len(stacked) == len(shells[1]) / len(crystal)
    assert np.allclose(shells[0][:: len(stacked)], shells[1][:: len(crystal)])


def test_a_fault_keeps_twelve_neighbors_and_changes_the_further_ones():
    fault, fcc = stacked_layers("Al", "ABCAB", 16.5), stacked_layers("Al", "ABC", 16.5)
    near = nearest_neighbor_distance(16.5) * 1.01
    assert len(neighbor_list("d", fault, near)) == 12 * 5
    assert len(neighbor_list("d", fault, 5.0)) / 5 != len(neighbor_list("d", fcc, 5.0)) / 3
    for wrong, message in (("AAB", "two layers A"), ("ABA", "two layers A"), ("ABD", "letters A, B and C")):
        with pytest.raises(StructureError, match=message):
            stacked_layers("Al", wrong, 16.5)


@pytest.mark.parametrize("miller", [(1, 1, 1), (1, 0, 0), (1, 1, 0), (2, 1, 1)])
def test_slabs_are_whole_whatever_the_volume(miller):
    """No atom of the lowest plane is wrapped to the other side: slabs of all volumes have one shape."""
    thickness = []
    for volume in np.random.default_rng(0).uniform(14, 19, 60):
        slab = surface_slab("Al", "fcc", volume, miller, 3, 12.0)
        thickness.append(np.ptp(slab.positions[:, 2]) / volume ** (1 / 3))
    np.testing.assert_allclose(thickness, thickness[0], rtol=1e-9)


@pytest.mark.parametrize(("miller", "neighbors"), [((1, 1, 1), 9), ((1, 0, 0), 8)])
def test_surfaces_have_the_coordination_of_their_face(miller, neighbors):
    slab = surface_slab("Al", "fcc", 16.5, miller, 3, 12.0)
    counts = np.bincount(neighbor_list("i", slab, nearest_neighbor_distance(16.5) * 1.05))
    assert counts.min() == neighbors
    assert counts.max() == 12
    assert slab.pbc.all()
    height = slab.cell.volume / np.linalg.norm(np.cross(slab.cell[0], slab.cell[1]))
    assert height - np.ptp(slab.positions @ np.array([0, 0, 1.0])) == pytest.approx(12.0, abs=1e-6)


def _crystalline(atoms, crystal):
    """Rms displacement from the sites relative to the nearest-neighbor distance."""
    shift = (atoms.get_scaled_positions() - crystal.get_scaled_positions() + 0.5) % 1 - 0.5
    shift -= shift.mean(axis=0)
    return float(np.sqrt((shift @ crystal.cell.array).var(axis=0).sum())) / nearest_neighbor_distance(16.5)


def test_heat_shakes_a_crystal_and_melts_it_when_there_is_enough():
    crystal = build_lattice("Al", "fcc", 16.5, conventional=True, repeat=(2, 2, 2))
    nearest = nearest_neighbor_distance(16.5)
    warm = heated(crystal, nearest, 0.4, 400, np.random.default_rng(0))
    expanded = build_lattice("Al", "fcc", 1.15 * 16.5, conventional=True, repeat=(2, 2, 2))
    liquid = heated(expanded, nearest, 2.5, 1200, np.random.default_rng(0))
    assert 0.03 < _crystalline(warm, crystal) < 0.15  # Lindemann: a crystal melts at about 0.15
    assert _crystalline(liquid, expanded) > 0.3
    for atoms in (warm, liquid):
        check_structure(atoms)
        assert minimum_distance(atoms.positions, atoms.cell.array, 5.0) > 0.7 * nearest
    again = heated(crystal, nearest, 0.4, 400, np.random.default_rng(0))
    assert np.array_equal(again.positions, warm.positions)


def test_the_forces_that_heat_are_those_of_lennard_jones():
    from ase.calculators.lj import LennardJones

    from ingot.structures.heat import _lennard_jones_forces

    atoms = packed_structure(["Ar"] * 6, 1.3, 0.95, np.random.default_rng(4))  # in units of sigma
    atoms.calc = LennardJones(sigma=1.0, epsilon=1.0, rc=2.5)
    expected = atoms.get_forces()
    assert np.abs(expected).max() > 1
    assert np.allclose(_lennard_jones_forces(atoms.positions, atoms.cell.array), expected, rtol=1e-9, atol=1e-9)
