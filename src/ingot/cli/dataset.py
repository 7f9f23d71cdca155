"""``ingot dataset build|import|split``."""

import argparse
import json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Three actions: build a store from labels, import a labelled file, split a store by parent."""
    actions = parser.add_subparsers(dest="action", required=True)
    build = actions.add_parser("build", help="a store from structures and their labels")
    build.add_argument("structures", help="the structures that were labelled (extxyz)")
    build.add_argument("--labels", nargs="+", required=True, metavar="MANIFEST", help="manifests of label batches")
    build.add_argument("--store", required=True, help="the label store")
    build.add_argument("--provenance", default="{}", help="JSON recorded in the manifest")
    build.add_argument("-o", "--output", required=True, help="the data set, ending in .zarr")
    bring = actions.add_parser("import", help="a store from any labelled file that ASE reads")
    bring.add_argument("file")
    bring.add_argument("--index", default=":", help="ASE index of the frames to take (':' takes all)")
    bring.add_argument("--energy-kind", choices=("free", "zero", "total", "unknown"), default="unknown")
    bring.add_argument("--method", help="name of the origin (default: the file's name)")
    bring.add_argument("--origin", metavar="JSON", help="keys of `info`: JSON, or a file, as in the section `data`")
    bring.add_argument("--provenance", default="{}", help="JSON recorded in the manifest")
    bring.add_argument("-o", "--output", required=True, help="the data set, ending in .zarr")
    split = actions.add_parser("split", help="train, validation, test and extrapolation ids, split by parent")
    split.add_argument("dataset")
    split.add_argument("--settings", help="JSON or a file: the section `dataset`")
    split.add_argument("--seed", type=int, default=0)
    split.add_argument("-o", "--output", required=True, help="splits.json")


def run(args: argparse.Namespace) -> int:
    """Perform one action."""
    if args.action == "build":
        return _build(args)
    if args.action == "import":
        return _import(args)
    return _split(args)


def _build(args: argparse.Namespace) -> int:
    from ingot.datasets.convert import from_labels
    from ingot.datasets.errors import DatasetError
    from ingot.datasets.store import write_dataset
    from ingot.files import read_json
    from ingot.labels.label import Label
    from ingot.labels.store import LabelStore
    from ingot.structures import read_structures

    frames = read_structures(args.structures)
    store = LabelStore(args.store)
    labels: dict[str, Label] = {}
    methods = {}
    for path in args.labels:
        manifest = read_json(path)
        methods[manifest["method"]] = manifest["settings"]
        for entry in manifest["labels"]:
            label = store.get(manifest["method"], entry["structure_id"])
            if label is None and entry["status"] == "failed":
                # A failure that another try may mend (out of memory, a crash) is not kept in the store.
                label = Label(entry["structure_id"], manifest["method"], converged=False, reason=entry["reason"])
            if label is None:
                raise DatasetError(
                    f"{path} lists {entry['structure_id']} but the label store {args.store} does not hold it; "
                    f"delete {path} and run the label stage again"
                )
            labels[label.structure_id] = label
    provenance = {**json.loads(args.provenance), "methods": methods}
    write_dataset(args.output, from_labels(frames, labels), provenance)
    failed = sum(not x.converged for x in labels.values())
    print(f"{args.output}: {len(frames)} structures, {failed} failed labels")
    return 0


def _import(args: argparse.Namespace) -> int:
    from pathlib import Path

    from ingot.cli.settings import parse_settings
    from ingot.config.data import OriginSettings
    from ingot.datasets.convert import Origin, from_labelled_atoms, within_volumes
    from ingot.datasets.errors import DatasetError
    from ingot.datasets.store import write_dataset
    from ingot.files import sha256
    from ingot.structures.files import read_any

    settings = parse_settings(OriginSettings, args.origin, "--origin")
    path = Path(args.file)
    if not path.is_file():
        raise DatasetError(f"no file at {path}; give a labelled file that ASE reads (extxyz, OUTCAR, ...)")
    try:
        frames = read_any(path, args.index)
    except Exception as error:  # ASE's readers raise anything
        raise DatasetError(f"ASE cannot read {path}: {type(error).__name__}: {error}") from error
    told, inside = settings.model_dump(exclude={"volume_range_angstrom3"}), frames
    if settings.volume_range_angstrom3 is not None:
        low, high = settings.volume_range_angstrom3
        inside = within_volumes(frames, low, high)
        print(
            f"{len(frames) - len(inside)} of {len(frames)} structures are outside of {low:g} to {high:g} A^3 per atom"
        )
        if not inside:
            raise DatasetError(f"{path}: no structure has {low:g} to {high:g} A^3 per atom")
    dataset = from_labelled_atoms(
        inside, args.method or path.name, args.energy_kind, Origin(**told), known_methods=args.method is None
    )
    provenance = {**json.loads(args.provenance), "file": path.name, "sha256": sha256(path)}
    write_dataset(args.output, dataset, provenance)
    print(f"{args.output}: {dataset.sizes['configuration']} of {len(frames)} structures (exact duplicates kept once)")
    return 0


def _split(args: argparse.Namespace) -> int:
    from ingot.cli.settings import parse_settings
    from ingot.config.dataset import DatasetSettings
    from ingot.datasets.errors import DatasetError
    from ingot.datasets.frames import read_frames, read_labelled
    from ingot.datasets.splits import split_by_parent
    from ingot.files import write_json

    settings = parse_settings(DatasetSettings, args.settings)
    frames = read_labelled(args.dataset)
    if not frames:
        raise DatasetError(f"{args.dataset} holds no label that succeeded: look at the reasons in its label manifests")
    labelled = {atoms.info["family"] for atoms in frames}
    failed = {atoms.info["family"] for atoms in read_frames(args.dataset)} - labelled
    if lost := sorted(failed & set(settings.extrapolation_families)):
        print(f"nothing to hold out of {', '.join(lost)}: all labels of it failed")
    splits = split_by_parent(
        frames,
        args.seed,
        settings.validation_fraction,
        settings.test_fraction,
        [family for family in settings.extrapolation_families if family not in failed],
    )
    write_json(args.output, splits)
    print(", ".join(f"{name} {len(ids)}" for name, ids in splits.items()))
    return 0
