"""The state of a training on disk: continuing from it gives the same bits as never having stopped."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from ingot.files import write_atomically
from ingot.training.errors import TrainingError
from ingot.training.schedule import Progress

NAME = "checkpoint.safetensors"


@dataclasses.dataclass
class State:
    """Everything that the next epoch depends on, besides data, options and seed."""

    parameters: Any
    optimiser: Any
    average: Any
    best: Any
    progress: Progress
    log: list[dict[str, float]]


def _leaves(state: State) -> list[Any]:
    return jax.tree.leaves((state.parameters, state.optimiser, state.average, state.best))


def save_checkpoint(path: Path, state: State, digest: str) -> None:
    """Write the state; ``digest`` identifies data, options and seed."""
    tensors = {f"{k:04d}": np.array(leaf, order="C") for k, leaf in enumerate(_leaves(state))}
    plain = {**dataclasses.asdict(state.progress), "best_loss": repr(state.progress.best_loss)}
    metadata = {"digest": digest, "progress": json.dumps(plain), "log": json.dumps(state.log)}
    write_atomically(path, save(tensors, metadata=metadata))


def load_checkpoint(path: Path, template: State, digest: str) -> State | None:
    """The state, or ``None`` when the checkpoint belongs to other data, options or another seed.

    Raises :class:`TrainingError` when the file is damaged.
    """
    try:
        with safe_open(str(path), framework="numpy") as handle:
            metadata = handle.metadata() or {}
            tensors = [handle.get_tensor(name) for name in sorted(handle.keys())]
    except (OSError, SafetensorError) as error:
        raise TrainingError(f"cannot read the checkpoint {path}: {error}; delete it to start again") from None
    if metadata.get("digest") != digest:
        return None
    trees = (template.parameters, template.optimiser, template.average, template.best)
    if [np.shape(leaf) for leaf in jax.tree.leaves(trees)] != [tensor.shape for tensor in tensors]:
        return None
    parameters, optimiser, average, best = jax.tree.unflatten(jax.tree.structure(trees), tensors)
    plain = json.loads(metadata["progress"])
    progress = Progress(**{**plain, "best_loss": float(plain["best_loss"])})
    return State(parameters, optimiser, average, best, progress, json.loads(metadata["log"]))
