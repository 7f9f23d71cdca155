"""The benchmarks by dynamics: the warm crystal, the melt, and coexistence of melt and crystal."""

from typing import Annotated, Literal

from pydantic import Field

from ingot.config.base import Section

Positive = Annotated[float, Field(gt=0)]
Repeats = tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]


class ThermalSettings(Section):
    """Thermal expansion and heat capacity of the crystal, with classical atoms."""

    temperatures_kelvin: tuple[Positive, ...] = Field((100.0, 200.0, 300.0, 400.0, 500.0), min_length=2)
    """Temperatures; values are given at 298.15 K, which they should enclose."""

    element: str | None = None
    """The element; by default the only species of the potential."""

    lattice: Literal["fcc", "bcc", "hcp"] = "fcc"
    """The crystal (hcp at the ideal c/a)."""

    volume_per_atom_angstrom3: Positive | None = None
    """Volume per atom at the start; by default from ASE's table of measured lattices."""

    repeat: Repeats = (4, 4, 4)
    """Cells of the crystal along each axis."""

    pressure_gpa: float = 0.0
    """Pressure."""

    timestep_fs: float = Field(2.5, gt=0, le=10)
    """Time step."""

    equilibration_steps: int = Field(800, ge=1)
    """Steps at each temperature before anything is measured."""

    production_steps: int = Field(4000, ge=200)
    """Steps at each temperature that are measured."""

    sample_every: int = Field(20, ge=1)
    """Steps between samples."""

    friction_per_ps: float = Field(2.0, gt=0)
    """Friction of the thermostat."""

    relaxation_fs: float = Field(300.0, gt=0)
    """Relaxation time of the volume."""

    bulk_modulus_gpa: float = Field(75.0, gt=0)
    """Rough bulk modulus: with the relaxation time it sets how fast the volume moves, not where to."""

    skin_angstrom: float = Field(0.5, gt=0, le=3)
    """How far neighbour tables reach beyond the cutoff: a matter of speed only."""


class RdfSettings(Section):
    """Density, pair structure and diffusion of a melt, made by overheating the crystal."""

    temperature_kelvin: float = Field(gt=0)
    """Temperature of the melt; above the melting point of the element."""

    also_kelvin: tuple[Positive, ...] = ()
    """Further temperatures, at which the same is measured: a table of densities, peaks and diffusion."""

    element: str | None = None
    """The element; by default the only species of the potential."""

    lattice: Literal["fcc", "bcc", "hcp"] = "fcc"
    """The crystal that is melted."""

    volume_per_atom_angstrom3: Positive | None = None
    """Volume per atom of the crystal at the start; by default from ASE's table of measured lattices."""

    repeat: Repeats = (3, 3, 3)
    """Cells of the crystal along each axis: cubic cells of fcc (4 atoms) and bcc (2), orthorhombic ones of hcp (4)."""

    ensemble: Literal["npt", "nvt"] = "npt"
    """At constant pressure, or at the volume of the overheated crystal."""

    pressure_gpa: float = 0.0
    """Pressure."""

    timestep_fs: float = Field(3.0, gt=0, le=10)
    """Time step."""

    melt_factor: float = Field(2.0, ge=1)
    """The crystal is melted at this multiple of the temperature ..."""

    melt_expansion: float = Field(1.1, gt=0.8, lt=2)
    """... and at this multiple of the crystal's volume."""

    melt_steps: int = Field(500, ge=1)
    """Steps of melting."""

    equilibration_steps: int = Field(800, ge=1)
    """Steps at the temperature itself before anything is measured."""

    production_steps: int = Field(3000, ge=200)
    """Steps that are measured."""

    frame_every: int = Field(10, ge=1)
    """Steps between frames."""

    blocks: int = Field(5, ge=2)
    """Blocks whose scatter gives the errors."""

    friction_per_ps: float = Field(3.0, gt=0)
    """Friction of the thermostat while measuring: a weak one leaves the temperature to chance in a short run, a strong
    one slows diffusion (the table says by how much)."""

    relaxation_fs: float = Field(300.0, gt=0)
    """Relaxation time of the volume."""

    bulk_modulus_gpa: float = Field(50.0, gt=0)
    """Rough bulk modulus: with the relaxation time it sets how fast the volume moves, not where to."""

    farthest_angstrom: float = Field(8.0, gt=0)
    """Range of g(r), at most half the cell."""

    bins: int = Field(150, ge=20)
    """Bins of g(r)."""

    skin_angstrom: float = Field(0.5, gt=0, le=3)
    """How far neighbour tables reach beyond the cutoff: a matter of speed only."""


class CurvePoint(Section):
    """Another pressure of the melting curve."""

    pressure_gpa: float
    """Pressure along z."""

    temperature_kelvin: float = Field(gt=0)
    """Guess of the melting point there."""

    volume_per_atom_angstrom3: Positive | None = None
    """Volume per atom of the crystal at the start; a rough one saves a violent compression."""


class CoexistenceSettings(Section):
    """Melt and crystal side by side at constant enthalpy, begun above and below a guess of the melting point."""

    temperature_kelvin: float = Field(gt=0)
    """Guess of the melting point; the lateral box is that of the crystal at this temperature."""

    element: str | None = None
    """The element; by default the only species of the potential."""

    lattice: Literal["fcc", "bcc", "hcp"] = "fcc"
    """The crystal."""

    volume_per_atom_angstrom3: Positive | None = None
    """Volume per atom of the crystal at the start; by default from ASE's table of measured lattices."""

    repeat: Repeats = (3, 3, 8)
    """Cells of the crystal along each axis; the interfaces are normal to z."""

    pressure_gpa: float = 0.0
    """Pressure along z."""

    timestep_fs: float = Field(2.5, gt=0, le=10)
    """Time step."""

    offset: float = Field(0.03, gt=0, lt=0.5)
    """The two runs begin with the energy of a temperature this fraction above and below the guess."""

    crystal_steps: int = Field(800, ge=100)
    """Steps of the crystal alone; the second half gives its mean box."""

    melt_factor: float = Field(2.0, ge=1)
    """One half is melted at this multiple of the guess."""

    melt_steps: int = Field(150, ge=1)
    """Steps of one attempt at melting; up to ten attempts, each hotter."""

    equilibration_steps: int = Field(300, ge=1)
    """Steps that bring both halves to the guess."""

    production_steps: int = Field(4500, ge=200)
    """Steps of each run at constant enthalpy; its second half gives the temperature."""

    repeat_lost: bool = True
    """When one of the two runs loses a phase, begin a third at the temperature that both showed before."""

    cells: int = Field(1, ge=1)
    """Two-phase cells made independently; each has its runs from above and below."""

    curve: tuple[CurvePoint, ...] = ()
    """Further pressures: the melting curve."""

    fusion: bool = False
    """Also heat and volume of fusion, and the slope of the melting curve that follows (Clausius-Clapeyron)."""

    sample_every: int = Field(25, ge=1)
    """Steps between samples."""

    relaxation_fs: float = Field(300.0, gt=0)
    """Relaxation time of the box before the runs."""

    piston_period_fs: float = Field(1000.0, gt=0)
    """Period of the piston during the runs."""

    bulk_modulus_gpa: float = Field(50.0, gt=0)
    """Rough bulk modulus: it sets how fast boxes move, not where to."""

    slabs: int = Field(16, ge=4)
    """Slabs of the order profile along z."""

    skin_angstrom: float = Field(0.5, gt=0, le=3)
    """How far neighbour tables reach beyond the cutoff: a matter of speed only."""
