"""Kernel sums and what is made of them: limits, exactness, determinism, refusals."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from scipy.spatial.distance import cdist
from scipy.special import logsumexp

from ingot.audit import (
    AuditError,
    delta_entropy,
    diversity,
    entropy,
    entropy_and_diversity,
    environment_descriptors,
    estimate_entropy,
    learning_curve,
    overlap,
)
from ingot.audit.kernels import float32_error, log_kernel_sums, log_kernel_sums_self

RNG = np.random.default_rng(5)
X = RNG.normal(0, 0.01, (1300, 63)) + RNG.normal(0, 0.3, (5, 63))[RNG.integers(0, 5, 1300)]
Y = RNG.normal(0, 0.012, (600, 63)) + RNG.normal(0, 0.3, (2, 63))[RNG.integers(0, 2, 600)]


def direct(y: np.ndarray, x: np.ndarray, h: float) -> np.ndarray:
    return logsumexp(-0.5 * (cdist(y, x) / h) ** 2, axis=1)


def test_equals_the_published_implementation() -> None:
    recorded = json.loads((Path(__file__).parent / "quests_values.json").read_text())
    sets = [
        environment_descriptors([Atoms(c["numbers"], positions=c["positions"], cell=c["cell"], pbc=c["pbc"])])
        for c in recorded["cases"]
    ]
    x, known = np.concatenate(sets), recorded["all"]
    h = known["bandwidth"]
    assert entropy(x, h) == pytest.approx(known["entropy"], abs=1e-9)
    assert diversity(x, h) == pytest.approx(known["diversity"], abs=1e-9)
    np.testing.assert_allclose(delta_entropy(sets[0], sets[2], h), known["delta_entropy_0_of_2"], atol=1e-9)


@pytest.mark.parametrize("h", [0.015, 0.05, 1.0])
def test_kernel_sums_equal_direct_summation(h: float) -> None:
    np.testing.assert_allclose(log_kernel_sums(Y, X, h), direct(Y, X, h), rtol=0, atol=1e-8)
    np.testing.assert_allclose(log_kernel_sums_self(X, h), direct(X, X, h), rtol=0, atol=1e-8)


def test_float32_stays_within_its_stated_error() -> None:
    wrong = np.abs(log_kernel_sums(Y, X, 0.05, "float32") - direct(Y, X, 0.05)).max()
    assert 0 < wrong < float32_error(Y, X, 0.05)
    assert entropy(X, 0.05, "float32") == pytest.approx(entropy(X, 0.05), abs=1e-4)


def test_limits_of_entropy_and_diversity() -> None:
    alike, apart = np.tile(X[0], (700, 1)), np.arange(700.0)[:, None] * np.ones(3)
    assert entropy(alike) == pytest.approx(0, abs=1e-9)
    assert diversity(alike) == pytest.approx(0, abs=1e-9)
    assert entropy(apart) == pytest.approx(np.log(700))
    assert diversity(apart) == pytest.approx(np.log(700))
    assert 0 <= entropy(X, 0.05) <= np.log(len(X))
    assert entropy_and_diversity(X) == (entropy(X), diversity(X))


def test_doubling_a_set_changes_neither_entropy_nor_diversity() -> None:
    twice = np.concatenate([X, X])
    assert entropy(twice, 0.05) == pytest.approx(entropy(X, 0.05), abs=1e-10)
    assert diversity(twice, 0.05) == pytest.approx(diversity(X, 0.05), abs=1e-10)


def test_novelty_is_finite_at_any_distance_and_falls_as_the_reference_grows() -> None:
    far = np.full((1, 63), 1.0)
    expected = 63 * 0.5 / 0.015**2  # hundreds of bandwidths: a plain sum would be zero
    assert delta_entropy(far, np.zeros((3, 63)))[0] == pytest.approx(expected - np.log(3), rel=1e-12)
    assert (delta_entropy(Y, X[:900]) >= delta_entropy(Y, X) - 1e-9).all()


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_an_exact_duplicate_always_overlaps(precision: str) -> None:
    far_out = X + 30.0 * np.sign(X)  # large norms: the worst case for the rounding of the products
    assert overlap(far_out, far_out, precision=precision) == 1.0
    moved = far_out + 0.1
    assert overlap(moved, far_out, precision=precision) == 0.0
    half = np.concatenate([far_out[:300], moved[:300]])
    assert overlap(half, far_out, precision=precision) == 0.5


def test_the_overlap_threshold_is_a_threshold() -> None:
    x, step = np.zeros((1, 63)), np.zeros((1, 63))
    step[0, 0] = 0.015 * np.sqrt(2 * 0.5)  # dH = 0.5
    assert overlap(step, x, threshold=0.49) == 0.0
    assert overlap(step, x, threshold=0.51) == 1.0


@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_the_same_bits_for_any_number_of_threads(precision: str) -> None:
    for threads in (2, 5):
        assert np.array_equal(log_kernel_sums(Y, X, 0.05, precision, threads), log_kernel_sums(Y, X, 0.05, precision))
        assert np.array_equal(
            log_kernel_sums_self(X, 0.05, precision, threads), log_kernel_sums_self(X, 0.05, precision)
        )


def test_estimates_cover_the_exact_entropy_as_often_as_they_say() -> None:
    exact = entropy(X, 0.05)
    estimates = [estimate_entropy(X, 0.05, seed, rows=300, coverage=0.9) for seed in range(60)]
    covered = np.mean([e.lower <= exact <= e.upper for e in estimates])
    assert 0.78 <= covered <= 0.99  # binomial, 60 draws at 0.9
    bias = np.mean([e.value for e in estimates]) - exact
    assert abs(bias) < 3 * np.std([e.value for e in estimates]) / np.sqrt(60)
    assert estimate_entropy(X, 0.05, 1, rows=300) == estimate_entropy(X, 0.05, 1, rows=300)
    everything = estimate_entropy(X, 0.05, rows=len(X))
    assert everything.lower == everything.value == everything.upper == exact


def test_learning_curve_ends_at_the_entropy_of_the_set() -> None:
    curve = learning_curve(X[:200], 0.05, seed=3)
    assert [n for n, _, _ in curve] == [16, 32, 64, 128, 200]
    assert curve[-1] == (200, entropy(X[:200], 0.05), 0.0)
    assert all(later[1] > earlier[1] for earlier, later in pairwise(curve))
    assert all(deviation > 0 for _, _, deviation in curve[:-1])
    assert curve == learning_curve(X[:200], 0.05, seed=3)
    assert [n for n, _, _ in learning_curve(X, 0.05, largest=100)] == [16, 32, 64, 100]


@pytest.mark.parametrize("bandwidth", [0.0, -1.0, np.nan, np.inf])
def test_bandwidths_must_be_positive(bandwidth: float) -> None:
    with pytest.raises(AuditError, match="bandwidth"):
        entropy(X, bandwidth)


def test_bad_sets_are_refused() -> None:
    empty, spoilt = np.empty((0, 63)), X.copy()
    spoilt[7, 3] = np.nan
    for function in (entropy, diversity, learning_curve):
        with pytest.raises(AuditError, match="empty"):
            function(empty)
    with pytest.raises(AuditError, match="reference set is empty"):
        delta_entropy(Y, empty)
    with pytest.raises(AuditError, match="tested set is empty"):
        overlap(empty, X)
    assert delta_entropy(empty, X).shape == (0,)
    with pytest.raises(AuditError, match="row 7"):
        entropy(spoilt)
    with pytest.raises(AuditError, match="shape"):
        entropy(X[0])
    with pytest.raises(AuditError, match="63 and 23 components"):
        delta_entropy(Y, X[:, :23])
    with pytest.raises(AuditError, match="precision"):
        entropy(X, precision="half")  # type: ignore[arg-type]
