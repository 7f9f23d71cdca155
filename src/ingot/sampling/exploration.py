"""Nonequilibrium molecular dynamics of an ensemble, stopped where its members disagree.

The sampler of ANI-Al (J. S. Smith et al., Nat. Commun. 12, 1257, 2021): disordered starts,
temperature and density on random courses, and the frame at which the spread passes a
threshold as the candidate for a label. Where it passes none, the frame of the largest spread of forces is one too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

import numpy as np
from ase import Atoms
from ase.data import covalent_radii

from ingot.dynamics import Model, Monitor, Simulation, Status, Watch, conditions
from ingot.randomness import derive_seed, generator
from ingot.sampling.courses import Course, CourseRanges, draw_course
from ingot.sampling.errors import SamplingError
from ingot.sampling.spread import MEASURES, Stop, Thresholds, spread_monitor
from ingot.structures import describe

REASONS = {
    int(Status.RUNNING): "end",
    int(Status.TOO_CLOSE): "too close",
    int(Status.BLOWN_UP): "blown up",
    int(Stop.ENERGY): "energy spread",
    int(Stop.MEAN_FORCE): "mean force spread",
    int(Stop.LARGEST_FORCE): "largest force spread",
    int(Stop.OUT_OF_RANGE): "energy out of range",
}
"""How each stop code is written; only the spreads and the range of energies are early stops that count."""


@dataclass(frozen=True)
class Driving:
    """How trajectories are integrated and watched."""

    steps: int = 1000
    timestep_fs: float = 2.0
    friction_per_ps: float = 2.0
    closest_fraction: float = 0.65
    frame_every: int = 10
    skin: float = 0.5
    watch_every: int = 1
    """Steps between two looks at the spread."""
    stopping: bool = True
    """Whether the ensemble stops a trajectory. If not, its candidate is a frame at a random time, without control."""
    ranges: CourseRanges = field(default_factory=CourseRanges)
    energies: "KnownEnergies | None" = None
    """Where the ensemble's energies are to be believed; anywhere where this is missing."""


@dataclass(frozen=True)
class KnownEnergies:
    """The range of energies that the data span, with a margin: what members agree on beyond it is nonsense."""

    lowest: float
    highest: float
    """eV per atom, relative to ``offsets``."""
    offsets: Mapping[str, float]
    """eV per atom of each element."""

    def holds(self, atoms: Atoms, energy: float) -> bool:
        """Whether a potential energy (eV) of these atoms is within the range."""
        reference = sum(self.offsets[symbol] for symbol in atoms.symbols)
        return self.lowest <= (energy - reference) / len(atoms) <= self.highest


@dataclass(frozen=True)
class Trajectory:
    """What became of one trajectory."""

    number: int
    start: str
    """Id of the structure it began with."""
    atoms: int
    course: Course
    volume_start: float
    """A^3 per atom."""
    steps: int
    reason: str
    measures: tuple[float, float, float]
    """Spreads at the candidate, as in :data:`MEASURES`."""
    timestep_fs: float
    candidate: Atoms | None
    """The frame at the stop, or the one at which the members agreed least on the forces where nothing stopped it; none
    where atoms came too close or the dynamics blew up."""
    last: Atoms | None
    """The last frame of a trajectory that nothing stopped."""
    control: Atoms | None
    """A frame drawn uniformly from those before the end, or ``None`` when there was none."""

    @property
    def early(self) -> bool:
        """Whether the spread stopped it, or an energy out of range."""
        return self.reason in {REASONS[int(code)] for code in Stop}


def explore(
    model: Model,
    scale: Mapping[str, float],
    starts: Sequence[Atoms],
    thresholds: Thresholds,
    driving: Driving,
    trajectories: int,
    seed: int,
    name: str = "explore",
    batch: tuple[int, int] = (0, 1),
    driver: Model | None = None,
) -> list[Trajectory]:
    """Drive ``trajectories`` copies of the starts, each on its own course, until the ensemble disagrees.

    Starts are taken in order, and over again when there are fewer. Those with equally many atoms
    run side by side. ``model`` evaluates every member, ``scale`` calibrates their spread; between two looks at it
    ``driver`` drives, the mean of the members (``model`` itself where it is missing). A frame's
    ``parent`` is ``<name>-<number>``, so that frames of one trajectory
    are never split between training and validation. ``batch`` (k, n) runs every n-th trajectory from the k-th on: which
    others run beside it matters to none beyond the rounding of sums over wider neighbour tables.
    """
    if not starts:
        raise SamplingError("no starting structures")
    each = [(number, starts[number % len(starts)]) for number in range(batch[0], trajectories, batch[1])]
    sizes = groupby(sorted(each, key=lambda pair: (len(pair[1]), pair[0])), key=lambda pair: len(pair[1]))
    found = [
        trajectory
        for _, group in sizes
        for trajectory in _explore_size(
            driver or model,
            Watch(spread_monitor(thresholds, scale), model.evaluate, driving.watch_every),
            list(group),
            driving,
            seed,
            name,
        )
    ]
    return sorted(found, key=lambda trajectory: trajectory.number)


