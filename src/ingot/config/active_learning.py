"""The active-learning loop: how unknown structures are looked for, and which of them are worth a label."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from ingot.config.base import Section


def _ascending(interval: tuple[float, float]) -> tuple[float, float]:
    if interval[0] > interval[1]:
        raise ValueError(f"an interval goes from low to high, got {list(interval)}")
    return interval


Temperatures = Annotated[
    tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]], AfterValidator(_ascending)
]
Ratios = Annotated[tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]], AfterValidator(_ascending)]
Amplitudes = Annotated[
    tuple[Annotated[float, Field(gt=-1)], Annotated[float, Field(gt=-1)]], AfterValidator(_ascending)
]
Periods = Ratios


class AttackSettings(Section):
    """Adversarial attacks: displacements of known structures that are likely and on which the ensemble disagrees.

    They begin at frames of the same dynamics, and maximise the probability times the variance of the forces.
    """

    count: int = Field(8, ge=1)
    """Attacks of one iteration."""

    steps: int = Field(60, ge=1)
    """Steps uphill."""

    rate_angstrom: float = Field(0.01, gt=0, le=1)
    """About how far an atom moves in one step."""

    start_angstrom: float = Field(0.01, gt=0, le=1)
    """Standard deviation of the random displacements at the start."""

    farthest_angstrom: float = Field(3.0, gt=0)
    """No component of a displacement grows beyond this."""

    temperature_kelvin: float = Field(2000.0, gt=0)
    """Temperature of the probability `exp(-E / N k T)`: a high one lets attacks climb far."""

    strain: bool = False
    """Strain the cell as well."""


class QuenchSettings(Section):
    """Inherent structures: frames of trajectories, taken to the nearest minimum in strained cells.

    Elastic constants, defects and energies of phases are properties of minima, which dynamics rarely sees.
    """

    count: int = Field(8, ge=1)
    """Quenches of one iteration. Each begins at the last frame of a trajectory that nothing stopped, or at one before
    the stop."""

    steps: int = Field(80, ge=1)
    """Steps of the minimiser, at most."""

    force_ev_per_angstrom: float = Field(0.02, gt=0)
    """Largest force at which it ends."""

    strain: float = Field(0.02, ge=0, lt=0.3)
    """Standard deviation of each component of the strain that a cell is given before."""

    pressure_gpa: tuple[float, float] | None = None
    """Before the strain, cells are relaxed to a pressure from this range: frames come down to crystals that the
    dynamics had no time to form. Without it they are held."""

    rattle_angstrom: float = Field(0.0, ge=0, lt=1)
    """Standard deviation of the displacements that atoms are given at the minimum: its label then holds forces too."""

    @model_validator(mode="after")
    def _pressures_ascend(self) -> Self:
        if self.pressure_gpa is not None and self.pressure_gpa[0] > self.pressure_gpa[1]:
            raise ValueError(f"pressure_gpa must ascend, not {self.pressure_gpa[0]:g} to {self.pressure_gpa[1]:g}")
        return self


class ExplorationSettings(Section):
    """Nonequilibrium molecular dynamics from disordered starts, stopped where the ensemble disagrees.

    Every trajectory draws its own course: `q(t) = (1 - t/t_max) q_start + (t/t_max) q_end + q_amp sin^2(pi t / t_per)`
    for temperature, and the same form for density, which begins at that of the starting structure.
    """

    trajectories: int = Field(12, ge=1)
    """Trajectories of one iteration: one per starting structure, and over again when there are fewer of these."""

    steps: int = Field(1000, ge=1)
    """Longest trajectory, in time steps (t_max)."""

    timestep_fs: float = Field(2.0, gt=0, le=10)
    """Time step."""

    friction_per_ps: float = Field(2.0, gt=0)
    """Friction of the Langevin thermostat."""

    temperature_start_kelvin: Temperatures = (10.0, 1000.0)
    """Range of the temperature that the ramp starts at."""

    temperature_end_kelvin: Temperatures = (10.0, 600.0)
    """Range of the temperature that the ramp ends at."""

    temperature_amplitude_kelvin: Temperatures = (0.0, 2500.0)
    """Range of the oscillation's height."""

    temperature_period_ps: Periods = (1.0, 5.0)
    """Range of the oscillation's period."""

    density_end: Ratios = (0.8, 1.25)
    """Range of the density that the ramp ends at, relative to the starting structure."""

    density_amplitude: Amplitudes = (-0.1, 0.1)
    """Range of the density's oscillation, relative to the starting structure."""

    density_period_ps: Periods = (1.0, 5.0)
    """Range of the density oscillation's period."""

    stopping: bool = True
    """Whether the ensemble's spread stops a trajectory. Without it the candidate is a frame at a random time, and
    there is no control: what selection by uncertainty is to be compared with."""

    energy_threshold_ev: Annotated[float, Field(gt=0)] | None = None
    """Stop above this spread of the energy over the square root of the number of atoms; by default `threshold_errors`
    times the potential's own validation error."""

    force_threshold_ev_per_angstrom: Annotated[float, Field(gt=0)] | None = None
    """Stop above this spread of the force on an atom, averaged over the atoms; by default as for the energy."""

    threshold_errors: float = Field(2.0, gt=0)
    """Spreads that stop a trajectory, in multiples of the potential's validation errors."""

    largest_force_factor: float = Field(3.0, ge=1)
    """Stop also when one atom's force spread exceeds the force threshold by this factor."""

    energy_margin_ev: float = Field(1.0, gt=0)
    """Stop also when the energy per atom leaves the range of the data so far by more than this, whatever the members
    agree on."""

    closest_fraction: float = Field(0.65, gt=0, lt=1)
    """A trajectory whose atoms come closer than this fraction of the sum of covalent radii is discarded."""

    frame_every: int = Field(10, ge=1)
    """Steps between the frames that control frames are drawn from."""

    watch_every: int = Field(5, ge=1)
    """Steps between two looks at the spread: between them only the members' mean is computed, at about half the cost.
    `frame_every` is a multiple of it."""

    skin_angstrom: float = Field(0.5, gt=0, le=3)
    """How far neighbour tables reach beyond the cutoff: a matter of speed only."""

    attacks: AttackSettings | None = None
    """Adversarial attacks as a second source of candidates; none where this is missing."""

    quenches: QuenchSettings | None = None
    """Inherent structures as a third; none where this is missing."""

    @model_validator(mode="after")
    def _frames_are_watched(self) -> Self:
        if self.frame_every % self.watch_every:
            raise ValueError(f"frame_every ({self.frame_every}) must be a multiple of watch_every ({self.watch_every})")
        return self


