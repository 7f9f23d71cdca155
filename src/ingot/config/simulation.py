"""``ingot simulate``: one molecular dynamics run."""

from typing import Literal

from pydantic import Field

from ingot.config.base import Section


class SimulationSettings(Section):
    """One molecular dynamics run, by hand."""

    ensemble: Literal["nve", "nvt", "npt"] = "nvt"
    """Microcanonical, canonical (Langevin), or isothermal-isobaric (with stochastic cell rescaling)."""

    steps: int = Field(1000, ge=1)
    """Time steps."""

    timestep_fs: float = Field(2.0, gt=0, le=10)
    """Time step."""

    temperature_kelvin: float = Field(300.0, ge=0)
    """Temperature of the starting velocities and of the thermostat."""

    friction_per_ps: float = Field(2.0, gt=0)
    """Friction of the thermostat."""

    pressure_gpa: float = 0.0
    """Pressure of the barostat."""

    axes: Literal["isotropic", "each", "x", "y", "z", "lateral"] = "isotropic"
    """Which axes of the cell breathe."""

    pressure_relaxation_fs: float = Field(500.0, gt=0)
    """Relaxation time of the barostat."""

    bulk_modulus_gpa: float = Field(80.0, gt=0)
    """Rough bulk modulus: with the relaxation time it sets how fast the volume moves, not where to."""

    every: int = Field(10, ge=1)
    """Steps between frames."""

    skin_angstrom: float = Field(0.5, gt=0, le=3)
    """How far neighbour tables reach beyond the cutoff: a matter of speed only."""
