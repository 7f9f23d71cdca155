"""``ingot audit``: information entropy, diversity, novelty and overlap of data sets."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from ingot.cli.options import named_path
from ingot.cli.settings import parse_settings
from ingot.config.audit import AuditSettings
from ingot.config.report import ReportSettings
from ingot.errors import IngotError

if TYPE_CHECKING:
    from ase import Atoms

    from ingot.audit import Audited, Plan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of ``ingot audit``."""
    parser.epilog = (
        "A set is NAME=PATH, or PATH alone, which is then named after the file: "
        "a .zarr store or any file that ASE reads. The page is DIR/index.html, its tables stand beside it."
    )
    parser.add_argument("data", nargs="*", metavar="DATA", help="training sets, in the order they were acquired")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=PATH", dest="sets", help="the same, named")
    parser.add_argument(
        "--test", action="append", default=[], metavar="NAME=PATH", help="structures to hold against the training sets"
    )
    parser.add_argument(
        "--trajectory",
        action="append",
        default=[],
        metavar="NAME=PATH",
        help="dynamics to hold against the training sets, frame by frame",
    )
    parser.add_argument(
        "--against", action="append", default=[], metavar="REF", help="training sets that come before all others"
    )
    parser.add_argument(
        "--group",
        action="append",
        metavar="KEY",
        help="also list entropy by this label: family, parent or any key of the structures' info; repeatable",
    )
    parser.add_argument("--atoms", action="store_true", help="write all structures of added sets, coloured by novelty")
    parser.add_argument("--settings", metavar="JSON", help="the `audit` section: JSON text, or a JSON or YAML file")
    parser.add_argument("--page", metavar="JSON", help="the `report` section, for the page")
    parser.add_argument("--no-page", action="store_true", help="write the tables alone")
    parser.add_argument("--redraw", action="store_true", help="make the page anew from the tables that are there")
    parser.add_argument("--seed", type=int, default=0, help="seed of what is drawn at random (0)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder of page and tables")


def run(args: argparse.Namespace) -> int:
    """Describe every set, compare, write tables, coloured structures and the page."""
    if args.redraw:
        return _draw(args)
    settings = parse_settings(AuditSettings, args.settings)
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # the kernel sums bring threads of their own

    from ingot.audit import audit_sets, describe
    from ingot.audit.table_files import COLUMNS, write_table
    from ingot.progress import progress

    training = [named_path(text) for text in (*args.against, *args.data, *args.sets)]
    tests, trajectories = ([named_path(text) for text in texts] for texts in (args.test, args.trajectory))
    trajectories += [(name, Path(path)) for name, path in settings.trajectories.items()]
    groups = tuple(args.group or settings.groups)
    frames: dict[str, list[Atoms]] = {}
    for name, path in progress([*training, *tests, *trajectories], "reading", unit="set"):
        if name in frames:
            raise IngotError(f"set names must be unique, and {name} is there twice: give NAME=PATH")
        frames[name] = _read(path, groups)
    known = sorted({symbol for some in frames.values() for atoms in some for symbol in atoms.get_chemical_symbols()})
    constants = (
        settings.neighbors,
        settings.cutoff_angstrom,
        known if settings.species else None,
        args.threads,
        groups,
    )
    sets = {name: describe(name, some, *constants) for name, some in progress(frames.items(), "describing", unit="set")}
    data, held_out, dynamics = ([sets[name] for name, _ in some] for some in (training, tests, trajectories))
    audited = audit_sets(data, held_out, dynamics, _plan(args, settings))
    stated: dict[str, object] = {
        name: getattr(settings, name) for name in ("neighbors", "cutoff_angstrom", "bandwidth_per_angstrom")
    }
    for name, columns in COLUMNS.items():
        write_table(args.output / f"{name}.csv", columns, audited.tables[name], stated)
    _write_structures(args, audited, frames, [name for name, _ in trajectories], settings.listed)
    _print(audited)
    return 0 if args.no_page else _draw(args)


def _draw(args: argparse.Namespace) -> int:
    """The page of the tables in the folder."""
    from ingot.reporting.audit_page import build_audit_page
    from ingot.reporting.html import write_page

    kind = parse_settings(ReportSettings, args.page).figure_format
    write_page(build_audit_page(args.output, kind), args.output / "index.html")
    print(f"{args.output / 'index.html'}")
    return 0


def _read(path: Path, keys: tuple[str, ...]) -> list["Atoms"]:
    """All structures, with those keys of their ``info`` that are asked for."""
    import ase.io

    from ingot.datasets import read_frames
    from ingot.dynamics.trajectory import is_trajectory, read_trajectory, trajectory_to_ase

    if is_trajectory(path):
        return list(trajectory_to_ase(read_trajectory(path)))
    frames = read_frames(path)
    if {*keys} - {"family", "parent"} and path.is_file():
        for atoms, original in zip(frames, ase.io.iread(path, index=":"), strict=True):
            atoms.info |= {key: original.info[key] for key in keys if key in original.info}
    return frames


def _plan(args: argparse.Namespace, settings: AuditSettings) -> "Plan":
    from ingot.audit import Engine, Plan

    return Plan(
        bandwidth=settings.bandwidth_per_angstrom,
        thresholds=settings.overlap_thresholds,
        groups=tuple(args.group or settings.groups),
        curve_repeats=settings.curve_repeats,
        curve_environments=settings.curve_environments,
        exact_environments=settings.exact_environments,
        outliers=settings.listed,
        compression=settings.compression,
        seed=args.seed,
        engine=Engine(settings.precision, args.threads, settings.backend),
    )


def _write_structures(
    args: argparse.Namespace, audited: "Audited", frames: dict[str, list["Atoms"]], trajectories: list[str], listed: int
) -> None:
    """Trajectories, with ``--atoms`` every set, and the most novel structures of the others, coloured by novelty."""
    from ingot.audit.table_files import write_novelty

    for name, novelty in audited.novelty.items():
        part, some = audited.rows[name], frames[name]
        if args.atoms or name in trajectories:
            write_novelty(args.output / "structures" / f"{name}.extxyz", some, part, novelty)
        else:
            write_novelty(args.output / "most-novel" / f"{name}.extxyz", some, part, novelty, listed)


def _print(audited: "Audited") -> None:
    for row in audited.tables["summary"]:
        if row["grouping"] == "set":
            print(
                f"{row['role']:10} {row['group']:24} {row['environments']:>9} environments"
                f"  H {row['entropy']:.3f}  D {row['diversity']:.3f}  ln N {row['largest_entropy']:.3f}"
            )
    for row in audited.tables["novelty"]:
        print(
            f"novelty    {row['set']:24} {100 * float(str(row['share_above_0'])):.1f} % above 0 against all before it"
        )
    final = {row["set"]: row["up_to"] for row in audited.tables["overlap"]}
    for row in audited.tables["overlap"]:
        if row["up_to"] == final[row["set"]]:
            print(f"overlap    {row['set']:24} {row['overlap']:.3f} covered at dH < {row['threshold']:g}")
