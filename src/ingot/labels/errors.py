"""The exceptions of this room."""

from ingot.errors import IngotError


class LabelError(IngotError):
    """A label method, a store or a batch that cannot work as asked."""


class LabelFailure(LabelError):  # noqa: N818
    """A structure that a method cannot label, for a reason that will not change: it becomes a failed label."""


class PassingFailure(LabelFailure):
    """A structure that cannot be labelled here and now (no memory, a program that broke): never kept, tried again."""
