"""The exception of this room."""

from ingot.errors import IngotError


class DynamicsError(IngotError):
    """A simulation that cannot start, or that stopped before its end where the caller needs the end."""
