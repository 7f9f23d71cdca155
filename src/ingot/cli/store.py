"""``ingot store``: labels out of the label store into an archive, and back."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What to do, and where."""
    parser.add_argument("action", choices=("export", "import"), help="to an archive, or from archives into the store")
    parser.add_argument("paths", nargs="+", help="export: structures, as labelled; import: folders of archives")
    parser.add_argument("--settings", help="export: JSON or a file, the section `labels`")
    parser.add_argument("--store", default="labels", help="the label store (labels)")
    parser.add_argument("-o", "--output", help="export: folder of the archive; import: a summary (.json)")


def run(args: argparse.Namespace) -> int:
    """Export or import."""
    from ingot.cli.settings import parse_settings
    from ingot.config.labels import LabelSettings
    from ingot.files import write_json
    from ingot.labels import LabelError, LabelStore, export_labels, import_labels, make_method
    from ingot.structures import read_structures

    store = LabelStore(args.store)
    if args.action == "export":
        if args.settings is None or args.output is None:
            raise LabelError("export needs --settings (the section `labels`) and -o (the folder of the archive)")
        structures = [atoms for path in args.paths for atoms in read_structures(path)]
        method = make_method(parse_settings(LabelSettings, args.settings).model_dump())
        manifest = export_labels(args.output, structures, method, store)
        print(
            f"{args.output}: {manifest['labels']} labels ({manifest['failed']} failed), {manifest['atoms']} atoms, "
            f"{manifest['cpu_seconds'] / 3600:.2f} CPU-hours, method {manifest['method']}"
        )
        return 0
    done = {path: import_labels(path, store) for path in args.paths}
    for path, result in done.items():
        print(f"{path}: {result.new} labels imported, {result.present} were there already, method {result.method}")
    if args.output is not None:
        write_json(args.output, {path: {"method": result.method} for path, result in done.items()})
    return 0
