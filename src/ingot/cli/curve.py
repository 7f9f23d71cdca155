"""``ingot curve point|gather``: learning curves with and without forces."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One point, or a table from all of them."""
    actions = parser.add_subparsers(dest="action", required=True)
    point = actions.add_parser("point", help="train one network on some of the labels, test it on others")
    point.add_argument("data", nargs="+", help="labelled data: .zarr stores, or any files that ASE reads")
    point.add_argument(
        "--test",
        action="append",
        default=[],
        metavar="NAME=DATA",
        help="labelled structures to test on (default: the parents of the fold, which are not trained on)",
    )
    point.add_argument("--settings", required=True, help="JSON or a file: the section `learning_curves`")
    point.add_argument("--size", type=int, required=True, help="labelled structures")
    point.add_argument("--fold", type=int, default=0, help="which part is the test (0)")
    point.add_argument("--loss", choices=("forces", "energies"), default="forces", help="what is trained on (forces)")
    point.add_argument(
        "--selection",
        choices=("random", "msc", "farthest"),
        default="random",
        help="which structures are trained on: random ones, or what a compression keeps (random)",
    )
    point.add_argument("--seed", type=int, default=1, help="seed of the run (1)")
    point.add_argument("-o", "--output", required=True, help="folder of the network and of point.csv")
    gather = actions.add_parser("gather", help="one table of all points")
    gather.add_argument("points", nargs="+", metavar="FILE", help="their point.csv")
    gather.add_argument("-o", "--output", required=True, help="the table (.csv)")


def run(args: argparse.Namespace) -> int:
    """Perform one action."""
    return _point(args) if args.action == "point" else _gather(args)


def _point(args: argparse.Namespace) -> int:
    from pathlib import Path

    from ingot.benchmarks import BenchmarkError
    from ingot.benchmarks.learning_curve import Curve, learning_point
    from ingot.cli.options import named_path
    from ingot.cli.settings import parse_settings
    from ingot.cli.train import architecture_of, options_of
    from ingot.config.learning_curves import LearningCurveSettings
    from ingot.datasets import read_labelled
    from ingot.training import species_of

    settings = parse_settings(LearningCurveSettings, args.settings)
    if not 0 <= args.fold < settings.folds:
        raise BenchmarkError(f"--fold must lie in 0..{settings.folds - 1} (learning_curves.folds), got {args.fold}")
    # Files by hand have one zero of energy; data sets know theirs.
    frames = [atoms for path in args.data for atoms in read_labelled(path, method=Path(args.data[0]).name)]
    tests = {name: read_labelled(path, method=Path(args.data[0]).name) for name, path in map(named_path, args.test)}
    everything = [*frames, *(atoms for group in tests.values() for atoms in group)]
    training = settings.training
    curve = Curve(
        architecture=architecture_of(training, training.species or species_of(everything)),
        options=options_of(training),
        steps=settings.steps,
        force_limit=training.force_limit_ev_per_angstrom,
        folds=settings.folds,
        seed=args.seed,
        selection=args.selection,
    )
    for row in learning_point(curve, frames, tests, args.size, args.fold, args.loss == "forces", Path(args.output)):
        print(f"{row.set}: {row.quantity} RMSE {row.rmse:.4g} {row.unit}, of the mean {row.mean_predictor_rmse:.4g}")
    return 0


def _gather(args: argparse.Namespace) -> int:
    from ingot.benchmarks.learning_curve import gather_points

    print(f"{args.output}: {gather_points(args.points, args.output)} rows")
    return 0
