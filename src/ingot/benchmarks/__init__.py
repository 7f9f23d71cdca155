"""Benchmarks: what a potential gets right, each number with its uncertainty, condition and status."""

from ingot.benchmarks.coexistence import observe_coexistence as coexistence
from ingot.benchmarks.crystal import CrystalProperties, CrystalSettings, crystal_properties, fcc_properties
from ingot.benchmarks.errors import BenchmarkError, FitError
from ingot.benchmarks.radial_distribution import radial_distribution
from ingot.benchmarks.reference import ReferenceValue, reference_values
from ingot.benchmarks.tables import Quantity, read_quantities, write_quantities

__all__ = [
    "BenchmarkError",
    "CrystalProperties",
    "CrystalSettings",
    "FitError",
    "Quantity",
    "ReferenceValue",
    "coexistence",
    "crystal_properties",
    "fcc_properties",
    "radial_distribution",
    "read_quantities",
    "reference_values",
    "write_quantities",
]
