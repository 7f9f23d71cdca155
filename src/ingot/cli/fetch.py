"""``ingot fetch``: third-party data, pinned and checked."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """What, and from where."""
    parser.add_argument("name", nargs="?", help="name of the data; without it, all that can be fetched is listed")
    parser.add_argument(
        "--from",
        dest="source",
        metavar="FOLDER",
        help="take the files from below this folder instead of the network, as the variable INGOT_DOWNLOADS does",
    )
    parser.add_argument("-o", "--output", help="folder (resources/NAME)")


def run(args: argparse.Namespace) -> int:
    """List or fetch."""
    import os

    from ingot.downloads import fetch, known_downloads

    if args.name is None:
        for download in known_downloads().values():
            print(f"{download.name}: {download.what}\n  {download.citation}; licence: {download.licence}")
        return 0
    folder = args.output or f"resources/{args.name}"
    files = fetch(args.name, folder, args.source or os.environ.get("INGOT_DOWNLOADS"))
    print(f"{folder}: {len(files)} files, as published ({known_downloads()[args.name].citation})")
    return 0
