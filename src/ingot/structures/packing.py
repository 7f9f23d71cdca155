"""Disordered packings: liquid-like periodic structures without close pairs."""

import numpy as np
from ase import Atoms

from ingot.structures.distances import close_pairs, image_vectors, minimum_distance
from ingot.structures.errors import StructureError

_INSERTIONS = 400  # random points tried per atom before the one with most room is taken
_STEPS = 1500
_CELLS = 10  # cell shapes tried before giving up


def packed_structure(
    symbols: list[str], volume_per_atom: float, minimum: float, rng: np.random.Generator, distortion: float = 0.12
) -> Atoms:
    """Atoms at random in a periodic cell of random shape, no two closer than ``minimum`` (A).

    Atoms are inserted one by one at random (random sequential addition), then soft spheres of
    diameter ``minimum`` push each other apart until none overlap. The cell is a cube whose lattice vectors
    are stretched and sheared by random fractions of up to ``distortion``, scaled to ``volume_per_atom`` (A^3).
    Raises :class:`StructureError` where spheres of that size do not fit.
    """
    for _ in range(_CELLS):
        cell = _random_cell(len(symbols) * volume_per_atom, distortion, rng)
        if minimum_distance(np.zeros((1, 3)), cell, minimum) < minimum:
            continue  # an atom would touch its own image
        positions = _separate(_insert(len(symbols), cell, minimum, rng), cell, minimum)
        if positions is not None:
            return Atoms(symbols, positions=positions, cell=cell, pbc=True)
    raise StructureError(
        f"{len(symbols)} atoms at {volume_per_atom:.2f} A^3 per atom cannot be packed with distances of at least "
        f"{minimum:.2f} A; lower minimum_distance_fraction, or raise the volume or the number of atoms"
    )


def _random_cell(volume: float, distortion: float, rng: np.random.Generator) -> np.ndarray:
    cell = np.eye(3) + rng.uniform(-distortion, distortion, size=(3, 3))
    return np.asarray(cell * (volume / abs(np.linalg.det(cell))) ** (1 / 3))


def _insert(count: int, cell: np.ndarray, minimum: float, rng: np.random.Generator) -> np.ndarray:
    """Positions (count, 3) by random sequential addition; where no free place is found, the roomiest point tried."""
    images = image_vectors(cell, np.ones(3, dtype=bool), minimum)
    positions = np.empty((0, 3))
    for _ in range(count):
        best, room = rng.random(3) @ cell, -1.0
        for _ in range(_INSERTIONS if len(positions) else 0):
            point = rng.random(3) @ cell
            vectors = (positions - point)[:, None] + images
            distance = float(np.einsum("asx,asx->as", vectors, vectors).min()) ** 0.5
            if distance > room:
                best, room = point, distance
            if room >= minimum:
                break
        positions = np.vstack([positions, best])
    return positions


def _separate(positions: np.ndarray, cell: np.ndarray, minimum: float) -> np.ndarray | None:
    """Overlapping soft spheres pushed apart by damped steepest descent; ``None`` where they stay jammed."""
    inverse = np.linalg.inv(cell)
    diameter = 1.02 * minimum  # a little more, so that the end is reached in finite time
    for _ in range(_STEPS):
        first, _, vectors = close_pairs(positions, cell, diameter)
        distances = np.linalg.norm(vectors, axis=1)
        if len(distances) == 0 or distances.min() >= minimum:
            return positions
        push = (diameter - distances)[:, None] * vectors / distances[:, None]
        step = np.zeros_like(positions)
        np.subtract.at(step, first, 0.3 * push)
        fractional = (positions + step) @ inverse
        positions = (fractional - np.floor(fractional)) @ cell
    return None
