"""Tables and colours of one or several potentials that are drawn on one another."""

from collections.abc import Iterable, Mapping

import pandas as pd

from ingot.reporting.figures.style import BLUE, CYAN, GREEN, GREY, PURPLE, RED, YELLOW
from ingot.reporting.run import Run

Runs = Mapping[str, Run]
"""Folders of benchmarks by the name of the potential; the crystal benchmark is in ``crystal`` of each."""

_COLORS = (BLUE, RED, GREEN, PURPLE, YELLOW, CYAN, GREY)


def tables_of(runs: Runs, *parts: str) -> dict[str, pd.DataFrame]:
    """The table of each potential that has it, by name."""
    found = {name: run.table(*parts) for name, run in runs.items()}
    return {name: table for name, table in found.items() if table is not None}


def colors_of(names: Iterable[str]) -> dict[str, str]:
    """A colour for each potential."""
    return {name: _COLORS[k % len(_COLORS)] for k, name in enumerate(names)}


def joined(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """All tables in one, with a column ``potential``."""
    return pd.concat([table.assign(potential=name) for name, table in tables.items()], ignore_index=True, sort=False)
