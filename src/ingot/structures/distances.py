"""Distances in periodic cells of any shape, images of an atom with itself included."""

from itertools import product

import numpy as np


def image_vectors(cell: np.ndarray, pbc: np.ndarray, reach: float) -> np.ndarray:
    """Lattice vectors (images, 3) within which every pair closer than ``reach`` (A) has its images.

    For atoms inside the cell: along each periodic direction as many cells as planes fit into the reach, and one more.
    """
    heights = 1 / np.linalg.norm(np.linalg.inv(cell), axis=0)
    counts = [int(np.ceil(reach / h)) if periodic else 0 for h, periodic in zip(heights, pbc, strict=True)]
    steps = np.array(list(product(*(range(-n, n + 1) for n in counts))))
    return np.asarray(steps @ cell)


def close_pairs(positions: np.ndarray, cell: np.ndarray, reach: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Indices i, j and vectors r_j - r_i (pairs, 3) of all pairs closer than ``reach``, each pair both ways.

    The cell is periodic in three directions and holds the positions; an atom's own images are pairs too.
    """
    images = image_vectors(cell, np.ones(3, dtype=bool), reach)
    vectors = positions[None, :, None] - positions[:, None, None] + images[None, None]
    squares = np.einsum("ijsx,ijsx->ijs", vectors, vectors)
    i, j, s = np.nonzero((squares < reach**2) & (squares > 1e-16))
    return i, j, vectors[i, j, s]


def minimum_distance(positions: np.ndarray, cell: np.ndarray, reach: float) -> float:
    """The smallest distance (A) of a periodic structure, or ``reach`` if none is smaller."""
    vectors = close_pairs(positions, cell, reach)[2]
    return float(np.linalg.norm(vectors, axis=1).min()) if len(vectors) else reach
