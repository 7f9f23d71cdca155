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
    Engine,
    bandwidth_of_volume,
    bandwidth_scan,
    delta_entropy,
    diversity,
    entropy,
    entropy_and_diversity,
    environment_descriptors,
    learning_curve,
    overlap,
)
from ingot.audit.kernels import FLOAT32_ERROR, Backend, Precision, log_kernel_sums, log_kernel_sums_self
from ingot.audit.native import compiled_audit

RNG = np.random.default_rng(5)
X = RNG.normal(0, 0.01, (1300, 63)) + RNG.normal(0, 0.3, (5, 63))[RNG.integers(0, 5, 1300)]
Y = RNG.normal(0, 0.012, (600, 63)) + RNG.normal(0, 0.3, (2, 63))[RNG.integers(0, 2, 600)]


BACKENDS: list[Backend] = ["numpy", "jax", *(["compiled"] if compiled_audit()[0] else [])]  # type: ignore[list-item]


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


@pytest.mark.parametrize("backend", BACKENDS)
def test_kernel_sums_equal_direct_summation(backend: Backend) -> None:
    """Several bandwidths in one pass; sizes that fill no tile."""
    widths, engine = [0.05, 0.015, 1.0], Engine(backend=backend)
    expected = [direct(Y, X, h) for h in widths]
    np.testing.assert_allclose(log_kernel_sums(Y, X, widths, engine), expected, rtol=0, atol=1e-10)
    own = [direct(X, X, h) for h in widths]
    np.testing.assert_allclose(log_kernel_sums_self(X, widths, engine), own, rtol=0, atol=1e-10)


@pytest.mark.parametrize("backend", BACKENDS)
def test_float32_stays_within_its_stated_error(backend: Backend) -> None:
    single = Engine("float32", backend=backend)
    for h in (0.015, 0.05):
        expected = direct(Y, X, h)
        wrong = np.abs(log_kernel_sums(Y, X, [h], single)[0] - expected)
        assert 0 < wrong[expected > -100].max(initial=1e-12) < FLOAT32_ERROR
    h, d = entropy_and_diversity(X, 0.05)
    h32, d32 = entropy_and_diversity(X, 0.05, single)
    assert 0 < abs(h32 - h) < 1e-5
    assert abs(d32 - d) < 1e-5


@pytest.mark.parametrize("backend", BACKENDS)
def test_far_rows_are_as_exact_in_float32_as_near_ones(backend: Backend) -> None:
    """Rows with large norms, whose products are rounded most, are settled in float64."""
    far = X[:40] + np.linspace(0, 0.5, 40)[:, None]
    wrong = delta_entropy(far, X, engine=Engine("float32", backend=backend)) + direct(far, X, 0.015)
    assert np.abs(wrong[-direct(far, X, 0.015) < 100]).max() < FLOAT32_ERROR
    assert np.abs(wrong[20:]).max() < 1e-8


def test_one_pass_over_bandwidths_is_many_passes() -> None:
    widths = [0.1, 0.015, 0.03]
    scanned = bandwidth_scan(X, widths)
    for h, (again, entropy_there, diversity_there) in zip(widths, scanned, strict=True):
        assert again == h
        assert (entropy_there, diversity_there) == pytest.approx(entropy_and_diversity(X, h), abs=1e-12)


def test_the_published_rule_for_the_bandwidth() -> None:
    assert bandwidth_of_volume(16.6) == pytest.approx(0.0401, abs=1e-4)  # fcc aluminium
    assert bandwidth_of_volume(1e3) == pytest.approx(0.0119417)
    assert bandwidth_of_volume(5.0) > bandwidth_of_volume(20.0)
    with pytest.raises(AuditError, match="volume"):
        bandwidth_of_volume(0.0)


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
    engine = Engine(precision)  # type: ignore[arg-type]
    assert overlap(far_out, far_out, engine=engine) == 1.0
    moved = far_out + 0.1
    assert overlap(moved, far_out, engine=engine) == 0.0
    half = np.concatenate([far_out[:300], moved[:300]])
    assert overlap(half, far_out, engine=engine) == 0.5


def test_the_overlap_threshold_is_a_threshold() -> None:
    x, step = np.zeros((1, 63)), np.zeros((1, 63))
    step[0, 0] = 0.015 * np.sqrt(2 * 0.5)  # dH = 0.5
    assert overlap(step, x, threshold=0.49) == 0.0
    assert overlap(step, x, threshold=0.51) == 1.0


@pytest.mark.parametrize("backend", [name for name in BACKENDS if name != "jax"])
@pytest.mark.parametrize("precision", ["float64", "float32"])
def test_the_same_bits_for_any_number_of_threads(backend: Backend, precision: Precision) -> None:
    one = Engine(precision, 1, backend)
    for threads in (2, 5):
        more = Engine(precision, threads, backend)
        assert np.array_equal(log_kernel_sums(Y, X, [0.05], more), log_kernel_sums(Y, X, [0.05], one))
        assert np.array_equal(log_kernel_sums_self(X, [0.05], more), log_kernel_sums_self(X, [0.05], one))


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
        Engine("half")  # type: ignore[arg-type]
    with pytest.raises(AuditError, match="backend"):
        Engine(backend="abacus")  # type: ignore[arg-type]
    with pytest.raises(AuditError, match="threads"):
        Engine(threads=0)
    with pytest.raises(AuditError, match="at least one bandwidth"):
        log_kernel_sums(Y, X, [])
