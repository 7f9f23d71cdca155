"""Neighbour tables of all replicas in one shape, with a skin, renewed one by one and grown on overflow."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ingot.neighbors import NeighborOverflow, NeighborTable, neighbor_table, round_up

_MARGIN = 1.1
"""Spare columns of a new table: a row that outgrows it costs a compilation, a spare column costs time at every step."""


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
        self._reference[replica] = positions
        self.renewed += 1

    def _grow(self, needed: int, needed_inner: int) -> None:
        # Inner neighbours come first in a row whatever the number of inner columns, so appending padding is enough.
        if needed_inner > self._inner:
            self._inner = round_up(int(np.ceil(needed_inner * _MARGIN)), 2)
        if max(needed, self._inner) > self._capacity:
            self._capacity = round_up(max(int(np.ceil(needed * _MARGIN)), self._inner), 4)
        more = self._capacity - self._mask.shape[-1]
        self._index = np.pad(self._index, ((0, 0), (0, 0), (0, more)))
        self._shift = np.pad(self._shift, ((0, 0), (0, 0), (0, more), (0, 0)))
        self._mask = np.pad(self._mask, ((0, 0), (0, 0), (0, more)))
