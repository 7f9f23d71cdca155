"""``ingot trajectories``: structures from the dynamics of a potential that is already there."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Starts, settings, the seed."""
    parser.add_argument("starts", help="starting structures (`ingot structures`)")
    parser.add_argument("--settings", required=True, help="JSON or a file: the section `structures`")
    parser.add_argument("--set", default="initial", help="initial or test: whose families these are (initial)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the run (0)")
    parser.add_argument("-o", "--output", required=True, help="file to write (.extxyz)")


def run(args: argparse.Namespace) -> int:
    """Frames in place of the starts of every family that has dynamics; the others stay as they are."""
    from ingot.cli.settings import parse_settings
    from ingot.config.structures import StructureSettings
    from ingot.dynamics import Model
    from ingot.potentials import load_potential
    from ingot.randomness import derive_seed
    from ingot.sampling import Equilibration, SamplingError, equilibrium_frames
    from ingot.structures import read_structures, write_structures

    settings = parse_settings(StructureSettings, args.settings)
    families = {"initial": settings.families, "test": settings.test_families}.get(args.set)
    if families is None:
        raise SamplingError(f"--set must be initial or test, not {args.set!r}")
    if settings.dynamics_potential is None:
        raise SamplingError("the settings name no dynamics_potential")
    potential = load_potential(settings.dynamics_potential)
    member = settings.dynamics_member
    if member is not None and member >= potential.members:
        raise SamplingError(
            f"dynamics_member is {member}, the potential has {potential.members} networks (0 is the first)"
        )
    model = Model.of(potential, "mean" if member is None else member)
    starts = read_structures(args.starts)
    result = []
    for family in families:
        own = [atoms for atoms in starts if atoms.info["family"] == family.name]
        if family.dynamics is None:
            result += own
            continue
        how = family.dynamics
        found = equilibrium_frames(
            model,
            own,
            Equilibration(
                temperature=how.temperature_kelvin,
                settle_steps=how.settle_steps,
                frames=how.frames,
                every=how.every,
                timestep_fs=how.timestep_fs,
                friction_per_ps=how.friction_per_ps,
            ),
            derive_seed(args.seed, "trajectories", args.set, family.name),
        )
        result += found.frames
        ended = f", {found.stopped} of them ended early" if found.stopped else ""
        print(f"{family.name}: {len(found.frames)} frames of {found.trajectories} trajectories{ended}", flush=True)
    write_structures(args.output, result)
    print(f"{args.output}: {len(result)} structures, {sum(map(len, result))} atoms")
    return 0
