"""Neighbour tables of all replicas in one shape, with a skin, renewed one by one and grown on overflow."""

import dataclasses

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ingot.neighbors import NeighborOverflow, NeighborTable, neighbor_table, round_up

_MARGIN = 1.1
"""Spare columns of a new table: a row that outgrows it costs a compilation, a spare column costs time at every step."""


@dataclasses.dataclass(frozen=True)
class TableMemory:
    """What the tables of all replicas can be made from again, entry by entry."""

    positions: Float[np.ndarray, "replicas atoms 3"]
    """That the tables were made at, A."""
    cells: Float[np.ndarray, "replicas 3 3"]
    """As well."""
    capacity: int
    """Columns of the tables."""
    inner: int
    """Columns for inner neighbours."""


class ReplicaTables:
    """The tables of several replicas and the positions that they were made at.

    A table reaches ``cutoff + skin`` (A), so that it serves until atoms have moved by half
    the skin. ``renewed`` counts how often tables were made, ``grown`` how often they were too small.
    """

    def __init__(self, replicas: int, atoms: int, pbc: np.ndarray, cutoff: float, inner: float | None, skin: float):
        self.cutoff, self.skin = cutoff, skin
        self.renewed = self.grown = 0
        self._reach = (cutoff + skin, None if inner is None else inner + skin)
        self._pbc = pbc
        self._capacity = self._inner = 0
        self._index = np.zeros((replicas, atoms, 0), np.int32)
        self._shift = np.zeros((replicas, atoms, 0, 3), np.int32)
        self._mask = np.zeros((replicas, atoms, 0), bool)
        self._reference = np.zeros((replicas, atoms, 3))
        self._cells = np.zeros((replicas, 3, 3))

    @property
    def table(self) -> NeighborTable:
        """All tables, with a leading axis of replicas."""
        return NeighborTable(
            jnp.asarray(self._index), jnp.asarray(self._shift), jnp.asarray(self._mask), inner=self._inner
        )

    @property
    def reference(self) -> Float[Array, "replicas atoms 3"]:
        """The positions that the tables were made at."""
        return jnp.asarray(self._reference)

    @property
    def memory(self) -> TableMemory:
        """See :class:`TableMemory`."""
        return TableMemory(self._reference.copy(), self._cells.copy(), self._capacity, self._inner)

    def recall(self, memory: TableMemory) -> None:
        """Make the tables that ``memory`` was taken of."""
        self._capacity = self._inner = 0
        self._index, self._shift, self._mask = (a[:, :, :0] for a in (self._index, self._shift, self._mask))
        self._grow_to(memory.capacity, memory.inner)
        for r in range(len(memory.cells)):
            self.renew(r, memory.positions[r], memory.cells[r])

    def reserve(self, replica: int, positions: np.ndarray, cell: np.ndarray) -> None:
        """Make room for a structure, without making its table."""
        table = neighbor_table(positions, cell, self._pbc[replica], *self._reach)
        self._grow(int(np.asarray(table.mask).sum(-1).max()), int(table.inner))

    def renew(self, replica: int, positions: np.ndarray, cell: np.ndarray) -> None:
        """A new table for one replica; all grow when it does not fit."""
        if self._capacity == 0:
            self.reserve(replica, positions, cell)
        inner = self._inner if self._reach[1] is not None else None
        try:
            new = neighbor_table(positions, cell, self._pbc[replica], *self._reach, self._capacity, inner)
        except NeighborOverflow as overflow:
            self._grow(overflow.needed, overflow.needed_inner)
            self.grown += 1
            self.renew(replica, positions, cell)
            return
        self._index[replica], self._shift[replica], self._mask[replica] = new.index, new.shift, new.mask
        self._reference[replica], self._cells[replica] = positions, cell
        self.renewed += 1

    def _grow(self, needed: int, needed_inner: int) -> None:
        # Inner neighbours come first in a row whatever the number of inner columns, so appending padding is enough.
        inner, capacity = self._inner, self._capacity
        if needed_inner > inner:
            inner = round_up(int(np.ceil(needed_inner * _MARGIN)), 2)
        if max(needed, inner) > capacity or not capacity:  # a table without columns has no nearest distance
            capacity = round_up(max(int(np.ceil(needed * _MARGIN)), inner), 4)
        self._grow_to(capacity, inner)

    def _grow_to(self, capacity: int, inner: int) -> None:
        more = capacity - self._mask.shape[-1]
        self._capacity, self._inner = capacity, inner
        self._index = np.pad(self._index, ((0, 0), (0, 0), (0, more)))
        self._shift = np.pad(self._shift, ((0, 0), (0, 0), (0, more), (0, 0)))
        self._mask = np.pad(self._mask, ((0, 0), (0, 0), (0, more)))
