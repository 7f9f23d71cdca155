"""``ingot label``: structures in, labels out; what the label store holds is not computed again."""

import argparse
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Structures, the method, and where labels go."""
    parser.add_argument("structures", help="structures to label (extxyz, or any file that ASE reads)")
    parser.add_argument("--settings", help="JSON or a file: the section `labels`")
    parser.add_argument("--method", choices=("pyscf", "ase", "potential"), help="method by hand, instead of --settings")
    parser.add_argument("--calculator", help="with --method ase: import path, such as ase.calculators.emt.EMT")
    parser.add_argument("--potential", help="with --method potential: the potential's directory")
    parser.add_argument("--batch", metavar="K/N", help="label only batch K of N (from 0), of about equal cost")
    parser.add_argument("--store", default="labels", help="the label store (labels)")
    parser.add_argument("--workers", type=int, default=1, help="structures labelled side by side (1)")
    parser.add_argument(
        "-o", "--output", required=True, help="manifest (.json), or the labelled structures themselves (.extxyz)"
    )


def run(args: argparse.Namespace) -> int:
    """Label, write the output, and fail only when more labels failed than the settings allow."""
    import logging
    import sys

    from ingot.cli.settings import parse_settings
    from ingot.config.labels import LabelSettings
    from ingot.files import write_atomically, write_json
    from ingot.labels import LabelStore, check_failures, deal, label_structures, make_method
    from ingot.structures import read_structures

    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(message)s")
    settings = _settings_by_hand(args) if args.settings is None else parse_settings(LabelSettings, args.settings)
    structures = read_structures(args.structures)
    method = make_method(settings.model_dump())
    logging.info("method %s, digest %s", method.name, method.digest)
    if args.batch is not None:
        structures = deal(structures, method, *_parse_batch(args.batch))
    store = LabelStore(args.store)
    manifest = label_structures(structures, method, store, workers=args.workers)
    if args.output.endswith((".extxyz", ".xyz")):
        write_atomically(args.output, _labelled_extxyz(structures, store, manifest))
    else:
        write_json(args.output, manifest)
    failed = sum(row["status"] == "failed" for row in manifest["labels"])
    print(f"{args.output}: {len(manifest['labels'])} labels, {failed} failed")
    check_failures(manifest, settings.maximum_failed_fraction)
    return 0


def _settings_by_hand(args: argparse.Namespace) -> Any:
    from ingot.config.base import validate
    from ingot.config.labels import LabelSettings

    values: dict[str, Any] = {"method": args.method or "pyscf"}
    if args.calculator is not None:
        values["ase"] = {"calculator": args.calculator}
    if args.potential is not None:
        values["potential"] = {"path": args.potential}
    return validate(LabelSettings, values)


def _parse_batch(text: str) -> tuple[int, int]:
    from ingot.labels import LabelError

    try:
        batch, batches = (int(part) for part in text.split("/"))
    except ValueError:
        raise LabelError(f"--batch must read like 0/4 (batch 0 of 4), not {text!r}") from None
    return batch, batches


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
