"""What the labels themselves say: the crystal benchmarks by the labels' own method, at the labels' own settings.

A potential cannot be better than its labels. Comparing it with experiment or with a
converged calculation mixes two errors, that of learning and that of the labels; here the
same cells go to the label method, in two steps, so that the calculations are ordinary label
jobs: :func:`reference_cells` lists them, :func:`fit_reference_cells` turns energies into
quantities, by the very fits that the potential goes through. It takes energies of any
origin, so the potential can be asked about the same cells, like with like.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from ingot.benchmarks.elastic import strain_curvature
from ingot.benchmarks.equation_of_state import EquationOfState, fit_equation_of_state
from ingot.benchmarks.errors import BenchmarkError, FitError
from ingot.benchmarks.lattices import (
    VOLUME_RATIO,
    experimental_volume,
    monoclinic_strain,
    orthorhombic_strain,
    primitive_cell,
    strained,
    volume_per_atom,
)
from ingot.benchmarks.tables import Quantity, failed
from ingot.structures import describe
from ingot.units import GIGAPASCAL

_STRAINS = {"orthorhombic": orthorhombic_strain, "monoclinic": monoclinic_strain}


@dataclass(frozen=True)
class ReferenceSettings:
    """Which cells are computed directly.

    ``lattice`` is the ground state, sampled at ``points`` volumes; each of ``phases`` at
    ``phase_points``. The elastic constants come from ``strains`` at each of ``elastic_volumes``
    (relative to the reference volume), interpolated to the equilibrium volume.
    """

    lattice: str = "fcc"
    phases: tuple[str, ...] = ("bcc", "hcp")
    points: int = 9
    phase_points: int = 5
    window: float = 0.08
    strains: tuple[float, ...] = (0.02, 0.04)
    elastic_volumes: tuple[float, ...] = (0.98, 1.02)
    a_guess: float | None = None


@dataclass(frozen=True)
class ReferenceCell:
    """One cell, and its place in the fits: the volume it belongs to, and the strain (``""`` for none)."""

    lattice: str
    volume: float
    strain: str
    delta: float
    atoms: Atoms

    @property
    def id(self) -> str:
        """The structure id that its label carries."""
        return str(self.atoms.info["structure_id"])


def reference_cells(element: str, settings: ReferenceSettings) -> list[ReferenceCell]:
    """The cells to label, one or two atoms each, grouped by lattice (family ``reference-<lattice>``).

    Only +delta is needed of each strain: cubic symmetry makes the energy even. All cells of
    a lattice should be labelled with one k-point mesh and one FFT mesh, or their
    energies differ by the change of the mesh; the group's first cell is the reference volume.
    """
    if settings.lattice == "hcp" or settings.lattice not in VOLUME_RATIO:
        raise BenchmarkError(f"direct references need a cubic ground state (got lattice {settings.lattice!r})")
    if settings.a_guess is not None:
        volume = volume_per_atom(settings.lattice, settings.a_guess)
    else:
        volume = experimental_volume(element)
    cells = []
    grid = _ratios(settings.window, settings.points)
    elastic = [round(v, 9) for v in settings.elastic_volumes] if settings.strains else []
    for ratio in dict.fromkeys([*grid, *elastic]):
        cells.append(_cell(element, settings.lattice, volume * ratio))
    for ratio in elastic:
        for name in _STRAINS:
            cells += [_cell(element, settings.lattice, volume * ratio, name, delta) for delta in settings.strains]
    for phase in settings.phases:
        centre = volume * VOLUME_RATIO[phase] / VOLUME_RATIO[settings.lattice]
        cells += [_cell(element, phase, centre * r) for r in _ratios(settings.window, settings.phase_points)]
    return cells


def _ratios(window: float, points: int) -> list[float]:
    """Volumes relative to the reference, from the middle outwards; rounded, so that equal ratios are equal floats."""
    return sorted((round(float(r), 9) for r in np.linspace(1 - window, 1 + window, points)), key=lambda r: abs(r - 1))


def _cell(element: str, lattice: str, volume: float, strain: str = "", delta: float = 0.0) -> ReferenceCell:
    atoms = primitive_cell(element, lattice, volume)
    if strain:
        atoms = strained(atoms, _STRAINS[strain](delta))
    family = f"reference-{lattice}"
    return ReferenceCell(lattice, volume, strain, delta, describe(atoms, family, parent=family))


def fit_reference_cells(
    cells: Sequence[ReferenceCell], energies: Mapping[str, float], source: str = "labels"
) -> list[Quantity]:
    """Quantities from energies (eV per cell, keyed by structure id) of the cells of :func:`reference_cells`.

    The uncertainty of the equation of state is the error of the fit; that of an elastic
    constant is its change when the largest strain is left out. Cells without an energy
    are left out and counted; a quantity with too few cells is a failed row.
    """
    lattice = cells[0].lattice
    phases = list(dict.fromkeys(cell.lattice for cell in cells))
    states = {phase: _state(cells, energies, phase) for phase in phases}
    first = states[lattice]
    rows = _state_rows(first, lattice, _count(cells, lattice))
    rows += _elastic_rows(cells, energies, first, lattice)
    for phase in phases[1:]:
        key, label = f"energy_{phase}_minus_{lattice}", f"E({phase}) - E({lattice})"
        condition = f"static, each at its own volume{', ideal c/a' if phase == 'hcp' else ''}"
        other = states[phase]
        wrong = next((s for s in (first, other) if isinstance(s, FitError)), None)
        if wrong is not None:
            rows.append(failed(key, label, "meV/atom", str(wrong), condition))
            continue
        assert isinstance(other, EquationOfState)
        assert isinstance(first, EquationOfState)
        error = None
        if first.energy_error is not None and other.energy_error is not None:
            error = 1e3 * float(np.hypot(first.energy_error, other.energy_error))
        kind = "" if error is None else "fit"
        rows.append(Quantity(key, label, 1e3 * (other.energy - first.energy), "meV/atom", error, kind, condition))
    missing = [cell for cell in cells if cell.id not in energies]
    if missing:
        note = f"{len(missing)} of {len(cells)} cells have no energy from the {source}"
        rows = [Quantity(**{**vars(row), "note": "; ".join(n for n in (row.note, note) if n)}) for row in rows]
    return rows


def _count(cells: Sequence[ReferenceCell], lattice: str) -> int:
    return sum(cell.lattice == lattice and not cell.strain for cell in cells)


def _state(cells: Sequence[ReferenceCell], energies: Mapping[str, float], lattice: str) -> EquationOfState | FitError:
    points = [
        (cell.atoms.get_volume() / len(cell.atoms), energies[cell.id] / len(cell.atoms))
        for cell in cells
        if cell.lattice == lattice and not cell.strain and cell.id in energies
    ]
    try:
        volumes, values = np.array(sorted(points)).reshape(-1, 2).T
        return fit_equation_of_state(volumes, values)
    except FitError as error:
        return FitError(f"{lattice}: {error}")


def _state_rows(state: EquationOfState | FitError, lattice: str, count: int) -> list[Quantity]:
    condition = f"static, Birch-Murnaghan fit, {count} volumes"
    specification = [
        ("a0", "lattice constant", "A"),
        ("energy_per_atom", f"energy of {lattice}", "eV/atom"),
        ("bulk_modulus", "bulk modulus B", "GPa"),
        ("bulk_derivative", "dB/dP", "1"),
    ]
    if isinstance(state, FitError):
        return [failed(key, label, unit, str(state), condition) for key, label, unit in specification]
    edge = (state.volume / volume_per_atom(lattice, 1.0)) ** (1 / 3)
    volume_error = state.volume_error
    edge_error = None if volume_error is None else edge * volume_error / (3 * state.volume)
    modulus_error = None if state.bulk_modulus_error is None else state.bulk_modulus_error / GIGAPASCAL
    numbers = [
        (edge, edge_error),
        (state.energy, state.energy_error),
        (state.bulk_modulus / GIGAPASCAL, modulus_error),
        (state.bulk_derivative, state.bulk_derivative_error),
    ]
    return [
        Quantity(key, label, value, unit, error, "" if error is None else "fit", condition)
        for (key, label, unit), (value, error) in zip(specification, numbers, strict=True)
    ]


def _elastic_rows(
    cells: Sequence[ReferenceCell],
    energies: Mapping[str, float],
    state: EquationOfState | FitError,
    lattice: str,
) -> list[Quantity]:
    strains = sorted({cell.delta for cell in cells if cell.strain})
    if not strains:
        return []
    ions = "clamped ions, " if len(cells[0].atoms) > 1 else ""
    condition = f"static, at a0, {ions}energies under strains {', '.join(f'{d:g}' for d in strains)}"
    keys = ("C11", "C12", "C44")
    if isinstance(state, FitError):
        return [failed(key, key, "GPa", f"needs the equilibrium volume: {state}", condition) for key in keys]

    def constants(largest: float) -> dict[str, float]:
        tetragonal = _modulus(cells, energies, lattice, "orthorhombic", largest, state.volume)
        shear = 2 * _modulus(cells, energies, lattice, "monoclinic", largest, state.volume)
        b = state.bulk_modulus
        values = (b + 2 / 3 * tetragonal, b - 1 / 3 * tetragonal, shear)
        return {key: value / GIGAPASCAL for key, value in zip(keys, values, strict=True)}

    try:
        best = constants(strains[-1])
        fewer = constants(strains[-2]) if len(strains) > 1 else None
    except FitError as error:
        return [failed(key, key, "GPa", str(error), condition) for key in keys]
    kind = "change without the largest strain" if fewer else ""
    return [
        Quantity(key, key, best[key], "GPa", abs(best[key] - fewer[key]) if fewer else None, kind, condition)
        for key in keys
    ]


def _modulus(
    cells: Sequence[ReferenceCell],
    energies: Mapping[str, float],
    lattice: str,
    strain: str,
    largest: float,
    at_volume: float,
) -> float:
    """The strain's curvature per volume (eV/A^3), interpolated linearly in the volume; strains up to ``largest``."""
    rest = {c.volume: energies[c.id] for c in cells if c.lattice == lattice and not c.strain and c.id in energies}
    curves: dict[float, dict[float, float]] = {}
    for cell in cells:
        if cell.strain == strain and cell.delta <= largest * (1 + 1e-9) and cell.id in energies and cell.volume in rest:
            curves.setdefault(cell.volume, {0.0: rest[cell.volume]})[cell.delta] = energies[cell.id]
    if not curves:
        raise FitError(f"no energies of cells under {strain} strain")
    atoms = 1 if lattice != "diamond" else 2
    volumes = np.array(sorted(curves))
    moduli = np.array([strain_curvature(curves[v]) / (v * atoms) for v in volumes])
    if len(volumes) == 1:
        return float(moduli[0])
    return float(np.polyval(np.polyfit(volumes - at_volume, moduli, 1), 0.0))
