"""The benchmark of the melt: density, pair structure and diffusion of a liquid made by melting the crystal."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.data import atomic_masses, atomic_numbers

from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.melt import (
    MeltLattice,
    Series,
    crystal,
    mass_density,
    mean_with_drift,
    observed,
    only_element,
    plain,
    scaled_to,
)
from ingot.benchmarks.order import MOLTEN, SHELL, bond_coherence
from ingot.benchmarks.radial_distribution import (
    Diffusion,
    RadialDistribution,
    diffusion,
    largest_distance,
    radial_distribution,
)
from ingot.benchmarks.structure_factor import StructureFactor, structure_factor
from ingot.benchmarks.tables import Quantity, failed, write_quantities, write_table
from ingot.dynamics import DynamicsError, Model, Simulation, conditions, stochastic_cell_rescaling
from ingot.randomness import derive_seed
from ingot.structures import describe, write_structures
from ingot.units import BOLTZMANN, FEMTOSECOND, GIGAPASCAL

_MELT_ATTEMPTS = 4
_FACTOR_FRAMES = 60
"""Frames that the structure factor is averaged over at the least, where there are so many."""


@dataclass(frozen=True)
class MeltProtocol:
    """How the melt is made and observed; steps are time steps."""

    temperature_kelvin: float
    also_kelvin: tuple[float, ...] = ()
    element: str | None = None
    lattice: MeltLattice = "fcc"
    volume_per_atom_angstrom3: float | None = None
    repeat: tuple[int, int, int] = (3, 3, 3)
    ensemble: str = "npt"
    pressure_gpa: float = 0.0
    timestep_fs: float = 3.0
    melt_factor: float = 2.0
    melt_expansion: float = 1.1
    melt_steps: int = 500
    equilibration_steps: int = 800
    production_steps: int = 3000
    frame_every: int = 10
    blocks: int = 5
    friction_per_ps: float = 3.0
    relaxation_fs: float = 300.0
    bulk_modulus_gpa: float = 50.0
    farthest_angstrom: float = 8.0
    bins: int = 150
    skin_angstrom: float = 0.5


@dataclass(frozen=True)
class Melt:
    """An observed melt."""

    protocol: MeltProtocol
    element: str
    frames: tuple[Atoms, ...]
    series: Series
    """Of the production."""
    structure: RadialDistribution
    blocks: tuple[RadialDistribution, ...]
    factor: StructureFactor
    motion: Diffusion
    coherence: float
    """Bond coherence of the production's frames."""

    @property
    def crystalline(self) -> bool:
        """Whether the cell is not a melt."""
        return self.coherence > MOLTEN


