"""The static structure factor of a liquid, from the wave vectors that fit its cell."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from jaxtyping import Float

from ingot.benchmarks.errors import BenchmarkError

_VECTORS_PER_BIN = 40


@dataclass(frozen=True)
class StructureFactor:
    """S(q) of a one-component system, averaged over frames and directions; bins without a wave vector are left out."""

    wave_number: Float[np.ndarray, " bins"]
    """Mean of the wave vectors' lengths in a bin, 1/A."""
    s: Float[np.ndarray, " bins"]
    error: Float[np.ndarray, " bins"]
    """Standard error from the scatter over wave vectors, which are nearly independent."""

    def peak(self) -> tuple[float, float]:
        """Position (1/A) and height of the first maximum, by a parabola through the five bins at the top."""
        top = int(np.argmax(self.s))
        if not 2 <= top < len(self.s) - 2:
            raise BenchmarkError("S(q) has no maximum inside its range: the atoms do not form a liquid")
        near = slice(top - 2, top + 3)
        a, b, c = np.polyfit(self.wave_number[near] - self.wave_number[top], self.s[near], 2)
        return float(self.wave_number[top] - b / (2 * a)), float(c - b**2 / (4 * a))


def wave_vectors(cell: Float[np.ndarray, "3 3"], largest: float, bins: int, seed: int = 0) -> Float[np.ndarray, "q 3"]:
    """Reduced wave vectors (integers) shorter than ``largest`` (1/A), one of each pair +-q, at most 40 per bin."""
    reciprocal = 2 * np.pi * np.linalg.inv(cell).T
    reach = np.floor(largest * np.linalg.norm(cell, axis=1) / (2 * np.pi)).astype(int)
    grid = np.stack(np.meshgrid(*(np.arange(-n, n + 1) for n in reach), indexing="ij"), axis=-1).reshape(-1, 3)
    grid = grid[len(grid) // 2 + 1 :]  # the other half are their opposites
    length = np.linalg.norm(grid @ reciprocal, axis=1)
    grid, length = grid[length < largest], length[length < largest]
    order = np.random.default_rng(seed).permutation(len(grid))
    bin_of = np.floor(length / largest * bins).astype(int)
    chosen = [order[bin_of[order] == k][:_VECTORS_PER_BIN] for k in range(bins)]
    return np.asarray(grid[np.concatenate(chosen)], dtype=np.float64)


def structure_factor(frames: Sequence[Atoms], largest: float = 10.0, bins: int = 100) -> StructureFactor:
    """``S(q) = |sum_j exp(i q r_j)|^2 / N`` up to ``largest`` (1/A) of frames of one element.

    Frames of a breathing cell keep the integers of their wave vectors; lengths are those of the mean cell.
    """
    if not frames:
        raise BenchmarkError("no frames to average over")
    cell = np.mean([atoms.cell.array for atoms in frames], axis=0)
    vectors = wave_vectors(cell, largest, bins)
    length = np.linalg.norm(vectors @ (2 * np.pi * np.linalg.inv(cell).T), axis=1)
    total = np.zeros(len(vectors))
    for atoms in frames:
        phase = 2 * np.pi * vectors @ atoms.get_scaled_positions(wrap=False).T
        total += (np.cos(phase).sum(axis=1) ** 2 + np.sin(phase).sum(axis=1) ** 2) / len(atoms)
    values, bin_of = total / len(frames), np.floor(length / largest * bins).astype(int)
    rows = []
    for k in np.unique(bin_of):
        mine = values[bin_of == k]
        error = mine.std(ddof=1) / np.sqrt(len(mine)) if len(mine) > 1 else np.nan
        rows.append((length[bin_of == k].mean(), mine.mean(), error))
    return StructureFactor(*np.array(rows).T)
