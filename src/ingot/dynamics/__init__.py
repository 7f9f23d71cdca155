"""Molecular dynamics in JAX: integrators, thermostats, barostats, schedules, replicas, trajectories, restart.

Trajectories in Zarr are in :mod:`ingot.dynamics.trajectory`: most of what uses dynamics keeps none, and Zarr
takes its time to import.
"""

from ingot.dynamics.conditions import (
    Barostat,
    Conditions,
    conditions,
    isoenthalpic_piston,
    stochastic_cell_rescaling,
)
from ingot.dynamics.errors import DynamicsError
from ingot.dynamics.integrator import Evaluate, Monitor, Watch, no_monitor
from ingot.dynamics.model import Model, potential_digest
from ingot.dynamics.recording import FrameFile, Recording, frames_per_chunk, record
from ingot.dynamics.schedules import Schedule
from ingot.dynamics.simulation import Simulation, Snapshot
from ingot.dynamics.state import FIRST_MONITOR_CODE, State, Status
from ingot.dynamics.text_files import ExtxyzTrajectory, ThermodynamicsTable
from ingot.dynamics.thermodynamics import (
    Average,
    Thermodynamics,
    block_average,
    conserved_energy,
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
    "ExtxyzTrajectory",
    "FrameFile",
    "Model",
    "Monitor",
    "Recording",
    "Schedule",
    "Simulation",
    "Snapshot",
    "State",
    "Status",
    "Thermodynamics",
    "ThermodynamicsTable",
    "Watch",
    "block_average",
    "conditions",
    "conserved_energy",
    "conserved_enthalpy",
    "frames_per_chunk",
    "isoenthalpic_piston",
    "kinetic_temperature",
    "maxwell_boltzmann",
    "no_monitor",
    "potential_digest",
    "record",
    "stochastic_cell_rescaling",
    "thermodynamics",
]
