"""Heat and volume of fusion."""

import pytest

from ingot.benchmarks.fusion import Fusion, fusion, fusion_failed, fusion_quantities
from ingot.benchmarks.two_phase import CoexistenceProtocol
from ingot.dynamics import Average, Model
from ingot.dynamics.pair import lennard_jones
from ingot.units import KJ_PER_MOL


def exact(value: float) -> Average:
    return Average(value, 0.01 * value, 100, 100.0)


def test_the_slope_is_that_of_clausius_and_clapeyron() -> None:
    """In SI units: 933.5 K x 0.68e-6 m^3/mol / 10710 J/mol = 59.3 K/GPa."""
    molar_volume = 0.68e-6 / 6.02214076e23 * 1e30
    slope, error = Fusion(933.5, 0.0, exact(10.71 * KJ_PER_MOL), exact(molar_volume)).slope
    assert slope == pytest.approx(933.5 * 0.68e-6 / 10710 * 1e9, rel=1e-9)
    assert error == pytest.approx(0.01 * 2**0.5 * slope)


def test_rows_of_success_and_failure_have_the_same_keys() -> None:
    rows = fusion_quantities(Fusion(933.5, 0.0, exact(0.11), exact(1.1)))
    assert [q.quantity for q in rows] == [q.quantity for q in fusion_failed("why")]
    assert rows[0].value == pytest.approx(10.61, abs=0.01)


@pytest.mark.slow
def test_argon_melts_with_its_measured_heat_and_volume() -> None:
    """At 83.8 K: 1.18 kJ/mol, and 14.4 per cent of the solid's volume, 41.0 A^3 (the model is cut at 2.5 sigma)."""
    protocol = CoexistenceProtocol(
        80.0, repeat=(4, 4, 4), volume_per_atom_angstrom3=39.5, timestep_fs=10.0, bulk_modulus_gpa=2.0,
        relaxation_fs=1000.0, crystal_steps=4000,
    )  # fmt: skip
    found = fusion(Model(lennard_jones(0.0104, 3.4, 8.5), ("Ar",), 8.5), protocol, 80.0, 1)
    assert found.heat.mean / KJ_PER_MOL == pytest.approx(1.18, rel=0.15)
    assert found.volume.mean == pytest.approx(0.144 * 41.0, rel=0.2)
    assert found.slope[0] == pytest.approx(250, rel=0.3)  # measured: 0.25 K/MPa
