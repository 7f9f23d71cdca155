"""The optimisation loop of one ensemble member."""

import dataclasses
import hashlib
import math
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ingot.files import canonical_json
from ingot.potentials import Architecture
from ingot.progress import progress as progress_line
from ingot.randomness import derive_seed, generator
from ingot.training.batches import PreparedBucket, moments_of, prepare
from ingot.training.checkpoint import State, load_checkpoint, save_checkpoint
from ingot.training.errors import TrainingError
from ingot.training.examples import Bucket, emphasised, learned_part
from ingot.training.loss import LossWeights, SquaredErrors
from ingot.training.schedule import Progress, TrainingOptions, finished, learning_rate_at, note_validation
from ingot.training.shelf import Shelf
from ingot.training.step import (
    initial_vector,
    optimiser_of,
    raw_parameters,
    rms_errors,
    root_mean_square,
    standardised_vector,
    update,
)

_STRUCTURES_AT_ONCE = 256
_LARGEST_RESTORES = 5
"""After this many divergences the training gives up."""


@dataclasses.dataclass(frozen=True)
class TrainedMember:
    """One trained network and how it got there."""

    parameters: Any
    """A tree of float32 or float64 NumPy arrays, without a member axis."""
    log: list[dict[str, float]]
    """One row per validation: epoch, learning rate and root-mean-square errors."""
    cost: list[dict[str, float]]
    """Epoch and CPU seconds; not reproducible."""
    best_epoch: int
    diverged: str = ""
    """Why the training was given up; the parameters are then the last good ones, and not to be used."""


