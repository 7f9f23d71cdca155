"""Occupations: the electron count, the entropy and the variational free energy."""

import numpy as np
import pytest

from ingot.labels.kohn_sham.smearing import occupy

RNG = np.random.default_rng(0)
LEVELS = [np.sort(RNG.normal(size=12)) for _ in range(5)]
WEIGHTS = np.array([0.1, 0.2, 0.3, 0.25, 0.15])


@pytest.mark.parametrize("kind", ["gaussian", "fermi", "cold"])
@pytest.mark.parametrize("electrons", [3, 8, 9, 9.5])
@pytest.mark.parametrize("width", [1e-3, 0.05, 1.0])
def test_any_number_of_electrons_is_held_exactly(kind, electrons, width):
    result = occupy(LEVELS, WEIGHTS, electrons, width, kind)
    count = sum(w * f.sum() for w, f in zip(WEIGHTS, result.occupations, strict=True))
    assert count == pytest.approx(electrons, abs=1e-10)
    assert all(((f >= 0) & (f <= 2.2)).all() for f in result.occupations)
    assert kind == "cold" or result.entropy >= 0


def _free_energy(levels, kind, width=0.2):
    result = occupy(levels, WEIGHTS, 9, width, kind)
    band = sum(w * (f @ e) for w, f, e in zip(WEIGHTS, result.occupations, levels, strict=True))
    return band - width * result.entropy, result


@pytest.mark.parametrize("kind", ["gaussian", "fermi", "cold"])
def test_the_free_energy_is_stationary_in_the_occupations(kind):
    """d(E - TS)/d(level) = weight * occupation: what makes forces Hellmann-Feynman."""
    result = _free_energy(LEVELS, kind)[1]
    for k, i in ((0, 3), (2, 4), (4, 5), (3, 0)):
        ends = []
        for step in (1e-5, -1e-5):
            moved = [e.copy() for e in LEVELS]
            moved[k][i] += step
            ends.append(_free_energy(moved, kind)[0])
        assert (ends[0] - ends[1]) / 2e-5 == pytest.approx(WEIGHTS[k] * result.occupations[k][i], abs=1e-8)


def test_the_zero_smearing_estimate_is_closer_than_both_energies():
    exact = _free_energy(LEVELS, "gaussian", 1e-4)[0]
    free, result = _free_energy(LEVELS, "gaussian", 0.1)
    total = free + 0.1 * result.entropy
    assert abs(free + 0.05 * result.entropy - exact) < 0.5 * min(abs(free - exact), abs(total - exact))


def test_removed_orbitals_with_huge_energies_stay_empty():
    levels = [np.append(e, 1e9) for e in LEVELS]
    result = occupy(levels, WEIGHTS, 9, 0.2)
    assert all(f[-1] == 0 for f in result.occupations)
    assert result.fermi_level == pytest.approx(occupy(LEVELS, WEIGHTS, 9, 0.2).fermi_level)
    with pytest.raises(ValueError, match="do not fit"):
        occupy(LEVELS, WEIGHTS, 25, 0.2)
