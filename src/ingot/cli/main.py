"""``ingot``: dispatches to one module per command and prints errors that help."""

import argparse
import os
import sys
from importlib import import_module

from ingot import __version__
from ingot.compiled import keep_xla_programs
from ingot.errors import IngotError, near_name

COMMANDS = {
    "structures": "build seeded structures: lattices, strains, rattles, random packings",
    "trajectories": "structures from the dynamics of a potential that is already there",
    "label": "label structures with a first-principles method, an ASE calculator or a potential",
    "store": "label archives: out of the label store, and back into one",
    "dataset": "collect labels into a checksummed Zarr data set; split it by parent",
    "train": "train a neural potential to energies and forces",
    "curve": "learning curves: errors against the number of labels, with and without forces",
    "simulate": "run molecular dynamics with a potential",
    "explore": "drive an ensemble through nonequilibrium dynamics to find what it does not know",
    "select": "choose the frames worth labelling, and decide whether to stop",
    "audit": "information entropy, diversity, novelty and overlap of data sets",
    "compress": "keep the part of a data set that holds most of what it holds",
    "benchmark": "put a potential through accuracy, crystal, melt and coexistence benchmarks",
    "compare": "put several potentials through the same benchmarks, and make one page of them",
    "report": "assemble the report page from the results of a run",
    "verify": "check every manifest below a folder against the files it lists",
    "convert": "potentials and data sets of other programs into Ingot formats",
    "fetch": "third-party data: pinned, checked, from the network or from a folder",
    "doctor": "what this machine offers, and what is missing",
    "config": "write the schema, the defaults and the reference page of the configuration",
    "plan": "which stages a configuration will run, and about how long",
    "artifact": "pack a finished run into one archive",
}


def _limit_threads(threads: int) -> None:
    """One thread count for every numerical library, set before any of them loads."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(threads)
    flags = os.environ.get("XLA_FLAGS", "")
    if threads == 1 and "xla_cpu_multi_thread_eigen" not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} --xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1".strip()
    os.environ.setdefault("JAX_PLATFORMS", os.environ.get("INGOT_PLATFORM", ""))


def main(argv: list[str] | None = None) -> int:
    """Entry point; returns the exit status (0 done, 1 an error that was explained, 2 wrong usage)."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = argparse.ArgumentParser(prog="ingot", description=__doc__.split(":", 1)[1].strip())
    parser.add_argument("--version", action="version", version=f"ingot {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    chosen = next((a for a in arguments if not a.startswith("-")), None)
    if chosen is not None and chosen not in COMMANDS:
        print(f"ingot: unknown command {chosen!r}{near_name(chosen, COMMANDS)}\n"
              f"commands: {', '.join(COMMANDS)}", file=sys.stderr)  # fmt: skip
        return 2
    for name, sentence in COMMANDS.items():
        command = commands.add_parser(name, help=sentence, description=sentence)
        if name == chosen:
            command.add_argument("--threads", type=int, default=1, help="threads of the numerical libraries (1)")
            module = import_module(f"ingot.cli.{name}")
            module.add_arguments(command)
    args = parser.parse_args(arguments)
    _limit_threads(args.threads)
    keep_xla_programs()
    try:
        return int(import_module(f"ingot.cli.{args.command}").run(args) or 0)
    except IngotError as error:
        print(f"ingot {args.command}: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1
    except (MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "RESOURCE_EXHAUSTED" not in str(error):  # how XLA says it
            raise
        first = next(iter(str(error).splitlines()), "no more is said")
        print(
            f"ingot {args.command}: out of memory: {first}\n"
            "  smaller batches, training.memory_mb, fewer processes side by side or a larger machine help",
            file=sys.stderr,
        )
        return 1
    except OSError as error:  # a full disk, no permission, a missing file: the user's to mend
        place = f": {error.filename}" if error.filename else ""
        print(f"ingot {args.command}: {error.strerror or error}{place}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
