"""What can go wrong in training."""

from ingot.errors import IngotError


class TrainingError(IngotError):
    """The data or the settings do not allow a training; the message says what to do."""
