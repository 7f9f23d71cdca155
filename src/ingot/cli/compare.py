"""``ingot compare``: several potentials through the same benchmarks, and one page of them.

``ingot benchmark`` without a suite does the same.
"""

import argparse
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingot.cli.options import named_path
from ingot.errors import IngotError, near_name

if TYPE_CHECKING:
    from ingot.config.benchmarks import BenchmarkSettings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Potentials to put through the benchmarks, folders of finished ones, the page."""
    parser.add_argument(
        "folders",
        nargs="*",
        metavar="[NAME=]DIR",
        help="finished benchmarks: a folder with crystal/, rdf/, coexistence/ for each potential",
    )
    add_potentials(parser)
    parser.add_argument("--settings", help="JSON or a file: the section `report`")
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="the page, such as comparison/index.html")


def add_potentials(parser: argparse.ArgumentParser, prefix: str = "") -> None:
    """What to benchmark first, and how; ``prefix`` of the names that the values get."""
    add = parser.add_argument
    add(
        "--potential",
        dest=f"{prefix}potential",
        action="append",
        default=[],
        metavar="[NAME=]PATH",
        help="a potential to benchmark first, into a folder of its name beside the page; repeatable",
    )
    add(
        "--calculator",
        dest=f"{prefix}calculator",
        action="append",
        default=[],
        metavar="[NAME=]CALCULATOR",
        help="likewise any ASE calculator: emt, ase.calculators.emt.EMT, or with keyword arguments as JSON "
        "ase.calculators.lj.LennardJones{...}; repeatable",
    )
    add(
        "--benchmarks",
        dest=f"{prefix}benchmarks",
        help="JSON or a file: the section `benchmarks` (default: crystal and thermal, and melt and coexistence of an "
        "element whose melting point is among the published values)",
    )
    add("--seed", dest=f"{prefix}seed", type=int, default=0, help="seed of the benchmarks (0)")
    add("--element", dest=f"{prefix}element", help="the element, for its published values (default: that of the run)")


def run(args: argparse.Namespace) -> int:
    """Benchmark what is not done yet, read the tables, draw, write the page."""
    potentials = [(name, ["--potential", str(path)]) for name, path in map(named_path, args.potential)]
    potentials += [(name, ["--calculator", made]) for name, made in map(_named_calculator, args.calculator)]
    folders = [named_path(text) for text in args.folders]
    if not potentials and not folders:
        raise IngotError("nothing to compare: give folders of finished benchmarks, --potential or --calculator")
    return compare(folders, potentials, args, Path(args.output), args.settings)


def compare(
    folders: Sequence[tuple[str, Path]],
    potentials: Sequence[tuple[str, list[str]]],
    args: argparse.Namespace,
    page: Path,
    report: str | None,
) -> int:
    """Benchmark ``potentials`` (by name, as the options that name them) beside the page, and make the page of all."""
    from ingot.cli.settings import parse_settings
    from ingot.config.benchmarks import BenchmarkSettings
    from ingot.config.report import ReportSettings
    from ingot.reporting.comparison import build_comparison
    from ingot.reporting.html import write_page

    every = [*folders, *((name, page.parent / name) for name, _ in potentials)]
    names = [name for name, _ in every]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise IngotError(f"two potentials are called {', '.join(twice)}: give them names, NAME=PATH")
    settings = parse_settings(BenchmarkSettings, args.benchmarks, "--benchmarks") if args.benchmarks else None
    element = _element(args.element, settings, folders, potentials)
    if potentials:
        settings = settings or parse_settings(BenchmarkSettings, _default_text(element))
        for name, what in potentials:
            _benchmark(what, settings, element, args, page.parent / name)
    built = build_comparison(dict(every), element, parse_settings(ReportSettings, report).figure_format)
    write_page(built, page)
    print(f"{page}: {len(every)} potentials, {len(built.figures)} figures")
    return 0


def _suites() -> tuple[str, ...]:
    from ingot.reporting.headline import SUITES

    return SUITES


def _named_calculator(text: str) -> tuple[str, str]:
    """``NAME=CALCULATOR``; without a name, the calculator's own."""
    before, brace, arguments = text.partition("{")
    name, equals, calculator = before.partition("=")
    if not equals:
        name, calculator = before.rpartition(".")[2], before
    if not name or not calculator:
        raise IngotError(f"{text!r} has no name or no calculator: give NAME=CALCULATOR or CALCULATOR")
    return name, f"{calculator}{brace}{arguments}"


