"""Inherent structures of an ensemble."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk
from ase.filters import FrechetCellFilter
from ase.geometry import find_mic
from ase.optimize import FIRE

from ingot.potentials import AniArchitecture, Potential, load_potential
from ingot.sampling import Quenching, quench_structures
from ingot.structures import describe
from ingot.units import GIGAPASCAL


@pytest.fixture(scope="module")
def ensemble() -> Potential:
    architecture = AniArchitecture.evenly_spaced(("Al",), 4.5, 4, 3.6, 2, 2, (6,))
    members = [architecture.initial_parameters(seed) for seed in range(3)]
    return Potential(architecture, jax.tree.map(lambda *leaves: np.stack(leaves), *members), {"Al": -1.0})


def rattled(seed: int) -> Atoms:
    atoms = bulk("Al", "fcc", a=4.2, cubic=True)
    atoms.rattle(0.15, seed=seed)
    return describe(atoms, "md")


def test_a_quench_goes_downhill_in_a_cell_of_another_shape(ensemble: Potential) -> None:
    starts = {3: rattled(1), 0: rattled(2)}
    found = quench_structures(ensemble, starts, Quenching(steps=200, force=1e-3, strain=0.03), seed=1)
    assert [one.number for one in found] == [0, 3]
    for one in found:
        assert one.energy <= one.energy_start + 1e-7
        assert one.largest_force < 1e-3 or one.steps == 200
        assert one.candidate is not None
        start = starts[one.number]
        strain = np.linalg.solve(start.cell.array, one.candidate.cell.array) - np.eye(3)
        np.testing.assert_allclose(strain, strain.T, atol=1e-6)
        assert 0.001 < np.abs(strain).max() < 0.15
        assert one.candidate.info["parent"] == f"quench-{one.number}"
        assert one.candidate.info["reason"] == "quench"
        assert one.start == start.info["structure_id"]
        # What was written down is what the ensemble says of the candidate.
        atoms = one.candidate.copy()
        atoms.calc = ensemble.calculator()
        assert atoms.get_potential_energy() / len(atoms) == pytest.approx(one.energy, abs=1e-5)
        assert np.linalg.norm(atoms.get_forces(), axis=1).max() == pytest.approx(one.largest_force, abs=1e-4)


def test_atoms_are_displaced_from_the_minimum_where_asked(ensemble: Potential) -> None:
    big = describe(bulk("Al", "fcc", a=4.2, cubic=True) * (3, 3, 3), "md")
    still = Quenching(steps=300, force=1e-3)
    (minimum,) = quench_structures(ensemble, {0: big}, still, seed=1)
    (shaken,) = quench_structures(ensemble, {0: big}, replace(still, rattle=0.05), seed=1)
    assert minimum.candidate is not None
    assert shaken.candidate is not None
    np.testing.assert_allclose(shaken.candidate.cell.array, minimum.candidate.cell.array)
    moved, _ = find_mic(shaken.candidate.positions - minimum.candidate.positions, minimum.candidate.cell)
    assert moved.std() == pytest.approx(0.05, rel=0.2)  # 324 numbers: 4 % is their own scatter
    assert shaken.largest_force > 10 * minimum.largest_force
    assert shaken.energy > minimum.energy


def test_a_quench_depends_on_its_number_alone(ensemble: Potential) -> None:
    how = Quenching(steps=5)
    both = quench_structures(ensemble, {1: rattled(1), 2: rattled(1)}, how, seed=1)
    (alone,) = quench_structures(ensemble, {2: rattled(1)}, how, seed=1)
    assert both[1].candidate is not None
    assert both[0].candidate is not None
    assert alone.candidate is not None
    np.testing.assert_allclose(alone.candidate.positions, both[1].candidate.positions, atol=1e-9)
    assert not np.allclose(both[0].candidate.cell.array, both[1].candidate.cell.array)


def test_atoms_that_come_too_close_leave_no_candidate(ensemble: Potential) -> None:
    (found,) = quench_structures(ensemble, {0: rattled(1)}, Quenching(steps=2, closest_fraction=1.3), seed=1)
    assert found.candidate is None
    assert found.steps == 2


def test_cells_relax_to_the_pressure_asked_for_and_find_the_crystal() -> None:
    """Hot, sheared and dilated cells of fcc come down to the lattice constant and the energy of the crystal."""
    potential = load_potential("mei-davenport")
    starts = {}
    for number in range(3):
        atoms = bulk("Al", "fcc", a=4.3, cubic=True) * (2, 2, 2)
        atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.04 * np.eye(3, k=1)), scale_atoms=True)
        atoms.rattle(0.2, seed=number)
        starts[number] = describe(atoms, "md")
    free = Quenching(steps=400, force=1e-3, strain=0.0, pressure_gpa=(0.0, 0.0))
    squeezed = Quenching(steps=400, force=1e-3, strain=0.0, pressure_gpa=(9.0, 9.0))
    lowest = bulk("Al", "fcc", a=4.05)
    lowest.calc = potential.calculator(uncertainty=False)
    FIRE(FrechetCellFilter(lowest, hydrostatic_strain=True), logfile=None).run(fmax=1e-5, steps=300)
    for how, pressure in ((free, 0.0), (squeezed, 9.0)):
        for one in quench_structures(potential, starts, how, seed=1):
            assert one.candidate is not None
            atoms = one.candidate.copy()
            atoms.calc = potential.calculator(uncertainty=False)
            stress = atoms.get_stress() / GIGAPASCAL
            np.testing.assert_allclose(stress, [-pressure] * 3 + [0.0] * 3, atol=0.1)
            if not pressure:
                assert one.energy == pytest.approx(lowest.get_potential_energy(), abs=2e-4)
                assert atoms.get_volume() / len(atoms) == pytest.approx(lowest.get_volume(), rel=2e-3)


def test_a_cell_that_bursts_leaves_no_candidate(ensemble: Potential) -> None:
    how = Quenching(steps=300, pressure_gpa=(-5000.0, -5000.0))
    (found,) = quench_structures(ensemble, {0: rattled(1)}, how, seed=1)
    assert found.candidate is None
