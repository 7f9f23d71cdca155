"""What can go wrong with an audit."""

from ingot.errors import IngotError


class AuditError(IngotError):
    """The frames, descriptors or settings do not define an information entropy."""
