"""The coexistence benchmark's tables: the melting point, what it rests on, series in time and profiles."""

from pathlib import Path

import numpy as np

from ingot.benchmarks.coexistence import SETTLED, Coexistence, combine, observe_coexistence
from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.fusion import fusion, fusion_failed, fusion_quantities
from ingot.benchmarks.melt import only_element
from ingot.benchmarks.tables import Quantity, failed, write_quantities, write_table
from ingot.benchmarks.two_phase import CoexistenceProtocol
from ingot.dynamics import DynamicsError, Model
from ingot.randomness import derive_seed
from ingot.units import FEMTOSECOND


def coexistence_quantities(result: Coexistence) -> list[Quantity]:
    """The melting point and what it rests on."""
    p = result.protocol
    condition = f"{p.pressure_gpa:g} GPa along the normal"
    picoseconds = p.production_steps * p.timestep_fs / 1000
    runs = list(result.runs.values())
    point = combine(runs)
    lateral = np.mean([run.series.last(SETTLED)[f"pressure_{a}"].mean() for run in runs for a in "xy"])
    size = (
        f"{result.atoms} atoms, {len(runs)} x {picoseconds:g} ps; a cell this small and a run this short can be off by "
        f"several per cent beyond the stated error; mean lateral pressure {lateral:.2f} GPa"
    )
    rows = [
        Quantity(
            "coexistence_temperature", "melting point by coexistence", point.value, "K", point.uncertainty, point.kind,
            condition, point.status, f"{point.note}; {size}",
        )
    ]  # fmt: skip
    names = {"above": "begun above the guess", "below": "begun below the guess", "again": "begun between"}
    for side, run in result.runs.items():
        start, _, cell = side.partition("-")
        label = f"... {names[start]}" + (f", cell {cell}" if cell else "")
        ending = {"two-phase": "both phases at the end", "all melt": "melted whole", "all crystal": "froze whole"}
        rows.append(
            Quantity(
                f"coexistence_temperature_{side}", label, run.temperature.mean, "K",
                run.temperature.error, "block error or drift", condition,
                "ok" if run.ending == "two-phase" else "bound",
                f"{ending[run.ending]}; enthalpy drift {1000 * run.enthalpy_drift:.3f} meV/atom, "
                f"{1000 * run.enthalpy_drift / picoseconds:.4f} per ps",
            )
        )  # fmt: skip
    return rows


def write_coexistence(result: Coexistence, directory: str | Path) -> None:
    """Write ``runs.csv`` (series in time) and ``profile.csv`` (order along z)."""
    out = Path(directory)
    names = result.runs
    columns = ("temperature", "solid_fraction", "pressure_z", "pressure_x", "pressure_y", "volume", "total_energy")
    rows: list[list[object]] = []
    for name, run in names.items():
        time = (run.series["time"] - run.series["time"][0]) / FEMTOSECOND / 1000
        table = zip(time, *(run.series[column] for column in columns), strict=True)
        rows += [[name, run.start_temperature, *row] for row in table]
    header = (
        "run", "start_temperature_kelvin", "time_ps", "temperature_kelvin", "solid_fraction", "pressure_z_gpa",
        "pressure_x_gpa", "pressure_y_gpa", "volume_angstrom3_per_atom", "total_energy_ev_per_atom",
    )  # fmt: skip
    write_table(out / "runs.csv", header, rows)
    slabs: list[list[object]] = []
    for name, run in names.items():
        for moment, atoms in (("start", run.first), ("end", run.last)):
            order, solid, number = result.phases.profile(atoms, result.protocol.slabs)
            height = float(atoms.cell.array[2, 2])
            for k in range(result.protocol.slabs):
                z = (k + 0.5) / result.protocol.slabs * height
                full = number[k] > 0
                slabs.append([name, moment, z, order[k] if full else None, solid[k] if full else None, int(number[k])])
    write_table(out / "profile.csv", ("run", "moment", "z_angstrom", "order", "solid_fraction", "atoms"), slabs)


def run_coexistence(model: Model, protocol: CoexistenceProtocol, seed: int, directory: str | Path) -> None:
    """The whole benchmark; a cell that never held two phases is a result with its reason, not an error.

    With ``protocol.fusion`` heat and volume of fusion follow, where a melting point was found.
    Raises :class:`BenchmarkError` when the element does not fit the model.
    """
    only_element(model, protocol.element)
    out = Path(directory)
    try:
        result = observe_coexistence(model, protocol, seed)
    except (DynamicsError, BenchmarkError) as error:
        rows = [failed("coexistence_temperature", "melting point by coexistence", "K", str(error))]
    else:
        write_coexistence(result, out)
        rows = coexistence_quantities(result)
    if protocol.fusion:
        rows += _fusion_rows(model, protocol, rows[0], seed)
    write_quantities(out / "quantities.csv", rows)


def _fusion_rows(model: Model, protocol: CoexistenceProtocol, point: Quantity, seed: int) -> list[Quantity]:
    if point.value is None or point.status != "ok":
        return fusion_failed("needs the melting point, which was not found")
    try:
        return fusion_quantities(fusion(model, protocol, point.value, derive_seed(seed, "fusion")))
    except (DynamicsError, BenchmarkError) as error:
        return fusion_failed(str(error))
