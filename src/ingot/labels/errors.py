"""The exceptions of this room."""

from ingot.errors import IngotError


class LabelError(IngotError):
    """A label method, a store or a batch that cannot work as asked."""


class LabelFailure(LabelError):  # noqa: N818
    """A structure that a method cannot label, for a reason that will not change: it becomes a failed label."""


class MachineLimit(LabelFailure):
    """A structure that a method cannot label within the limits set for this machine: never kept, another may do it."""
