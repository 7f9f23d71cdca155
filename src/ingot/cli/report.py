"""``ingot report``: one self-contained page from the tables of a run."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The run's folder, and the page."""
    parser.add_argument("--run", required=True, metavar="DIR", help="the results of a run, such as results/quick")
    parser.add_argument("--settings", help="JSON or a file: the section `report`")
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="the page, such as report/index.html")


def run(args: argparse.Namespace) -> int:
    """Read what is there, draw it, write the page; sections of stages that did not run are left out."""
    from pathlib import Path

    from ingot.cli.settings import parse_settings
    from ingot.config.report import ReportSettings
    from ingot.reporting.html import write_page
    from ingot.reporting.page import build_page
    from ingot.reporting.run import Run

    settings = parse_settings(ReportSettings, args.settings)
    page = build_page(Run(Path(args.run)), settings.figure_format)
    write_page(page, args.output)
    print(f"{args.output}: {len(page.figures)} figures, {len(page.html) / 1e6:.1f} MB")
    return 0
