"""Calls of the compiled function."""

from pathlib import Path

import numpy as np

from ingot.compiled import CompiledSources

_HERE = Path(__file__).parent
_SOURCES = CompiledSources("neighbors", sources=(_HERE / "neighbor_table.cc",), headers=(_HERE / "bins.h",))


def compiled_tables() -> tuple[bool, str]:
    """Whether the library is there, and from where or why not; without it tables come from vesin, more slowly."""
    return _SOURCES.status


def compiled_table(
    points: np.ndarray,
    box: np.ndarray,
    periodic: np.ndarray,
    reach: tuple[float, float],
    columns: int,
) -> tuple[int, int, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Largest numbers of neighbours and of inner ones; index, shift and mask if ``columns`` hold them.

    ``points``, ``box`` and ``periodic`` are contiguous, in float64 and bool; the box is complete. ``reach``: cutoff and
    inner cutoff (0 for none), A.
    """
    atoms = len(points)
    table = (
        np.empty((atoms, columns), np.int32),
        np.empty((atoms, columns, 3), np.int32),
        np.empty((atoms, columns), bool),
    )
    needed = np.zeros(2, np.int64)
    sizes = (float(reach[0]), float(reach[1]), int(columns))
    if _SOURCES.call("ingot_neighbor_table", atoms, points, box, periodic, *sizes, *table, needed):
        raise MemoryError(f"no memory for a neighbour table of {atoms} atoms and {columns} columns")
    return int(needed[0]), int(needed[1]), table
