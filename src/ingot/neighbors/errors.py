"""What can go wrong with neighbour lists."""

from ingot.errors import IngotError


class NeighborError(IngotError):
    """The structure or the cutoff does not define a neighbour list."""


class NeighborOverflow(NeighborError):  # noqa: N818 - the field says overflow
    """A table of fixed capacity is too small; carries the capacities that would do.

    Whoever holds the table grows it and goes on: a silent overflow would drop neighbours.
    """

    def __init__(self, needed: int, capacity: int, needed_inner: int, inner_capacity: int) -> None:
        self.needed = needed
        self.needed_inner = needed_inner
        super().__init__(
            f"the neighbour table holds {capacity} neighbours per atom ({inner_capacity} within the inner cutoff), "
            f"but {needed} ({needed_inner}) are needed; give these capacities or None to size the table automatically"
        )
