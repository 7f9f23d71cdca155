"""The exceptions of data sets."""

from ingot.errors import IngotError


class DatasetError(IngotError):
    """A store or a file of labelled structures cannot be trusted or understood."""
