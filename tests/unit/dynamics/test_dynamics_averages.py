"""Velocities and error bars."""

import numpy as np
import pytest

from ingot.dynamics import block_average, kinetic_temperature, maxwell_boltzmann


def test_velocities_have_the_temperature_of_every_mass_and_no_drift() -> None:
    masses = np.repeat([1.0, 100.0], 20000)
    v = maxwell_boltzmann(masses, 300.0, seed=4)
    for part in (slice(0, 20000), slice(20000, None)):
        assert kinetic_temperature(v[part], masses[part], 60000) == pytest.approx(300, rel=0.03)
    assert np.abs((masses[:, None] * v).sum(0)).max() < 1e-8
    flat = v[:20000].ravel()
    assert np.mean(flat**4) / np.mean(flat**2) ** 2 == pytest.approx(3, abs=0.15)  # Gaussian


def test_exact_velocities_have_exactly_the_temperature() -> None:
    masses = np.full(20, 27.0)
    assert kinetic_temperature(maxwell_boltzmann(masses, 500.0, 1, exact=True), masses, 57) == pytest.approx(500)


@pytest.mark.parametrize("correlation", [0.0, 0.9])
def test_block_errors_are_true_to_correlated_series(correlation: float) -> None:
    """An AR(1) process: the error of the mean is known."""
    rng = np.random.default_rng(7)
    means, errors = [], []
    for _ in range(100):
        noise = rng.normal(size=2000)
        series = np.empty(2000)
        series[0] = noise[0] / np.sqrt(1 - correlation**2)
        for i in range(1, 2000):
            series[i] = correlation * series[i - 1] + noise[i]
        average = block_average(series)
        means.append(average.mean)
        errors.append(average.error)
    assert np.median(errors) == pytest.approx(np.std(means), rel=0.35)
    assert np.mean(np.abs(means) < 2 * np.asarray(errors)) > 0.9


def test_a_block_average_needs_samples() -> None:
    with pytest.raises(ValueError, match="two samples"):
        block_average(np.array([1.0]))
