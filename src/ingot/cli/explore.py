"""``ingot explore``: nonequilibrium dynamics with an ensemble, stopped where its members disagree."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ase import Atoms

    from ingot.config.active_learning import ExplorationSettings
    from ingot.potentials import Potential
    from ingot.sampling import Attacked, Driving, Quenched, Thresholds, Trajectory


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs, settings, output folder."""
    parser.add_argument("--potential", metavar="DIR", help="an ensemble")
    parser.add_argument("--starts", metavar="FILE", help="starting structures")
    parser.add_argument("--gather", nargs="+", metavar="DIR", help="put the folders of all batches together instead")
    parser.add_argument("--settings", help="JSON or a file: the section `active_learning.exploration`")
    parser.add_argument("--iteration", type=int, default=0, help="number of the iteration (0)")
    parser.add_argument("--seed", type=int, default=1, help="seed of courses, velocities and noise (1)")
    parser.add_argument("--batch", metavar="K/N", help="run only batch K of N (from 0) of the trajectories and attacks")
    parser.add_argument("-o", "--output", required=True, help="folder for candidates, controls and trajectories")


def run(args: argparse.Namespace) -> int:
    """Explore and write ``candidates.extxyz``, ``controls.extxyz`` and a table each of what was tried."""
    from collections import Counter
    from pathlib import Path

    from ingot.cli.options import parse_batch
    from ingot.cli.settings import parse_settings
    from ingot.config.active_learning import ExplorationSettings
    from ingot.dynamics import Model
    from ingot.potentials import load_potential
    from ingot.randomness import derive_seed
    from ingot.sampling import (
        SamplingError,
        explore,
        gather,
        write_attacks,
        write_frames,
        write_quenches,
        write_trajectories,
    )
    from ingot.structures import read_structures

    if args.gather:
        print(gather(args.gather, args.output))
        return 0
    if args.potential is None or args.starts is None:
        raise SamplingError("give an ensemble and starting structures: --potential DIR --starts FILE")
    settings = parse_settings(ExplorationSettings, args.settings)
    potential = load_potential(args.potential)
    thresholds = _thresholds(potential, settings)
    driving = _driving(settings, potential)
    batch = parse_batch(args.batch) if args.batch else (0, 1)
    starts = read_structures(args.starts)
    found = explore(
        Model.of(potential, "all"),
        potential.uncertainty_scale,
        starts,
        thresholds,
        driving,
        settings.trajectories,
        derive_seed(args.seed, "explore", args.iteration),
        f"explore-{args.iteration}",
        batch,
        Model.of(potential),
    )
    output = Path(args.output)
    own_seed = derive_seed(args.seed, "attack", args.iteration)
    tried, attacks = _attacks(potential, settings, thresholds, found, starts, own_seed, f"attack-{args.iteration}")
    quenches = _quenches(potential, settings, found, args)
    candidates = [t.candidate for t in found] + [a.candidate for a in attacks] + [q.candidate for q in quenches]
    write_frames(output / "candidates.extxyz", [atoms for atoms in candidates if atoms is not None])
    write_attacks(output / "attacks.csv", attacks)
    write_quenches(output / "quenches.csv", quenches)
    write_frames(output / "controls.extxyz", [t.control for t in found if t.control is not None])
    write_trajectories(output / "trajectories.csv", found)
    print(
        f"stop above {thresholds.energy:.4g} eV/sqrt(N), {thresholds.mean_force:.4g} eV/A mean or "
        f"{thresholds.largest_force:.4g} eV/A largest force spread"
    )
    if driving.energies is None:
        print("the potential does not record the energies of its data: energies are not bounded")
    for reason, count in sorted(Counter(t.reason for t in found).items()):
        print(f"{count:4d} of {len(found)} trajectories: {reason}")
    if settings.attacks:
        successes = sum(one.candidate is not None for one in attacks)
        print(f"{successes:4d} of {tried} attacks: the spread is above a threshold")
        print(f"{tried - len(attacks):4d} of {tried} attacks could not begin")
    if settings.quenches:
        print(f"{len(quenches):4d} quenches")
    return 0