@dataclass
class _Frame:
    step: int
    atoms: Atoms
    measures: tuple[float, float, float]


def _explore_size(
    model: Model,
    watch: Watch,
    group: list[tuple[int, Atoms]],
    driving: Driving,
    seed: int,
    name: str,
) -> list[Trajectory]:
    duration = driving.steps * driving.timestep_fs
    courses = [draw_course(driving.ranges, duration, derive_seed(seed, "course", number)) for number, _ in group]
    if not driving.stopping:
        watch = watch._replace(monitor=_measuring(watch.monitor))
    simulation = Simulation(
        model,
        [start for _, start in group],
        temperature=[float(course.temperature(0.0)) for course in courses],
        seed=[derive_seed(seed, "dynamics", number) for number, _ in group],
        watch=watch,
        skin=driving.skin,
        density_ahead=max(course.highest_density for course in courses),
    )
    known = driving.energies
    held = [
        conditions(
            driving.timestep_fs,
            temperature=course.temperature,
            friction_per_ps=driving.friction_per_ps,
            density=course.density,
            closest_angstrom=driving.closest_fraction * 2 * float(covalent_radii[start.numbers].min()),
        )
        for course, (_, start) in zip(courses, group, strict=True)
    ]
    frames: list[list[_Frame]] = [[] for _ in group]

    def keep(running: Simulation) -> None:
        for r in np.flatnonzero(running.status == Status.RUNNING):
            if driving.stopping and known is not None and not known.holds(group[r][1], float(running.state.energy[r])):
                running.stop(int(r), int(Stop.OUT_OF_RANGE))
            else:
                frames[r].append(_frame(running, int(r)))

    simulation.run(driving.steps, held, driving.frame_every, keep, f"exploring, {simulation.atoms} atoms")
    if driving.steps % driving.watch_every:
        simulation.look(held)  # the spread of the last frames
    return [
        _trajectory(simulation, r, number, start, courses[r], frames[r], driving, seed, name)
        for r, (number, start) in enumerate(group)
    ]


def _measuring(monitor: Monitor) -> Monitor:
    """The monitor's measures, without its stops."""

    def measure(evaluation: Any) -> Any:
        code, measures = monitor(evaluation)
        return code * 0, measures

    return measure


def _frame(simulation: Simulation, replica: int) -> _Frame:
    state = simulation.state
    first, second, third = (float(v) for v in np.asarray(state.measures[replica]))
    atoms = simulation.structure(replica, wrap=True)
    return _Frame(int(state.step[replica]), atoms, (first, second, third))


def _trajectory(
    simulation: Simulation,
    replica: int,
    number: int,
    start: Atoms,
    course: Course,
    frames: list[_Frame],
    driving: Driving,
    seed: int,
    name: str,
) -> Trajectory:
    reason = REASONS[int(simulation.status[replica])]
    lost = reason in (REASONS[Status.TOO_CLOSE], REASONS[Status.BLOWN_UP])
    last = _frame(simulation, replica)
    before = [frame for frame in frames if 0 < frame.step < last.step]
    rng = generator(seed, "control", number)
    chosen = before[int(rng.integers(len(before)))] if before else None
    parent, timestep_fs = f"{name}-{number}", driving.timestep_fs
    at_random = _described(chosen, number, "control", parent, timestep_fs) if chosen else None
    ended = reason == REASONS[Status.RUNNING]
    if driving.stopping:
        frame = max([*before, last], key=lambda frame: frame.measures[1]) if ended else last
        candidate = None if lost else _described(frame, number, reason, parent, timestep_fs)
    else:
        frame, candidate = chosen or last, at_random
        if candidate is not None:
            candidate.info["reason"] = "random"
    return Trajectory(
        number=number,
        start=str(start.info.get("structure_id", "")),
        atoms=len(start),
        course=course,
        volume_start=float(start.get_volume() / len(start)),
        steps=last.step,
        reason=reason,
        measures=frame.measures,
        timestep_fs=timestep_fs,
        candidate=candidate,
        last=_described(last, number, reason, parent, timestep_fs) if ended else None,
        control=at_random if driving.stopping else None,
    )


def _described(frame: _Frame, number: int, reason: str, parent: str, timestep_fs: float) -> Atoms:
    at = frame.atoms
    atoms = describe(Atoms(at.symbols, at.positions, cell=at.cell, pbc=at.pbc), "md", parent)
    atoms.info.update(trajectory=number, time_fs=frame.step * timestep_fs, reason=reason)
    atoms.info.update(dict(zip(MEASURES, frame.measures, strict=True)))
    return atoms
