"""Learning curves: errors against the number of labels, with and without forces."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ingot.config.base import Section
from ingot.config.training import TrainingSettings


class LearningCurveSettings(Section):
    """One network per size, fold and loss; what is learned from forces is the distance between two curves."""

    sizes: tuple[Annotated[int, Field(ge=4)], ...] = Field(min_length=1)
    """Labelled structures of the points; a tenth of them watch the training. Smaller sets are parts of larger ones."""

    folds: int = Field(3, ge=2)
    """Parts that the parents are dealt to, each the test of one network; with test files, as many choices of the
    training structures. Error bars are the standard deviation over folds."""

    losses: tuple[Literal["forces", "energies"], ...] = Field(("forces", "energies"), min_length=1)
    """What is trained on: energies and forces (and stresses), or energies alone."""

    selections: tuple[Literal["random", "msc", "farthest"], ...] = Field(("random",), min_length=1)
    """Which structures are trained on: random ones, or those that a compression to the same number keeps."""

    steps: int = Field(5000, ge=10)
    """Steps of every network, whatever the size: epochs follow from it."""

    training: TrainingSettings = TrainingSettings()
    """How the networks are trained; `members`, `epochs` and `validation_interval` are not used."""

    @model_validator(mode="after")
    def _sizes_ascend(self) -> "LearningCurveSettings":
        if list(self.sizes) != sorted(set(self.sizes)):
            raise ValueError(f"sizes must ascend, got {list(self.sizes)}")
        return self
