"""What can go wrong with potentials and their files."""

from ingot.errors import IngotError


class PotentialError(IngotError):
    """A potential cannot be read, built or applied; the message says what to do."""
