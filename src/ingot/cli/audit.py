"""``ingot audit``: information entropy, diversity, novelty and overlap of data sets."""

import argparse
import os
from pathlib import Path

from ingot.cli.options import named_path
from ingot.cli.settings import parse_settings
from ingot.config.audit import AuditSettings

TABLES = ("summary", "novelty", "overlap", "structures", "learning_curve")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``ingot audit``."""
    parser.epilog = (
        "A set is NAME=PATH, or PATH alone, which is then named after the file: "
        "a .zarr store or any file that ASE reads."
    )
    parser.add_argument("data", nargs="*", metavar="DATA", help="training sets, in the order they were acquired")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=PATH", dest="sets", help="the same, named")
    parser.add_argument(
        "--test", action="append", default=[], metavar="NAME=PATH", help="structures to hold against the training sets"
    )
    parser.add_argument(
        "--against", action="append", default=[], metavar="REF", help="training sets that come before all others"
    )
    parser.add_argument(
        "--group", action="append", choices=("family", "parent"), help="also list entropy by this label"
    )
    parser.add_argument("--settings", metavar="JSON", help="the `audit` section: JSON text, or a JSON or YAML file")
    parser.add_argument("--seed", type=int, default=0, help="seed of the draws of the learning curve (0)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder of the tables")


def run(args: argparse.Namespace) -> int:
    """Describe every set, compare, write the tables."""
    settings = parse_settings(AuditSettings, args.settings)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # the kernel sums bring threads of their own

    from ingot.audit import Engine, audit_tables, describe, write_table
    from ingot.datasets import read_frames
    from ingot.progress import progress

    training = [named_path(text) for text in (*args.against, *args.data, *args.sets)]
    tests = [named_path(text) for text in args.test]
    sets = [
        describe(name, read_frames(path), settings.neighbors, settings.cutoff_angstrom, args.threads)
        for name, path in progress([*training, *tests], "describing", unit="set")
    ]
    tables = audit_tables(
        sets[: len(training)],
        sets[len(training) :],
        bandwidth=settings.bandwidth_per_angstrom,
        thresholds=settings.overlap_thresholds,
        groups=tuple(args.group or settings.groups),
        seed=args.seed,
        curve_repeats=settings.curve_repeats,
        curve_environments=settings.curve_environments,
        engine=Engine(settings.precision, args.threads),
    )
    constants: dict[str, object] = {
        name: getattr(settings, name) for name in ("neighbors", "cutoff_angstrom", "bandwidth_per_angstrom")
    }
    for name in TABLES:
        write_table(args.output / f"{name}.csv", name, tables[name], constants)
    for row in tables["summary"]:
        if row["grouping"] == "set":
            print(
                f"{row['role']:8} {row['group']:24} {row['environments']:>9} environments"
                f"  H {row['entropy']:.3f}  D {row['diversity']:.3f}  ln N {row['largest_entropy']:.3f}"
            )
    for row in tables["novelty"]:
        print(f"novelty  {row['set']:24} {100 * float(str(row['share_above_0'])):.1f} % above 0 against all before it")
    for row in tables["overlap"]:
        if row["up_to"] == training[-1][0]:
            print(f"overlap  {row['set']:24} {row['overlap']:.3f} covered at dH < {row['threshold']:g}")
    return 0
