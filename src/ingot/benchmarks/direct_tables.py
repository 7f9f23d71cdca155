"""The direct benchmark's tables: the labels' quantities, the potential's on the same cells, and every energy."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ingot.benchmarks.direct import ReferenceCell, fit_reference_cells
from ingot.benchmarks.tables import write_quantities, write_table

CELL_COLUMNS = (
    "lattice",
    "strain",
    "delta",
    "volume_A3_per_atom",
    "structure_id",
    "atoms",
    "energy_label_eV_per_atom",
    "energy_eV_per_atom",
)


def write_direct(
    directory: str | Path,
    cells: Sequence[ReferenceCell],
    labels: Mapping[str, float],
    predicted: Mapping[str, float] | None = None,
) -> None:
    """Write ``cells.csv`` and ``quantities.csv``; with predictions also ``potential_quantities.csv``, the same fits."""
    directory = Path(directory)

    def per_atom(cell: ReferenceCell, energies: Mapping[str, float]) -> float | None:
        return energies[cell.id] / len(cell.atoms) if cell.id in energies else None

    write_table(
        directory / "cells.csv",
        CELL_COLUMNS,
        (
            (
                *(c.lattice, c.strain, c.delta, c.atoms.get_volume() / len(c.atoms), c.id, len(c.atoms)),
                *(per_atom(c, labels), per_atom(c, predicted or {})),
            )
            for c in cells
        ),
    )
    if predicted is not None:
        rows = fit_reference_cells(cells, predicted, "potential")
        write_quantities(directory / "potential_quantities.csv", rows)
    write_quantities(directory / "quantities.csv", fit_reference_cells(cells, labels))
