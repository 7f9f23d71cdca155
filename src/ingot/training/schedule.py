"""Options of a training; learning rates and the decision to stop as plain functions of epoch and errors."""

import dataclasses
import math
from typing import Literal

from ingot.training.loss import LossWeights


@dataclasses.dataclass(frozen=True)
class OptimiserOptions:
    """How one member is optimised."""

    epochs: int
    batch_size: int
    learning_rate: float
    schedule: Literal["cosine", "plateau"]
    patience: int
    """Epochs without improvement before the rate is halved (plateau) or training stops (three times as many)."""
    final_learning_rate: float
    """Cosine ends here; plateau stops below it."""
    average_decay: float
    """Decay per step of the exponential moving average of the parameters."""
    clip_norm: float
    """Largest norm of a gradient."""
    weight_decay: float
    """Decoupled weight decay per unit of learning rate (AdamW)."""
    validation_interval: int
    """Epochs between validations, and between checkpoints."""


@dataclasses.dataclass(frozen=True)
class TrainingOptions:
    """Everything about a training that is not data, architecture or seed."""

    optimiser: OptimiserOptions
    weights: LossWeights
    emphasis: float | None = None
    """Energy above the lowest (eV/atom) at which a training structure weighs half; ``None`` weighs all the same."""
    precision: str = "float32"
    contraction: str | None = None
    """Mode for structures without stored Jacobians; ``None`` takes the fastest of the architecture."""
    jacobian_memory: int = 512 * 2**20
    """Bytes that stored descriptor Jacobians may take."""
    feature_floor: float = 0.1
    """Least scale of a feature, in units of the root mean square of all scales."""


@dataclasses.dataclass
class Progress:
    """What the schedule remembers between validations; JSON values only."""

    epoch: int = 0
    learning_rate: float = 0.0
    best_loss: float = math.inf
    best_epoch: int = 0
    halved_epoch: int = 0
    restored: int = 0
    """How often the loss was not finite and the last good state came back."""
    diverged: str = ""
    """Why the training was given up, if it was."""


def learning_rate_at(options: OptimiserOptions, progress: Progress) -> float:
    """The rate of the coming epoch: a linear warm-up over the first 2 %, then cosine or the plateau's present value."""
    warm = max(1, options.epochs // 50)
    ramp = min(1.0, (progress.epoch + 1) / warm)
    if options.schedule == "plateau":
        return progress.learning_rate * ramp
    done = min(1.0, progress.epoch / max(1, options.epochs))
    middle = 0.5 * (progress.learning_rate - options.final_learning_rate)
    return ramp * (options.final_learning_rate + middle * (1 + math.cos(math.pi * done)))


def note_validation(options: OptimiserOptions, progress: Progress, loss: float) -> bool:
    """Record a validation loss; True when it is the best so far. Halves the rate on a plateau."""
    if loss < progress.best_loss:
        progress.best_loss, progress.best_epoch = loss, progress.epoch
        return True
    waited = progress.epoch - max(progress.best_epoch, progress.halved_epoch)
    if options.schedule == "plateau" and waited >= options.patience:
        progress.learning_rate *= 0.5
        progress.halved_epoch = progress.epoch
    return False


def finished(options: OptimiserOptions, progress: Progress) -> bool:
    """Whether to stop: epochs done, the rate below its end, no improvement for long, or divergence."""
    if progress.epoch >= options.epochs or progress.diverged:
        return True
    if options.schedule == "plateau" and progress.learning_rate < options.final_learning_rate:
        return True
    return progress.epoch - progress.best_epoch >= 3 * options.patience
