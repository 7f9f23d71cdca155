"""Benchmarks: what is measured of the finished potential, and how."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ingot.config.base import Section
from ingot.config.melt import CoexistenceSettings, RdfSettings, ThermalSettings

LatticeName = Literal["fcc", "bcc", "hcp", "sc", "diamond"]
CubicName = Literal["fcc", "bcc", "sc", "diamond"]
Positive = Annotated[float, Field(gt=0)]
Strain = Annotated[float, Field(gt=0, lt=0.2)]


class AccuracySettings(Section):
    """Errors on labelled frames."""

    parity_rows: int = Field(default=20000, ge=100)
    """At most this many force components are written for parity plots (evenly strided; summaries use all)."""

    interval: float = Field(default=0.9, gt=0.5, lt=1)
    """Nominal coverage of the interval around a prediction whose true coverage is reported."""


class NoveltySettings(Section):
    """Errors of forces against the novelty of environments, as the section `audit` measures it."""

    rows: int = Field(20_000, ge=100)
    """At most this many atoms are listed for plots (evenly strided; correlations use all)."""

    resamples: int = Field(400, ge=20)
    """Draws of structures behind the error of a rank correlation."""


class CrystalSettings(Section):
    """Static properties of the crystal: equation of state, elastic constants, relative phase energies."""

    element: str | None = None
    """The element; by default the only species of the potential."""

    lattice: CubicName = "fcc"
    """The ground state."""

    phases: tuple[LatticeName, ...] = ("bcc", "hcp", "sc", "diamond")
    """Lattices whose energy relative to the ground state is computed (hcp at the ideal c/a)."""

    lattice_constant_angstrom: Positive | None = None
    """Where to start looking for the minimum; by default ASE's table of measured lattices."""

    points: int = Field(9, ge=5)
    """Volumes of the Birch-Murnaghan fit."""

    window: float = Field(0.06, gt=0.005, lt=0.3)
    """The fit takes volumes within plus or minus this fraction of the minimum."""

    strain: Strain = 0.002
    """Strain of the finite differences of the stress."""

    energy_strains: tuple[Strain, ...] = Field((0.01, 0.02, 0.03), min_length=1)
    """Strains of the elastic constants when the calculator gives no stress."""

    vacancy_repeat: int | None = Field(None, ge=2)
    """Edge, in conventional cells, of the cell that a vacancy is relaxed in; empty: no vacancy."""

    vacancy_migration: bool = False
    """Energy of a neighbour's jump into that vacancy, by a climbing-image elastic band (fcc and bcc)."""

    interstitial_repeat: int | None = Field(None, ge=2)
    """Edge, in conventional cells, of the cell of self-interstitials: dumbbells, octahedral, tetrahedral (fcc, bcc)."""

    surfaces: tuple[tuple[int, int, int], ...] = ()
    """Miller indices of surfaces whose energies are computed, such as `[[1, 1, 1], [1, 0, 0], [1, 1, 0]]`."""

    stacking_fault: bool = False
    """Intrinsic and unstable stacking fault energy (fcc alone)."""

    bain_path: bool = False
    """Energies from bcc to fcc along c/a at the crystal's volume per atom (fcc and bcc)."""

    phonon_repeat: int | None = Field(None, ge=3)
    """Edge, in conventional cells, of the phonons' cell (fcc, bcc); one less shows how far they have converged."""

    phonon_lattice_constant_angstrom: Positive | None = None
    """Phonons are also computed at this lattice constant, such as that of a measurement."""

    phonon_temperatures_kelvin: tuple[Positive, ...] = (80.0, 300.0, 600.0, 900.0)
    """Temperatures of the harmonic free energy, entropy and heat capacity."""

    phonon_measurements: str | None = None
    """A table of measured frequencies to compare with (CSV: see the how-to on comparing potentials)."""

    @model_validator(mode="after")
    def _parts_suit_the_lattice(self) -> "CrystalSettings":
        if self.stacking_fault and self.lattice != "fcc":
            raise ValueError(f"stacking_fault is for fcc, not for {self.lattice}")
        for key in ("vacancy_migration", "interstitial_repeat", "bain_path", "phonon_repeat"):
            if getattr(self, key) and self.lattice not in ("fcc", "bcc"):
                raise ValueError(f"{key} is for fcc and bcc, not for {self.lattice}")
        if any(not any(miller) for miller in self.surfaces):
            raise ValueError("the Miller indices of a surface cannot all be zero")
        if self.vacancy_migration and not self.vacancy_repeat:
            raise ValueError("vacancy_migration needs the cell of a vacancy: state vacancy_repeat")
        for key in ("phonon_lattice_constant_angstrom", "phonon_measurements"):
            if getattr(self, key) and not self.phonon_repeat:
                raise ValueError(f"{key} needs phonons: state phonon_repeat")
        return self


class DirectSettings(Section):
    """The same quantities by the label method itself, at the labels' own settings."""

    element: str
    """The element."""

    lattice: CubicName = "fcc"
    """The ground state."""

    phases: tuple[LatticeName, ...] = ("bcc", "hcp")
    """Lattices whose energy relative to the ground state is computed."""

    lattice_constant_angstrom: Positive | None = None
    """The reference lattice constant of the ground state; by default ASE's table of measured lattices."""

    points: int = Field(9, ge=5)
    """Volumes of the ground state."""

    phase_points: int = Field(5, ge=5)
    """Volumes of each other lattice."""

    window: float = Field(0.08, gt=0.005, lt=0.3)
    """Volumes lie within plus or minus this fraction of the reference volume."""

    strains: tuple[Strain, ...] = (0.02, 0.04)
    """Volume-conserving strains of the elastic constants; none leaves them out. Beyond 0.04 the k-mesh may change."""

    elastic_volumes: tuple[Positive, ...] = Field((0.98, 1.02), min_length=1)
    """Volumes of the strained cells relative to the reference; constants are interpolated to equilibrium."""

    @model_validator(mode="after")
    def _volumes_inside(self) -> "DirectSettings":
        outside = [v for v in self.elastic_volumes if abs(v - 1) > self.window + 1e-9]
        if outside:
            raise ValueError(f"elastic_volumes {outside} lie outside 1 +- window ({self.window})")
        if self.lattice in self.phases:
            raise ValueError(f"phases name the ground state {self.lattice!r} itself")
        return self


class BenchmarkSettings(Section):
    """One section per benchmark; a benchmark left out is not run."""

    compare: dict[Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]*$")], str] = Field(default_factory=dict)
    """Other potentials, by name, that go through the same benchmarks: folders (`resources/ani-al`) or EAM files."""

    accuracy: AccuracySettings = AccuracySettings()
    """Errors on labelled frames."""

    novelty: NoveltySettings | None = None
    """Whether novelty foretells the errors of forces."""

    crystal: CrystalSettings | None = None
    """Static properties of a cubic crystal."""

    convergence: CrystalSettings | None = None
    """The crystal by the ensemble before each iteration of the loop, to see how its properties converge."""

    direct: DirectSettings | None = None
    """The same by the label method itself."""

    thermal: ThermalSettings | None = None
    """Thermal expansion and heat capacity of the crystal."""

    rdf: RdfSettings | None = None
    """Density, pair structure and diffusion of the melt."""

    coexistence: CoexistenceSettings | None = None
    """The melting point from melt and crystal side by side."""
