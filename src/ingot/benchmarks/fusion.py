"""Heat and volume of fusion, and the slope of the melting curve that follows from them.

At the melting point crystal and melt have one free energy, so that ``dT/dP = T dV/dH`` (Clausius and Clapeyron). Both
phases are simulated alone at constant pressure and the temperature of coexistence.
"""

from dataclasses import dataclass

import numpy as np

from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.melt import crystal, mean_with_drift, observed, only_element, scaled_to
from ingot.benchmarks.order import MOLTEN, SHELL, bond_coherence
from ingot.benchmarks.tables import Quantity, failed
from ingot.benchmarks.two_phase import CoexistenceProtocol
from ingot.dynamics import Average, Model, Simulation, conditions, stochastic_cell_rescaling
from ingot.randomness import derive_seed
from ingot.units import GIGAPASCAL, KJ_PER_MOL


@dataclass(frozen=True)
class Fusion:
    """Differences melt minus crystal per atom, at one temperature and pressure."""

    temperature: float
    pressure_gpa: float
    heat: Average
    """Enthalpy of fusion, eV per atom."""
    volume: Average
    """A^3 per atom."""

    @property
    def slope(self) -> tuple[float, float]:
        """dT/dP in K/GPa, and its error."""
        value = self.temperature * self.volume.mean / self.heat.mean * GIGAPASCAL
        relative = np.hypot(self.volume.error / self.volume.mean, self.heat.error / self.heat.mean)
        return float(value), float(abs(value) * relative)


def fusion(model: Model, protocol: CoexistenceProtocol, temperature: float, seed: int) -> Fusion:
    """Simulate crystal and melt alone at ``temperature`` (K) and the pressure of the protocol.

    Both have the number of atoms of the two-phase cell and ``protocol.crystal_steps`` steps, of which the first quarter
    is equilibration. Raises :class:`BenchmarkError` when one of them is not what it should be at the end.
    """
    p = protocol
    start = crystal(only_element(model, p.element), p.lattice, p.volume_per_atom_angstrom3, p.repeat)
    simulation = Simulation(
        model, start, temperature=2 * temperature, seed=derive_seed(seed, "solid"), skin=p.skin_angstrom
    )
    solid = _phase(simulation, p, temperature, "crystal")
    if bond_coherence(simulation.structure(), SHELL[p.lattice]).mean() < MOLTEN:
        raise BenchmarkError(f"the crystal melted at {temperature:.0f} K: no heat of fusion follows")
    hot = scaled_to(start, 1.1 * start.get_volume())
    simulation.restart(hot, temperature=2 * p.melt_factor * temperature, seed=derive_seed(seed, "melt"))
    for attempt in range(10):
        heat = conditions(p.timestep_fs, temperature * (p.melt_factor + 0.25 * attempt), 10.0)
        observed(simulation, 4 * p.melt_steps, heat, p.sample_every, "melting")
        if bond_coherence(simulation.structure(), SHELL[p.lattice]).mean() < MOLTEN:
            break
    melt = _phase(simulation, p, temperature, "melt")
    if bond_coherence(simulation.structure(), SHELL[p.lattice]).mean() > MOLTEN:
        raise BenchmarkError(f"the melt froze at {temperature:.0f} K: no heat of fusion follows")
    return Fusion(temperature, p.pressure_gpa, _difference(melt, solid, "enthalpy"), _difference(melt, solid, "volume"))


def _phase(simulation: Simulation, p: CoexistenceProtocol, temperature: float, what: str) -> dict[str, Average]:
    """Enthalpy (eV) and volume (A^3) per atom of one phase at constant pressure."""
    bulk_modulus = p.bulk_modulus_gpa * GIGAPASCAL
    barostat = stochastic_cell_rescaling(p.relaxation_fs, bulk_modulus, p.pressure_gpa)
    held = conditions(p.timestep_fs, temperature, 2.0, barostat=barostat)
    observed(simulation, p.crystal_steps // 4, held, p.sample_every, f"equilibrating the {what}")
    series = observed(simulation, p.crystal_steps - p.crystal_steps // 4, held, p.sample_every, f"the {what} alone")
    pressure = p.pressure_gpa * GIGAPASCAL
    return {
        # Kinetic energies are equal at one temperature, and would only add noise.
        "enthalpy": mean_with_drift(series["potential_energy"] + pressure * series["volume"]),
        "volume": mean_with_drift(series["volume"]),
    }


def _difference(melt: dict[str, Average], solid: dict[str, Average], key: str) -> Average:
    one, other = melt[key], solid[key]
    return Average(one.mean - other.mean, float(np.hypot(one.error, other.error)), one.samples, one.independent)


LABELS = {
    "heat_of_fusion": ("heat of fusion", "kJ/mol"),
    "volume_of_fusion": ("volume of fusion", "A3/atom"),
    "melting_slope": ("dT/dP of melting (Clausius-Clapeyron)", "K/GPa"),
}


def fusion_quantities(found: Fusion) -> list[Quantity]:
    """Heat and volume of fusion and the slope as rows."""
    condition = f"{found.temperature:.0f} K, {found.pressure_gpa:g} GPa"
    heat, volume = found.heat, found.volume
    values = {
        "heat_of_fusion": (heat.mean / KJ_PER_MOL, heat.error / KJ_PER_MOL),
        "volume_of_fusion": (volume.mean, volume.error),
        "melting_slope": found.slope,
    }
    return [
        Quantity(key, LABELS[key][0], value, LABELS[key][1], error, "block error or drift", condition)
        for key, (value, error) in values.items()
    ]


def fusion_failed(why: str) -> list[Quantity]:
    """The same rows without values."""
    return [failed(key, label, unit, why) for key, (label, unit) in LABELS.items()]
