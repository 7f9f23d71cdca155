"""``ingot label``: structures in, labels out; what the label store holds is not computed again."""

import argparse
from typing import Any

from ingot.cli.options import available_cores, parse_batch

METHODS = ("pyscf", "pyscf-molecule", "orbital-free", "ase", "potential")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Structures, the method, and where labels go."""
    parser.add_argument("structures", help="structures to label (extxyz, or any file that ASE reads)")
    parser.add_argument("--settings", help="JSON or a file: the section `labels`")
    parser.add_argument("--method", choices=METHODS, help="method by hand, instead of --settings")
    parser.add_argument("--preset", choices=("quick", "production"), help="with --method pyscf: settings by purpose")
    parser.add_argument("--calculator", help="with --method ase: import path, such as ase.calculators.emt.EMT")
    parser.add_argument(
        "--pseudopotential", action="append", metavar="ELEMENT=FILE", help="with --method orbital-free: a local one"
    )
    parser.add_argument("--potential", help="with --method potential: the potential's directory")
    parser.add_argument("--batch", metavar="K/N", help="label only batch K of N (from 0), of about equal cost")
    parser.add_argument("--store", default="labels", help="the label store (labels)")
    parser.add_argument("--workers", type=int, help="structures labelled side by side (one per core)")
    parser.add_argument("--retry-failed", action="store_true", help="compute kept failures anew")
    parser.add_argument(
        "--verify", type=int, metavar="N", help="compute N kept labels anew and compare, instead of labelling"
    )
    parser.add_argument("-o", "--output", help="manifest (.json), or the labelled structures themselves (.extxyz)")


def run(args: argparse.Namespace) -> int:
    """Label, write the output, and fail only when more labels failed than the settings allow."""
    import logging
    import sys

    from ingot.cli.settings import parse_settings
    from ingot.config.labels import LabelSettings
    from ingot.files import write_atomically, write_json
    from ingot.labels import LabelError, LabelStore, check_failures, deal, label_structures, make_method
    from ingot.structures import read_structures, structure_id

    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    if args.output is None and args.verify is None:
        raise LabelError("where to? give -o labels.extxyz (labelled structures) or -o labels.json (a manifest)")
    settings = _settings_by_hand(args) if args.settings is None else parse_settings(LabelSettings, args.settings)
    structures = read_structures(args.structures)
    method = make_method(settings.model_dump())
    logging.info("method %s, digest %s", method.name, method.digest)
    if args.batch is not None:
        structures = deal(structures, method, *parse_batch(args.batch))
    store = LabelStore(args.store)
    if args.verify is not None:
        return _verify(structures, method, store, args.verify)
    if args.retry_failed:
        forgotten = sum(store.forget_failure(method.digest, structure_id(atoms)) for atoms in structures)
        logging.info("%d failed labels are computed anew", forgotten)
    limit = None if settings.time_limit_minutes is None else settings.time_limit_minutes * 60
    manifest = label_structures(structures, method, store, args.workers or available_cores(), limit)
    if args.output.endswith((".extxyz", ".xyz")):
        write_atomically(args.output, _labelled_extxyz(structures, store, manifest))
    else:
        write_json(args.output, manifest)
    failed = [row for row in manifest["labels"] if row["status"] == "failed"]
    print(f"{args.output}: {len(manifest['labels'])} labels, {len(failed)} failed")
    for row in failed:
        log = store.cost(manifest["method"], row["structure_id"]).get("log", [])
        words = [line for line in log if any(map(str.isalnum, line))]
        print(f"  {row['structure_id']}: {row['reason']}", *(f"    | {line}" for line in words[-3:]), sep="\n")
    check_failures(manifest, settings.maximum_failed_fraction)
    return 0


_SAME = {"energy": 1e-5, "force": 1e-4, "stress": 1e-5}
"""What two computations of one label may differ by on two machines: eV, eV/A, eV/A^3."""


def _verify(structures: list[Any], method: Any, store: Any, count: int) -> int:
    """Status 1 where a label does not come out again."""
    from ingot.labels import LabelError, verify_labels

    results = verify_labels(structures, method, store, count)
    if not results:
        raise LabelError(f"the store {store.root} holds no label of these structures by the method {method.digest}")
    different = 0
    for result in results:
        good = result.agrees(**_SAME)
        different += not good
        print(
            f"{result.structure_id}  energy {result.energy_difference:.1e} eV  force {result.force_difference:.1e} eV/A"
            f"  stress {result.stress_difference:.1e} eV/A^3  {'agrees' if good else 'DIFFERS'}"
        )
    print(f"{len(results)} labels computed anew, {different} differ")
    return int(different > 0)


def _settings_by_hand(args: argparse.Namespace) -> Any:
    from ingot.config.base import validate
    from ingot.config.labels import LabelSettings

    values: dict[str, Any] = {"method": args.method or "pyscf"}
    if args.preset is not None:
        values["pyscf"] = {"preset": args.preset}
    if args.pseudopotential:
        values["orbital_free"] = {"pseudopotential": _by_element(args.pseudopotential)}
    if args.calculator is not None:
        values["ase"] = {"calculator": args.calculator}
    if args.potential is not None:
        values["potential"] = {"path": args.potential}
    return validate(LabelSettings, values)


def _by_element(texts: list[str]) -> dict[str, str]:
    from ingot.labels import LabelError

    pairs = [text.partition("=") for text in texts]
    if not all(element and sign and value for element, sign, value in pairs):
        raise LabelError(f"--pseudopotential must read like Al=al.lda.recpot, not {' '.join(texts)!r}")
    return {element: value for element, _, value in pairs}


def _labelled_extxyz(structures: list[Any], store: Any, manifest: dict[str, Any]) -> str:
    """Structures with their energies, forces and stresses; failed ones are left out (their count is printed)."""
    import io

    from ase.calculators.singlepoint import SinglePointCalculator
    from ase.io.extxyz import write_extxyz

    from ingot.structures import structure_id

    kept = {row["structure_id"] for row in manifest["labels"] if row["status"] == "converged"}
    text = io.StringIO()
    for atoms in structures:
        identity = structure_id(atoms)
        if identity not in kept:
            continue
        label = store.get(manifest["method"], identity)
        frame = atoms.copy()
        frame.info |= {"method": label.method, "energy_kind": label.energy_kind}
        results = {"energy": label.energy, "forces": label.forces, "stress": label.stress}
        if label.energy_kind == "free":
            results["free_energy"] = label.energy
        frame.calc = SinglePointCalculator(frame, **{key: v for key, v in results.items() if v is not None})
        write_extxyz(text, frame)
    return text.getvalue()
