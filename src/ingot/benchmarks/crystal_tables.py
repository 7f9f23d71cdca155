"""The crystal benchmark's tables: quantities and curves."""

from pathlib import Path

from ingot.benchmarks.crystal import CrystalProperties
from ingot.benchmarks.spread import Findings, deviation
from ingot.benchmarks.tables import write_quantities, write_table

TABLES = ("vacancy_migration", "gamma_line", "bain", "phonons", "phonons_measured", "phonon_dos", "phonon_thermal")
"""The curves that there may be beside E(V)."""

CURVE_COLUMNS = ("lattice", "volume_A3_per_atom", "energy_eV_per_atom", "energy_std_eV_per_atom")


def write_crystal(directory: str | Path, properties: CrystalProperties, further: Findings | None = None) -> None:
    """Write ``quantities.csv``, ``energy_volume.csv`` (E(V) of each lattice, with the spread over members) and curves.

    Curves of an earlier benchmark in the folder that are not among the ``further`` findings are deleted.
    """
    directory = Path(directory)
    further = further or Findings([])
    rows = []
    for lattice, curve in properties.curves.items():
        spread = deviation(properties.members[lattice], len(curve.volume))
        rows += [
            (lattice, volume, energy, std)
            for volume, energy, std in zip(curve.volume, curve.energy, spread, strict=True)
        ]
    write_table(directory / "energy_volume.csv", CURVE_COLUMNS, rows)
    for name in TABLES:
        path = directory / f"{name}.csv"
        if name in further.tables:
            write_table(path, further.tables[name].columns, further.tables[name].rows)
        else:
            path.unlink(missing_ok=True)
    write_quantities(directory / "quantities.csv", [*properties.quantities, *further.quantities])
