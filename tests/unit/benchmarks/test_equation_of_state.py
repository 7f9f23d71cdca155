"""The Birch-Murnaghan fit against equations whose parameters are known."""

import numpy as np
import pytest

from ingot.benchmarks.equation_of_state import EquationOfState, fit_equation_of_state
from ingot.benchmarks.errors import FitError

ALUMINIUM = EquationOfState(16.5, -56.0, 0.484, 4.6, None, None, None, None, 0.0)


def test_recovers_the_parameters_of_an_exact_equation() -> None:
    volume = 16.5 * np.linspace(0.9, 1.1, 9)
    fit = fit_equation_of_state(volume, ALUMINIUM.energy_at(volume))
    assert fit.volume == pytest.approx(16.5, rel=1e-9)
    assert fit.energy == pytest.approx(-56.0, abs=1e-10)
    assert fit.bulk_modulus == pytest.approx(0.484, rel=1e-7)
    assert fit.bulk_derivative == pytest.approx(4.6, rel=1e-5)
    assert fit.residual < 1e-12


def test_the_pressure_derivatives_are_those_of_the_curve() -> None:
    """B = V d2E/dV2 at the minimum, by finite differences of the curve itself."""
    h = 1e-2
    e = ALUMINIUM.energy_at(np.array([16.5 - h, 16.5, 16.5 + h]))
    assert 16.5 * (e[0] - 2 * e[1] + e[2]) / h**2 == pytest.approx(0.484, rel=1e-4)
    assert abs(e[2] - e[0]) / (2 * h) < 1e-6


def test_the_quoted_errors_are_the_scatter_of_repeated_fits() -> None:
    generator = np.random.default_rng(7)
    volume = 16.5 * np.linspace(0.92, 1.08, 9)
    clean = ALUMINIUM.energy_at(volume)
    fits = [fit_equation_of_state(volume, clean + 1e-4 * generator.normal(size=9)) for _ in range(400)]
    for name in ("volume", "energy", "bulk_modulus", "bulk_derivative"):
        scatter = np.std([getattr(f, name) for f in fits], ddof=1)
        quoted = np.sqrt(np.mean([getattr(f, f"{name}_error") ** 2 for f in fits]))
        assert quoted == pytest.approx(scatter, rel=0.12)


def test_four_points_are_fitted_exactly_and_without_an_error() -> None:
    volume = 16.5 * np.array([0.94, 0.98, 1.02, 1.06])
    fit = fit_equation_of_state(volume, ALUMINIUM.energy_at(volume))
    assert fit.volume == pytest.approx(16.5, rel=1e-8)
    assert fit.volume_error is None


@pytest.mark.parametrize(
    ("volume", "reason"),
    [
        (16.5 * np.linspace(1.05, 1.2, 6), "outside the sampled volumes"),
        (16.5 * np.array([0.9, 1.0, 1.1]), "at least 4 volumes"),
    ],
)
def test_says_when_there_is_no_answer(volume: np.ndarray, reason: str) -> None:
    with pytest.raises(FitError, match=reason):
        fit_equation_of_state(volume, ALUMINIUM.energy_at(volume))


def test_a_curve_without_a_minimum_is_refused() -> None:
    volume = np.linspace(10, 20, 8)
    with pytest.raises(FitError):
        fit_equation_of_state(volume, -np.log(volume))
