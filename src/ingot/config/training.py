"""Settings of the potential and its training."""

from typing import Literal

from pydantic import Field, model_validator

from ingot.config.base import Section


class RadialSettings(Section):
    """Radial symmetry functions: where the neighbours are."""

    cutoff_angstrom: float = Field(default=5.5, gt=0, le=15)
    """Range of the potential."""

    shifts: int = Field(default=16, ge=1, le=128)
    """Number of Gaussians; their width follows their spacing."""


class AngularSettings(Section):
    """Angular symmetry functions: the shape of each pair of neighbours. Their cost grows as the cutoff to the sixth."""

    cutoff_angstrom: float = Field(default=4.2, gt=0, le=15)
    """Range of three-body terms; must not exceed the radial cutoff."""

    shifts: int = Field(default=4, ge=1, le=32)
    """Number of reference distances."""

    angles: int = Field(default=4, ge=1, le=32)
    """Number of reference angles."""

    zeta: float = Field(default=16.0, gt=0)
    """Sharpness of the angular terms; integers are evaluated faster."""


class ArchitectureSettings(Section):
    """The ANI architecture: symmetry functions, then one network per element."""

    kind: Literal["ani"] = "ani"
    """The only architecture so far."""

    constants: Literal["even", "ani-al"] = "even"
    """`even` spaces the symmetry functions as set here; `ani-al` takes the published constants and networks whole."""

    radial: RadialSettings = RadialSettings()
    """Radial symmetry functions."""

    angular: AngularSettings = AngularSettings()
    """Angular symmetry functions."""

    first_shift_angstrom: float = Field(default=1.5, gt=0)
    """Position of the first Gaussian of both kinds: about the closest approach of two atoms."""

    repulsion: bool = True
    """Add the screened repulsion of nuclei at short range, which data rarely sample; the networks learn the rest."""

    repulsion_range: tuple[float, float] = (0.5, 1.15)
    """Where that repulsion begins to fade and where it ends, as fractions of the sum of two covalent radii."""

    hidden: tuple[int, ...] = Field(default=(32, 32, 16), min_length=1)
    """Widths of the hidden layers."""

    @model_validator(mode="after")
    def _cutoffs_are_ordered(self) -> "ArchitectureSettings":
        if self.angular.cutoff_angstrom > self.radial.cutoff_angstrom:
            raise ValueError(
                f"angular.cutoff_angstrom ({self.angular.cutoff_angstrom}) must not exceed "
                f"radial.cutoff_angstrom ({self.radial.cutoff_angstrom})"
            )
        shortest = min(self.angular.cutoff_angstrom, self.radial.cutoff_angstrom)
        if self.first_shift_angstrom >= shortest:
            raise ValueError(f"first_shift_angstrom ({self.first_shift_angstrom}) must be below the cutoffs")
        return self


class LossSettings(Section):
    """Weights of the squared residuals of a structure."""

    energy: float = Field(default=100.0, ge=0)
    """Weight of the energy per atom, per (eV/atom)^2."""

    forces: float = Field(default=1.0, ge=0)
    """Weight of the force components, per (eV/A)^2."""

    stress: float = Field(default=10.0, ge=0)
    """Weight of dE/d(strain) per atom, per (eV/atom)^2; structures without a stress label have none."""

    emphasis_ev_per_atom: float | None = Field(default=0.2, gt=0)
    """Structures this far above the lowest energy weigh half as much: crystals near equilibrium have small residuals,
    which strongly disturbed structures would outvote. Empty: all structures weigh the same."""

    @model_validator(mode="after")
    def _something_counts(self) -> "LossSettings":
        if not self.energy + self.forces + self.stress > 0:
            raise ValueError("at least one weight must be positive")
        return self


class TrainingSettings(Section):
    """An ensemble of networks, each trained by Adam to energies, forces and stresses."""

    members: int = Field(default=4, ge=1, le=64)
    """Networks in the ensemble; their spread is the potential's uncertainty."""

    species: tuple[str, ...] | None = None
    """Elements of the potential; left out, those of the data."""

    architecture: ArchitectureSettings = ArchitectureSettings()
    """Symmetry functions and networks."""

    loss: LossSettings = LossSettings()
    """Weights of the loss."""

    start: str | None = None
    """A potential of the same architecture that the networks go on from, such as one that another method's labels made
    (`results/NAME/potential`); left out, they begin at random."""

    epochs: int = Field(default=4000, ge=1)
    """Passes over the training data."""

    batch_size: int = Field(default=8, ge=1)
    """Structures per step."""

    learning_rate: float = Field(default=1e-2, gt=0, lt=1)
    """Learning rate of Adam at the start, after a short warm-up."""

    final_learning_rate: float = Field(default=1e-5, gt=0, lt=1)
    """Where the cosine ends; the plateau schedule stops below it."""

    schedule: Literal["cosine", "plateau"] = "cosine"
    """`cosine` falls smoothly over all epochs; `plateau` halves the rate when validation stops improving."""

    patience_epochs: int = Field(default=1000, ge=1)
    """Epochs without improvement before the rate is halved; after three times as many training stops."""

    validation_interval: int = Field(default=40, ge=1)
    """Epochs between two validations (and checkpoints)."""

    average_decay: float = Field(default=0.99, ge=0, lt=1)
    """Decay per step of the moving average of the parameters, which is what is kept."""

    clip_norm: float = Field(default=10.0, gt=0)
    """Largest norm of a gradient."""

    weight_decay: float = Field(default=0.3, ge=0)
    """Decoupled weight decay (AdamW)."""

    feature_floor: float = Field(default=0.1, ge=0)
    """Least scale of a feature when features are standardised, in units of the root mean square of all scales."""

    force_limit_ev_per_angstrom: float = Field(default=30.0, gt=0)
    """Structures with a larger force on any atom are left out, and counted."""

    resplit: bool = False
    """Give each member its own division of training and validation data, by parent."""

    together: bool = False
    """Train all members in one program, which fills a GPU, instead of one process per member."""

    contraction: Literal["split", "forward", "difference", "reverse"] | None = None
    """How forces enter the gradient; left out, the fastest exact way that the architecture allows."""

    jacobian_memory_mb: int = Field(default=512, ge=0)
    """Memory for stored descriptor Jacobians of small structures; 0 never stores them."""

    memory_mb: int = Field(default=4000, ge=0)
    """Memory for neighbour tables, displacements and descriptors; what is beyond it lies in files and is read batch by
    batch: data may be larger than memory. The result is the same."""

    precision: Literal["float32", "float64"] = "float32"
    """Arithmetic of the training."""

    @model_validator(mode="after")
    def _together_from_nothing(self) -> "TrainingSettings":
        if self.together and self.start is not None:
            raise ValueError("together begins from nothing: leave it out to go on from a potential")
        return self
