"""Zero-temperature properties of a cubic crystal: equation of state, elastic constants, relative phase energies."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator

from ingot.benchmarks.elastic import ElasticConstants, elastic_by_stress, elastic_from_energies, strain_energies
from ingot.benchmarks.errors import BenchmarkError, FitError
from ingot.benchmarks.evaluation import Evaluate, evaluate_with
from ingot.benchmarks.lattices import VOLUME_RATIO, experimental_volume, primitive_cell, volume_per_atom
from ingot.benchmarks.phases import Curve, Equilibrium, equilibrium, sample
from ingot.benchmarks.spread import noted
from ingot.benchmarks.tables import Quantity, failed
from ingot.units import GIGAPASCAL

T = TypeVar("T")

PHASES = ("bcc", "hcp", "sc", "diamond")
"""The lattices that fcc is compared with by default."""


@dataclass(frozen=True)
class CrystalSettings:
    """How the benchmarks sample: volumes within +-``window`` of the minimum, strains of the elastic constants."""

    points: int = 9
    window: float = 0.06
    strain: float = 0.002
    energy_strains: tuple[float, ...] = (0.01, 0.02, 0.03)
    curve_points: int = 25
    curve_window: float = 0.15


@dataclass(frozen=True)
class CrystalProperties:
    """The quantities of a crystal, and the energies along each lattice's volume.

    ``curves`` maps a lattice to E(V) of the potential, ``members`` to (members, volumes)
    energies of the ensemble (no rows when there is none). ``unstable`` says how the crystal
    fails to resist strain; it is empty for one that does.
    """

    quantities: tuple[Quantity, ...]
    curves: dict[str, Curve]
    members: dict[str, np.ndarray]
    unstable: str

    def __getitem__(self, key: str) -> float:
        """The value of one quantity; raises :class:`BenchmarkError` when it failed."""
        item = next((q for q in self.quantities if q.quantity == key), None)
        if item is None or item.value is None:
            keys = ", ".join(q.quantity for q in self.quantities)
            raise BenchmarkError(f"{key}: {item.note if item else f'no such quantity; there are: {keys}'}")
        return item.value


@dataclass(frozen=True)
class _Crystal:
    """A lattice that can be made at any volume per atom; ``cube`` is the atoms in the cubic cell of edge ``a0``."""

    name: str
    cell_at: Callable[[float], Atoms]
    guess: float
    cube: float


@dataclass(frozen=True)
class _View:
    """What one model (the ensemble's mean, or one member) gives; an exception stands for what failed."""

    states: dict[str, Equilibrium | Exception]
    elastic: ElasticConstants | Exception


def fcc_properties(
    calculator: BaseCalculator | Evaluate,
    element: str,
    members: Sequence[BaseCalculator | Evaluate] = (),
    phases: Sequence[str] = PHASES,
    settings: CrystalSettings | None = None,
    a_guess: float | None = None,
) -> CrystalProperties:
    """Benchmarks of an fcc metal; see :func:`crystal_properties`.

    ``a_guess`` (angstrom) starts the search; by default it follows from ASE's table of
    measured lattices.

    >>> from ase.calculators.emt import EMT
    >>> al = fcc_properties(EMT(), "Al", phases=())
    >>> round(al["a0"], 2), round(al["bulk_modulus"])
    (3.99, 40)
    """
    volume = volume_per_atom("fcc", a_guess) if a_guess else experimental_volume(element)
    return crystal_properties(calculator, primitive_cell(element, "fcc", volume), members, phases, settings)


def crystal_properties(
    calculator: BaseCalculator | Evaluate,
    structure: Atoms,
    members: Sequence[BaseCalculator | Evaluate] = (),
    phases: Sequence[str] = (),
    settings: CrystalSettings | None = None,
) -> CrystalProperties:
    """Lattice constant, bulk modulus, elastic constants and relative energies of a cubic crystal.

    Parameters
    ----------
    calculator
        any ASE calculator, or a function of a structure that gives a ``Point``.
    structure
        a cell of the crystal with its cube axes along x, y, z; its volume starts the search.
    members
        the members of an ensemble: each goes through the whole procedure by itself, and the
        sample standard deviation over them is the uncertainty of every quantity.
    phases
        lattices whose energy relative to the crystal is wanted (elements only; hcp at the ideal c/a).

    A quantity that cannot be computed is a row with status ``failed`` and the reason; the
    others are computed all the same. Raises :class:`BenchmarkError` for a structure that is
    not cubic, or phases of a compound.
    """
    settings = settings or CrystalSettings()
    crystals = [_given_crystal(structure), *_other_phases(structure, phases)]
    mean = evaluate_with(calculator)
    each = [evaluate_with(member) for member in members]
    view = _view(mean, crystals, settings)
    member_views = [_view(member, crystals, settings) for member in each]
    quantities = _rows(view, member_views, crystals, settings)
    curves, member_curves = {}, {}
    grid = np.linspace(1 - settings.curve_window, 1 + settings.curve_window, settings.curve_points)
    for crystal in crystals:
        state = view.states[crystal.name]
        if isinstance(state, Equilibrium):
            curves[crystal.name] = sample(mean, crystal.cell_at, state.volume * grid)
            member_curves[crystal.name] = np.array(
                [sample(one, crystal.cell_at, state.volume * grid).energy for one in each]
            ).reshape(len(each), len(grid))
    return CrystalProperties(tuple(quantities), curves, member_curves, _unstable(view))


def _given_crystal(structure: Atoms) -> _Crystal:
    lattice = structure.cell.get_bravais_lattice()
    if lattice.name not in ("CUB", "FCC", "BCC"):
        raise BenchmarkError(f"crystal benchmarks need a cubic crystal (got a {lattice.longname} lattice)")
    integers = lattice.a * np.linalg.inv(structure.cell.array)
    if not np.allclose(integers, np.rint(integers), atol=1e-6):
        raise BenchmarkError("the cube axes of the crystal must lie along x, y and z; rotate the cell")
    name = {"FCC": "fcc", "BCC": "bcc", "CUB": "sc"}[lattice.name] if len(structure) == 1 else "crystal"
    start = structure.get_volume() / len(structure)

    def cell_at(volume: float) -> Atoms:
        atoms = structure.copy()
        atoms.set_cell(structure.cell.array * (volume / start) ** (1 / 3), scale_atoms=True)
        return atoms

    return _Crystal(name, cell_at, start, float(lattice.a**3 / start))


def _other_phases(structure: Atoms, phases: Sequence[str]) -> list[_Crystal]:
    if not phases:
        return []
    elements = sorted(set(structure.get_chemical_symbols()))
    if len(elements) > 1:
        raise BenchmarkError(f"relative phase energies are for elements (got {', '.join(elements)}); ask for no phases")
    first = _given_crystal(structure)
    base = first.guess / VOLUME_RATIO.get(first.name, 1.0)

    def other(name: str) -> _Crystal:
        return _Crystal(name, lambda v: primitive_cell(elements[0], name, v), base * VOLUME_RATIO[name], 1.0)

    return [other(name) for name in phases if name != first.name]


def _view(evaluate: Evaluate, crystals: Sequence[_Crystal], settings: CrystalSettings) -> _View:
    states: dict[str, Equilibrium | Exception] = {}
    for crystal in crystals:
        try:
            states[crystal.name] = equilibrium(
                evaluate, crystal.cell_at, crystal.guess, settings.points, settings.window
            )
        except Exception as error:  # a calculator may raise anything; the other quantities do not depend on it
            states[crystal.name] = error
    return _View(states, _elastic(evaluate, crystals[0], states[crystals[0].name], settings))


def _elastic(
    evaluate: Evaluate, crystal: _Crystal, state: Equilibrium | Exception, settings: CrystalSettings
) -> ElasticConstants | Exception:
    if isinstance(state, Exception):
        return FitError(f"needs the equilibrium volume, which failed: {state}")
    atoms = crystal.cell_at(state.volume)
    try:
        if evaluate(atoms).stress is not None:
            return elastic_by_stress(evaluate, atoms, settings.strain)
        energies = strain_energies(evaluate, atoms, settings.energy_strains)
        return elastic_from_energies(state.fit.bulk_modulus, atoms.get_volume(), **energies)
    except Exception as error:  # as above
        return error


def _rows(
    view: _View, members: Sequence[_View], crystals: Sequence[_Crystal], settings: CrystalSettings
) -> list[Quantity]:
    first = crystals[0]

    def state_of(v: _View) -> Equilibrium:
        return _unless_failed(v.states[first.name])

    def edge(v: _View) -> float:
        return float((state_of(v).volume * first.cube) ** (1 / 3))

    def edge_error() -> float | None:
        fit = state_of(view).fit
        return _scaled(fit.volume_error, edge(view) / (3 * fit.volume))

    fitted = f"static, Birch-Murnaghan fit, {settings.points} volumes within {settings.window:.0%}"
    rows = [
        _row("a0", "lattice constant", "A", "static, energy minimum", view, members, edge, edge_error),
        _row("energy_per_atom", f"energy of {first.name}", "eV/atom", "the zero is that of the labels", view, members,
             lambda v: state_of(v).energy, lambda: state_of(view).fit.energy_error),
        _row("bulk_modulus", "bulk modulus B", "GPa", fitted, view, members,
             lambda v: state_of(v).fit.bulk_modulus / GIGAPASCAL,
             lambda: _scaled(state_of(view).fit.bulk_modulus_error, 1 / GIGAPASCAL)),
        _row("bulk_derivative", "dB/dP", "1", fitted, view, members, lambda v: state_of(v).fit.bulk_derivative,
             lambda: state_of(view).fit.bulk_derivative_error),
    ]  # fmt: skip
    elastic = view.elastic
    ions = "clamped ions, " if len(first.cell_at(first.guess)) > 1 else ""
    how = "" if isinstance(elastic, Exception) else f"static, at a0, {ions}{elastic.method}"
    for key in ("C11", "C12", "C44"):
        row = _row(key, key, "GPa", how, view, members, partial(_constant, key))
        rows.append(noted(row, _unstable(view)))
    for other in crystals[1:]:
        shape = ", ideal c/a" if other.name == "hcp" else ""
        key, label = f"energy_{other.name}_minus_{first.name}", f"E({other.name}) - E({first.name})"
        condition = f"static, each at its own volume{shape}"
        rows.append(
            _row(key, label, "meV/atom", condition, view, members, partial(_difference, other.name, first.name))
        )
    return rows


def _unstable(view: _View) -> str:
    return "" if isinstance(view.elastic, Exception) else view.elastic.instabilities()


def _constant(key: str, view: _View) -> float:
    return float(getattr(_unless_failed(view.elastic), key.lower()) / GIGAPASCAL)


def _difference(lattice: str, ground: str, view: _View) -> float:
    return 1e3 * (_unless_failed(view.states[lattice]).energy - _unless_failed(view.states[ground]).energy)


def _unless_failed(value: T | Exception) -> T:
    if isinstance(value, Exception):
        raise value
    return value


def _scaled(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _row(
    key: str,
    label: str,
    unit: str,
    condition: str,
    view: _View,
    members: Sequence[_View],
    value_of: Callable[[_View], float],
    fit_error: Callable[[], float | None] = lambda: None,
) -> Quantity:
    """One quantity with its uncertainty: the spread over members where there are some, else the error of the fit."""
    try:
        value = float(value_of(view))
    except Exception as error:  # reported as data
        return failed(key, label, unit, _reason(error), condition)
    spread, lost = [], 0
    for member in members:
        try:
            spread.append(value_of(member))
        except Exception:  # a member without this quantity widens nothing, but it is counted in the note
            lost += 1
    note = f"{lost} of {len(members)} members have no value" if lost else ""
    if len(spread) > 1:
        return Quantity(key, label, value, unit, float(np.std(spread, ddof=1)), "ensemble std", condition, "ok", note)
    error_of_fit = fit_error()
    kind = "" if error_of_fit is None else "fit"
    return Quantity(key, label, value, unit, error_of_fit, kind, condition, "ok", note)


def _reason(error: Exception) -> str:
    return str(error) if isinstance(error, BenchmarkError) else f"{type(error).__name__}: {error}"