def batches_of_epoch(
    buckets: Sequence[PreparedBucket], batch_size: int, seed: int, epoch: int
) -> list[tuple[int, np.ndarray, np.ndarray]]:
    """(bucket, chosen structures, which of them count) in the random order of one epoch."""
    rng = generator(seed, "order", epoch)
    batches = []
    for k, bucket in enumerate(buckets):
        size = min(batch_size, bucket.count)
        order = rng.permutation(bucket.count)
        # Batches of nearly equal size: padding repeats a structure with weight zero.
        for part in np.array_split(order, -(-bucket.count // size)):
            present = np.zeros(size, np.float32)
            present[: len(part)] = 1
            batches.append((k, np.resize(part, size).astype(np.int32), present))
    return [batches[k] for k in rng.permutation(len(batches))]


def training_digest(
    architecture: Architecture, options: TrainingOptions, seed: int, *groups: Sequence[Bucket], start: Any = None
) -> str:
    """Identifies data, options, architecture, seed and first parameters of a training."""
    hasher = hashlib.sha256(canonical_json([architecture.to_json(), dataclasses.asdict(options), seed]).encode())
    for buckets in groups:
        for bucket in buckets:
            for leaf in jax.tree.leaves(bucket.examples):
                for first in range(0, len(bucket), _STRUCTURES_AT_ONCE):
                    hasher.update(np.ascontiguousarray(leaf[first : first + _STRUCTURES_AT_ONCE]).tobytes())
    for leaf in jax.tree.leaves(start):
        hasher.update(np.ascontiguousarray(leaf).tobytes())
    return hasher.hexdigest()


def weighted_loss(errors: np.ndarray, weights: LossWeights) -> float:
    """The loss of root-mean-square errors."""
    return float(np.dot([weights.energy, weights.forces, weights.stress], errors**2))


def log_row(epoch: int, rate: float, train: np.ndarray, validation: np.ndarray) -> dict[str, float]:
    """One row of the log, with errors in meV/atom and eV/A."""
    row: dict[str, float] = {"epoch": epoch, "learning_rate": rate}
    for name, errors in (("train", train), ("validation", validation)):
        row[f"{name}_energy_rmse_mev_per_atom"] = 1e3 * float(errors[0])
        row[f"{name}_force_rmse_ev_per_angstrom"] = float(errors[1])
        row[f"{name}_stress_rmse_mev_per_atom"] = 1e3 * float(errors[2])
    return row


def in_words(errors: np.ndarray, rate: float) -> str:
    """Errors and learning rate for the line of progress.

    >>> in_words(np.array([0.0123, 0.0456, 0.1]), 1e-3)
    '12.3 meV/atom, 0.046 eV/A, rate 1.0e-03'
    """
    return f"{1e3 * errors[0]:.1f} meV/atom, {errors[1]:.3f} eV/A, rate {rate:.1e}"


def train_member(
    architecture: Architecture,
    train: Sequence[Bucket],
    validation: Sequence[Bucket],
    options: TrainingOptions,
    seed: int,
    checkpoint: Path | None = None,
    shelf: Shelf | None = None,
    start: Any = None,
) -> TrainedMember:
    """Train one network from ``seed`` (initial parameters and order of the structures).

    With ``start``, a tree of parameters without a member axis, the training goes on from there instead.

    Adam on averaged batch gradients; the result is the moving average of the parameters at the best validation
    loss, or at the end when there is no validation data. With ``checkpoint`` the state is saved at each validation,
    and a matching file is continued from: the result is bit for bit that of an uninterrupted run. ``shelf`` holds what
    belongs to buckets that are in files.

    A loss that keeps diverging ends the training (:attr:`TrainedMember.diverged`). Raises :class:`TrainingError` when
    there is nothing to train on.
    """
    if not train:
        raise TrainingError("no structure to train on")
    architecture = learned_part(architecture)
    settings = options.optimiser
    digest = training_digest(architecture, options, seed, train, validation, start=start)
    train = emphasised(train, options.emphasis)
    learning, watching = (
        prepare(architecture, part, options.jacobian_memory, options.precision, options.contraction, shelf)
        for part in (train, validation)
    )
    moments = moments_of(architecture, learning, options.feature_floor)
    first = None if start is None else standardised_vector(architecture, options.precision, start, moments)
    state = state_at_start(architecture, options, seed, checkpoint, digest, first)
    cost: list[dict[str, float]] = []
    started = time.process_time()
    good = kept(state)
    line = progress_line(count(), "training", total=settings.epochs - state.progress.epoch, unit="epoch")
    for _ in line:
        now = state.progress
        if finished(settings, now):
            break
        rate = learning_rate_at(settings, now)
        zero = SquaredErrors(*[jnp.zeros((), options.precision)] * 3)
        moving = (state.parameters, state.optimiser, state.average, zero)
        for k, chosen, present in batches_of_epoch(learning, settings.batch_size, seed, now.epoch):
            moving = update(architecture, options, learning[k], moving, chosen, present, rate, moments)
        running = root_mean_square(np.array(moving[3], float), learning)
        if not np.isfinite(running).all():
            state = restored(good, now.restored)
            continue
        state.parameters, state.optimiser, state.average = moving[:3]
        now.epoch += 1
        if now.epoch % settings.validation_interval and now.epoch != settings.epochs:
            continue
        seen = rms_errors(architecture, options, watching, state.average, moments) if watching else np.full(3, math.nan)
        loss = weighted_loss(seen, options.weights) if watching else -float(now.epoch)
        if note_validation(settings, now, loss):
            state.best = state.average
        state.log.append(log_row(now.epoch, rate, running, seen))
        line.set_postfix_str(in_words(seen if watching else running, rate))
        cost.append({"epoch": now.epoch, "cpu_seconds": time.process_time() - started})
        good = kept(state)
        if checkpoint is not None:
            save_checkpoint(checkpoint, state, digest)
    parameters = jax.tree.map(np.asarray, raw_parameters(architecture, options.precision, state.best, moments))
    return TrainedMember(parameters, state.log, cost, state.progress.best_epoch, state.progress.diverged)


def state_at_start(
    architecture: Architecture,
    options: TrainingOptions,
    seed: int,
    checkpoint: Path | None,
    digest: str,
    start: Any = None,
) -> State:
    """The state of a checkpoint that belongs to the training, else the initial one: that of the seed, or ``start``."""
    initial = start
    if initial is None:
        initial = initial_vector(architecture, derive_seed(seed, "initial parameters"), options.precision)
    state = State(initial, optimiser_of(options).init(initial), initial, initial, Progress(), [])
    state.progress.learning_rate = options.optimiser.learning_rate
    if checkpoint is not None and checkpoint.is_file():
        return load_checkpoint(checkpoint, state, digest) or state
    return state


def kept(state: State) -> State:
    """A copy to come back to."""
    return dataclasses.replace(state, progress=dataclasses.replace(state.progress), log=list(state.log))


def restored(good: State, times: int) -> State:
    """The last good state with half its learning rate; after too many times the training has diverged."""
    diverged = (
        f"the loss became infinite or not a number {times + 1} times in spite of halved learning rates: "
        "lower training.learning_rate or clip_norm, or look for wrong labels among the data"
        if times >= _LARGEST_RESTORES
        else ""
    )
    slower = 0.5 * good.progress.learning_rate
    progress = dataclasses.replace(good.progress, learning_rate=slower, restored=times + 1, diverged=diverged)
    return dataclasses.replace(good, progress=progress, log=list(good.log))
