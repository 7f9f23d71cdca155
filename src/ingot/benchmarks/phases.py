"""The equation of state of one lattice: find its minimum, then fit around it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from ingot.benchmarks.equation_of_state import EquationOfState, fit_equation_of_state
from ingot.benchmarks.errors import FitError
from ingot.benchmarks.evaluation import Evaluate

Values = NDArray[np.float64]

SCAN = np.geomspace(0.55, 1.8, 25)
"""Volumes of the coarse search, relative to the guess."""


@dataclass(frozen=True)
class Curve:
    """Energies (eV per atom) at volumes (A^3 per atom)."""

    volume: Values
    energy: Values


@dataclass(frozen=True)
class Equilibrium:
    """The minimum of E(V) itself (A^3 and eV per atom), and the equation of state fitted around it.

    A network's E(V) has ripples that a fit smooths: what dynamics sees as zero pressure is the
    minimum, while the fit gives the bulk modulus of the range it was made over.
    """

    volume: float
    energy: float
    fit: EquationOfState


def sample(evaluate: Evaluate, cell_at: Callable[[float], Atoms], volumes: Sequence[float] | Values) -> Curve:
    """E(V) per atom of the cells that ``cell_at(volume per atom)`` makes."""
    energies = []
    for volume in volumes:
        atoms = cell_at(float(volume))
        energies.append(evaluate(atoms).energy / len(atoms))
    return Curve(np.array(volumes, dtype=np.float64), np.array(energies))


def equilibrium(
    evaluate: Evaluate, cell_at: Callable[[float], Atoms], guess: float, points: int, window: float
) -> Equilibrium:
    """The energy minimum nearest to ``guess`` (A^3/atom), and a fit to ``points`` volumes within +-``window`` of it.

    The minimum is bracketed on a coarse scan from 0.55 to 1.8 times the guess, then the
    window is centred twice on the fitted minimum, and the minimum sought near that of the
    last fit. Raises :class:`FitError` when the scan has no interior minimum (the lattice
    is not even metastable against expansion), or the fit is far from the curve.
    """
    scan = sample(evaluate, cell_at, guess * SCAN)
    inner = np.flatnonzero((scan.energy[1:-1] < scan.energy[:-2]) & (scan.energy[1:-1] <= scan.energy[2:])) + 1
    if len(inner) == 0:
        raise FitError(
            f"no energy minimum between {scan.volume[0]:.1f} and {scan.volume[-1]:.1f} A^3/atom: "
            "the lattice collapses or flies apart"
        )
    nearest = inner[np.argmin(np.abs(np.log(SCAN[inner])))]
    # The parabola through the three bracketing points, in ln V, is good to a percent of the volume.
    left, middle, right = scan.energy[nearest - 1 : nearest + 2]
    offset = 0.5 * (left - right) / (left - 2 * middle + right)
    centre = float(scan.volume[nearest] * (SCAN[1] / SCAN[0]) ** offset)
    grid = np.linspace(1 - window, 1 + window, points)
    for _ in range(2):
        curve = sample(evaluate, cell_at, centre * grid)
        fit = fit_equation_of_state(curve.volume, curve.energy)
        centre = fit.volume

    def energy(ratio: float) -> float:
        return float(sample(evaluate, cell_at, [centre * ratio]).energy[0])

    reach = window / 2
    found = minimize_scalar(energy, bounds=(1 - reach, 1 + reach), method="bounded", options={"xatol": 1e-7})
    if abs(found.x - 1) > 0.98 * reach:
        raise FitError(f"no energy minimum within {reach:.0%} of that of the fitted equation of state")
    return Equilibrium(float(centre * found.x), float(found.fun), fit)
