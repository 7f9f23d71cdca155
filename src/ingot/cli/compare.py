"""``ingot compare``: several potentials through the same benchmarks, and one page of them."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ingot.cli.options import named_path
from ingot.errors import IngotError

if TYPE_CHECKING:
    from ingot.config.benchmarks import BenchmarkSettings

SUITES = ("crystal", "thermal", "rdf", "coexistence")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Potentials to put through the benchmarks, folders of finished ones, the page."""
    parser.add_argument(
        "folders",
        nargs="*",
        metavar="[NAME=]DIR",
        help="finished benchmarks: a folder with crystal/, rdf/, coexistence/ for each potential",
    )
    parser.add_argument(
        "--potential",
        action="append",
        default=[],
        metavar="[NAME=]PATH",
        help="a potential to benchmark first, into a folder of its name beside the page; repeatable",
    )
    parser.add_argument("--benchmarks", help="JSON or a file: the section `benchmarks`, for --potential")
    parser.add_argument("--seed", type=int, default=0, help="seed of the benchmarks (0)")
    parser.add_argument("--element", help="the element, for its published values (default: that of the run)")
    parser.add_argument("--settings", help="JSON or a file: the section `report`")
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="the page, such as comparison/index.html")


def run(args: argparse.Namespace) -> int:
    """Benchmark what is not done yet, read the tables, draw, write the page."""
    from ingot.cli.settings import parse_settings
    from ingot.config.benchmarks import BenchmarkSettings
    from ingot.config.report import ReportSettings
    from ingot.reporting.comparison import build_comparison
    from ingot.reporting.headline import element_of
    from ingot.reporting.html import write_page
    from ingot.reporting.run import Run

    output = Path(args.output)
    potentials = [named_path(text) for text in args.potential]
    folders = [named_path(text) for text in args.folders] + [(name, output.parent / name) for name, _ in potentials]
    names = [name for name, _ in folders]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise IngotError(f"two potentials are called {', '.join(twice)}: give them names, NAME=PATH")
    if not folders:
        raise IngotError("nothing to compare: give folders of finished benchmarks, or --potential")
    if potentials:
        settings = parse_settings(BenchmarkSettings, args.benchmarks)
        for name, path in potentials:
            _benchmark(path, settings, args.seed, output.parent / name)
    element = args.element or next((e for _, folder in folders if (e := element_of(Run(folder.parent)))), None)
    if element is None:
        raise IngotError("which element? give --element: its published values stand beside those of the potentials")
    page = build_comparison(dict(folders), element, parse_settings(ReportSettings, args.settings).figure_format)
    write_page(page, output)
    print(f"{output}: {len(folders)} potentials, {len(page.figures)} figures")
    return 0


def _benchmark(path: Path, settings: "BenchmarkSettings", seed: int, folder: Path) -> None:
    """All suites that the settings have, each unless it was finished with the same settings."""
    from ingot.cli.main import main
    from ingot.files import digest, read_json, write_json

    asked = [suite for suite in SUITES if getattr(settings, suite) is not None]
    if not asked:
        raise IngotError(f"--benchmarks names no benchmark: it needs one of the sections {', '.join(SUITES)}")
    for suite in asked:
        section = getattr(settings, suite).model_dump_json()
        stamp, mark = folder / suite / "settings.json", {"settings": digest(section), "seed": seed}
        if stamp.is_file() and read_json(stamp) == mark:
            print(f"{folder / suite}: finished before")
            continue
        command = ["benchmark", suite, "--potential", str(path), "--settings", section, "--seed", str(seed)]
        if main([*command, "-o", str(folder / suite)]) != 0:
            raise IngotError(f"the benchmark {suite} of {path} did not finish: see above")
        write_json(stamp, mark)
