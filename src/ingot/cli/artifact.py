"""``ingot artifact``: pack a finished run into one archive that can be published."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run's folder and the archive."""
    parser.add_argument("run", help="the results folder of a finished run, such as results/quick")
    parser.add_argument("--root", default=".", help="the checkout, for Snakefile, rules, config, locks and sources (.)")
    parser.add_argument("--store", help="the label store (default: that of the run's configuration)")
    parser.add_argument("-o", "--output", required=True, help="the archive, ending in .tar.gz")


def run(args: argparse.Namespace) -> int:
    """Refuse an unfinished or damaged run, then pack configuration, locks, code, labels, data, potential and report."""
    from pathlib import Path

    from ingot.artifact import ArtifactError, pack
    from ingot.files import read_json
    from ingot.manifest import damaged_stores

    run_folder = Path(args.run)
    if not (run_folder / "report" / "index.html").is_file():
        raise ArtifactError(f"{run_folder} has no report/index.html: finish the run first (snakemake --cores all)")
    if damage := damaged_stores(run_folder):
        raise ArtifactError("\n".join(damage))
    configuration = read_json(run_folder / "config.json")
    store = Path(args.store or configuration["run"]["label_store"])
    count, size = pack(Path(args.output), run_folder, store, Path(args.root))
    print(f"{args.output}: {count} files, {size / 1e6:.1f} MB; sha256 of every file in MANIFEST.json inside")
    return 0
