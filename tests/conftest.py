"""Fixtures shared by all tests."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def test_data() -> Callable[[str], Path]:
    """Path of a development data item, or a visible skip when it is absent."""
    root = Path(os.environ.get("INGOT_TEST_DATA", ROOT.parent / "shared" / "data"))

    def find(name: str) -> Path:
        if not (root / name).exists():
            pytest.skip(f"development data {name!r} not found below {root} (set INGOT_TEST_DATA)")
        return root / name

    return find
