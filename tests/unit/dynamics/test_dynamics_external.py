"""An ASE calculator that drives dynamics: the same trajectories as in ASE, and stops that say why."""

import numpy as np
import pytest
from ase import units
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.calculators.emt import EMT
from ase.md.verlet import VelocityVerlet

from ingot.dynamics import (
    DynamicsError,
    Simulation,
    conditions,
    isoenthalpic_piston,
    stochastic_cell_rescaling,
    thermodynamics,
)
from ingot.dynamics.external import calculator_model
from ingot.dynamics.thermodynamics import conserved_enthalpy
from ingot.units import GIGAPASCAL


def copper(cells=2):
    atoms = bulk("Cu", cubic=True) * cells
    atoms.rattle(0.05, seed=1)
    return atoms


def test_trajectories_are_those_of_ase():
    simulation = Simulation(calculator_model(EMT(), ("Cu",)), copper(), temperature=600.0, seed=3)
    held = conditions(2.0)
    simulation.look(held)
    atoms = simulation.structure()
    atoms.calc = EMT()
    simulation.run(100, held)
    VelocityVerlet(atoms, 2.0 * units.fs).run(100)
    assert np.abs(simulation.structure().positions - atoms.positions).max() < 1e-6
    assert float(simulation.state.energy[0]) == pytest.approx(atoms.get_potential_energy(), abs=1e-6)


def test_stress_moves_the_cell_and_enthalpy_is_conserved():
    """With a piston against 1 GPa: a stress of the wrong sign or unit would not conserve the enthalpy."""
    simulation = Simulation(calculator_model(EMT(), ("Cu",)), copper(), temperature=300.0, seed=1)
    atoms = simulation.structure()
    piston = isoenthalpic_piston(300.0, 140 * GIGAPASCAL, atoms.get_volume(), 1.0, "z")
    simulation.look(conditions(2.0))
    before = conserved_enthalpy(simulation, piston)
    simulation.run(400, conditions(2.0, barostat=piston))
    simulation.require_running("a piston")
    height = simulation.structure().cell[2, 2]
    assert abs(height - atoms.cell[2, 2]) > 1e-3
    assert abs(conserved_enthalpy(simulation, piston) - before) / len(atoms) < 2e-4


def test_replicas_are_driven_one_by_one():
    model = calculator_model(EMT(), ("Cu",))
    held = conditions(2.0, 400.0, 5.0, barostat=stochastic_cell_rescaling(100.0, 140 * GIGAPASCAL))
    together = Simulation(model, [copper(), copper()], temperature=400.0, seed=[1, 2])
    together.run(20, held)
    for k, seed in enumerate((1, 2)):
        alone = Simulation(model, copper(), temperature=400.0, seed=[seed])
        alone.run(20, held)
        assert np.array_equal(alone.structure().positions, together.structure(k).positions)
        assert thermodynamics(alone).volume != copper().get_volume()


class Fragile(Calculator):
    """Works twice, then breaks as programs do."""

    implemented_properties = ("energy", "forces", "stress")

    def calculate(self, atoms=None, properties=None, system_changes=all_changes):
        super().calculate(atoms, properties, system_changes)
        self.asked = getattr(self, "asked", 0) + 1
        if self.asked > 2:
            raise ValueError("the licence server is down")
        self.results = {"energy": 0.0, "forces": np.zeros((len(atoms), 3)), "stress": np.zeros(6)}


def test_a_calculator_that_breaks_stops_the_dynamics_and_says_why():
    simulation = Simulation(calculator_model(Fragile(), ("Cu",)), copper(), temperature=300.0)
    simulation.run(10, conditions(1.0))
    assert simulation.step < 10
    with pytest.raises(DynamicsError, match=r"ValueError: the licence server is down$"):
        simulation.require_running("a test")


def test_a_calculator_that_recovered_is_not_blamed():
    calculator = Fragile()
    model = calculator_model(calculator, ("Cu",))
    simulation = Simulation(model, copper(), temperature=300.0)
    simulation.run(10, conditions(1.0))
    assert model.complaint()
    calculator.asked = -100
    Simulation(model, copper(), temperature=300.0).run(2, conditions(1.0))
    assert not model.complaint()


def test_clusters_are_refused():
    atoms = copper()
    atoms.pbc = (True, True, False)
    with pytest.raises(DynamicsError, match="periodic in all three"):
        Simulation(calculator_model(EMT(), ("Cu",)), atoms)


def test_a_calculator_without_stress_is_refused():
    class NoStress(Fragile):
        implemented_properties = ("energy", "forces")

    with pytest.raises(DynamicsError, match="NoStress has no stress"):
        calculator_model(NoStress(), ("Cu",))
