"""How fast a simulation goes."""

import time

import numpy as np
from jaxtyping import Float, Int

from ingot.units import FEMTOSECOND

_FEMTOSECONDS_PER_NANOSECOND = 1e6
_SECONDS_PER_DAY = 86400.0


class Speed:
    """Simulated time per day, summed over replicas, and time per atom and step, by the clock.

    Counted from the first call on, because what comes before it is mostly compilation.
    """

    def __init__(self, atoms: int, timestep: Float[np.ndarray, " replicas"]) -> None:
        self._atoms, self._timestep = atoms, timestep
        self._begin: tuple[float, Int[np.ndarray, " replicas"]] | None = None

    def __call__(self, steps: Int[np.ndarray, " replicas"]) -> str:
        """``"1.23 ns/day, 48.1 us/atom/step"`` after so many ``steps`` of each replica; empty the first time."""
        now = time.perf_counter()
        if self._begin is None:
            self._begin = now, steps
            return ""
        seconds, taken = now - self._begin[0], steps - self._begin[1]
        if not taken.any():
            return ""
        nanoseconds = float(taken @ self._timestep) / FEMTOSECOND / _FEMTOSECONDS_PER_NANOSECOND
        per_step = 1e6 * seconds / (float(taken.sum()) * self._atoms)
        return f"{nanoseconds * _SECONDS_PER_DAY / seconds:.3g} ns/day, {per_step:.3g} us/atom/step"
