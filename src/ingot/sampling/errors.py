"""The exception of this room."""

from ingot.errors import IngotError


class SamplingError(IngotError):
    """An exploration or a selection that cannot be made with what it was given."""
