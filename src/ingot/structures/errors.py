"""The exception of this room."""

from ingot.errors import IngotError


class StructureError(IngotError):
    """A structure that cannot exist, or a file of structures that cannot be read."""
