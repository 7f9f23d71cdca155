"""``ingot train``: one member, a whole ensemble, or an ensemble from members."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ingot.cli.options import available_cores

if TYPE_CHECKING:
    from ingot.config.training import TrainingSettings
    from ingot.potentials import Architecture
    from ingot.training import TrainingOptions


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """By hand: ``ingot train data.extxyz -o potential/``. In the workflow: one member per process, then combine."""
    parser.add_argument("data", nargs="+", help="labelled data: .zarr stores, or any files that ASE reads")
    parser.add_argument(
        "--splits",
        nargs="+",
        default=[],
        metavar="JSON",
        help="splits by structure id (default: by parent, 15 %% validate)",
    )
    parser.add_argument("--settings", help="JSON or a file: the section `training`")
    parser.add_argument("--seed", type=int, default=1, help="seed of the run (1)")
    parser.add_argument("--member", type=int, help="train this member only")
    parser.add_argument("--members", type=int, help="number of members (overrides the settings)")
    parser.add_argument("--start", metavar="DIRECTORY", help="go on from the networks of this potential (transfer)")
    parser.add_argument("--members-only", action="store_true", help="train all members, make no ensemble of them")
    parser.add_argument("--workers", type=int, help="members trained side by side (default: one per core)")
    parser.add_argument("--epochs", type=int, help="passes over the data (overrides the settings)")
    parser.add_argument(
        "--combine",
        nargs="+",
        metavar="DIRECTORY",
        help="make these members an ensemble, calibrated on validation data",
    )
    parser.add_argument("-o", "--output", required=True, help="the directory of the potential")


def architecture_of(settings: "TrainingSettings", species: tuple[str, ...]) -> "Architecture":
    """The architecture that the settings describe."""
    from ingot.potentials import AniArchitecture

    chosen = settings.architecture
    if chosen.constants == "ani-al":
        return AniArchitecture.published_ani_al(species)
    return AniArchitecture.evenly_spaced(
        species,
        radial_cutoff=chosen.radial.cutoff_angstrom,
        radial_shifts=chosen.radial.shifts,
        angular_cutoff=chosen.angular.cutoff_angstrom,
        angular_shifts=chosen.angular.shifts,
        angles=chosen.angular.angles,
        hidden=chosen.hidden,
        first_shift=chosen.first_shift_angstrom,
        angular_zeta=chosen.angular.zeta,
        repulsion=chosen.repulsion_range if chosen.repulsion else None,
    )


def options_of(settings: "TrainingSettings") -> "TrainingOptions":
    """What the training itself takes."""
    from ingot.training import LossWeights, OptimiserOptions, TrainingOptions

    return TrainingOptions(
        optimiser=OptimiserOptions(
            epochs=settings.epochs,
            batch_size=settings.batch_size,
            learning_rate=settings.learning_rate,
            schedule=settings.schedule,
            patience=settings.patience_epochs,
            final_learning_rate=settings.final_learning_rate,
            average_decay=settings.average_decay,
            clip_norm=settings.clip_norm,
            weight_decay=settings.weight_decay,
            validation_interval=settings.validation_interval,
        ),
        weights=LossWeights(settings.loss.energy, settings.loss.forces, settings.loss.stress),
        emphasis=settings.loss.emphasis_ev_per_atom,
        precision=settings.precision,
        contraction=settings.contraction,
        jacobian_memory=settings.jacobian_memory_mb * 2**20,
        feature_floor=settings.feature_floor,
    )


def run(args: argparse.Namespace) -> int:
    """Train or combine."""
    from ingot.cli.settings import parse_settings
    from ingot.config.base import validate
    from ingot.config.training import TrainingSettings
    from ingot.potentials import load_potential
    from ingot.training import (
        TrainingError,
        combine_members,
        load_data,
        train_and_save,
        train_together_and_save,
    )

    settings: TrainingSettings = parse_settings(TrainingSettings, args.settings)
    options = ("members", "epochs", "start")
    changed = {name: getattr(args, name) for name in options if getattr(args, name) is not None}
    if changed:
        settings = validate(TrainingSettings, {**settings.model_dump(), **changed})
    if args.member is not None and not 0 <= args.member < settings.members:
        raise TrainingError(f"--member must lie in 0..{settings.members - 1} (training.members), got {args.member}")
    data = load_data(args.data, args.splits, args.seed, settings.force_limit_ev_per_angstrom, settings.species)
    output = Path(args.output)
    if args.combine:
        print(combine_members(args.combine, data, output))
        return 0
    print(data.message(), flush=True)
    memory = settings.memory_mb * 2.0**20
    architecture, how = architecture_of(settings, data.species), options_of(settings)
    start = load_potential(settings.start) if settings.start else None
    common = (settings.resplit, memory, start)
    if args.member is not None:
        print(train_and_save(data, architecture, how, args.seed, args.member, output, *common))
        return 0
    directories = [output / "members" / str(member) for member in range(settings.members)]
    workers = min(settings.members, _cores() if args.workers is None else max(1, args.workers))
    if settings.together:
        if settings.resplit:
            raise TrainingError("training.together needs one division of the data: leave training.resplit out")
        for line in train_together_and_save(data, architecture, how, args.seed, directories, memory):
            print(line)
    elif workers > 1:
        _train_side_by_side(args, settings, directories, workers)
    else:
        for member, directory in enumerate(directories):
            line = train_and_save(data, architecture, how, args.seed, member, directory, *common)
            print(line, flush=True)
    if not args.members_only:
        print(combine_members(directories, data, output))
    return 0


def _cores() -> int:
    import jax

    if jax.default_backend() != "cpu":  # processes would only take the device's memory from each other
        return 1
    return available_cores()


def _train_side_by_side(
    args: argparse.Namespace, settings: "TrainingSettings", directories: list[Path], workers: int
) -> None:
    """One process per member, ``workers`` at a time; the progress of those that begin first stands for all."""
    import subprocess
    import sys
    from concurrent.futures import ThreadPoolExecutor, as_completed

    from ingot.training import TrainingError

    splits = ["--splits", *args.splits] if args.splits else []
    common = [*args.data, *splits, "--settings", settings.model_dump_json(), "--seed", str(args.seed)]

    def train(member: int) -> str:
        command = [sys.executable, "-m", "ingot.cli.main", "train", *common, "--threads", str(args.threads)]
        command += ["--member", str(member), "-o", str(directories[member])]
        shown = None if member == 0 and sys.stderr.isatty() else subprocess.PIPE
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=shown, text=True, check=False)
        if done.returncode:
            reason = (done.stderr or "").strip().splitlines()[-1:] or [f"status {done.returncode}"]
            raise TrainingError(f"member {member} failed: {reason[0]}")
        return done.stdout.strip().splitlines()[-1]

    with ThreadPoolExecutor(workers) as pool:
        waiting = [pool.submit(train, member) for member in range(len(directories))]
        try:
            for future in as_completed(waiting):
                print(future.result(), flush=True)
        except TrainingError:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
