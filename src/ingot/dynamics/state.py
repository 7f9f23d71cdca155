"""The state of a simulation: data of one compiled step, with an optional leading axis of replicas."""

import dataclasses
import enum

import jax
from jaxtyping import Array, Bool, Float, Int


class Status(enum.IntEnum):
    """Why a trajectory goes on or has stopped. Codes above these belong to the caller's monitor."""

    RUNNING = 0
    TOO_CLOSE = 1
    """Two atoms came closer than the floor."""
    BLOWN_UP = 2
    """A number is not finite, or an atom crossed half the skin in one step."""


FIRST_MONITOR_CODE = 3


@dataclasses.dataclass(frozen=True)
class State:
    """Everything that changes from step to step. Positions are never wrapped."""

    step: Int[Array, "*r"]
    positions: Float[Array, "*r atoms 3"]
    velocities: Float[Array, "*r atoms 3"]
    cell: Float[Array, "*r 3 3"]
    strain_rate: Float[Array, "*r 3"]
    """Of the deterministic piston, per axis."""
    heat: Float[Array, "*r"]
    """What the thermostats have put in since the start, eV."""
    energy: Float[Array, "*r"]
    """Potential energy, mean over the evaluator's members, eV."""
    forces: Float[Array, "*r atoms 3"]
    strain_gradient: Float[Array, "*r 3 3"]
    """dE/d(strain) of the potential energy, eV."""
    nearest: Float[Array, "*r"]
    """Shortest distance between two atoms, A."""
    measures: Float[Array, "*r k"]
    """What the monitor measured."""
    status: Int[Array, "*r"]
    stretch: Float[Array, "*r 3"]
    """Axial stretch since the neighbour table was made."""
    stale: Bool[Array, "*r"]
    """The neighbour table may not hold for the next step."""


@dataclasses.dataclass(frozen=True)
class System:
    """What does not change: masses (amu), species indices, and the key of the noise."""

    masses: Float[Array, "*r atoms"]
    species: Int[Array, "*r atoms"]
    key: Array


jax.tree_util.register_dataclass(State, data_fields=[f.name for f in dataclasses.fields(State)], meta_fields=[])
jax.tree_util.register_dataclass(System, data_fields=["masses", "species", "key"], meta_fields=[])