class SelectionSettings(Section):
    """Which candidates are worth a label, and when the loop has converged."""

    strategy: Literal["novelty-uncertainty", "uncertainty", "random"] = "novelty-uncertainty"
    """Rank by novelty to data and to what was picked already together with the ensemble's spread, by the spread
    alone, or not at all."""

    budget: int = Field(8, ge=0)
    """At most this many structures are labelled per iteration."""

    cost_budget: float | None = Field(None, gt=0)
    """At most so much labelling per iteration, in labels of an average structure of the first data, by the label
    method's own estimate: large cells count for more. Not limited where this is missing."""

    control: int = Field(4, ge=0)
    """Frames drawn at random from the same dynamics, labelled to see what selection is worth; never trained on."""

    bandwidth: float = Field(0.015, gt=0)
    """Bandwidth of the novelty's kernel, 1/A."""

    neighbors: int = Field(32, ge=2)
    """Neighbours in an environment's descriptor."""

    cutoff_angstrom: float = Field(5.0, gt=0)
    """Range of an environment's descriptor."""

    overlap_threshold: float = 1e-5
    """An environment is novel when its differential entropy (nats) exceeds this; a candidate without a novel
    environment is a duplicate."""

    converged_early_stops: float = Field(0.1, ge=0, le=1)
    """The loop may end when no larger share of trajectories stops early ..."""

    converged_novelty: float = Field(0.05, ge=0, le=1)
    """... and no larger share of the candidates' environments is novel ..."""

    converged_iterations: int = Field(1, ge=1)
    """... in so many iterations one after another."""


class ActiveLearningSettings(Section):
    """The loop of exploring, selecting, labelling and training again."""

    max_iterations: int = Field(1, ge=0)
    """The loop ends after this many iterations, converged or not."""

    exploration_batches: int = Field(1, ge=1)
    """Jobs that the trajectories of an iteration are dealt to: as many can run side by side. To trajectories it
    matters by rounding alone."""

    exploration: ExplorationSettings = ExplorationSettings()
    """How unknown structures are looked for."""

    selection: SelectionSettings = SelectionSettings()
    """Which of them are worth a label."""
