"""``ingot explore``: nonequilibrium dynamics with an ensemble, stopped where its members disagree."""

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ingot.config.active_learning import ExplorationSettings
    from ingot.potentials import Potential
    from ingot.sampling import Attacked, Driving, Thresholds, Trajectory


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs, settings, output folder."""
    parser.add_argument("--potential", required=True, metavar="DIR", help="an ensemble")
    parser.add_argument("--starts", required=True, metavar="FILE", help="starting structures")
    parser.add_argument("--settings", help="JSON or a file: the section `active_learning.exploration`")
    parser.add_argument("--iteration", type=int, default=0, help="number of the iteration (0)")
    parser.add_argument("--seed", type=int, default=1, help="seed of courses, velocities and noise (1)")
    parser.add_argument("-o", "--output", required=True, help="folder for candidates, controls and trajectories")


def run(args: argparse.Namespace) -> int:
    """Explore and write ``candidates.extxyz``, ``controls.extxyz``, ``trajectories.csv`` and ``attacks.csv``."""
    from collections import Counter
    from pathlib import Path

    from ingot.cli.settings import parse_settings
    from ingot.config.active_learning import ExplorationSettings
    from ingot.dynamics import Model
    from ingot.potentials import load_potential
    from ingot.randomness import derive_seed
    from ingot.sampling import explore, write_attacks, write_frames, write_trajectories
    from ingot.structures import read_structures

    settings = parse_settings(ExplorationSettings, args.settings)
    potential = load_potential(args.potential)
    thresholds = _thresholds(potential, settings)
    found = explore(
        Model.of(potential, "all"),
        potential.uncertainty_scale,
        read_structures(args.starts),
        thresholds,
        _driving(settings),
        settings.trajectories,
        derive_seed(args.seed, "explore", args.iteration),
        name=f"explore-{args.iteration}",
    )
    output = Path(args.output)
    attacks = _attacks(potential, settings, thresholds, found, derive_seed(args.seed, "attack", args.iteration), args)
    candidates = [t.candidate for t in found] + [one.candidate for one in attacks]
    write_frames(output / "candidates.extxyz", [atoms for atoms in candidates if atoms is not None])
    write_attacks(output / "attacks.csv", attacks)
    write_frames(output / "controls.extxyz", [t.control for t in found if t.control is not None])
    write_trajectories(output / "trajectories.csv", found)
    print(
        f"stop above {thresholds.energy:.4g} eV/sqrt(N), {thresholds.mean_force:.4g} eV/A mean or "
        f"{thresholds.largest_force:.4g} eV/A largest force spread"
    )
    for reason, count in sorted(Counter(t.reason for t in found).items()):
        print(f"{count:4d} of {len(found)} trajectories: {reason}")
    if settings.attacks:
        successes = sum(one.candidate is not None for one in attacks)
        print(f"{successes:4d} of {settings.attacks.count} attacks: the spread is above a threshold")
        print(f"{settings.attacks.count - len(attacks):4d} of {settings.attacks.count} attacks could not begin")
    return 0


def _attacks(
    potential: "Potential",
    settings: "ExplorationSettings",
    thresholds: "Thresholds",
    trajectories: "list[Trajectory]",
    seed: int,
    args: argparse.Namespace,
) -> "list[Attacked]":
    """Attacks on frames of the dynamics, at which the ensemble still agreed, or on the starts where there are none."""
    from ingot.sampling import Attacking, attack_structures
    from ingot.structures import read_structures

    how = settings.attacks
    if how is None:
        return []
    known = [t.control for t in trajectories if t.control is not None] or read_structures(args.starts)
    attacking = Attacking(
        steps=how.steps,
        rate=how.rate_angstrom,
        start=how.start_angstrom,
        farthest=how.farthest_angstrom,
        temperature_kelvin=how.temperature_kelvin,
        strain=how.strain,
        closest_fraction=settings.closest_fraction,
    )
    return attack_structures(potential, known, thresholds, attacking, how.count, seed, f"attack-{args.iteration}")


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


def _driving(settings: "ExplorationSettings") -> "Driving":
    from ingot.sampling import CourseRanges, Driving

    return Driving(
        steps=settings.steps,
        timestep_fs=settings.timestep_fs,
        friction_per_ps=settings.friction_per_ps,
        closest_fraction=settings.closest_fraction,
        frame_every=settings.frame_every,
        skin=settings.skin_angstrom,
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
