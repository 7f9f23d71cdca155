"""The crystal benchmark's tables: quantities and energy-volume curves."""

from pathlib import Path

import numpy as np

from ingot.benchmarks.crystal import CrystalProperties
from ingot.benchmarks.tables import write_quantities, write_table

CURVE_COLUMNS = ("lattice", "volume_A3_per_atom", "energy_eV_per_atom", "energy_std_eV_per_atom")


def write_crystal(directory: str | Path, properties: CrystalProperties) -> None:
    """Write ``quantities.csv`` and ``energy_volume.csv`` (E(V) of each lattice, with the spread over members)."""
    directory = Path(directory)
    rows = []
    for lattice, curve in properties.curves.items():
        members = properties.members[lattice]
        spread = np.std(members, axis=0, ddof=1) if len(members) > 1 else [None] * len(curve.volume)
        rows += [
            (lattice, volume, energy, std)
            for volume, energy, std in zip(curve.volume, curve.energy, spread, strict=True)
        ]
    write_table(directory / "energy_volume.csv", CURVE_COLUMNS, rows)
    write_quantities(directory / "quantities.csv", properties.quantities)
