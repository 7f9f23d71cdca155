"""Frames of a trajectory: what is kept of a simulation at one time."""

from typing import Any

import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.stress import full_3x3_to_voigt_6_stress

from ingot.dynamics.conditions import Conditions
from ingot.dynamics.simulation import Simulation
from ingot.dynamics.thermodynamics import conserved_energy, thermodynamics
from ingot.units import FEMTOSECOND

Frame = dict[str, Any]
"""Values by the names of the trajectory's variables, without the axis of frames."""

TABLE_COLUMNS = {
    "step": "step",
    "time": "time_fs",
    "temperature": "temperature_kelvin",
    "potential_energy": "potential_energy_ev",
    "total_energy": "total_energy_ev",
    "conserved_energy": "conserved_energy_ev",
    "mean_pressure": "pressure_gpa",
    "volume": "volume_angstrom3",
    "nearest": "nearest_angstrom",
}
"""Columns of the table beside a trajectory."""


def frame_of(simulation: Simulation, held: Conditions, replica: int = 0) -> Frame:
    """All there is to keep of a replica's present state."""
    now = thermodynamics(simulation, replica, fixed_momentum=not np.any(np.asarray(held.friction) > 0))
    state = simulation.state
    gradient = np.asarray(state.strain_gradient[replica])
    volume = now.volume or np.nan
    return {
        "step": now.step,
        "time": now.step * round(float(held.timestep) / FEMTOSECOND, 9),
        "potential_energy": now.potential_energy,
        "kinetic_energy": now.kinetic_energy,
        "conserved_energy": conserved_energy(simulation, held, replica),
        "temperature": now.temperature,
        "pressure": now.pressure_gpa,
        "stress": full_3x3_to_voigt_6_stress(gradient / volume),
        "volume": now.volume,
        "nearest": float(state.nearest[replica]),
        "cell": now.cell,
        "position": np.asarray(state.positions[replica]),
        "velocity": simulation.velocities[replica],
        "forces": np.asarray(state.forces[replica]),
    }


def table_row(frame: Frame) -> list[str]:
    """The values of :data:`TABLE_COLUMNS`, exact to the last bit."""
    values = {
        **frame,
        "total_energy": frame["potential_energy"] + frame["kinetic_energy"],
        "mean_pressure": float(np.mean(frame["pressure"])),
    }
    return [repr(values[name]) for name in TABLE_COLUMNS]


def to_atoms(start: Atoms, frame: Frame) -> Atoms:
    """The frame as a structure, with what of velocities, energy, forces and stress it has."""
    atoms = start.copy()
    atoms.calc = None
    atoms.set_cell(np.asarray(frame["cell"], float))
    atoms.set_positions(np.asarray(frame["position"], float))
    atoms.set_velocities(np.asarray(frame["velocity"], float) if "velocity" in frame else np.zeros((len(atoms), 3)))
    energy = float(frame["potential_energy"])
    results: dict[str, Any] = {"energy": energy, "free_energy": energy}
    if "forces" in frame:
        results["forces"] = np.asarray(frame["forces"], float)
    if atoms.pbc.all():
        results["stress"] = np.asarray(frame["stress"], float)
    atoms.calc = SinglePointCalculator(atoms, **results)
    atoms.info = {"step": int(frame["step"]), "time_fs": float(frame["time"])}
    return atoms
