"""Thermal expansion and heat capacity: limits of a classical crystal, and fits of known curves."""

import numpy as np
import pytest

from ingot.benchmarks.tables import read_quantities
from ingot.benchmarks.thermal import LABELS, ThermalProtocol, Warming, run_thermal, thermal_quantities, warm_crystal
from ingot.dynamics import Model
from ingot.dynamics.pair import lennard_jones
from ingot.units import BOLTZMANN

ARGON = Model(lennard_jones(0.0104, 3.4, 8.5), ("Ar",), 8.5)
SHORT = ThermalProtocol(
    (4.0, 8.0, 12.0), volume_per_atom_angstrom3=37.0, timestep_fs=8.0, equilibration_steps=300, production_steps=900,
    bulk_modulus_gpa=3.0, relaxation_fs=500.0, repeat=(3, 3, 3),
)  # fmt: skip


def test_slopes_of_known_curves_come_back() -> None:
    t = np.array([100.0, 200.0, 300.0, 400.0, 500.0])
    edge = 4.0 * (1 + 2e-5 * t + 1e-8 * t**2)
    enthalpy = -3.0 + 1.6 * BOLTZMANN * t
    found = Warming(ThermalProtocol(), t, edge, np.full(5, 1e-4), enthalpy, np.full(5, 1e-4))
    assert found.expansion(300.0).mean == pytest.approx(4.0 * (2e-5 + 2e-8 * 300) / edge[2], rel=1e-9)
    assert found.heat_capacity().mean == pytest.approx(3.1 * BOLTZMANN, rel=1e-9)
    rng = np.random.default_rng(0)
    noisy = [
        Warming(found.protocol, t, edge + 1e-4 * rng.normal(size=5), np.full(5, 1e-4), enthalpy, np.full(5, 1e-4))
        for _ in range(400)
    ]
    spread = np.std([w.expansion(300.0).mean for w in noisy])
    assert found.expansion(300.0).error == pytest.approx(spread, rel=0.1)


def test_outside_of_the_range_there_is_no_value() -> None:
    t = np.array([400.0, 500.0])
    rows = thermal_quantities(Warming(ThermalProtocol(), t, 4 + t * 0, t * 0 + 1, t, t * 0 + 1))
    assert {q.status for q in rows} == {"failed"}


def test_a_cold_crystal_is_classical_and_expands() -> None:
    """Dulong and Petit: 3 k; Lennard-Jones argon expands by about 2e-4 per K in its length when atoms are classical."""
    found = warm_crystal(ARGON, SHORT, 1)
    assert found.heat_capacity(8.0).mean == pytest.approx(3 * BOLTZMANN, rel=0.05)
    assert 0.5e-4 < found.expansion(8.0).mean < 4e-4
    assert np.all(np.diff(found.edge) > 0)


def test_a_crystal_that_melts_is_a_failed_quantity(tmp_path) -> None:
    protocol = ThermalProtocol(
        (400.0, 500.0), volume_per_atom_angstrom3=37.0, timestep_fs=8.0, equilibration_steps=200, production_steps=100,
        bulk_modulus_gpa=3.0, repeat=(2, 2, 2),
    )  # fmt: skip
    run_thermal(ARGON, protocol, 1, tmp_path)
    rows = read_quantities(tmp_path / "quantities.csv")
    assert [q.quantity for q in rows] == list(LABELS)
    assert "did not survive" in rows[0].note
