"""``ingot simulate``: one molecular dynamics run."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ingot.config.base import Section

Temperature = Annotated[float, Field(ge=0)]


class SimulationSettings(Section):
    """One molecular dynamics run, by hand.

    Temperature and density may follow `q(t) = (1 - t/t_max) q_start + (t/t_max) q_end + q_amp sin^2(pi t / t_per)`.
    """

    ensemble: Literal["nve", "nvt", "npt", "nph"] = "nvt"
    """Microcanonical, canonical, isothermal-isobaric (stochastic cell rescaling), or isoenthalpic-isobaric (a
    deterministic piston)."""

    thermostat: Literal["langevin", "rescaling"] = "langevin"
    """Of nvt and npt: friction and noise on every atom, or stochastic rescaling of all velocities at once, which
    disturbs diffusion and vibrations little."""

    steps: int = Field(1000, ge=1)
    """Time steps; raising them continues a finished run."""

    timestep_fs: float = Field(2.0, gt=0, le=10)
    """Time step."""

    temperature_kelvin: Temperature | Annotated[tuple[Temperature, ...], Field(min_length=1)] = 300.0
    """Temperature of the starting velocities and of the thermostat; several run side by side, a replica each."""

    temperature_end_kelvin: Temperature | None = None
    """Temperature that the thermostat's ramp ends at; without it there is no ramp."""

    temperature_amplitude_kelvin: float = Field(0.0, ge=0)
    """Height of the temperature's oscillation."""

    temperature_period_ps: float = Field(1.0, gt=0)
    """Period of the temperature's oscillation."""

    density_end: float = Field(1.0, gt=0, le=10)
    """Density that the cell is driven to, relative to the start (nve and nvt)."""

    density_amplitude: float = Field(0.0, gt=-1, le=10)
    """Height of the density's oscillation, relative to the start."""

    density_period_ps: float = Field(1.0, gt=0)
    """Period of the density's oscillation."""

    ramp_ps: Annotated[float, Field(gt=0)] | None = None
    """Duration of the ramps; by default the whole run."""

    friction_per_ps: float = Field(2.0, gt=0)
    """Friction of the Langevin thermostat."""

    temperature_relaxation_fs: float = Field(100.0, gt=0)
    """Relaxation time of the stochastic velocity rescaling."""

    pressure_gpa: float = 0.0
    """Pressure of the barostat."""

    axes: Literal["isotropic", "each", "x", "y", "z", "lateral"] = "isotropic"
    """Which axes of the cell breathe."""

    pressure_relaxation_fs: float = Field(500.0, gt=0)
    """Relaxation time of the barostat of npt."""

    piston_period_fs: float = Field(1000.0, gt=0)
    """Period of the piston of nph."""

    bulk_modulus_gpa: float = Field(80.0, gt=0)
    """Rough bulk modulus: with the relaxation time it sets how fast the volume moves, not where to."""

    closest_angstrom: float = Field(0.5, ge=0)
    """Two atoms closer than this stop the run."""

    member: Annotated[int, Field(ge=0)] | None = None
    """Run on one network of the ensemble (0 is the first) instead of the mean of all."""

    keep_velocities: bool = False
    """Begin with the velocities of the structure file instead of drawing them at the temperature."""

    every: int = Field(10, ge=1)
    """Steps between frames."""

    checkpoint_steps: int = Field(1000, ge=1)
    """Steps between checkpoints: a killed run loses no more."""

    precision: Literal["float32", "float64"] = "float32"
    """Of positions, velocities and forces in a Zarr trajectory; dynamics itself has float64 positions."""

    save_velocities: bool = False
    """Keep velocities in a Zarr trajectory."""

    save_forces: bool = False
    """Keep forces in a Zarr trajectory."""

    skin_angstrom: float = Field(0.5, gt=0, le=3)
    """How far neighbour tables reach beyond the cutoff: a matter of speed only."""

    @property
    def temperatures_kelvin(self) -> tuple[float, ...]:
        """One or several."""
        given = self.temperature_kelvin
        return given if isinstance(given, tuple) else (given,)

    @property
    def drives_temperature(self) -> bool:
        """Whether the thermostat's temperature changes."""
        return self.temperature_end_kelvin is not None or self.temperature_amplitude_kelvin > 0

    @property
    def drives_density(self) -> bool:
        """Whether the cell is driven."""
        return self.density_end != 1.0 or self.density_amplitude != 0.0

    @model_validator(mode="after")
    def _driven_by_something(self) -> Self:
        if self.drives_temperature and self.ensemble in ("nve", "nph"):
            raise ValueError(f"a temperature that changes needs a thermostat: nvt or npt, not {self.ensemble}")
        if self.drives_density and self.ensemble in ("npt", "nph"):
            raise ValueError(f"the density is driven or left to the barostat: nve or nvt, not {self.ensemble}")
        if min(1.0, self.density_end) + min(0.0, self.density_amplitude) <= 0:
            raise ValueError("the density falls to zero: raise density_end or density_amplitude")
        return self
