"""The course of a trajectory: temperature and density in time, drawn at random."""

from dataclasses import dataclass

import numpy as np

from ingot.dynamics import Schedule
from ingot.randomness import generator
from ingot.units import FEMTOSECOND

Interval = tuple[float, float]


@dataclass(frozen=True)
class CourseRanges:
    """Ranges that courses are drawn from uniformly; densities relative to the starting structure."""

    temperature_start: Interval = (10.0, 1000.0)
    temperature_end: Interval = (10.0, 600.0)
    temperature_amplitude: Interval = (0.0, 2500.0)
    temperature_period_ps: Interval = (1.0, 5.0)
    density_end: Interval = (0.8, 1.25)
    density_amplitude: Interval = (-0.1, 0.1)
    density_period_ps: Interval = (1.0, 5.0)


@dataclass(frozen=True)
class Course:
    """Temperature (K) and relative density of one trajectory."""

    temperature: Schedule
    density: Schedule

    @property
    def highest_density(self) -> float:
        """Relative to the start."""
        times = np.linspace(0, float(self.density.duration), 500)
        return float(np.max(np.asarray(self.density(times))))

    @property
    def lowest_density(self) -> float:
        """Relative to the start."""
        times = np.linspace(0, float(self.density.duration), 500)
        return float(np.min(np.asarray(self.density(times))))


def draw_course(ranges: CourseRanges, duration_fs: float, seed: int) -> Course:
    """One course of ``duration_fs``, from its own seed."""
    rng = generator(seed, "course")
    duration = duration_fs * FEMTOSECOND
    picosecond = 1000 * FEMTOSECOND

    def uniform(interval: Interval) -> float:
        return float(rng.uniform(*interval))

    temperature = Schedule(
        start=uniform(ranges.temperature_start),
        end=uniform(ranges.temperature_end),
        amplitude=uniform(ranges.temperature_amplitude),
        period=uniform(ranges.temperature_period_ps) * picosecond,
        duration=duration,
    )
    density = Schedule(
        start=1.0,
        end=uniform(ranges.density_end),
        amplitude=uniform(ranges.density_amplitude),
        period=uniform(ranges.density_period_ps) * picosecond,
        duration=duration,
    )
    return Course(temperature, density)
