"""Exploration with an analytic ensemble whose spread is known."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from ingot.dynamics import Model
from ingot.dynamics.pair import lennard_jones
from ingot.sampling import (
    CourseRanges,
    Driving,
    KnownEnergies,
    SamplingError,
    Stop,
    Thresholds,
    Trajectory,
    draw_course,
    explore,
    read_trajectories,
    spread_monitor,
    spreads,
    write_frames,
    write_trajectories,
)
from ingot.sampling.files import trajectory_row
from ingot.structures import read_structures
from ingot.units import FEMTOSECOND

CUTOFF = 6.5
DEPTHS = (0.0095, 0.0104, 0.0113)
ENSEMBLE = Model(lennard_jones(DEPTHS, 3.4, CUTOFF), ("Ar",), CUTOFF)
SCALE = {"energy": 1.0, "forces": 1.0}
RANGES = CourseRanges((10.0, 100.0), (10.0, 100.0), (0.0, 300.0), (0.2, 1.0), (0.8, 1.3), (-0.1, 0.1), (0.2, 1.0))
DRIVING = Driving(steps=120, timestep_fs=5.0, ranges=RANGES)
LIMIT = 0.012
NEVER = Thresholds(1e3, 1e3, 1e3)


def start(seed: int) -> Atoms:
    atoms = bulk("Ar", "fcc", a=5.4, cubic=True)
    atoms.rattle(0.1, seed=seed)
    return atoms


STARTS = [start(s) for s in range(3)]


@pytest.fixture(scope="module")
def watched() -> list[Trajectory]:
    """Trajectories stopped by their force spread."""
    return explore(ENSEMBLE, SCALE, STARTS, Thresholds(1e3, LIMIT, 1e3), DRIVING, 5, seed=3)


def test_a_trajectory_does_not_depend_on_those_beside_it(watched: list[Trajectory]) -> None:
    arguments = (ENSEMBLE, SCALE, STARTS, Thresholds(1e3, LIMIT, 1e3), DRIVING, 5, 3)
    dealt = [t for k in range(2) for t in explore(*arguments, batch=(k, 2))]
    assert [t.number for t in dealt] == [0, 2, 4, 1, 3]
    for one in dealt:
        other = watched[one.number]
        assert (one.steps, one.reason, one.measures, one.course) == (
            other.steps, other.reason, other.measures, other.course
        )  # fmt: skip
        assert one.candidate is not None
        assert other.candidate is not None
        np.testing.assert_allclose(one.candidate.positions, other.candidate.positions, atol=1e-9)


def test_a_driver_between_looks_changes_nothing_but_when_the_spread_is_seen(watched: list[Trajectory]) -> None:
    """A mean of Lennard-Jones potentials is one of the mean depth: the same dynamics at a third of the cost."""
    mean = Model(lennard_jones(float(np.mean(DEPTHS)), 3.4, CUTOFF), ("Ar",), CUTOFF)
    seldom = replace(DRIVING, watch_every=5)
    found = explore(ENSEMBLE, SCALE, STARTS, Thresholds(1e3, LIMIT, 1e3), seldom, 5, 3, driver=mean)
    for each, other in zip(watched, found, strict=True):
        if each.early:  # seen at the next look, or over again by then
            assert other.steps >= each.steps
            assert other.steps % 5 == 0
        if each.steps % 5 == 0:
            assert (other.steps, other.reason) == (each.steps, each.reason)
            np.testing.assert_allclose(other.measures, each.measures, rtol=1e-6)
    assert any(each.early for each in watched)
    last = explore(ENSEMBLE, SCALE, STARTS, NEVER, replace(seldom, steps=8), 1, 3, driver=mean)[0]
    every = explore(ENSEMBLE, SCALE, STARTS, NEVER, replace(DRIVING, steps=8), 1, 3)[0]
    np.testing.assert_allclose(last.measures, every.measures, rtol=1e-6)


def test_without_stopping_the_candidate_is_a_frame_at_a_random_time(watched: list[Trajectory]) -> None:
    free = replace(DRIVING, stopping=False, energies=KnownEnergies(0.0, 1e-9, {"Ar": 0.0}))
    found = explore(ENSEMBLE, SCALE, STARTS, Thresholds(1e3, LIMIT, 1e3), free, 5, seed=3)
    assert {t.reason for t in found} == {"end"}
    assert not any(t.early for t in found)
    assert all(t.control is None and t.candidate is not None for t in found)
    times = [t.candidate.info["time_fs"] for t in found if t.candidate is not None]
    assert len(set(times)) > 2
    assert all(0 < time < DRIVING.steps * DRIVING.timestep_fs for time in times)
    assert found[0].candidate is not None
    assert found[0].candidate.info["reason"] == "random"
    assert any(watched[t.number].early and t.steps > watched[t.number].steps for t in found)
    rows = [trajectory_row(t) for t in found]
    assert [row["candidate_time_fs"] for row in rows] == times
    assert all(row["time_fs"] > row["candidate_time_fs"] for row in rows)


def test_energies_that_the_data_do_not_know_stop_a_trajectory() -> None:
    """Members that agree exactly: no spread ever, whatever the energy."""
    agreed = Model(lennard_jones((0.0104, 0.0104), 3.4, CUTOFF), ("Ar",), CUTOFF)
    offsets = {"Ar": 0.0}
    hot = replace(
        DRIVING, ranges=replace(RANGES, temperature_start=(400.0, 500.0), temperature_amplitude=(500.0, 600.0))
    )
    free = explore(agreed, SCALE, STARTS, NEVER, hot, 3, seed=3)
    assert {t.reason for t in free} == {"end"}
    start_energy = -0.07  # of the crystal at the start, eV per atom
    bounded = replace(hot, energies=KnownEnergies(-1.0, start_energy + 0.02, offsets))
    found = explore(agreed, SCALE, STARTS, NEVER, bounded, 3, seed=3)
    assert {t.reason for t in found} == {"energy out of range"}
    assert all(t.early and t.candidate is not None and 0 < t.steps < hot.steps for t in found)
    assert bounded.energies is not None
    assert not bounded.energies.holds(STARTS[0], 4 * (start_energy + 0.021))
    assert not replace(bounded.energies, offsets={"Ar": 1.0}).holds(STARTS[0], 4 * start_energy)


def test_spreads_are_calibrated_sample_standard_deviations() -> None:
    rng = np.random.default_rng(1)
    energy, forces = rng.normal(size=4), rng.normal(size=(4, 6, 3))
    found = np.asarray(spreads(jnp.asarray(energy), jnp.asarray(forces), {"energy": 2.0, "forces": 3.0}))
    norms = 3.0 * np.linalg.norm(forces.std(axis=0, ddof=1), axis=-1)
    np.testing.assert_allclose(found, [2.0 * energy.std(ddof=1) / np.sqrt(6), norms.mean(), norms.max()], rtol=1e-12)


@pytest.mark.parametrize(
    ("limits", "code"),
    [((1e3, 1e3, 1e3), 0), ((1e-9, 1e3, 1e3), Stop.ENERGY), ((1e3, 1e-9, 1e3), Stop.MEAN_FORCE),
     ((1e3, 1e3, 1e-9), Stop.LARGEST_FORCE)],
)  # fmt: skip
def test_the_monitor_says_which_spread_it_was(limits: tuple[float, float, float], code: int) -> None:
    rng = np.random.default_rng(1)

    class Evaluation:
        energy, forces = jnp.asarray(rng.normal(size=3)), jnp.asarray(rng.normal(size=(3, 5, 3)))
        strain_gradient = None

    assert int(spread_monitor(Thresholds(*limits), {"energy": 1.0, "forces": 1.0})(Evaluation())[0]) == code


def test_trajectories_end_at_the_first_frame_beyond_the_threshold(watched: list[Trajectory]) -> None:
    reasons = {t.reason for t in watched}
    assert "mean force spread" in reasons
    for t in watched:
        assert t.early == (t.reason == "mean force spread")
        assert (t.measures[1] > LIMIT) == t.early
        assert t.steps == 120 or t.early
        assert t.candidate is not None
        assert t.candidate.info["parent"] == f"explore-{t.number}"
        assert t.control is None or t.early or t.candidate.info["force_std_mean"] >= t.control.info["force_std_mean"]
        assert (t.last is None) == t.early
        assert t.last is None or t.last.info["time_fs"] == t.steps * 5.0
        assert t.last is None or t.candidate.info["force_std_mean"] >= t.last.info["force_std_mean"]
        assert t.candidate.info["time_fs"] == t.steps * 5.0 or not t.early
        assert t.candidate.info["force_std_mean"] == t.measures[1]


def test_the_spread_recorded_is_that_of_the_frame(watched: list[Trajectory]) -> None:
    """An ensemble of one shape and several depths: the spread follows from the forces of the frame itself."""
    from ingot.neighbors import neighbor_table

    atoms = watched[0].candidate
    assert atoms is not None
    table = neighbor_table(atoms.positions, atoms.cell.array, atoms.pbc, CUTOFF)
    forces = np.asarray(ENSEMBLE.evaluate(atoms.positions, atoms.cell.array, np.zeros(4, int), table).forces)
    expected = np.linalg.norm(forces.std(axis=0, ddof=1), axis=-1).mean()
    assert atoms.info["force_std_mean"] == pytest.approx(expected, rel=1e-4)  # positions are rounded to 1e-6 A


def test_controls_come_from_before_the_end(watched: list[Trajectory]) -> None:
    drawn = [t for t in watched if t.control is not None]
    assert drawn
    for t in drawn:
        assert t.control is not None
        assert 0 < t.control.info["time_fs"] < t.steps * 5.0
        assert t.control.info["force_std_mean"] <= LIMIT
        assert t.control.info["reason"] == "control"


def test_an_exploration_is_reproducible_and_each_trajectory_its_own(watched: list[Trajectory]) -> None:
    again = explore(ENSEMBLE, SCALE, STARTS, Thresholds(1e3, LIMIT, 1e3), DRIVING, 5, seed=3)
    ids = [t.candidate.info["structure_id"] for t in watched if t.candidate]
    assert ids == [t.candidate.info["structure_id"] for t in again if t.candidate]
    assert len(set(ids)) == len(ids)
    other = explore(ENSEMBLE, SCALE, STARTS, Thresholds(1e3, LIMIT, 1e3), DRIVING, 2, seed=4)
    assert other[0].candidate is not None
    assert other[0].candidate.info["structure_id"] not in ids


def test_starts_of_several_sizes_run_in_groups() -> None:
    starts = [start(1), start(2).repeat((2, 1, 1)), start(3)]
    found = explore(ENSEMBLE, SCALE, starts, NEVER, replace(DRIVING, steps=20), 4, seed=1)
    assert [t.number for t in found] == [0, 1, 2, 3]
    assert [t.atoms for t in found] == [4, 8, 4, 4]
    assert {t.reason for t in found} == {"end"}


def test_density_follows_its_course() -> None:
    (one,) = explore(ENSEMBLE, SCALE, STARTS[:1], NEVER, DRIVING, 1, seed=8)
    assert one.candidate is not None
    ratio = STARTS[0].get_volume() / one.candidate.get_volume()
    assert ratio == pytest.approx(float(one.course.density(120 * 5.0 * FEMTOSECOND)), rel=1e-6)
    assert one.course.lowest_density <= ratio <= one.course.highest_density


def test_atoms_too_close_leave_no_candidate() -> None:
    close = start(1)
    close.positions[1] = close.positions[0] + [1.0, 0, 0]
    (found,) = explore(ENSEMBLE, SCALE, [close], NEVER, DRIVING, 1, seed=1)
    assert found.reason == "too close"
    assert found.candidate is None
    assert not found.early


def test_courses_stay_in_their_ranges() -> None:
    courses = [draw_course(RANGES, 600.0, seed) for seed in range(200)]
    for values, (low, high) in (
        ([c.temperature.start for c in courses], RANGES.temperature_start),
        ([c.temperature.amplitude for c in courses], RANGES.temperature_amplitude),
        ([c.density.end for c in courses], RANGES.density_end),
    ):
        assert low <= min(values) < low + 0.1 * (high - low)
        assert high >= max(values) > high - 0.1 * (high - low)
    assert {c.density.start for c in courses} == {1.0}


def test_files_come_back_as_they_were(watched: list[Trajectory], tmp_path: Path) -> None:
    candidates = [t.candidate for t in watched if t.candidate is not None]
    write_frames(tmp_path / "c.extxyz", candidates)
    read = read_structures(tmp_path / "c.extxyz")
    assert [a.info["structure_id"] for a in read] == [a.info["structure_id"] for a in candidates]
    write_trajectories(tmp_path / "t.csv", watched)
    rows = read_trajectories(tmp_path / "t.csv")
    assert [float(r["force_std_mean"]) for r in rows] == [t.measures[1] for t in watched]
    assert [r["early"] for r in rows] == [str(t.early).lower() for t in watched]
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    with pytest.raises(SamplingError, match="lacks trajectory"):
        read_trajectories(tmp_path / "t.csv")


@pytest.mark.parametrize(
    "call", [lambda: explore(ENSEMBLE, SCALE, [], NEVER, DRIVING, 1, 0), lambda: Thresholds(0.0, 1.0, 1.0)]
)
def test_what_cannot_be_explored_is_refused(call: Any) -> None:
    with pytest.raises(SamplingError):
        call()
