"""The Birch-Murnaghan equation of state: lattice constant, bulk modulus and their fit uncertainty.

Third order, F. Birch, Phys. Rev. 71, 809 (1947). In x = V**(-2/3) it is a cubic
polynomial, so the least-squares problem is linear and has one answer, whatever the start.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ingot.benchmarks.errors import FitError

Values = NDArray[np.float64]


@dataclass(frozen=True)
class EquationOfState:
    """A fitted E(V), per atom: ``volume`` A^3, ``energy`` eV, ``bulk_modulus`` eV/A^3, ``bulk_derivative`` dB/dP.

    The ``*_error`` are standard errors of the fit (how badly the points obey the
    equation); ``None`` when there are no more points than parameters. ``residual``
    is the root-mean-square residual in eV.
    """

    volume: float
    energy: float
    bulk_modulus: float
    bulk_derivative: float
    volume_error: float | None
    energy_error: float | None
    bulk_modulus_error: float | None
    bulk_derivative_error: float | None
    residual: float

    def energy_at(self, volume: Values | float) -> Values:
        """E(V) in eV per atom, V in A^3 per atom (Birch 1947, third order)."""
        f = (self.volume / np.asarray(volume, dtype=np.float64)) ** (2 / 3) - 1
        strength = 9 * self.volume * self.bulk_modulus / 16
        return np.asarray(self.energy + strength * (self.bulk_derivative * f**3 + f**2 * (2 - 4 * f)))


def fit_equation_of_state(volume: Values, energy: Values) -> EquationOfState:
    """Fit the third-order Birch-Murnaghan equation to E(V) per atom (A^3, eV).

    Raises :class:`FitError` with fewer than four volumes, or when the fitted curve
    has no minimum between the smallest and the largest volume.
    """
    volume = np.asarray(volume, dtype=np.float64)
    energy = np.asarray(energy, dtype=np.float64)
    if len(np.unique(volume)) < 4:
        raise FitError(f"an equation of state needs at least 4 volumes (got {len(np.unique(volume))})")
    scale = float(np.median(volume))
    # u = x / x_scale - 1 is of order 0.1: centred powers keep the normal matrix well conditioned.
    u = (scale / volume) ** (2 / 3) - 1
    shift = float(energy.mean())
    design = np.vander(u, 4, increasing=True)
    coefficients = np.asarray(np.linalg.lstsq(design, energy - shift, rcond=None)[0], dtype=np.float64)
    residuals = design @ coefficients - (energy - shift)
    parameters = _minimum(coefficients, scale)
    if not volume.min() <= parameters[0] <= volume.max():
        raise FitError(
            f"the fitted minimum {parameters[0]:.3f} A^3/atom lies outside the sampled volumes"
            f" {volume.min():.3f}-{volume.max():.3f}"
        )
    errors: list[float | None] = [None] * 4
    freedom = len(volume) - 4
    if freedom > 0:
        covariance = np.linalg.inv(design.T @ design) * (residuals @ residuals) / freedom
        slopes = _derivatives(coefficients, scale)
        errors = [float(e) for e in np.sqrt(np.einsum("pi,ij,pj->p", slopes, covariance, slopes))]
    return EquationOfState(
        volume=parameters[0],
        energy=parameters[1] + shift,
        bulk_modulus=parameters[2],
        bulk_derivative=parameters[3],
        volume_error=errors[0],
        energy_error=errors[1],
        bulk_modulus_error=errors[2],
        bulk_derivative_error=errors[3],
        residual=float(np.sqrt(np.mean(residuals**2))),
    )


def _minimum(coefficients: Values, scale: float) -> tuple[float, float, float, float]:
    """(V0, E0, B, B') of the cubic in u; raises :class:`FitError` when it has no minimum."""
    c0, c1, c2, c3 = (float(c) for c in coefficients)
    discriminant = 4 * c2**2 - 12 * c1 * c3
    if discriminant < 0:
        raise FitError("the fitted energy falls monotonically with volume: no minimum in the sampled range")
    # The root with positive curvature, in the form that stays finite for c3 -> 0.
    denominator = 2 * c2 + np.sqrt(discriminant)
    if denominator <= 0:
        raise FitError("the fitted energy has no minimum in the sampled range")
    u = -2 * c1 / denominator
    x = 1 + u
    if x <= 0:
        raise FitError("the fitted energy has no minimum at a positive volume")
    v0 = scale * x**-1.5
    second, third = 2 * c2 + 6 * c3 * u, 6 * c3
    # With E(x): B = (4/9) x^2 E'' / V and B' = 4 + (2/3) x E''' / E'' at the minimum (x in units of its scale).
    return v0, c0 + u * (c1 + u * (c2 + u * c3)), 4 / 9 * x**2 * second / v0, 4 + 2 / 3 * x * third / second


def _derivatives(coefficients: Values, scale: float) -> Values:
    """(4, 4) central-difference derivatives of (V0, E0, B, B') by the polynomial's coefficients."""
    step = 1e-6 * float(np.abs(coefficients[2])) + 1e-300
    rows = []
    for k in range(4):
        plus, minus = coefficients.copy(), coefficients.copy()
        plus[k] += step
        minus[k] -= step
        rows.append((np.array(_minimum(plus, scale)) - np.array(_minimum(minus, scale))) / (2 * step))
    return np.array(rows).T
