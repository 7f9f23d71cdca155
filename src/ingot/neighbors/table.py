"""Neighbours in a padded table: fixed shapes for compiled code, overflow detected on the host."""

import dataclasses

import jax
import numpy as np
from jaxtyping import Array, Bool, Int

from ingot.arrays import Cell, Periodicity, Positions
from ingot.neighbors.errors import NeighborError, NeighborOverflow
from ingot.neighbors.native import compiled_table, compiled_tables
from ingot.neighbors.pairs import checked_structure, found_pairs
from ingot.neighbors.sorting import lexicographically_sorted


@dataclasses.dataclass(frozen=True)
class NeighborTable:
    """Neighbours of every atom, padded to one capacity.

    A row's real entries come first. Those within the inner cutoff occupy the first
    ``inner`` columns (which may hold further neighbours as well: a cutoff function removes them).
    Padding has ``mask`` False, ``index`` 0 and ``shift`` 0. A leading batch axis may be added by stacking.
    """

    index: Int[Array, "*batch atoms capacity"] | Int[np.ndarray, "*batch atoms capacity"]
    """The neighbour's atom."""
    shift: Int[Array, "*batch atoms capacity 3"] | Int[np.ndarray, "*batch atoms capacity 3"]
    """Cell vectors to add to the neighbour's position."""
    mask: Bool[Array, "*batch atoms capacity"] | Bool[np.ndarray, "*batch atoms capacity"]
    """True for a neighbour, False for padding."""
    inner: int
    """Number of leading columns that hold every neighbour within the inner cutoff; 0 without one."""

    @property
    def capacity(self) -> int:
        """Columns of the table."""
        return int(self.index.shape[-1])


jax.tree_util.register_dataclass(NeighborTable, data_fields=["index", "shift", "mask"], meta_fields=["inner"])


def round_up(value: int, step: int) -> int:
    """The smallest positive multiple of ``step`` that is not below ``value``.

    >>> round_up(0, 8), round_up(8, 8), round_up(9, 8)
    (8, 8, 16)
    """
    return step * max(1, -(-value // step))


def neighbor_table(
    positions: Positions,
    cell: Cell,
    pbc: Periodicity,
    cutoff: float,
    inner_cutoff: float | None = None,
    capacity: int | None = None,
    inner_capacity: int | None = None,
) -> NeighborTable:
    """The table of all neighbours closer than ``cutoff`` (A).

    Within a row neighbours inside ``inner_cutoff`` come first; then the order is that of
    neighbour index and shift. A capacity of ``None`` (or 0) is chosen: the largest count, rounded up to a multiple
    of 8 (of 2 for the inner one, because three-body terms cost its square).
    Raises :class:`NeighborOverflow` when given capacities are too small, and
    :class:`NeighborError` for a structure or cutoffs without meaning.
    """
    if inner_cutoff is not None and not 0 < inner_cutoff <= cutoff:
        raise NeighborError(f"the inner cutoff must lie in (0, {cutoff}] A, got {inner_cutoff!r}")
    structure = checked_structure(positions, cell, pbc, cutoff)
    reach = cutoff, inner_cutoff or 0.0
    make = compiled_table if compiled_tables()[0] else sorted_table
    columns, inner = capacity or None, (inner_capacity or None) if inner_cutoff is not None else 0
    if columns is None or inner is None:
        needed, needed_inner, _ = make(*structure, reach, 0)
        inner = round_up(needed_inner, 2) if inner is None else inner
        columns = columns or round_up(max(needed, inner), 8)
    needed, needed_inner, (index, shift, mask) = make(*structure, reach, columns)
    if needed > columns or needed_inner > inner:
        raise NeighborOverflow(needed, columns, needed_inner, inner)
    if inner > columns:
        raise NeighborError(f"the inner capacity {inner} exceeds the capacity {columns}")
    return NeighborTable(index=index, shift=shift, mask=mask, inner=int(inner))


def sorted_table(
    points: np.ndarray, box: np.ndarray, periodic: np.ndarray, reach: tuple[float, float], columns: int
) -> tuple[int, int, tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """What :func:`~ingot.neighbors.native.compiled_table` gives, from sorted pairs."""
    atoms = len(points)
    centre, neighbor, shift, distance = found_pairs(points, box, periodic, reach[0])
    outer = distance >= reach[1]
    count = np.bincount(centre, minlength=atoms)
    needed = int(count.max(initial=0))
    needed_inner = int(np.bincount(centre[~outer], minlength=atoms).max(initial=0))
    index = np.zeros((atoms, columns), np.int32)
    shifts = np.zeros((atoms, columns, 3), np.int32)
    mask = np.arange(columns) < count[:, None]
    if needed <= columns:
        _, _, neighbor, *components = lexicographically_sorted(centre, outer, neighbor, *shift.T)
        places = np.flatnonzero(mask)
        index.reshape(-1)[places] = neighbor
        for axis, component in enumerate(components):
            shifts.reshape(-1, 3)[places, axis] = component
    return needed, needed_inner, (index, shifts, mask)
