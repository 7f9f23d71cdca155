"""``ingot compare``: several potentials through the same benchmarks, and one page of them."""

import argparse
import json
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
    add_potentials(parser)
    parser.add_argument("--seed", type=int, default=0, help="seed of the benchmarks (0)")
    parser.add_argument("--element", help="the element, for its published values (default: that of the run)")
    parser.add_argument("--settings", help="JSON or a file: the section `report`")
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="the page, such as comparison/index.html")


def add_potentials(parser: argparse.ArgumentParser) -> None:
    """What to benchmark first, and how."""
    parser.add_argument(
        "--potential",
        action="append",
        default=[],
        metavar="[NAME=]PATH",
        help="a potential to benchmark first, into a folder of its name beside the page; repeatable",
    )
    parser.add_argument(
        "--calculator",
        action="append",
        default=[],
        metavar="[NAME=]CALCULATOR",
        help="likewise any ASE calculator, such as emt or ase.calculators.emt.EMT; repeatable",
    )
    parser.add_argument(
        "--benchmarks",
        help="JSON or a file: the section `benchmarks` (default: crystal and thermal, and the melt of elements whose "
        "melting point is among the published values)",
    )


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
    asked = [(name, ["--potential", str(path)]) for name, path in map(named_path, args.potential)]
    asked += [(name, ["--calculator", made]) for name, made in map(_named_calculator, args.calculator)]
    folders = [named_path(text) for text in args.folders] + [(name, output.parent / name) for name, _ in asked]
    names = [name for name, _ in folders]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise IngotError(f"two potentials are called {', '.join(twice)}: give them names, NAME=PATH")
    if not folders:
        raise IngotError("nothing to compare: give folders of finished benchmarks, --potential or --calculator")
    element = args.element or next((e for _, folder in folders if (e := element_of(Run(folder.parent)))), None)
    element = element or next((e for _, what in asked if (e := _only_element(*what))), None)
    if element is None:
        raise IngotError("which element? give --element: its published values stand beside those of the potentials")
    if asked:
        chosen = args.benchmarks or json.dumps(default_benchmarks(element))
        settings = parse_settings(BenchmarkSettings, chosen, "--benchmarks")
        for name, what in asked:
            _benchmark([*what, "--element", element], settings, args.seed, output.parent / name)
    page = build_comparison(dict(folders), element, parse_settings(ReportSettings, args.settings).figure_format)
    write_page(page, output)
    print(f"{output}: {len(folders)} potentials, {len(page.figures)} figures")
    return 0


def _named_calculator(text: str) -> tuple[str, str]:
    """``NAME=CALCULATOR``; without a name, the calculator's own."""
    name, equals, calculator = text.partition("=")
    return (name, calculator) if equals else (text.rpartition(".")[2], text)


def default_benchmarks(element: str) -> dict[str, Any]:
    """What a potential is put through where nothing is said: every benchmark that the element allows.

    Melt and coexistence need a temperature; they are left out where no melting point is among the published values.
    """
    from ase.data import atomic_numbers, reference_states

    from ingot.benchmarks.reference import reference_values

    lattice = (reference_states[atomic_numbers[element]] or {}).get("symmetry") if element in atomic_numbers else None
    if lattice not in ("fcc", "bcc"):
        raise IngotError(f"say what to do with {element} ({lattice or 'unknown'}): give --benchmarks")
    crystal = {
        "element": element,
        "lattice": lattice,
        "phases": [other for other in ("fcc", "bcc", "hcp", "sc", "diamond") if other != lattice],
        "vacancy_repeat": 4,
        "vacancy_migration": True,
        "interstitial_repeat": 3,
        "surfaces": [[1, 1, 1], [1, 0, 0], [1, 1, 0]],
        "stacking_fault": lattice == "fcc",
        "bain_path": True,
        "phonon_repeat": 4,
    }
    chosen: dict[str, Any] = {"crystal": crystal, "thermal": {"lattice": lattice}}
    melting = [
        value.value
        for value in reference_values(element)
        if (value.quantity, value.kind) == ("coexistence_temperature", "experiment")
    ]
    if melting:
        chosen["rdf"] = {"temperature_kelvin": round(1.1 * melting[0]), "lattice": lattice, "repeat": [4, 4, 4]}
        chosen["coexistence"] = {"temperature_kelvin": round(melting[0]), "lattice": lattice, "repeat": [4, 4, 12]}
    else:
        print(f"no melting point of {element} among the published values: --benchmarks can ask for the melt")
    return chosen


def _benchmark(what: list[str], settings: "BenchmarkSettings", seed: int, folder: Path) -> None:
    """All suites that the settings have, each unless the same code finished it for the same potential and settings."""
    from ingot.cli.main import main
    from ingot.files import digest, read_json, write_json
    from ingot.provenance import code_digest

    asked = [suite for suite in SUITES if getattr(settings, suite) is not None]
    if not asked:
        raise IngotError(f"--benchmarks names no benchmark: it needs one of the sections {', '.join(SUITES)}")
    about = {"of": _identity(*what[:2]), "seed": seed, "code": code_digest("ingot.cli.benchmark")}
    for suite in asked:
        section = getattr(settings, suite).model_dump_json()
        stamp, mark = folder / suite / "settings.json", {"settings": digest(section), **about}
        if stamp.is_file() and read_json(stamp) == mark:
            print(f"{folder / suite}: finished before")
            continue
        stamp.unlink(missing_ok=True)  # what is half replaced is not finished
        command = ["benchmark", suite, *what, "--settings", section, "--seed", str(seed)]
        if main([*command, "-o", str(folder / suite)]) != 0:
            raise IngotError(f"the benchmark {suite} of {what[1]} did not finish: see above")
        write_json(stamp, mark)


def _only_element(option: str, what: str) -> str | None:
    """The element of a potential for one."""
    if option == "--calculator":
        return None
    from ingot.potentials import load_potential

    species = load_potential(what).architecture.species
    return species[0] if len(species) == 1 else None


def _identity(option: str, what: str) -> str:
    """What a potential computes, wherever it lies; of a calculator its name and ASE's version."""
    if option == "--calculator":
        return f"{what}, ase {metadata.version('ase')}"
    from ingot.dynamics import potential_digest
    from ingot.potentials import load_potential

    return potential_digest(load_potential(what))