def observe_melt(model: Model, protocol: MeltProtocol, seed: int) -> Melt:
    """Melt a crystal by heating it far above the temperature of interest, cool, equilibrate and observe.

    Raises :class:`BenchmarkError` or :class:`~ingot.dynamics.DynamicsError` when there is nothing to observe.
    """
    p = protocol
    element = only_element(model, p.element)
    solid = crystal(element, p.lattice, p.volume_per_atom_angstrom3, p.repeat)
    start = scaled_to(solid, solid.get_volume() * p.melt_expansion)
    hot = p.melt_factor * p.temperature_kelvin
    simulation = Simulation(model, start, temperature=hot, seed=derive_seed(seed, "melt"), skin=p.skin_angstrom)
    bulk_modulus = p.bulk_modulus_gpa * GIGAPASCAL
    barostat = stochastic_cell_rescaling(p.relaxation_fs, bulk_modulus, p.pressure_gpa) if p.ensemble == "npt" else None
    for attempt in range(_MELT_ATTEMPTS):
        # Each attempt is hotter: how far a perfect crystal can be overheated is not known beforehand.
        heat = conditions(p.timestep_fs, hot * (1 + 0.25 * attempt), 10.0)
        simulation.run(p.melt_steps, heat, 50, title="melting")
        simulation.require_running("melting")
        if bond_coherence(simulation.structure(), SHELL[p.lattice]).mean() < MOLTEN:
            break
    cooling = conditions(p.timestep_fs, p.temperature_kelvin, 5.0, barostat=barostat)
    observed(simulation, p.equilibration_steps, cooling, 50, "equilibrating the melt")
    frames: list[Atoms] = []

    def keep(atoms: Atoms) -> dict[str, float]:
        frames.append(atoms)
        return {}

    held = conditions(p.timestep_fs, p.temperature_kelvin, p.friction_per_ps, barostat=barostat)
    series = observed(simulation, p.production_steps, held, p.frame_every, "observing the melt", keep)
    farthest = min(p.farthest_angstrom, *(largest_distance(atoms) for atoms in frames))
    length = len(frames) // p.blocks
    if length < 1:
        raise BenchmarkError(f"{len(frames)} frames do not fill {p.blocks} blocks: lengthen production_steps")
    blocks = [frames[k * length : (k + 1) * length] for k in range(p.blocks)]
    sample = frames[:: max(1, len(frames) // 10)]
    return Melt(
        protocol=p,
        element=element,
        frames=tuple(frames),
        series=series,
        structure=radial_distribution(frames, farthest, p.bins),
        blocks=tuple(radial_distribution(block, farthest, p.bins) for block in blocks),
        factor=structure_factor(frames[:: max(1, len(frames) // _FACTOR_FRAMES)]),
        motion=diffusion(frames, p.frame_every * p.timestep_fs / 1000),
        coherence=float(np.mean([bond_coherence(atoms, SHELL[p.lattice]).mean() for atoms in sample])),
    )


def _spread(values: list[float]) -> float:
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))


LABELS = {
    "melt_temperature": ("temperature reached in the melt", "K"),
    "melt_density": ("density of the melt", "g/cm3"),
    "rdf_peak_position": ("first peak of g(r)", "A"),
    "rdf_peak_height": ("height of the first peak", "1"),
    "rdf_first_minimum": ("first minimum of g(r)", "A"),
    "structure_factor_peak": ("first peak of S(q)", "1/A"),
    "structure_factor_height": ("height of the first peak of S(q)", "1"),
    "coordination": ("neighbours within the first minimum", "1"),
    "diffusion": ("self-diffusion", "1e-9 m2/s"),
}


def melt_quantities(melt: Melt) -> list[Quantity]:
    """The numbers of an observed melt, with the errors that its length allows."""
    p = melt.protocol
    atoms = len(melt.frames[0])
    picoseconds = p.production_steps * p.timestep_fs / 1000
    condition = f"{p.temperature_kelvin:g} K, {p.pressure_gpa:g} GPa" if p.ensemble == "npt" else (
        f"{p.temperature_kelvin:g} K, fixed volume"
    )  # fmt: skip
    note = f"{atoms} atoms, {picoseconds:g} ps; finite-size errors not included"
    if melt.crystalline:
        why = f"the cell is crystalline (bond coherence {melt.coherence:.2f}): it did not melt, or it froze"
        return [failed(key, label, unit, why, condition) for key, (label, unit) in LABELS.items()]
    mass = float(atomic_masses[atomic_numbers[melt.element]])
    volume = mean_with_drift(melt.series["volume"])
    density = mass_density(volume.mean, mass)
    peaks = [block.peak() for block in melt.blocks]
    position, height = melt.structure.peak()
    minimum = melt.structure.first_minimum()
    fixed = p.ensemble != "npt"
    heat = mean_with_drift(melt.series["temperature"])
    # In a liquid the velocity is forgotten at the rate kT/(m D); the thermostat's friction adds to it.
    forgotten = BOLTZMANN * heat.mean / (mass * melt.motion.coefficient) * (1000 * FEMTOSECOND) ** 2
    slowed = f"{note}; the thermostat slows it by about {p.friction_per_ps / forgotten:.0%}"
    values = {
        "melt_temperature": (heat.mean, heat.error, "block error or drift"),
        "melt_density": (density, None if fixed else density * volume.error / volume.mean, "block error or drift"),
        "rdf_peak_position": (position, _spread([r for r, _ in peaks]), "block error"),
        "rdf_peak_height": (height, _spread([h for _, h in peaks]), "block error"),
        "rdf_first_minimum": (minimum, _spread([b.first_minimum() for b in melt.blocks]), "block error"),
        "coordination": (
            melt.structure.coordination(minimum),
            _spread([b.coordination(minimum) for b in melt.blocks]),
            "block error at a fixed minimum",
        ),
        # 1 A^2/ps = 1e-8 m^2/s
        "diffusion": (10 * melt.motion.coefficient, 10 * melt.motion.error, "directions and halves"),
    }
    rows = [
        Quantity(
            key, LABELS[key][0], value, LABELS[key][1], error, kind if error is not None else "", condition,
            note=slowed if key == "diffusion" else note,
        )
        for key, (value, error, kind) in values.items()
    ]  # fmt: skip
    return [*rows, *_factor_quantities(melt.factor, condition, note)]


def _factor_quantities(factor: StructureFactor, condition: str, note: str) -> list[Quantity]:
    """The first peak of S(q); a small cell may have too few wave vectors to show one."""
    keys = ("structure_factor_peak", "structure_factor_height")
    try:
        position, height = factor.peak()
    except BenchmarkError as error:
        return [failed(key, *LABELS[key], str(error), condition) for key in keys]
    scatter = plain(factor.error[int(np.argmax(factor.s))])
    kind = "" if scatter is None else "scatter over wave vectors"
    return [
        Quantity(keys[0], LABELS[keys[0]][0], position, LABELS[keys[0]][1], None, "", condition, note=note),
        Quantity(keys[1], LABELS[keys[1]][0], height, LABELS[keys[1]][1], scatter, kind, condition, note=note),
    ]


def write_melt(melt: Melt, quantities: list[Quantity], directory: str | Path) -> None:
    """Write ``quantities.csv``, ``rdf.csv``, ``msd.csv``, ``series.csv`` and ``final.extxyz``."""
    out = Path(directory)
    g, blocks = melt.structure, np.stack([block.g for block in melt.blocks])
    errors = blocks.std(axis=0, ddof=1) / np.sqrt(len(blocks)) if len(blocks) > 1 else np.zeros_like(g.g)
    write_table(out / "rdf.csv", ("distance_angstrom", "g", "error"), zip(g.distance, g.g, errors, strict=True))
    f = melt.factor
    rows = ((q, s, plain(error)) for q, s, error in zip(f.wave_number, f.s, f.error, strict=True))
    write_table(out / "structure_factor.csv", ("wave_number_per_angstrom", "s", "error"), rows)
    m = melt.motion
    write_table(out / "msd.csv", ("time_ps", "msd_angstrom2"), zip(m.time, m.squared_displacement, strict=True))
    s = melt.series
    mass = float(atomic_masses[atomic_numbers[melt.element]])
    pressure = (s["pressure_x"] + s["pressure_y"] + s["pressure_z"]) / 3
    density = [mass_density(v, mass) for v in s["volume"]]
    write_table(
        out / "series.csv",
        ("time_ps", "temperature_kelvin", "density_g_cm3", "pressure_gpa", "potential_energy_ev_per_atom"),
        zip(s["time"] / FEMTOSECOND / 1000, s["temperature"], density, pressure, s["potential_energy"], strict=True),
    )
    last = melt.frames[-1].copy()
    last.wrap()
    bare = Atoms(last.symbols, last.positions, cell=last.cell, pbc=last.pbc)
    write_structures(out / "final.extxyz", [describe(bare, "melt", "benchmark-melt")])
    write_quantities(out / "quantities.csv", quantities)


def write_temperatures(rows: Sequence[tuple[float, Quantity]], directory: str | Path) -> None:
    """Write ``temperatures.csv``: every quantity at every temperature of the list."""
    header = ("temperature_kelvin", "quantity", "value", "uncertainty", "unit", "status", "note")
    table = [(t, q.quantity, q.value, q.uncertainty, q.unit, q.status, q.note) for t, q in rows]
    write_table(Path(directory) / "temperatures.csv", header, table)


def run_rdf(model: Model, protocol: MeltProtocol, seed: int, directory: str | Path) -> None:
    """The whole benchmark; a run that stops by itself is a result with its reason, not an error.

    The melts at ``protocol.also_kelvin`` are made and observed like the first; of them only the quantities are kept.
    Raises :class:`BenchmarkError` when the element does not fit the model.
    """
    start = crystal(
        only_element(model, protocol.element), protocol.lattice, protocol.volume_per_atom_angstrom3, (1, 1, 1)
    )
    melt, quantities = _observed(model, protocol, seed)
    if melt is None:
        # Later steps ask for a final structure: the crystal that never became a melt.
        write_structures(Path(directory) / "final.extxyz", [describe(start, protocol.lattice, "benchmark-melt")])
        write_quantities(Path(directory) / "quantities.csv", quantities)
    else:
        write_melt(melt, quantities, directory)
    rows = [(protocol.temperature_kelvin, row) for row in quantities]
    for temperature in protocol.also_kelvin:
        own = replace(protocol, temperature_kelvin=temperature)
        rows += [(temperature, row) for row in _observed(model, own, derive_seed(seed, f"at {temperature:g} K"))[1]]
    write_temperatures(rows, directory)


def _observed(model: Model, protocol: MeltProtocol, seed: int) -> tuple[Melt | None, list[Quantity]]:
    """The melt and its quantities; without a melt, failed quantities with the reason."""
    try:
        melt = observe_melt(model, protocol, seed)
        return melt, melt_quantities(melt)
    except (DynamicsError, BenchmarkError) as error:
        return None, [failed(key, label, unit, str(error)) for key, (label, unit) in LABELS.items()]
