"""The analytic embedded-atom potential of J. Mei and J. W. Davenport, Phys. Rev. B 46, 21 (1992), for aluminium.

A model whose melting point is known: 826.4 +- 1.3 K in the limit of large cells (J. B. Sturgeon and B. B. Laird,
Phys. Rev. B 62, 14720, 2000). Methods for melting points are checked on it; aluminium itself melts at 933 K.

The constants make the crystal consistent: with three shells of neighbours at ``a0 = sqrt(2) r0`` the density is that
of reference to 4e-5, the energy -3.390 eV and the pressure zero.
"""

import numpy as np
from jaxtyping import Float

from ingot.potentials.eam import EamArchitecture
from ingot.potentials.eam_files import spline_pieces
from ingot.potentials.potential import Potential

_COHESIVE_ENERGY = 3.39  # eV
_PAIR_DEPTH = 0.1318  # eV
_NEAREST = 2.8638  # A
_ALPHA, _BETA, _GAMMA, _DELTA = 4.60, 7.10, 7.34759, 7.35
_DENSITY = (0.64085, -6.83764, 26.75616, -47.16495, 36.18925, -8.60834)
_SHELLS = ((1, 12), (2, 6), (3, 24))
_SWITCH = (1.75 * _NEAREST, 1.95 * _NEAREST)
"""A; functions of the distance go to zero between these."""

Values = Float[np.ndarray, " points"]


def _switch(distance: Values) -> Values:
    begin, end = _SWITCH
    x = np.clip((distance - begin) / (end - begin), 0, 1)
    return (1 - x) ** 3 * (1 + 3 * x + 6 * x**2)


def density(distance: Values) -> Values:
    """What an atom at a distance (A) contributes, in units of the crystal's density at rest."""
    powers = np.polynomial.polynomial.polyval(_NEAREST / distance, _DENSITY)
    return np.asarray(powers * _switch(distance) / 12)


def pair(distance: Values) -> Values:
    """The pair energy in eV at a distance (A)."""
    x = distance / _NEAREST - 1
    return np.asarray(-_PAIR_DEPTH * (1 + _DELTA * x) * np.exp(-_GAMMA * x) * _switch(distance))


def embedding(density: Values) -> Values:
    """The embedding energy in eV; ``density`` is relative to that of the crystal at rest."""
    x = np.maximum(density, 1e-300)
    log = np.log(x)
    energy: Values = -_COHESIVE_ENERGY * (1 - _ALPHA / _BETA * log) * x ** (_ALPHA / _BETA)
    for shell, atoms in _SHELLS:
        k = np.sqrt(shell)
        factor = np.exp(-(k - 1) * _GAMMA) * (1 + (k - 1) * _DELTA - k * _DELTA / _BETA * log)
        energy = energy + 0.5 * _PAIR_DEPTH * atoms * factor * x ** (k * _GAMMA / _BETA)
    return energy


def mei_davenport(points: int = 8001) -> Potential:
    """The potential as splines on even grids of ``points``; energies are true to 1e-7 eV per atom with the default."""
    grids = (6.0 / (points - 1), points), (4.0 / (points - 1), points)
    architecture = EamArchitecture(("Al",), _SWITCH[1], *grids)
    distances, densities = (np.arange(count) * step for step, count in grids)
    near = np.maximum(distances, 0.5)  # the powers have no value at zero, where no pair ever is
    tables = {
        "embedding": embedding(densities)[None],
        "density": density(near)[None, None],
        "pair": (distances * pair(near))[None, None],
    }
    parameters = {name: spline_pieces(table)[None] for name, table in tables.items()}
    about = {"comment": "Mei and Davenport, Phys. Rev. B 46, 21 (1992), tabulated"}
    return Potential(architecture, parameters, {"Al": 0.0}, provenance=about)
