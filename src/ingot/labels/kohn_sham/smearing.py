"""Occupations of one-electron levels broadened by smearing, with the exact number of electrons.

PySCF's own smearing counts electrons over the whole k-mesh in pairs, so that an odd total
silently gains one electron; here the Fermi level solves sum_k w_k f(e_k) = N for any N.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import entr, erfc, expit


@dataclass(frozen=True)
class Smearing:
    """A broadened step: occupation (0 to 1) and entropy per state against x = (e - mu) / width."""

    fraction: Callable[[np.ndarray], np.ndarray]
    entropy: Callable[[np.ndarray], np.ndarray]
    zero_share: float
    """The share of TS by which E(width -> 0) lies above the free energy, to leading order in the width."""


def _cold_fraction(x: np.ndarray) -> np.ndarray:
    y = -x - np.sqrt(0.5)
    return np.asarray(erfc(-y) / 2 + np.exp(-(y**2)) / np.sqrt(2 * np.pi))


def _cold_entropy(x: np.ndarray) -> np.ndarray:
    y = -x - np.sqrt(0.5)
    return np.asarray(-y * np.exp(-(y**2)) / np.sqrt(2 * np.pi))


KINDS = {
    "gaussian": Smearing(lambda x: erfc(x) / 2, lambda x: np.exp(-(x**2)) / (2 * np.sqrt(np.pi)), 0.5),
    "fermi": Smearing(lambda x: expit(-x), lambda x: entr(expit(-x)) + entr(expit(x)), 0.5),
    "cold": Smearing(_cold_fraction, _cold_entropy, 0.0),
}
"""Gaussian: Fu and Ho, Phys. Rev. B 28, 5480 (1983). Fermi: Mermin, Phys. Rev. 137, A1441 (1965). Cold: Marzari,
Vanderbilt, De Vita and Payne, Phys. Rev. Lett. 82, 3296 (1999), whose free energy differs from the
energy at zero width only in the third order, so that a wide smearing, and with it a coarse k-mesh, is harmless."""


@dataclass(frozen=True)
class Occupations:
    """Occupations per k-point (0 to 2; cold ones rise to 2.1 below the Fermi level), the Fermi level, and the
    entropy S in units of k_B, so that TS = width * S."""

    occupations: list[np.ndarray]
    fermi_level: float
    entropy: float


def occupy(
    levels: Sequence[np.ndarray], weights: np.ndarray, electrons: float, width: float, kind: str = "cold"
) -> Occupations:
    """Occupations of spin-degenerate levels that hold ``electrons`` electrons per cell.

    ``levels``: one array of energies per k-point, in the unit of ``width``; ``weights`` sum to one;
    ``kind``: a key of :data:`KINDS`. The entropy is the one that makes the free energy E - TS stationary in the
    occupations, so that forces follow from the Hellmann-Feynman theorem.
    """
    smearing = KINDS[kind]
    fraction = smearing.fraction

    def excess(level: float) -> float:
        counts = [2 * float(fraction((e - level) / width).sum()) for e in levels]
        return float(np.dot(weights, counts)) - electrons

    lower = min(float(e.min()) for e in levels) - 40 * width
    step = 80 * width
    while excess(lower + step) <= 0:  # not from the highest level: removed orbitals carry a huge energy
        step *= 2
        if step > 1e12 * width:
            raise ValueError(f"{electrons:g} electrons do not fit into {2 * len(levels[0])} states per k-point")
    level = brentq(excess, lower, lower + step, xtol=1e-14, rtol=1e-14)
    scaled = [(e - level) / width for e in levels]
    entropy = float(np.dot(weights, [2 * float(smearing.entropy(x).sum()) for x in scaled]))
    return Occupations([2 * fraction(x) for x in scaled], float(level), entropy)
