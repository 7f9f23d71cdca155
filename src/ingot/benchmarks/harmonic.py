"""Thermodynamics of harmonic oscillators (M. Born and K. Huang, Dynamical Theory of Crystal Lattices, 1954)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import constants

from ingot.units import BOLTZMANN, FEMTOSECOND

Values = NDArray[np.float64]

TERAHERTZ = 1e-3 / FEMTOSECOND
"""The unit of inverse time, sqrt(eV/amu)/A, in THz divides by it: ``frequency / TERAHERTZ``."""

PLANCK = constants.h / constants.e * 1e12
"""Planck constant in eV/THz."""

_MODES = 3  # per atom


@dataclass(frozen=True)
class Thermodynamics:
    """Per atom: free energy in eV (zero-point energy included), entropy and heat capacity at fixed volume in eV/K."""

    free_energy: float
    entropy: float
    heat_capacity: float


def zero_point_energy(frequencies: Values, weights: Values) -> float:
    """Half a quantum in each mode, in eV per atom; ``frequencies`` (modes,) in THz are averaged with ``weights``."""
    return float(_MODES * np.average(PLANCK * frequencies / 2, weights=weights))


def harmonic_thermodynamics(frequencies: Values, weights: Values, temperature: float) -> Thermodynamics:
    """Of a crystal with these mode frequencies (THz, all positive) at ``temperature`` (K, positive)."""
    x = PLANCK * frequencies / (BOLTZMANN * temperature)
    occupation = 1 / np.expm1(x)
    log_free = np.log(-np.expm1(-x))

    def mean(of_modes: Values) -> float:
        return float(_MODES * np.average(of_modes, weights=weights))

    return Thermodynamics(
        free_energy=BOLTZMANN * temperature * mean(x / 2 + log_free),
        entropy=BOLTZMANN * mean(x * occupation - log_free),
        heat_capacity=BOLTZMANN * mean(x**2 * occupation * (occupation + 1)),
    )
