"""Padded neighbour tables with image shifts, and the displacements that derive from them."""

from ingot.neighbors.displacements import displacements
from ingot.neighbors.errors import NeighborError, NeighborOverflow
from ingot.neighbors.pairs import complete_cell, neighbor_pairs
from ingot.neighbors.table import NeighborTable, neighbor_table, round_up

__all__ = [
    "NeighborError",
    "NeighborOverflow",
    "NeighborTable",
    "complete_cell",
    "displacements",
    "neighbor_pairs",
    "neighbor_table",
    "round_up",
]