def _attacks(
    potential: "Potential",
    settings: "ExplorationSettings",
    thresholds: "Thresholds",
    trajectories: "list[Trajectory]",
    starts: "list[Atoms]",
    seed: int,
    name: str,
) -> "tuple[int, list[Attacked]]":
    """How many were tried, and those that began.

    Each begins at a frame of a trajectory at which the ensemble still agreed, or at its start where there is none.
    """
    from ingot.sampling import Attacking, attack_structures

    how = settings.attacks
    if how is None:
        return 0, []
    attacking = Attacking(
        steps=how.steps,
        rate=how.rate_angstrom,
        start=how.start_angstrom,
        farthest=how.farthest_angstrom,
        temperature_kelvin=how.temperature_kelvin,
        strain=how.strain,
        closest_fraction=settings.closest_fraction,
    )
    own = {t.number: t.control or starts[t.number % len(starts)] for t in trajectories}
    structures = _dealt(own, how.count, settings.trajectories, seed, "attacked")
    return len(structures), attack_structures(potential, structures, thresholds, attacking, seed, name)


def _quenches(
    potential: "Potential", settings: "ExplorationSettings", trajectories: "list[Trajectory]", args: argparse.Namespace
) -> "list[Quenched]":
    """Minima below frames: the last one where nothing stopped a trajectory, else one at which the ensemble agreed."""
    from ingot.randomness import derive_seed
    from ingot.sampling import Quenching, quench_structures

    how = settings.quenches
    if how is None:
        return []
    seed = derive_seed(args.seed, "quench", args.iteration)
    quenching = Quenching(
        steps=how.steps,
        force=how.force_ev_per_angstrom,
        strain=how.strain,
        pressure_gpa=how.pressure_gpa,
        rattle=how.rattle_angstrom,
        closest_fraction=settings.closest_fraction,
    )
    own = {t.number: frame for t in trajectories if (frame := t.last or t.control) is not None}
    structures = _dealt(own, how.count, settings.trajectories, seed, "quenched")
    return quench_structures(potential, structures, quenching, seed, f"quench-{args.iteration}")


def _dealt(own: "dict[int, Atoms]", count: int, trajectories: int, seed: int, purpose: str) -> "dict[int, Atoms]":
    """The structures of ``count`` attacks or quenches, as far as this batch has them in ``own``, by trajectory.

    Trajectories of all batches are drawn without looking, over again when there are fewer than ``count``.
    """
    from ingot.randomness import generator

    order = generator(seed, purpose).permutation(trajectories)
    drawn = {k: int(order[k % trajectories]) for k in range(count)}
    return {k: own[number] for k, number in drawn.items() if number in own}


def _thresholds(potential: "Potential", settings: "ExplorationSettings") -> "Thresholds":
    """Absolute thresholds where they are set, else multiples of the potential's validation errors."""
    from ingot.sampling import SamplingError, Thresholds

    if potential.members < 2:
        raise SamplingError("the potential has one member: its spread is unknown; train an ensemble of at least two")
    errors = potential.provenance.get("calibration") or {}
    chosen = {}
    for name, value, key in (
        ("energy", settings.energy_threshold_ev, "energy_per_sqrt_atom"),
        ("mean_force", settings.force_threshold_ev_per_angstrom, "force_norm"),
    ):
        known = errors.get(key)
        if value is not None:
            chosen[name] = value
            continue
        if not known:
            raise SamplingError(
                f"the potential records no validation error {key!r}: set energy_threshold_ev and "
                "force_threshold_ev_per_angstrom in active_learning.exploration"
            )
        chosen[name] = settings.threshold_errors * float(known)
    return Thresholds(chosen["energy"], chosen["mean_force"], settings.largest_force_factor * chosen["mean_force"])


def _driving(settings: "ExplorationSettings", potential: "Potential") -> "Driving":
    from ingot.sampling import CourseRanges, Driving, KnownEnergies

    span = potential.provenance.get("energy_range_ev_per_atom")
    margin = settings.energy_margin_ev
    return Driving(
        steps=settings.steps,
        timestep_fs=settings.timestep_fs,
        friction_per_ps=settings.friction_per_ps,
        closest_fraction=settings.closest_fraction,
        frame_every=settings.frame_every,
        skin=settings.skin_angstrom,
        watch_every=settings.watch_every,
        stopping=settings.stopping,
        energies=KnownEnergies(span[0] - margin, span[1] + margin, potential.offsets) if span else None,
        ranges=CourseRanges(
            temperature_start=settings.temperature_start_kelvin,
            temperature_end=settings.temperature_end_kelvin,
            temperature_amplitude=settings.temperature_amplitude_kelvin,
            temperature_period_ps=settings.temperature_period_ps,
            density_end=settings.density_end,
            density_amplitude=settings.density_amplitude,
            density_period_ps=settings.density_period_ps,
        ),
    )
