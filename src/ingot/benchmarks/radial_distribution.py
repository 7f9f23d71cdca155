"""Pair structure and diffusion of a liquid from the frames of a run."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from jaxtyping import Float

from ingot.benchmarks.errors import BenchmarkError
from ingot.neighbors import neighbor_pairs


def largest_distance(atoms: Atoms) -> float:
    """Half the smallest height of the cell: beyond it a distribution sees the periodicity (A)."""
    lengths = np.linalg.norm(np.linalg.inv(atoms.cell.array), axis=0)
    return float(0.5 / lengths.max())


@dataclass(frozen=True)
class RadialDistribution:
    """g(r) of a one-component system, averaged over frames."""

    distance: Float[np.ndarray, " bins"]
    """Centres of the bins, A."""
    g: Float[np.ndarray, " bins"]
    density: float
    """Mean number density, 1/A^3."""

    def peak(self) -> tuple[float, float]:
        """Position (A) and height of the first maximum, by a parabola through the bins near the top."""
        top = int(np.argmax(self.g))
        near = slice(max(top - 3, 0), top + 4)
        a, b, c = np.polyfit(self.distance[near] - self.distance[top], self.g[near], 2)
        if a >= 0:
            raise BenchmarkError("g(r) has no maximum: too few frames, or the atoms do not form a liquid")
        return float(self.distance[top] - b / (2 * a)), float(c - b**2 / (4 * a))

    def first_minimum(self) -> float:
        """Position (A) of the minimum after the first maximum, by a parabola through the bins around it."""
        start = int(np.argmax(self.g))
        smooth = np.convolve(np.pad(self.g, 2, mode="edge"), np.ones(5) / 5, mode="valid")
        stop = int(np.searchsorted(self.distance, 1.7 * self.distance[start]))
        low = start + int(np.argmin(smooth[start:stop]))
        near = slice(max(low - 6, 0), low + 7)
        a, b, _ = np.polyfit(self.distance[near] - self.distance[low], self.g[near], 2)
        moved = -b / (2 * a) if a > 0 else 0.0
        width = self.distance[1] - self.distance[0]
        return float(self.distance[low] + np.clip(moved, -6 * width, 6 * width))

    def coordination(self, within: float) -> float:
        """Neighbours closer than ``within`` (A): the integral of 4 pi r^2 rho g."""
        width = self.distance[1] - self.distance[0]
        part = np.clip((within - (self.distance - width / 2)) / width, 0.0, 1.0)
        shell = 4 / 3 * np.pi * ((self.distance + width / 2) ** 3 - (self.distance - width / 2) ** 3)
        return float(np.sum(part * shell * self.density * self.g))


def radial_distribution(frames: Sequence[Atoms], farthest: float, bins: int = 150) -> RadialDistribution:
    """g(r) up to ``farthest`` (A) of frames of one element; each is normalised by its own density."""
    if not frames:
        raise BenchmarkError("no frames to average over")
    edges = np.linspace(0.0, farthest, bins + 1)
    shells = 4 / 3 * np.pi * np.diff(edges**3)
    total = np.zeros(bins)
    for atoms in frames:
        distance = neighbor_pairs(atoms.positions, atoms.cell.array, atoms.pbc, farthest)[3]
        ideal = len(atoms) * shells * len(atoms) / atoms.get_volume()
        total += np.histogram(distance, edges)[0] / ideal
    density = float(np.mean([len(atoms) / atoms.get_volume() for atoms in frames]))
    return RadialDistribution(0.5 * (edges[1:] + edges[:-1]), total / len(frames), density)


@dataclass(frozen=True)
class Diffusion:
    """Mean squared displacement, and the self-diffusion coefficient from its slope (no finite-size correction)."""

    time: Float[np.ndarray, " lags"]
    """Lags, in the frames' unit of time."""
    squared_displacement: Float[np.ndarray, " lags"]
    """A^2, summed over the three directions."""
    coefficient: float
    """A^2 per unit of time."""
    error: float
    """Standard error from directions and halves of the run."""


def diffusion(frames: Sequence[Atoms], interval: float, fit_from: float = 0.25) -> Diffusion:
    """Diffusion from frames ``interval`` apart whose positions were never wrapped.

    Displacements are taken in reduced coordinates and in the mean cell, relative to the centre of mass, over
    all time origins. The slope is fitted from ``fit_from`` to one half of the run's length: earlier
    atoms rattle in their cages, later few origins remain.
    """
    if len(frames) < 16:
        raise BenchmarkError(f"diffusion needs at least 16 frames, got {len(frames)}")
    cell = np.mean([atoms.cell.array for atoms in frames], axis=0)
    paths = np.stack([atoms.positions @ np.linalg.inv(atoms.cell.array) for atoms in frames]) @ cell
    paths = paths - paths.mean(axis=1, keepdims=True)

    def curve(part: np.ndarray) -> np.ndarray:
        """(lags, 3): mean squared displacement along each direction."""
        lags = range(1, len(part) // 2 + 1)
        return np.stack([np.mean((part[lag:] - part[:-lag]) ** 2, axis=(0, 1)) for lag in lags])

    def slope(values: np.ndarray) -> float:
        times = interval * np.arange(1, len(values) + 1)
        first = int(2 * fit_from * len(values))
        return float(np.polyfit(times[first:], values[first:], 1)[0]) / 2

    whole = curve(paths)
    half = len(paths) // 2
    parts = [slope(curve(part)[:, axis]) for part in (paths[:half], paths[half:]) for axis in range(3)]
    return Diffusion(
        time=interval * np.arange(1, len(whole) + 1),
        squared_displacement=whole.sum(axis=1),
        coefficient=slope(whole.sum(axis=1)) / 3,
        error=float(np.std(parts, ddof=1) / np.sqrt(len(parts))),
    )
