"""Fixtures shared by all tests."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


def keep_compiled_code() -> None:
    """Let JAX keep what it compiles: most of the tests' time otherwise. One folder per worker, as JAX does not lock."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    os.environ["JAX_COMPILATION_CACHE_DIR"] = str(ROOT / ".cache" / "jax-tests" / worker)
    os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"


keep_compiled_code()  # before any test imports JAX


@pytest.fixture
def measured_al(test_data: Callable[[str], Path], tmp_path: Path) -> Path:
    """A table of the measured phonons of aluminium, or a visible skip."""
    from measured import write_measured

    return write_measured(test_data("al_phonon_80K.csv"), tmp_path / "Al_phonons.csv")


@pytest.fixture(scope="session")
def test_data() -> Callable[[str], Path]:
    """Path of a development data item, or a visible skip when it is absent."""
    root = Path(os.environ.get("INGOT_TEST_DATA", ROOT.parent / "shared" / "data"))

    def find(name: str) -> Path:
        if not (root / name).exists():
            pytest.skip(f"development data {name!r} not found below {root} (set INGOT_TEST_DATA)")
        return root / name

    return find


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The workflow's tests first: they take longest, and started last they would leave all cores but one idle."""
    items.sort(key=lambda item: "workflow" not in item.path.parts)
