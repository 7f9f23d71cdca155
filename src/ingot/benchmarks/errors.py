"""The exceptions of the benchmarks room."""

from ingot.errors import IngotError


class BenchmarkError(IngotError):
    """A benchmark cannot be run, or a table of one cannot be read, as asked."""


class FitError(BenchmarkError):
    """A fit has no physical answer (no minimum in the range, too few points): the reason of a failed row."""
