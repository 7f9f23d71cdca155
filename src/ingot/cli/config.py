"""``ingot config write|check|show``: the generated pages, and what a configuration resolves to."""

import argparse

SCHEMA = "config/schema.json"
REFERENCE = "docs/reference/configuration.md"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Three actions."""
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("write", help=f"write {SCHEMA} and {REFERENCE} from the models")
    actions.add_parser("check", help="fail if these have drifted, or if a file in config/ is not valid")
    show = actions.add_parser("show", help="print a configuration with every default filled in")
    show.add_argument("file", help="a YAML file, such as config/config.yaml")
    resolve = actions.add_parser("resolve", help="write a configuration with every default filled in, as JSON")
    resolve.add_argument("values", help="the configuration as JSON text")
    resolve.add_argument("-o", "--output", required=True)


def run(args: argparse.Namespace) -> int:
    """Perform one action in the current folder, the checkout."""
    import json
    from pathlib import Path

    from ingot.config.base import ConfigurationError
    from ingot.config.document import reference_page, schema_text
    from ingot.config.root import Configuration, load_configuration, read_configuration
    from ingot.files import write_atomically, write_json

    if args.action == "show":
        print(read_configuration(args.file).model_dump_json(indent=1))
        return 0
    if args.action == "resolve":
        configuration = load_configuration(json.loads(args.values))
        write_json(args.output, configuration.model_dump(mode="json"))
        return 0
    pages = {SCHEMA: schema_text(Configuration), REFERENCE: reference_page(Configuration)}
    if args.action == "write":
        for name, text in pages.items():
            write_atomically(name, text)
            print(f"wrote {name}")
        return 0
    drifted = [name for name, text in pages.items() if not Path(name).is_file() or Path(name).read_text() != text]
    if drifted:
        raise ConfigurationError(f"{', '.join(drifted)} differ from the models; run `make docs`")
    files = sorted(Path("config").glob("*.yaml"))
    for file in files:
        read_configuration(file)
    print(f"schema and reference are current; {', '.join(f.name for f in files)} are valid")
    return 0
