"""Molecular dynamics in JAX: integrators, thermostats, barostats, schedules, replicas."""

from ingot.dynamics.conditions import (
    Barostat,
    Conditions,
    conditions,
    isoenthalpic_piston,
    stochastic_cell_rescaling,
)
from ingot.dynamics.errors import DynamicsError
from ingot.dynamics.integrator import Evaluate, Monitor, no_monitor
from ingot.dynamics.model import Model
from ingot.dynamics.schedules import Schedule
from ingot.dynamics.simulation import Simulation
from ingot.dynamics.state import FIRST_MONITOR_CODE, State, Status
from ingot.dynamics.thermodynamics import (
    Average,
    Thermodynamics,
    block_average,
    conserved_enthalpy,
    thermodynamics,
)
from ingot.dynamics.velocities import kinetic_temperature, maxwell_boltzmann

__all__ = [
    "FIRST_MONITOR_CODE",
    "Average",
    "Barostat",
    "Conditions",
    "DynamicsError",
    "Evaluate",
    "Model",
    "Monitor",
    "Schedule",
    "Simulation",
    "State",
    "Status",
    "Thermodynamics",
    "block_average",
    "conditions",
    "conserved_enthalpy",
    "isoenthalpic_piston",
    "kinetic_temperature",
    "maxwell_boltzmann",
    "no_monitor",
    "stochastic_cell_rescaling",
    "thermodynamics",
]
