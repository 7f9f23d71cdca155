"""What is asked of a cubic crystal beyond its elasticity: defects, the Bain path, phonons.

Each part is independent of the others, and of no use without the lattice constant: then all that was asked for is
listed as failed.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

from ase import Atoms
from ase.calculators.calculator import BaseCalculator

from ingot.benchmarks.bain import asked_of_bain, bain_findings
from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.interstitials import CONFIGURATIONS, asked_of_interstitial, interstitial_quantities
from ingot.benchmarks.lattices import volume_per_atom
from ingot.benchmarks.measured_phonons import read_measured
from ingot.benchmarks.migration import asked_of_migration, migration_findings
from ingot.benchmarks.phonon_quantities import asked_of_phonons, phonon_findings
from ingot.benchmarks.planar import (
    asked_of_stacking_fault,
    asked_of_surface,
    stacking_fault_findings,
    surface_quantities,
)
from ingot.benchmarks.spread import Asked, Findings, Table, not_computed, noted
from ingot.benchmarks.tables import Quantity
from ingot.benchmarks.vacancy import asked_of_vacancy, vacancy_quantities
from ingot.structures import build_lattice

CubicName = Literal["fcc", "bcc", "sc", "diamond"]
MetalLattice = Literal["fcc", "bcc"]


@dataclass(frozen=True)
class Wanted:
    """What is computed; sizes of cells are cubes along an edge, and empty ones leave a part out."""

    vacancy_repeat: int | None = None
    vacancy_migration: bool = False
    interstitial_repeat: int | None = None
    surfaces: tuple[tuple[int, int, int], ...] = ()
    stacking_fault: bool = False
    bain_path: bool = False
    phonon_repeat: int | None = None
    phonon_lattice_constant_angstrom: float | None = None
    """Phonons are computed there too."""
    phonon_temperatures_kelvin: tuple[float, ...] = (80.0, 300.0, 600.0, 900.0)
    """Of the thermodynamic functions."""
    phonon_measurements: str | None = None
    """Path of a table (see ``measured_phonons``)."""

    @property
    def nothing(self) -> bool:
        """Whether no part is asked for."""
        repeats = (self.vacancy_repeat, self.interstitial_repeat, self.phonon_repeat)
        return not (any(repeats) or self.surfaces or self.stacking_fault or self.bain_path)


@dataclass(frozen=True)
class Model:
    """A calculator, the members of its ensemble, and the crystal that they are asked about."""

    calculator: BaseCalculator
    members: Sequence[BaseCalculator]
    element: str
    lattice: CubicName

    def cubes(self, edge: float, repeat: int) -> Atoms:
        """The perfect crystal with lattice constant ``edge`` (A)."""
        volume = volume_per_atom(self.lattice, edge)
        return build_lattice(self.element, self.lattice, volume, conventional=True, repeat=(repeat,) * 3)

    def atoms(self, repeat: int) -> int:
        """Atoms in that crystal."""
        return round(repeat**3 / volume_per_atom(self.lattice, 1.0))

    @property
    def metal(self) -> MetalLattice:
        """The lattice; raises :class:`BenchmarkError` unless it is fcc or bcc."""
        if self.lattice not in get_args(MetalLattice):
            raise BenchmarkError(f"jumps, interstitials, Bain path and phonons are of fcc and bcc, not {self.lattice}")
        return cast(MetalLattice, self.lattice)


@dataclass(frozen=True)
class _Part:
    """What one part is asked for, and how it answers for a lattice constant (A); ``edge`` where that is given."""

    asked: list[Asked]
    find: Callable[[float], Findings]
    edge: float | None = None


def crystal_suite(model: Model, wanted: Wanted, edge: float | Exception, unstable: str = "") -> Findings:
    """All that is wanted, at the lattice constant ``edge`` (A), or the reason why there is none.

    ``unstable`` says that the crystal does not resist strain: it becomes a note of every value.
    """
    rows: list[Quantity] = []
    tables: dict[str, Table] = {}
    for part in _parts(model, wanted):
        at = part.edge or edge
        if isinstance(at, Exception):
            rows += not_computed(part.asked, f"needs the lattice constant: {at}")
            continue
        found = part.find(at)
        rows += [noted(row, unstable) if row.status == "ok" else row for row in found.quantities]
        for name, table in found.tables.items():
            before = tables[name].rows if name in tables else []
            tables[name] = Table(table.columns, [*before, *table.rows])
    return Findings(rows, tables)


def _parts(model: Model, wanted: Wanted) -> Iterator[_Part]:
    """The parts in the order of the rows."""
    if wanted.vacancy_repeat:
        yield _vacancy(model, wanted.vacancy_repeat)
        if wanted.vacancy_migration:
            yield _migration(model, wanted.vacancy_repeat)
    if wanted.interstitial_repeat:
        for name in CONFIGURATIONS[model.metal]:
            yield _interstitial(model, name, wanted.interstitial_repeat)
    for miller in wanted.surfaces:
        yield _surface(model, miller)
    if wanted.stacking_fault:
        yield _stacking_fault(model)
    if wanted.bain_path:
        yield _bain(model)
    if wanted.phonon_repeat:
        yield _phonons(model, wanted)
        if given := wanted.phonon_lattice_constant_angstrom:
            yield _phonons(model, wanted, given)


def _vacancy(model: Model, repeat: int) -> _Part:
    def find(edge: float) -> Findings:
        return Findings(vacancy_quantities(model.calculator, model.cubes(edge, repeat), model.members))

    return _Part(asked_of_vacancy(model.atoms(repeat)), find)


def _migration(model: Model, repeat: int) -> _Part:
    def find(edge: float) -> Findings:
        return migration_findings(model.calculator, model.cubes(edge, repeat), model.members)

    return _Part(asked_of_migration(model.atoms(repeat)), find)


def _interstitial(model: Model, name: str, repeat: int) -> _Part:
    def find(edge: float) -> Findings:
        crystal = model.cubes(edge, repeat)
        rows = interstitial_quantities(model.calculator, crystal, model.metal, edge, name, model.members)
        return Findings(rows)

    return _Part(asked_of_interstitial(name, model.atoms(repeat)), find)


def _surface(model: Model, miller: tuple[int, int, int]) -> _Part:
    def find(edge: float) -> Findings:
        crystal = (model.element, model.lattice, edge)
        return Findings(surface_quantities(model.calculator, *crystal, miller, model.members))

    return _Part(asked_of_surface(miller), find)


def _stacking_fault(model: Model) -> _Part:
    def find(edge: float) -> Findings:
        return stacking_fault_findings(model.calculator, model.element, edge, model.members)

    return _Part(asked_of_stacking_fault(), find)


def _bain(model: Model) -> _Part:
    def find(edge: float) -> Findings:
        volume = volume_per_atom(model.lattice, edge)
        return bain_findings(model.calculator, model.element, model.metal, volume, model.members)

    return _Part(asked_of_bain(model.metal), find)


def _phonons(model: Model, wanted: Wanted, given: float | None = None) -> _Part:
    repeat, path = wanted.phonon_repeat or 0, wanted.phonon_measurements
    measured = read_measured(path) if path else None

    def find(edge: float) -> Findings:
        crystal = (model.element, model.metal, edge)
        temperatures = wanted.phonon_temperatures_kelvin
        return phonon_findings(model.calculator, *crystal, repeat, temperatures, given, model.members, measured)

    return _Part(asked_of_phonons(model.metal, repeat, given, measured), find, given)
