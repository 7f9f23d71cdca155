"""``ingot benchmark accuracy|novelty|crystal|reference-structures|direct|thermal|rdf|coexistence``.

Without a suite, several potentials and one page: what ``ingot compare`` does.
"""

import argparse
import re
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ingot.cli.options import named_path
from ingot.errors import IngotError

if TYPE_CHECKING:
    from ase import Atoms
    from ase.calculators.calculator import BaseCalculator

    from ingot.benchmarks.crystal import CrystalProperties
    from ingot.benchmarks.direct import ReferenceSettings
    from ingot.benchmarks.evaluation import Evaluate
    from ingot.benchmarks.spread import Findings
    from ingot.config.base import Section
    from ingot.config.benchmarks import CrystalSettings
    from ingot.dynamics import Model as DynamicsModel


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One action per suite; potentials without a suite are compared."""
    _comparison().add_potentials(parser, _WITHOUT_SUITE)
    parser.add_argument(
        "-o", "--output", dest=f"{_WITHOUT_SUITE}output", help="the folder of the page (index.html) and of all results"
    )
    suites = parser.add_subparsers(dest="suite", metavar="SUITE", title="one suite alone")

    accuracy = suites.add_parser(
        "accuracy", help="errors on labelled structures, and whether the potential expected them"
    )
    accuracy.add_argument(
        "--potential",
        action="append",
        required=True,
        metavar="[NAME=]DIR",
        help="repeatable; the last is the headline; one named iteration-N has not seen the sets iteration-N and later",
    )
    accuracy.add_argument(
        "--set",
        action="append",
        required=True,
        metavar="NAME=DATA",
        help="labelled structures: a .zarr store, or any file ASE reads",
    )
    accuracy.add_argument(
        "--splits", nargs="*", default=[], metavar="FILE", help="splits.json of the sets that have one"
    )
    _common(accuracy, "the section `benchmarks.accuracy`")

    novelty = suites.add_parser("novelty", help="whether the novelty of environments foretells errors of forces")
    novelty.add_argument("--potential", required=True, metavar="DIR", help="an Ingot potential")
    novelty.add_argument(
        "--training",
        action="append",
        required=True,
        metavar="NAME=DATA",
        help="what it was trained on: a .zarr store, or any file ASE reads; with --splits the rest of it is tested",
    )
    novelty.add_argument("--set", action="append", default=[], metavar="NAME=DATA", help="further labelled structures")
    novelty.add_argument("--splits", nargs="*", default=[], metavar="FILE", help="splits.json of the training sets")
    novelty.add_argument("--audit", help="JSON or a file: the section `audit`")
    _common(novelty, "the section `benchmarks.novelty`")

    crystal = suites.add_parser("crystal", help="equation of state, elastic constants, relative phase energies")
    _model(crystal)
    _common(crystal, "the section `benchmarks.crystal`")

    cells = suites.add_parser("reference-structures", help="the cells that the label method computes for `direct`")
    cells.add_argument("--lattice", help="only the cells of one lattice: these share one k-point and one FFT mesh")
    cells.add_argument("--labels", metavar="JSON", help="JSON or a file: the section `labels`, for --label-settings")
    cells.add_argument(
        "--label-settings", metavar="FILE", help="write the label settings with the meshes pinned (JSON)"
    )
    _common(cells, "the section `benchmarks.direct`")

    direct = suites.add_parser("direct", help="the crystal benchmarks by the labels' own method")
    direct.add_argument("data", nargs="*", help="the labelled reference cells: .zarr stores, or any files ASE reads")
    direct.add_argument("--labels", nargs="*", default=[], metavar="MANIFEST", help="or: manifests of label batches")
    direct.add_argument("--store", default="labels", help="the label store of the manifests (labels)")
    direct.add_argument("--potential", metavar="DIR", help="also ask this potential about the very same cells")
    _common(direct, "the section `benchmarks.direct`")

    for name, sentence in (
        ("thermal", "thermal expansion and heat capacity of the crystal"),
        ("rdf", "density, pair structure and diffusion of the melt"),
        ("coexistence", "the melting point from melt and crystal side by side"),
    ):
        melt = suites.add_parser(name, help=sentence)
        _model(melt)
        _common(melt, f"the section `benchmarks.{name}`")


def _common(parser: argparse.ArgumentParser, section: str) -> None:
    parser.add_argument("--settings", help=f"JSON or a file: {section}")
    parser.add_argument("--seed", type=int, default=0, help="seed of the random streams, where there are any (0)")
    parser.add_argument("-o", "--output", required=True, help="the folder (reference-structures: the file) to write")


def _model(parser: argparse.ArgumentParser) -> None:
    model = parser.add_mutually_exclusive_group(required=True)
    model.add_argument("--potential", metavar="DIR", help="an Ingot potential")
    model.add_argument(
        "--calculator",
        metavar="NAME",
        help="any ASE calculator: its name there, such as emt, or the import path of what makes it, such as "
        "ase.calculators.emt.EMT; keyword arguments as JSON: ase.calculators.lj.LennardJones{...}",
    )
    parser.add_argument("--element", help="the element (default: that of the settings, or the potential's only one)")


def run(args: argparse.Namespace) -> int:
    """Run one suite, or compare."""
    together = {k.removeprefix(_WITHOUT_SUITE): v for k, v in vars(args).items() if k.startswith(_WITHOUT_SUITE)}
    if args.suite is None:
        return _all(argparse.Namespace(threads=args.threads, **together))
    if given := [f"--{key}" for key, value in together.items() if value]:
        raise IngotError(f"{', '.join(given)} before {args.suite!r}: options of a suite come after its name")
    suites = {
        "accuracy": _accuracy,
        "novelty": _novelty,
        "crystal": _crystal,
        "reference-structures": _reference_structures,
        "direct": _direct,
        "thermal": _thermal,
        "rdf": _rdf,
        "coexistence": _coexistence,
    }
    return suites[args.suite](args)


_WITHOUT_SUITE = "together_"
"""What the values of options without a suite begin with: a suite has options of the same names."""


def _comparison() -> Any:
    # By its name: what a comparison imports, pages and figures, is no part of any suite.
    return import_module("ingot.cli.compare")


def _all(args: argparse.Namespace) -> int:
    """The benchmarks of every potential that is named, and the page."""
    if not args.output or not (args.potential or args.calculator):
        raise IngotError("which suite? Or several potentials and a page: --potential A --potential B ... -o FOLDER")
    args.output, args.folders, args.settings = str(Path(args.output) / "index.html"), [], None
    return int(_comparison().run(args))


def _accuracy(args: argparse.Namespace) -> int:
    from ingot.benchmarks.accuracy import Comparison, compare, method_zero
    from ingot.benchmarks.accuracy_tables import write_accuracy
    from ingot.benchmarks.splits import split_seen_by
    from ingot.cli.settings import parse_settings
    from ingot.config.benchmarks import AccuracySettings
    from ingot.datasets import read_labelled, read_splits
    from ingot.potentials import load_potential

    settings = parse_settings(AccuracySettings, args.settings)
    splits = read_splits(args.splits)
    sets = {name: read_labelled(path) for name, path in map(named_path, args.set)}
    results: dict[str, list[Comparison]] = {}
    for name, directory in (named_path(text, "potential") for text in args.potential):
        potential = load_potential(directory)
        calculator, results[name] = potential.calculator(), []
        zero = method_zero(potential.offsets, potential.provenance.get("offsets_by_method", {}))
        for origin, frames in sets.items():
            split_of = split_seen_by(name, origin, splits)
            results[name] += compare(calculator, frames, origin, split_of, potential.members, zero)
    write_accuracy(args.output, results, settings.interval, settings.parity_rows)
    return _summary(args.output)


def _novelty(args: argparse.Namespace) -> int:
    from ingot.audit import Engine
    from ingot.benchmarks.accuracy import Comparison, compare, method_zero
    from ingot.benchmarks.novelty import Environments, foretold, write_novelty_benchmark
    from ingot.benchmarks.splits import split_seen_by
    from ingot.cli.settings import parse_settings
    from ingot.config.audit import AuditSettings
    from ingot.config.benchmarks import NoveltySettings
    from ingot.datasets import read_labelled, read_splits
    from ingot.potentials import load_potential

    settings, audit = parse_settings(NoveltySettings, args.settings), parse_settings(AuditSettings, args.audit)
    potential = load_potential(args.potential)
    zero = method_zero(potential.offsets, potential.provenance.get("offsets_by_method", {}))
    splits = read_splits(args.splits)
    learned: list[Atoms] = []
    tests: dict[str, list[tuple[Atoms, Comparison]]] = {}
    for name, path in map(named_path, [*args.training, *args.set]):
        trained = name in [named_path(text)[0] for text in args.training]
        frames, split_of = read_labelled(path), split_seen_by("final", name, splits)
        seen = [not args.splits or split_of(a.info["structure_id"]) in ("train", "validation") for a in frames]
        learned += [atoms for atoms, was in zip(frames, seen, strict=True) if trained and was]
        rest = [atoms for atoms, was in zip(frames, seen, strict=True) if not (trained and was)]
        compared = compare(potential.calculator(), rest, name, split_of, potential.members, zero)
        for atoms, one in zip(rest, compared, strict=True):
            tests.setdefault(one.split if trained else name, []).append((atoms, one))
    species = tuple(potential.architecture.species) if audit.species else None
    how = Environments(audit.neighbors, audit.cutoff_angstrom, audit.bandwidth_per_angstrom, species)
    found = foretold(learned, tests, how, Engine(audit.precision, args.threads, audit.backend))
    write_novelty_benchmark(args.output, found, settings.rows, settings.resamples, args.seed)
    return _summary(args.output)


def _crystal(args: argparse.Namespace) -> int:
    from ingot.benchmarks.crystal import CrystalSettings, crystal_properties
    from ingot.benchmarks.crystal_tables import write_crystal
    from ingot.benchmarks.lattices import experimental_volume, primitive_cell, volume_per_atom
    from ingot.cli.settings import parse_settings
    from ingot.config import benchmarks as config

    settings = parse_settings(config.CrystalSettings, args.settings)
    model, members, species = _evaluations(args)
    element = _element(args.element or settings.element, species)
    a = settings.lattice_constant_angstrom
    volume = volume_per_atom(settings.lattice, a) if a else experimental_volume(element)
    sampling = CrystalSettings(
        points=settings.points,
        window=settings.window,
        strain=settings.strain,
        energy_strains=settings.energy_strains,
    )
    cell = primitive_cell(element, settings.lattice, volume)
    properties = crystal_properties(model, cell, members, settings.phases, sampling)
    write_crystal(args.output, properties, _beyond_elasticity(args, properties, element, settings))
    return _summary(args.output)


def _beyond_elasticity(
    args: argparse.Namespace, properties: "CrystalProperties", element: str, settings: "CrystalSettings"
) -> "Findings":
    """Defects, the Bain path and phonons, where they are asked for."""
    from dataclasses import fields

    from ingot.benchmarks.crystal_suite import Model, Wanted, crystal_suite
    from ingot.benchmarks.errors import BenchmarkError
    from ingot.benchmarks.spread import Findings
    from ingot.potentials import load_potential

    wanted = Wanted(**{field.name: getattr(settings, field.name) for field in fields(Wanted)})
    if wanted.nothing:
        return Findings([])
    try:
        edge: float | BenchmarkError = properties["a0"]
    except BenchmarkError as error:
        edge = error
    if args.potential:
        potential = load_potential(args.potential)
        several = range(potential.members) if potential.members > 1 else range(0)
        members = [potential.member(k).calculator() for k in several]
        calculator: BaseCalculator = potential.calculator(uncertainty=False)
    else:
        calculator, members = _calculator(args.calculator), []
    return crystal_suite(Model(calculator, members, element, settings.lattice), wanted, edge, properties.unstable)


def _evaluations(args: argparse.Namespace) -> "tuple[BaseCalculator | Evaluate, list[Any], tuple[str, ...]]":
    """A model, its members, and the elements it is for (none when it does not say)."""
    if args.potential:
        from ingot.benchmarks.ensemble import EnsembleEvaluation
        from ingot.potentials import load_potential

        potential = load_potential(args.potential)
        ensemble = EnsembleEvaluation(potential)
        return ensemble.mean, ensemble.all_members(), potential.architecture.species
    return _calculator(args.calculator), [], ()


def _dynamics_model(args: argparse.Namespace, element: str | None) -> "DynamicsModel":
    """What drives dynamics."""
    if args.potential:
        from ingot.dynamics import Model
        from ingot.potentials import load_potential

        return Model.of(load_potential(args.potential))
    from ingot.benchmarks.errors import BenchmarkError
    from ingot.dynamics.external import calculator_model

    if element is None:
        raise BenchmarkError("state the element: `element` in the settings, or --element")
    return calculator_model(_calculator(args.calculator), (element,))


def _protocol(args: argparse.Namespace, model: "type[Section]") -> dict[str, Any]:
    """The settings of a benchmark by dynamics, with the element of the command line."""
    from ingot.cli.settings import parse_settings

    settings = parse_settings(model, args.settings).model_dump()
    return {**settings, "element": args.element or settings["element"]}


def _calculator(text: str) -> "BaseCalculator":
    from ase.calculators.calculator import get_calculator_class, names

    from ingot.benchmarks.errors import BenchmarkError
    from ingot.cli.settings import read_values
    from ingot.errors import near_name
    from ingot.labels.ase_calculator import load_calculator

    found = re.fullmatch(r"([^{]*)({.*})?", text.strip(), re.DOTALL)
    name, arguments = (found[1].strip(), found[2]) if found else (text, None)
    try:
        made = load_calculator(name) if "." in name else get_calculator_class(name)
    except (ImportError, AttributeError, KeyError):
        raise BenchmarkError(f"ASE has no calculator {name!r}{near_name(name, names)}") from None
    given = read_values(arguments, f"the arguments of {name}") if arguments else {}
    try:
        calculator: BaseCalculator = made(**given)
    except Exception as error:  # a calculator raises what it happens to raise
        raise BenchmarkError(f"the calculator {name} cannot be made: {type(error).__name__}: {error}") from error
    return calculator


def _element(stated: str | None, species: tuple[str, ...]) -> str:
    from ingot.benchmarks.errors import BenchmarkError

    if stated is not None:
        if species and stated not in species:
            raise BenchmarkError(f"the potential is for {', '.join(species)}, not for {stated!r}")
        return stated
    if len(species) != 1:
        raise BenchmarkError("state the element: `element` in the settings, or --element")
    return species[0]


def _reference_structures(args: argparse.Namespace) -> int:
    from ingot.benchmarks.direct import reference_cells
    from ingot.benchmarks.errors import BenchmarkError
    from ingot.structures import write_structures

    element, settings = _direct_settings(args)
    cells = reference_cells(element, settings)
    if args.lattice:
        lattices = list(dict.fromkeys(cell.lattice for cell in cells))
        if args.lattice not in lattices:
            raise BenchmarkError(
                f"the settings have no cells of lattice {args.lattice!r}; they have {', '.join(lattices)}"
            )
        cells = [cell for cell in cells if cell.lattice == args.lattice]
    write_structures(args.output, [cell.atoms for cell in cells])
    if args.label_settings:
        _write_label_settings(args, [cell.atoms for cell in cells])
    print(f"{args.output}: {len(cells)} cells of {element}")
    return 0


def _write_label_settings(args: argparse.Namespace, cells: "list[Atoms]") -> None:
    from ingot.benchmarks.direct_meshes import pinned_label_settings
    from ingot.benchmarks.errors import BenchmarkError
    from ingot.cli.settings import parse_settings
    from ingot.config.labels import LabelSettings
    from ingot.files import write_json

    if not args.lattice:
        raise BenchmarkError("--label-settings pins the meshes of one lattice: add --lattice")
    settings = parse_settings(LabelSettings, args.labels)
    write_json(args.label_settings, pinned_label_settings(settings.model_dump(mode="json"), cells))


def _direct_settings(args: argparse.Namespace) -> "tuple[str, ReferenceSettings]":
    from ingot.benchmarks.direct import ReferenceSettings
    from ingot.cli.settings import parse_settings
    from ingot.config.benchmarks import DirectSettings

    settings = parse_settings(DirectSettings, args.settings)
    return settings.element, ReferenceSettings(
        lattice=settings.lattice,
        phases=settings.phases,
        points=settings.points,
        phase_points=settings.phase_points,
        window=settings.window,
        strains=settings.strains,
        elastic_volumes=settings.elastic_volumes,
        a_guess=settings.lattice_constant_angstrom,
    )


def _direct(args: argparse.Namespace) -> int:
    from ingot.benchmarks.direct import reference_cells
    from ingot.benchmarks.direct_tables import write_direct
    from ingot.datasets import read_labelled

    element, settings = _direct_settings(args)
    cells = reference_cells(element, settings)
    energies = _label_energies(args.labels, args.store)
    for path in args.data:
        for frame in read_labelled(path):
            results = frame.calc.results
            energies[frame.info["structure_id"]] = float(results.get("free_energy", results["energy"]))
    predicted = None
    if args.potential:
        from ingot.benchmarks.ensemble import EnsembleEvaluation
        from ingot.potentials import load_potential

        evaluate = EnsembleEvaluation(load_potential(args.potential)).mean
        predicted = {cell.id: evaluate(cell.atoms).energy for cell in cells}
    write_direct(args.output, cells, energies, predicted)
    return _summary(args.output)


def _thermal(args: argparse.Namespace) -> int:
    from ingot.benchmarks.thermal import ThermalProtocol, run_thermal
    from ingot.config.melt import ThermalSettings

    protocol = ThermalProtocol(**_protocol(args, ThermalSettings))
    run_thermal(_dynamics_model(args, protocol.element), protocol, args.seed, args.output)
    return _summary(args.output)


def _rdf(args: argparse.Namespace) -> int:
    from ingot.benchmarks.rdf import MeltProtocol, run_rdf
    from ingot.config.melt import RdfSettings

    protocol = MeltProtocol(**_protocol(args, RdfSettings))
    run_rdf(_dynamics_model(args, protocol.element), protocol, args.seed, args.output)
    return _summary(args.output)


def _coexistence(args: argparse.Namespace) -> int:
    from dataclasses import replace

    from ingot.benchmarks.coexistence_tables import run_coexistence
    from ingot.benchmarks.two_phase import CoexistenceProtocol
    from ingot.config.melt import CoexistenceSettings

    settings = _protocol(args, CoexistenceSettings)
    curve = settings.pop("curve")
    protocol = CoexistenceProtocol(**settings)
    model = _dynamics_model(args, protocol.element)
    run_coexistence(model, protocol, args.seed, args.output)
    for k, point in enumerate(curve):
        run_coexistence(model, replace(protocol, **point), args.seed, Path(args.output) / f"at-{k}")
    return _summary(args.output)


def _label_energies(manifests: list[str], root: str) -> dict[str, float]:
    """Energies of the converged labels that the manifests list, in eV per cell."""
    from ingot.benchmarks.errors import BenchmarkError
    from ingot.files import read_json
    from ingot.labels import LabelStore

    store = LabelStore(root)
    energies: dict[str, float] = {}
    for path in manifests:
        manifest = read_json(path)
        for row in manifest["labels"]:
            if row["status"] != "converged":
                continue
            label = store.get(manifest["method"], row["structure_id"])
            if label is None or label.energy is None:
                raise BenchmarkError(
                    f"{path} lists {row['structure_id']}, but the label store {root!r} does not hold it:"
                    f" delete {path} and run the label stage again"
                )
            energies[label.structure_id] = label.energy
    return energies


def _summary(directory: str) -> int:
    """Print the quantities that were written; failures are results, not errors."""
    from ingot.benchmarks.tables import read_quantities

    for item in read_quantities(Path(directory) / "quantities.csv"):
        if item.value is None:
            print(f"{item.label:<44} failed: {item.note}", file=sys.stderr)
            continue
        spread = f" +- {item.uncertainty:.3g} ({item.uncertainty_kind})" if item.uncertainty is not None else ""
        print(f"{item.label:<44} {item.value:.6g}{spread} {item.unit}")
    return 0
