"""What point defects of a crystal have in common: the room that they need, and the sites around them."""

import numpy as np
from ase import Atoms
from ase.geometry import find_mic, get_distances, minkowski_reduce
from numpy.typing import NDArray

from ingot.benchmarks.errors import BenchmarkError


def nearest_distance(crystal: Atoms) -> float:
    """Distance (A) of nearest neighbours in a perfect crystal with all atoms equivalent."""
    return float(crystal.get_distances(0, range(1, len(crystal)), mic=True).min())


def check_room(crystal: Atoms, distances: float, what: str) -> None:
    """Raise :class:`BenchmarkError` unless a defect is farther from its images than nearest-neighbour ``distances``."""
    if len(crystal) < 2:
        raise BenchmarkError(f"{what} needs a cell of at least two atoms: repeat the crystal")
    reduced, _ = minkowski_reduce(crystal.cell.array)
    width, needed = float(np.linalg.norm(reduced, axis=1).min()), distances * nearest_distance(crystal)
    if width <= needed:
        raise BenchmarkError(
            f"the cell is too small for {what}: its images are {width:.2f} A away, more than {needed:.2f} A is needed"
        )


def check_sites(relaxed: Atoms, sites: NDArray[np.float64], distance: float, what: str) -> None:
    """Raise :class:`BenchmarkError` when an atom has moved by more than half the nearest-neighbour ``distance``.

    ``sites`` (atoms, 3) are the positions in the perfect crystal.
    """
    _, moved = find_mic(relaxed.positions - sites, relaxed.cell, pbc=True)
    if moved.max() > distance / 2:
        raise BenchmarkError(
            f"the crystal around {what} did not keep its lattice: an atom moved by {moved.max():.2f} A from its site"
        )


def occupants(atoms: Atoms, crystal: Atoms) -> list[list[int]]:
    """For every site of a perfect crystal the atoms that are closer to it than to any other site."""
    _, distances = get_distances(atoms.positions, crystal.positions, cell=crystal.cell, pbc=True)
    nearest = distances.argmin(axis=1)
    return [list(np.flatnonzero(nearest == site)) for site in range(len(crystal))]
