"""The estimate of H and D: unbiased, with intervals that hold what they say, the same wherever blocks are worked on."""

from pathlib import Path

import dask.array
import numpy as np
import pytest
import zarr
from scipy.special import logsumexp

from ingot.audit import AuditError, Engine, entropy_and_diversity, estimate, estimate_entropy
from ingot.audit.kernels import log_kernel_sums_self

H = 0.015


def crystal_and_melt(rare: int = 40, common: int = 7000, seed: int = 4) -> np.ndarray:
    """Few environments that are all different beside many that are much alike, of very different frequency."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(0, 0.05, (30, 12))
    frequency = rng.dirichlet(np.full(30, 0.4))
    alike = centres[rng.choice(30, common, p=frequency)] + rng.normal(0, 0.004, (common, 12))
    return rng.permutation(np.concatenate([alike, rng.normal(0, 0.3, (rare, 12))]))


X = crystal_and_melt()
SETTINGS = {"rows": 1000, "columns": 700}


def test_intervals_hold_the_exact_values_as_often_as_they_say(monkeypatch: pytest.MonkeyPatch) -> None:
    """160 draws at 90 %: binomial, 2 standard deviations are 5 %."""
    log_sums = log_kernel_sums_self(X, [H])[0]
    exact = np.log(len(X)) - log_sums.mean(), logsumexp(-log_sums)
    monkeypatch.setattr(estimate, "_exact_sums", lambda blocks, drawn, h, engine: np.exp(log_sums[drawn]))
    found = [estimate_entropy(X, H, seed, coverage=0.9, engine=Engine("float32"), **SETTINGS) for seed in range(160)]
    for value, of in zip(exact, ([e.entropy for e in found], [e.diversity for e in found]), strict=True):
        covered = np.mean([one.lower <= value <= one.upper for one in of])
        assert 0.85 <= covered <= 0.95
        errors = np.array([one.value - value for one in of])
        assert abs(errors.mean()) < 3 * errors.std() / np.sqrt(len(errors))


def test_rows_are_exact_sums() -> None:
    """The whole way, with nothing replaced; the interval is narrow enough to mean something."""
    h, d = entropy_and_diversity(X, H)
    found = estimate_entropy(X, H, seed=3, **SETTINGS)
    assert found.entropy.lower < h < found.entropy.upper
    assert found.diversity.lower < d < found.diversity.upper
    assert found.entropy.upper - found.entropy.lower < 0.1
    assert found == estimate_entropy(X, H, seed=3, **SETTINGS)
    assert found != estimate_entropy(X, H, seed=4, **SETTINGS)
    assert found.environments == len(X)
    assert found.rows <= SETTINGS["rows"]


def test_small_sets_are_taken_whole() -> None:
    found = estimate_entropy(X[:3000], H, **SETTINGS)
    h, d = entropy_and_diversity(X[:3000], H)
    assert found.entropy.lower == found.entropy.value == found.entropy.upper == h
    assert found.diversity.value == d
    assert found.rows == 3000


def test_data_on_disk_in_any_blocks(tmp_path: Path) -> None:
    """A Zarr array that is never read whole."""
    array = zarr.create_array(tmp_path / "x.zarr", shape=X.shape, dtype="float64", chunks=(900, 5))
    array[:] = X
    expected = estimate_entropy(X, H, seed=1, **SETTINGS)
    for blocks in (900, 2600):
        lazy = dask.array.from_zarr(array).rechunk((blocks, 5))
        found = estimate_entropy(lazy, H, seed=1, **SETTINGS)
        for one, other in ((found.entropy, expected.entropy), (found.diversity, expected.diversity)):
            assert (one.value, one.lower, one.upper) == pytest.approx((other.value, other.lower, other.upper), abs=1e-9)


def test_a_cluster_of_processes_gives_the_same() -> None:
    distributed = pytest.importorskip("distributed", reason="the extra `dev` has dask's cluster")
    expected = estimate_entropy(X, H, seed=1, **SETTINGS)
    cluster = distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None)
    with cluster, distributed.Client(cluster):
        found = estimate_entropy(dask.array.from_array(X, chunks=(1000, 12)), H, seed=1, **SETTINGS)
    assert found.entropy.value == pytest.approx(expected.entropy.value, abs=1e-9)
    assert found.diversity.upper == pytest.approx(expected.diversity.upper, abs=1e-9)


def test_bad_requests_are_refused() -> None:
    with pytest.raises(AuditError, match="496 rows and 32 columns"):
        estimate_entropy(X, H, rows=10)
    with pytest.raises(AuditError, match="coverage"):
        estimate_entropy(X, H, coverage=1.0)
    with pytest.raises(AuditError, match="empty"):
        estimate_entropy(X[:0], H)
    with pytest.raises(AuditError, match="shape"):
        estimate_entropy(X[0], H)
