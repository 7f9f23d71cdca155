"""Phonons as rows of the crystal benchmark, with their dispersion, density of states and thermodynamics."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Literal

import numpy as np
from ase.calculators.calculator import BaseCalculator

from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.harmonic import harmonic_thermodynamics, zero_point_energy
from ingot.benchmarks.lattices import primitive_cell, volume_per_atom
from ingot.benchmarks.measured_phonons import COLUMNS, MeasuredPhonons
from ingot.benchmarks.phonon_paths import PATHS, SPECIAL_MODES, axis
from ingot.benchmarks.phonons import FiniteDisplacements, LatticeDynamics, cubes
from ingot.benchmarks.spread import Asked, Findings, Table, deviation, noted, quantities_of
from ingot.benchmarks.tables import Quantity
from ingot.units import BOLTZMANN

DISPERSION_COLUMNS = (
    "lattice_constant_A",
    "line",
    "branch",
    "path_coordinate",
    "point",
    "q_x",
    "q_y",
    "q_z",
    "frequency_THz",
    "frequency_std_THz",
)
DOS_COLUMNS = ("lattice_constant_A", "frequency_THz", "modes_per_atom_THz")
THERMAL_COLUMNS = (
    "lattice_constant_A",
    "temperature_K",
    "free_energy_eV_per_atom",
    "entropy_kB_per_atom",
    "heat_capacity_kB_per_atom",
)


_KINDS = {"": "", "L": ", longitudinal", "T": ", transverse", "T1": ", transverse [1-10]", "T2": ", transverse [001]"}


@dataclass(frozen=True)
class _Wanted:
    """A quantity of the harmonic crystal: key, what a page prints, unit, and how it is had."""

    key: str
    label: str
    unit: str
    of: Callable[[LatticeDynamics], float]


def _wanted(lattice: str, measured: MeasuredPhonons | None) -> list[_Wanted]:
    wanted = []
    for name, line, coordinate, branch in SPECIAL_MODES[lattice]:
        point, _, kind = name.partition("_")
        label = f"phonon at {point}{_KINDS[kind]}"
        wanted.append(_Wanted(f"phonon_{name}", label, "THz", partial(_frequency, line, coordinate, branch)))
    wanted.append(_Wanted("zero_point_energy", "zero-point energy", "meV/atom", partial(_zero_point, lattice)))
    if measured:
        label = f"phonons, rms deviation from those measured at {measured.condition}"
        wanted.append(_Wanted("phonon_rms_measured", label, "THz", partial(_deviation, measured)))
    return wanted


def _frequency(line: str, coordinate: float, branch: str, dynamics: LatticeDynamics) -> float:
    frequency = float(dynamics.frequencies(line, branch, np.array([coordinate]))[0])
    if frequency < 0:
        raise BenchmarkError(f"the mode is imaginary: {-frequency:.2f}i THz")
    return frequency


def _zero_point(lattice: str, dynamics: LatticeDynamics) -> float:
    unstable = dynamics.instability(lattice)
    if unstable:
        raise BenchmarkError(unstable)
    modes = dynamics.modes()
    return 1e3 * zero_point_energy(modes.frequencies, modes.weights)


def _deviation(measured: MeasuredPhonons, dynamics: LatticeDynamics) -> float:
    """Root mean square over the measured points, in THz."""
    computed = np.zeros(len(measured.line))
    for line, branch in set(zip(measured.line, measured.branch, strict=True)):
        of_branch = measured.of(line, branch)
        computed[of_branch] = dynamics.frequencies(line, branch, measured.coordinate[of_branch])
    if computed.min() < 0:
        raise BenchmarkError("modes that were measured are imaginary")
    return float(np.sqrt(np.mean((computed - measured.frequency) ** 2)))


def asked_of_phonons(
    lattice: Literal["fcc", "bcc"], repeat: int, given: float | None = None, measured: MeasuredPhonons | None = None
) -> list[Asked]:
    """Frequencies, zero-point energy and deviation from ``measured`` frequencies, at a0 or a ``given`` constant (A).

    At a0 also what the next smaller supercell changes.
    """
    modes = _asked_of_modes(_wanted(lattice, measured), repeat, given)
    return modes if given else [*modes, _asked_of_supercell(repeat)]


def _asked_of_modes(wanted: Sequence[_Wanted], repeat: int, given: float | None) -> list[Asked]:
    cubes_along = f"{repeat} x {repeat} x {repeat} cubes"
    if not given:
        return [Asked(one.key, one.label, one.unit, f"harmonic, at a0, {cubes_along}") for one in wanted]
    at = f"at {given:g} A"
    condition = f"harmonic, {at}, {cubes_along}"
    return [Asked(f"{one.key}_at_given_a", f"{one.label}, {at}", one.unit, condition) for one in wanted]


def _asked_of_supercell(repeat: int) -> Asked:
    label = f"phonons, largest change from {repeat - 1} to {repeat} cubes"
    return Asked("phonon_supercell_change", label, "THz", "harmonic, at a0, along the path")


def phonon_findings(
    calculator: BaseCalculator,
    element: str,
    lattice: Literal["fcc", "bcc"],
    edge: float,
    repeat: int,
    temperatures: Sequence[float],
    given: float | None = None,
    members: Sequence[BaseCalculator] = (),
    measured: MeasuredPhonons | None = None,
) -> Findings:
    """Phonons of a crystal with lattice constant ``edge`` (A) in a supercell of ``repeat`` cubes along each edge.

    Rows as :func:`asked_of_phonons` lists them, with a note where the crystal is unstable; the dispersion, the density
    of states, and, of a stable crystal, thermodynamic functions at ``temperatures`` (K).
    """
    primitive = primitive_cell(element, lattice, volume_per_atom(lattice, edge))

    @cache
    def displacements(cubes_along: int) -> FiniteDisplacements:
        return FiniteDisplacements(primitive, edge, cubes(primitive, edge, cubes_along))

    @cache
    def dynamics(one: BaseCalculator) -> LatticeDynamics:
        return displacements(repeat).dynamics(one)

    def supercell_change(one: BaseCalculator) -> float:
        large, small = (of.branches(lattice) for of in (dynamics(one), displacements(repeat - 1).dynamics(one)))
        return max(float(np.abs(a.frequencies - b.frequencies).max()) for a, b in zip(large, small, strict=True))

    rows: list[Quantity] = []
    wanted = _wanted(lattice, measured)
    for one, asked in zip(wanted, _asked_of_modes(wanted, repeat, given), strict=True):
        rows += quantities_of([asked], partial(_value, asked.key, one, dynamics), calculator, members)
    if not given:
        asked = _asked_of_supercell(repeat)
        rows += quantities_of([asked], lambda mean: {asked.key: supercell_change(mean)}, calculator)
    try:
        mean = dynamics(calculator)
    except Exception:  # the rows say why
        return Findings(rows)
    unstable = mean.instability(lattice)
    tables = {"phonons": _dispersion(mean, _computed(dynamics, members), lattice), "phonon_dos": _dos(mean)}
    if measured and not given:  # once is enough
        tables["phonons_measured"] = _measured(measured)
    if unstable:
        return Findings([noted(row, unstable) if row.status == "ok" else row for row in rows], tables)
    return Findings(rows, tables | {"phonon_thermal": _thermal(mean, temperatures)})


def _value(
    key: str, wanted: _Wanted, dynamics: Callable[[BaseCalculator], LatticeDynamics], calculator: BaseCalculator
) -> dict[str, float]:
    return {key: wanted.of(dynamics(calculator))}


def _computed(
    dynamics: Callable[[BaseCalculator], LatticeDynamics], members: Sequence[BaseCalculator]
) -> list[LatticeDynamics]:
    found = []
    for one in members:
        try:
            found.append(dynamics(one))
        except Exception:  # counted in the notes of the rows
            continue
    return found


def _dispersion(mean: LatticeDynamics, members: Sequence[LatticeDynamics], lattice: str) -> Table:
    rows: list[tuple[object, ...]] = []
    of_members = [one.branches(lattice) for one in members]
    start, segments = 0.0, {segment.line: segment for segment in PATHS[lattice]}
    offsets = {}
    for line, segment in segments.items():
        offsets[line] = start
        start += float(np.linalg.norm(axis(line))) * abs(segment.points[-1][0] - segment.points[0][0])
    for number, branch in enumerate(mean.branches(lattice)):
        segment, direction = segments[branch.line], axis(branch.line)
        std = deviation([one[number].frequencies for one in of_members], len(branch.coordinates))
        along = offsets[branch.line] + np.linalg.norm(direction) * np.abs(branch.coordinates - segment.points[0][0])
        names = dict(segment.points)
        for k, coordinate in enumerate(branch.coordinates):
            point = names.get(float(coordinate), "")
            place = (mean.edge, branch.line, branch.name, along[k], point, *(coordinate * direction))
            rows.append((*place, branch.frequencies[k], std[k]))
    return Table(DISPERSION_COLUMNS, rows)


def _measured(points: MeasuredPhonons) -> Table:
    each = zip(points.line, points.branch, points.coordinate, points.frequency, points.error, strict=True)
    return Table((*COLUMNS, "condition", "citation"), [(*point, points.condition, points.citation) for point in each])


def _dos(dynamics: LatticeDynamics) -> Table:
    return Table(DOS_COLUMNS, [(dynamics.edge, *point) for point in zip(*dynamics.density_of_states(), strict=True)])


def _thermal(dynamics: LatticeDynamics, temperatures: Sequence[float]) -> Table:
    modes = dynamics.modes()
    rows: list[tuple[object, ...]] = []
    for temperature in temperatures:
        state = harmonic_thermodynamics(modes.frequencies, modes.weights, temperature)
        per_boltzmann = (state.entropy / BOLTZMANN, state.heat_capacity / BOLTZMANN)
        rows.append((dynamics.edge, temperature, state.free_energy, *per_boltzmann))
    return Table(THERMAL_COLUMNS, rows)
