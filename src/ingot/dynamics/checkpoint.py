"""The state of a simulation on disk: going on from it gives the same bits as never having stopped."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ingot.dynamics.errors import DynamicsError
from ingot.dynamics.simulation import Snapshot
from ingot.dynamics.state import State
from ingot.dynamics.tables import TableMemory
from ingot.files import canonical_json, write_atomically


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """A snapshot, what run it belongs to, and how far the run's files were written when it was taken."""

    snapshot: Snapshot
    identity: dict[str, Any]
    """All that the trajectory depends on, as JSON values."""
    marks: list[list[int]]
    """How far every file of every replica was written; empty before there were any."""
    recorded: list[int]
    """Step of the last frame of every replica."""
    frames: list[int]
    """Number of frames of every replica."""


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; a kill leaves the old one or the new one."""
    snapshot, tables = checkpoint.snapshot, checkpoint.snapshot.tables
    tensors = {f"state.{f.name}": getattr(snapshot.state, f.name) for f in dataclasses.fields(State)}
    tensors |= {"key": snapshot.key, "table.positions": tables.positions, "table.cells": tables.cells}
    about = {
        "identity": checkpoint.identity,
        "marks": checkpoint.marks,
        "recorded": checkpoint.recorded,
        "frames": checkpoint.frames,
        "capacity": [tables.capacity, tables.inner],
    }
    arrays = {name: np.array(tensor, order="C") for name, tensor in tensors.items()}
    write_atomically(path, save(arrays, metadata={"about": canonical_json(about)}))


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint; raises :class:`DynamicsError` when the file is damaged or not a checkpoint."""
    try:
        with safe_open(str(path), framework="numpy") as handle:
            about = json.loads((handle.metadata() or {})["about"])
            tensors = {name: handle.get_tensor(name) for name in handle.keys()}  # noqa: SIM118 - not a dictionary
        state = State(**{f.name: jnp.asarray(tensors[f"state.{f.name}"]) for f in dataclasses.fields(State)})
        tables = TableMemory(tensors["table.positions"], tensors["table.cells"], *about["capacity"])
        snapshot = Snapshot(state, tensors["key"], tables)
        return Checkpoint(snapshot, about["identity"], about["marks"], about["recorded"], about["frames"])
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise DynamicsError(
            f"cannot read the checkpoint {path}: {error}; delete it and the trajectory to start again"
        ) from None
