"""Frames of equilibrium dynamics: what a potential that is already there offers as structures."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from ase import Atoms
from ase.data import covalent_radii

from ingot.dynamics import Model, Simulation, Status, conditions
from ingot.randomness import derive_seed, generator
from ingot.sampling.courses import Interval
from ingot.sampling.errors import SamplingError
from ingot.structures import StructureError, check_structure, describe


@dataclass(frozen=True)
class Equilibration:
    """Langevin dynamics at constant volume, and when its frames are taken."""

    temperature: Interval
    """K; every trajectory draws its own from this range."""
    settle_steps: int
    """Steps before the first frame."""
    frames: int
    every: int
    """Steps between frames."""
    timestep_fs: float = 2.0
    friction_per_ps: float = 5.0
    closest_fraction: float = 0.5
    """A trajectory ends where two atoms come closer than this fraction of the sum of covalent radii."""
    skin: float = 0.6


@dataclass(frozen=True)
class Frames:
    """The frames of one family, and how many trajectories ended before their time."""

    frames: list[Atoms]
    trajectories: int
    stopped: int


_SIDE_BY_SIDE = 8
"""Replicas of one simulation: of about equal density, because they share the width of the neighbour tables."""


def equilibrium_frames(model: Model, starts: Sequence[Atoms], how: Equilibration, seed: int) -> Frames:
    """``how.frames`` structures of a trajectory from each of ``starts``, in the order of these.

    A frame has the family and the parent of its start, so that trajectories are never divided. Temperature,
    velocities and noise of a trajectory depend on ``seed`` and its group of starts. A trajectory that stops gives the
    frames that it had; raises :class:`SamplingError` when none gives any.
    """
    if not starts:
        raise SamplingError("no starting structures")
    order = sorted(range(len(starts)), key=lambda k: (len(starts[k]), starts[k].get_volume(), k))
    found: dict[int, list[Atoms]] = {}
    stopped = 0
    for size, numbers in groupby(order, key=lambda k: len(starts[k])):
        of_size = list(numbers)
        # The densest come first: the others fit into their tables, and into what was compiled for them.
        simulation: Simulation | None = None
        for first in range(0, len(of_size), _SIDE_BY_SIDE):
            group = of_size[first : first + _SIDE_BY_SIDE]
            own = derive_seed(seed, "group", size, first)
            temperatures = [float(t) for t in generator(own, "temperature").uniform(*how.temperature, size=len(group))]
            begun, noise = [starts[k] for k in group], derive_seed(own, "dynamics")
            if simulation is not None and _alike(simulation.frames, begun):
                simulation.restart(begun, temperatures, noise)
            else:
                simulation = Simulation(model, begun, temperatures, noise, skin=how.skin)
            drawn, ended = _run(simulation, begun, temperatures, how)
            found |= dict(zip(group, drawn, strict=True))
            stopped += ended
    frames = [frame for k in range(len(starts)) for frame in found[k]]
    if not frames:
        raise SamplingError(
            f"all {len(starts)} trajectories stopped before their first frame: atoms came too close, or forces are not "
            "finite; the potential does not know these structures, or the time step is too long"
        )
    return Frames(frames, len(starts), stopped)


def _alike(some: Sequence[Atoms], others: Sequence[Atoms]) -> bool:
    """Whether one simulation may begin again with the others."""
    return len(some) == len(others) and all((a.pbc == b.pbc).all() for a, b in zip(some, others, strict=True))


def _run(
    simulation: Simulation, starts: list[Atoms], temperatures: list[float], how: Equilibration
) -> tuple[list[list[Atoms]], int]:
    held = [
        conditions(
            how.timestep_fs,
            temperature=t,
            friction_per_ps=how.friction_per_ps,
            closest_angstrom=how.closest_fraction * 2 * float(covalent_radii[start.numbers].min()),
        )
        for t, start in zip(temperatures, starts, strict=True)
    ]
    title = f"dynamics, {len(starts)} x {simulation.atoms} atoms"
    frames: list[list[Atoms]] = [[] for _ in starts]
    if how.settle_steps:
        simulation.run(how.settle_steps, held, title=title)

    def keep(running: Simulation) -> None:
        for r in np.flatnonzero(running.status == Status.RUNNING):
            frame = _described(running.structure(int(r), wrap=True), starts[r])
            if frame is not None:
                frames[r].append(frame)

    if (simulation.status == Status.RUNNING).any():
        simulation.run(how.frames * how.every, held, how.every, keep, title)
    return frames, int(np.sum(simulation.status != Status.RUNNING))


def _described(at: Atoms, start: Atoms) -> Atoms | None:
    """The frame as a structure; nothing where atoms are so close that no method could label it."""
    atoms = describe(
        Atoms(at.symbols, at.positions, cell=at.cell, pbc=at.pbc), start.info["family"], start.info["parent"]
    )
    try:
        check_structure(atoms)
    except StructureError:
        return None
    return atoms
