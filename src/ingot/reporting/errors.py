"""The exception of the reporting room."""

from ingot.errors import IngotError


class ReportError(IngotError):
    """A report cannot be made from what the run's folder holds."""
