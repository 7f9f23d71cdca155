"""``ingot compress``: a small part of a data set that holds most of what it holds."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ingot.cli.settings import parse_settings
from ingot.config.audit import AuditSettings
from ingot.errors import IngotError

if TYPE_CHECKING:
    from ase import Atoms


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What is compressed, how far, and beside what."""
    parser.add_argument("data", nargs="+", metavar="DATA", help="structures: .zarr stores, or any files that ASE reads")
    amount = parser.add_mutually_exclusive_group(required=True)
    amount.add_argument("--fraction", type=float, help="share of the structures that is kept")
    amount.add_argument("--count", type=int, help="number of structures that are kept")
    parser.add_argument(
        "--method",
        choices=("msc", "farthest", "random"),
        default="msc",
        help="minimum set coverage, farthest mean descriptors, or chance (msc)",
    )
    parser.add_argument(
        "--given",
        nargs="*",
        default=[],
        metavar="DATA",
        help="structures that are there: only what they lack counts",
    )
    parser.add_argument("--settings", metavar="JSON", help="the `audit` section: JSON text, or a JSON or YAML file")
    parser.add_argument("--seed", type=int, default=0, help="seed of `random` (0)")
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="FILE",
        help="what is kept (.extxyz), in the order of taking",
    )


def run(args: argparse.Namespace) -> int:
    """Take structures one by one; write them, and a table of what the first of them cover."""
    import io

    import ase.io
    import numpy as np

    from ingot.audit import Engine, coverage_curve, environment_descriptors, take_structures
    from ingot.audit.table_files import write_table
    from ingot.files import write_atomically

    if args.output.suffix not in (".extxyz", ".xyz"):
        raise IngotError(f"{args.output}: what is kept is written as .extxyz")
    settings = parse_settings(AuditSettings, args.settings)
    engine = Engine(settings.precision, args.threads, settings.backend)
    frames, given = _read(args.data), _read(args.given)
    known = sorted({symbol for atoms in (*frames, *given) for symbol in atoms.get_chemical_symbols()})
    shape = (settings.neighbors, settings.cutoff_angstrom, known if settings.species else None, args.threads)

    def described(some: list["Atoms"]) -> list[np.ndarray]:
        return np.split(environment_descriptors(some, *shape), np.cumsum([len(atoms) for atoms in some])[:-1])

    if args.fraction is not None and not 0 < args.fraction <= 1:
        raise IngotError(f"--fraction lies above 0 and is at most 1, got {args.fraction}")
    count = args.count if args.count is not None else int(np.ceil(args.fraction * len(frames) - 1e-9))
    environments, there = described(frames), described(given) if given else []
    h = settings.bandwidth_per_angstrom
    order = take_structures(environments, count, args.method, there, h, args.seed, engine)
    text = io.StringIO()
    ase.io.write(text, [frames[k] for k in order], format="extxyz")
    write_atomically(args.output, text.getvalue())
    sizes = sorted({max(1, round(count * share)) for share in (0.05, 0.1, 0.2, 0.4, 0.7, 1.0)})
    rows = [vars(point) for point in coverage_curve(environments, order, sizes, h, engine)]
    stated = {"method": args.method, "bandwidth_per_angstrom": h}
    write_table(args.output.with_suffix(".coverage.csv"), list(rows[0]), rows, stated)
    last = rows[-1]
    print(
        f"{args.output}: {count} of {len(frames)} structures, {last['environments']} environments, entropy "
        f"{last['entropy']:.3f}, diversity {last['diversity']:.3f}; dH < 1 covers {100 * last['related']:.1f} % of all"
    )
    return 0


def _read(paths: list[str]) -> list["Atoms"]:
    """Structures with the labels that they have."""
    from ingot.datasets import load_dataset, to_ase
    from ingot.structures.files import read_any

    frames = []
    for path in map(Path, paths):
        if path.suffix == ".zarr":
            frames += to_ase(load_dataset(path), labelled_only=False)
        elif path.is_file():
            frames += read_any(path)
        else:
            raise IngotError(f"no file at {path}")
    return frames
