"""A crystal warmed at constant pressure: thermal expansion and heat capacity by molecular dynamics.

Atoms move classically: below about half of the Debye temperature the real heat capacity and expansion are smaller.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.lattices import lattice_constant
from ingot.benchmarks.melt import MeltLattice, crystal, mean_with_drift, observed, only_element
from ingot.benchmarks.order import MOLTEN, SHELL, bond_coherence
from ingot.benchmarks.tables import Quantity, failed, write_quantities, write_table
from ingot.dynamics import Average, DynamicsError, Model, Simulation, conditions, stochastic_cell_rescaling
from ingot.randomness import derive_seed
from ingot.units import BOLTZMANN, GIGAPASCAL, JOULE_PER_MOL

ROOM = 298.15
"""K."""


@dataclass(frozen=True)
class ThermalProtocol:
    """How the crystal is warmed; steps are time steps at each temperature."""

    temperatures_kelvin: tuple[float, ...] = (100.0, 200.0, 300.0, 400.0, 500.0)
    element: str | None = None
    lattice: MeltLattice = "fcc"
    volume_per_atom_angstrom3: float | None = None
    repeat: tuple[int, int, int] = (4, 4, 4)
    pressure_gpa: float = 0.0
    timestep_fs: float = 2.5
    equilibration_steps: int = 800
    production_steps: int = 4000
    sample_every: int = 20
    friction_per_ps: float = 2.0
    relaxation_fs: float = 300.0
    bulk_modulus_gpa: float = 75.0
    skin_angstrom: float = 0.5


@dataclass(frozen=True)
class Warming:
    """Means at each temperature (rows), with their standard errors."""

    protocol: ThermalProtocol
    temperature: Float[np.ndarray, " t"]
    """Of the thermostat, K."""
    edge: Float[np.ndarray, " t"]
    """Lattice constant from the mean volume, A; of hcp at the ideal c/a."""
    edge_error: Float[np.ndarray, " t"]
    enthalpy: Float[np.ndarray, " t"]
    """Potential energy and P V, eV per atom, without kinetic energy, which is known: 3/2 kT."""
    enthalpy_error: Float[np.ndarray, " t"]

    def expansion(self, at: float = ROOM) -> Average:
        """Linear coefficient of expansion at a temperature, 1/K, from a quadratic through the lattice constants."""
        slope, error = _slope(self.temperature, self.edge, self.edge_error, at)
        edge = float(np.interp(at, self.temperature, self.edge))
        return Average(slope / edge, error / edge, len(self.temperature), float(len(self.temperature)))

    def heat_capacity(self, at: float = ROOM) -> Average:
        """At constant pressure, eV/K per atom, classical: ``3/2 k + d(U + P V)/dT``."""
        slope, error = _slope(self.temperature, self.enthalpy, self.enthalpy_error, at)
        return Average(1.5 * BOLTZMANN + slope, error, len(self.temperature), float(len(self.temperature)))


def _slope(x: np.ndarray, y: np.ndarray, errors: np.ndarray, at: float) -> tuple[float, float]:
    """Derivative at a point of the weighted least-squares polynomial (quadratic from four points on), and its error."""
    degree = 2 if len(x) > 3 else 1
    powers = np.vander(x - at, degree + 1, increasing=True) / errors[:, None]
    covariance = np.linalg.inv(powers.T @ powers)
    coefficients = covariance @ powers.T @ (y / errors)
    return float(coefficients[1]), float(np.sqrt(covariance[1, 1]))


def warm_crystal(model: Model, protocol: ThermalProtocol, seed: int) -> Warming:
    """Simulate the crystal at each temperature and constant pressure.

    Raises :class:`BenchmarkError` when it does not stay a crystal.
    """
    p = protocol
    if len(p.temperatures_kelvin) < 2:
        raise BenchmarkError("thermal expansion needs two temperatures or more")
    start = crystal(only_element(model, p.element), p.lattice, p.volume_per_atom_angstrom3, p.repeat)
    simulation = Simulation(model, start, skin=p.skin_angstrom)
    barostat = stochastic_cell_rescaling(p.relaxation_fs, p.bulk_modulus_gpa * GIGAPASCAL, p.pressure_gpa)
    rows = []
    for temperature in sorted(p.temperatures_kelvin):
        simulation.restart(start, 2 * temperature, derive_seed(seed, f"{temperature:g} K"))
        held = conditions(p.timestep_fs, temperature, p.friction_per_ps, barostat=barostat)
        observed(simulation, p.equilibration_steps, held, p.sample_every, f"warming to {temperature:g} K")
        series = observed(simulation, p.production_steps, held, p.sample_every, f"the crystal at {temperature:g} K")
        if bond_coherence(simulation.structure(), SHELL[p.lattice]).mean() < MOLTEN:
            raise BenchmarkError(f"the {p.lattice} crystal did not survive at {temperature:g} K")
        volume = mean_with_drift(series["volume"])
        enthalpy = mean_with_drift(series["potential_energy"] + p.pressure_gpa * GIGAPASCAL * series["volume"])
        edge = lattice_constant(p.lattice, volume.mean)
        rows.append((temperature, edge, edge * volume.error / (3 * volume.mean), enthalpy.mean, enthalpy.error))
    return Warming(p, *np.array(rows).T)


LABELS = {
    "a0_room": ("lattice constant at 298 K", "A"),
    "thermal_expansion": ("linear thermal expansion", "1e-6/K"),
    "heat_capacity": ("heat capacity at constant pressure", "J/mol/K"),
}


def thermal_quantities(found: Warming) -> list[Quantity]:
    """Lattice constant, expansion and heat capacity at 298.15 K; failed rows where that is outside of the range."""
    p = found.protocol
    condition = f"298.15 K, {p.pressure_gpa:g} GPa, classical atoms"
    if not found.temperature[0] <= ROOM <= found.temperature[-1]:
        return thermal_failed("298.15 K lies outside of temperatures_kelvin", condition)
    expansion, capacity = found.expansion(), found.heat_capacity()
    values = {
        "a0_room": (float(np.interp(ROOM, found.temperature, found.edge)), float(found.edge_error.max())),
        "thermal_expansion": (1e6 * expansion.mean, 1e6 * expansion.error),
        "heat_capacity": (capacity.mean / JOULE_PER_MOL, capacity.error / JOULE_PER_MOL),
    }
    count, picoseconds = int(np.prod(p.repeat)), p.production_steps * p.timestep_fs / 1000
    note = f"{count} cells, {len(found.temperature)} temperatures, {picoseconds:g} ps each"
    return [
        Quantity(key, LABELS[key][0], value, LABELS[key][1], error, "block errors or drift", condition, note=note)
        for key, (value, error) in values.items()
    ]


def thermal_failed(why: str, condition: str = "") -> list[Quantity]:
    """The same rows without values."""
    return [failed(key, label, unit, why, condition) for key, (label, unit) in LABELS.items()]


def run_thermal(model: Model, protocol: ThermalProtocol, seed: int, directory: str | Path) -> None:
    """The whole benchmark; a crystal that melts is a result with its reason, not an error.

    Writes ``quantities.csv`` and ``warming.csv``. Raises :class:`BenchmarkError` for an element not of the model.
    """
    only_element(model, protocol.element)
    out = Path(directory)
    try:
        found = warm_crystal(model, protocol, seed)
    except (DynamicsError, BenchmarkError) as error:
        write_quantities(out / "quantities.csv", thermal_failed(str(error)))
        return
    header = (
        "temperature_kelvin", "lattice_constant_angstrom", "lattice_constant_error", "enthalpy_ev_per_atom",
        "enthalpy_error",
    )  # fmt: skip
    columns = (found.temperature, found.edge, found.edge_error, found.enthalpy, found.enthalpy_error)
    write_table(out / "warming.csv", header, zip(*columns, strict=True))
    write_quantities(out / "quantities.csv", thermal_quantities(found))