def _element(
    stated: str | None,
    settings: "BenchmarkSettings | None",
    folders: Sequence[tuple[str, Path]],
    potentials: Sequence[tuple[str, list[str]]],
) -> str:
    """The stated element, that of the settings, of a run, or of the first potential for one alone."""
    from ase.data import chemical_symbols

    from ingot.reporting.headline import element_of
    from ingot.reporting.run import Run

    if stated:
        if stated not in chemical_symbols:
            raise IngotError(f"there is no element {stated!r}{near_name(stated, chemical_symbols)}")
        return stated
    sections = [getattr(settings, suite) for suite in _suites()] if settings else []
    for section in sections:
        if section is not None and section.element:
            return str(section.element)
    for _, folder in folders:
        if found := element_of(Run(folder.parent)):
            return found
    for _, (option, what) in potentials:
        if option == "--potential":
            from ingot.potentials import load_potential

            species = load_potential(what).architecture.species
            if len(species) == 1:
                return species[0]
    raise IngotError("which element? give --element: its published values stand beside those of the potentials")


def _default_text(element: str) -> str:
    import json

    chosen = default_benchmarks(element)
    if "rdf" not in chosen:
        print(f"no melting point of {element} among the published values: --benchmarks can ask for the melt")
    return json.dumps(chosen)


def default_benchmarks(element: str) -> dict[str, Any]:
    """What a potential for a cubic metal is put through where nothing is said.

    Melt and coexistence need a temperature; they are left out where no melting point is among the published values.
    Raises :class:`IngotError` for elements whose crystal is neither fcc nor bcc.
    """
    from ase.data import atomic_numbers, reference_states

    from ingot.benchmarks.reference import reference_values

    lattice = (reference_states[atomic_numbers[element]] or {}).get("symmetry")
    if lattice not in ("fcc", "bcc"):
        raise IngotError(f"nothing is done to {element} ({lattice or 'no simple crystal'}) unasked: give --benchmarks")
    crystal = {
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
    return chosen


def _benchmark(
    what: list[str], settings: "BenchmarkSettings", element: str, args: argparse.Namespace, folder: Path
) -> None:
    """All suites that the settings have, each unless the same code finished it for the same potential and settings.

    Results of another potential, code or setting in the same place are moved aside, to ``SUITE.before``.
    """
    from ingot.cli import benchmark
    from ingot.files import digest, read_json, write_json
    from ingot.provenance import suite_digest

    asked = [suite for suite in _suites() if getattr(settings, suite) is not None]
    if not asked:
        raise IngotError(f"--benchmarks names no benchmark: it needs one of the sections {', '.join(_suites())}")
    identity = _identity(*what)
    for suite in _suites():
        about = {"of": identity, "seed": args.seed, "code": suite_digest(suite)}
        stamp = folder / suite / "settings.json"
        found = read_json(stamp) if stamp.is_file() else {}
        if suite not in asked:
            if (folder / suite).exists() and {key: found.get(key) for key in about} != about:
                _aside(folder / suite)
            continue
        section = getattr(settings, suite)
        section = section.model_copy(update={"element": section.element or element}).model_dump_json()
        mark = {"settings": digest(section), **about}
        if found == mark:
            print(f"{folder / suite}: finished before")
            continue
        if (folder / suite).exists():
            _aside(folder / suite)
        parser = argparse.ArgumentParser(prog=f"ingot benchmark {suite}")
        benchmark.add_arguments(parser)
        command = [suite, *what, "--settings", section, "--seed", str(args.seed), "-o", str(folder / suite)]
        try:
            benchmark.run(parser.parse_args(command, argparse.Namespace(threads=args.threads)))
        except IngotError as error:
            raise IngotError(f"{suite} of {what[1]}: {error}") from error
        # What a calculator could not do today it may do tomorrow.
        if what[0] == "--potential" or not _failures(folder / suite):
            write_json(stamp, mark)


def _aside(folder: Path) -> None:
    before = folder.with_name(f"{folder.name}.before")
    if before.exists():
        shutil.rmtree(before)
    folder.rename(before)
    print(f"{folder}: results of another potential, code or setting are now in {before}")


def _failures(folder: Path) -> bool:
    from ingot.benchmarks.tables import read_quantities

    return any(quantity.status == "failed" for quantity in read_quantities(folder / "quantities.csv"))


def _identity(option: str, what: str) -> str:
    """What a potential computes, wherever it lies; of a calculator only its name, arguments and version are known."""
    if option == "--potential":
        from ingot.dynamics import potential_digest
        from ingot.potentials import load_potential

        return potential_digest(load_potential(what))
    from importlib import metadata

    from ingot.provenance import code_digest

    package = what.partition(".")[0]
    try:
        version = metadata.version(package)
    except metadata.PackageNotFoundError:
        version = ""
    return f"{what}, {package} {version}, ase {metadata.version('ase')}, {code_digest('ingot.dynamics.external')}"
