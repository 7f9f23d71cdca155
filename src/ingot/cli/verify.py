"""``ingot verify``: check every manifest below a folder against the files it lists."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """One or more folders or stores."""
    parser.add_argument("paths", nargs="+", help="a run's results folder, or data sets ending in .zarr")
    parser.add_argument("--quick", action="store_true", help="existence and size only, without reading the files")


def run(args: argparse.Namespace) -> int:
    """Report every damaged file of every store; status 1 if there is one."""
    import sys
    from pathlib import Path

    from ingot.manifest import ManifestError, missing_files, verify_manifest

    stores: list[Path] = []
    for name in args.paths:
        path = Path(name)
        if not path.exists():
            raise ManifestError(f"nothing at {path}")
        stores += (
            [path]
            if path.suffix == ".zarr"
            else [
                m.with_name(m.name.removesuffix(".manifest.json") + ".zarr")
                for m in sorted(path.rglob("*.manifest.json"))
            ]
        )
    damaged = 0
    for store in stores:
        try:
            if args.quick:
                if wrong := missing_files(store):
                    raise ManifestError("\n  ".join([f"data set {store} is damaged:", *wrong]))
            else:
                verify_manifest(store)
        except ManifestError as error:
            damaged += 1
            print(error, file=sys.stderr)
    print(f"{len(stores)} data sets checked, {damaged} damaged")
    return 1 if damaged else 0
