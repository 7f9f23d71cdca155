"""The FFT mesh of a cell, from a cutoff: what every method on a grid uses."""

import numpy as np

from ingot.units import BOHR


def fast_mesh(vectors: np.ndarray, cutoff: float) -> tuple[int, int, int]:
    """The FFT mesh of a cell (3, 3; A) that holds every plane wave up to a kinetic energy (Hartree).

    Along each axis at least 2 G_max + 1 points (G_max in units of the distance of reciprocal lattice planes),
    rounded up to a length without prime factors above 11, for which the transform is fast.
    """
    # The sphere |G| < K reaches K |a_i| / 2 pi lattice planes along reciprocal vector i.
    reach = np.sqrt(2 * cutoff) * np.linalg.norm(vectors, axis=1) / BOHR / (2 * np.pi)
    x, y, z = (_smooth(int(np.ceil(round(2 * float(r) + 1, 6)))) for r in reach)
    return (x, y, z)


def _smooth(number: int) -> int:
    """The smallest integer >= number whose prime factors are all among 2, 3, 5, 7, 11."""
    while True:
        rest = number
        for prime in (2, 3, 5, 7, 11):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return number
        number += 1
