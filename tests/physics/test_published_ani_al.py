"""The crystal benchmarks on the published ANI-Al ensemble reproduce the values computed from it independently."""

from collections.abc import Callable
from pathlib import Path

import pytest

from ingot.benchmarks import fcc_properties
from ingot.benchmarks.ensemble import EnsembleEvaluation
from ingot.potentials import load_potential


@pytest.mark.slow
def test_crystal_of_the_published_ensemble(test_data: Callable[[str], Path]) -> None:
    ensemble = EnsembleEvaluation(load_potential(test_data("ani_al_model")))
    found = fcc_properties(ensemble.mean, "Al", phases=("bcc", "sc", "diamond"))
    assert found["a0"] == pytest.approx(4.0543, abs=2e-4)
    assert found["energy_per_atom"] == pytest.approx(-74.4750, abs=1e-4)
    for key, value in (("C11", 117.6), ("C12", 57.3), ("C44", 30.4)):
        assert found[key] == pytest.approx(value, abs=0.2)
    for key, value in (("bcc", 101), ("sc", 386), ("diamond", 679)):
        assert found[f"energy_{key}_minus_fcc"] == pytest.approx(value, abs=0.7)
