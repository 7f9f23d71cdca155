"""The optimisation loop of one ensemble member."""

import dataclasses
import hashlib
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.flatten_util import ravel_pytree

from ingot.files import canonical_json
from ingot.potentials import Architecture
from ingot.progress import progress as progress_line
from ingot.randomness import derive_seed, generator
from ingot.training.batches import PreparedBucket, batch_gradient, moments_of, prepare, structure_gradient
from ingot.training.checkpoint import State, load_checkpoint, save_checkpoint
from ingot.training.errors import TrainingError
from ingot.training.examples import Bucket
from ingot.training.loss import LossWeights, SquaredErrors
from ingot.training.schedule import OptimiserOptions, Progress, finished, learning_rate_at, note_validation

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


@dataclasses.dataclass(frozen=True)
class TrainingOptions:
    """Everything about a training that is not data, architecture or seed."""

    optimiser: OptimiserOptions
    weights: LossWeights
    precision: str = "float32"
    contraction: str | None = None
    """Mode for structures without stored Jacobians; ``None`` takes the fastest of the architecture."""
    jacobian_memory: int = 512 * 2**20
    """Bytes that stored descriptor Jacobians may take."""
    feature_floor: float = 0.1
    """Least scale of a feature, in units of the root mean square of all scales."""


class _Machine:
    """Compiled steps of one training."""

    def __init__(
        self, architecture: Architecture, options: TrainingOptions, moments: tuple[Any, Any] | None, seed: int
    ) -> None:
        self.architecture = architecture
        self.options = options
        clip = optax.clip_by_global_norm(options.optimiser.clip_norm)
        self.transform = optax.chain(clip, optax.scale_by_adam())
        first = architecture.initial_parameters(derive_seed(seed, "initial parameters"))
        # One flat vector: the optimiser compiles to a few loops instead of a few for every tensor.
        self.initial, unravel = ravel_pytree(jax.tree.map(lambda leaf: jnp.asarray(leaf, options.precision), first))
        if moments is None:
            self.to_raw: Callable[[Any], Any] = unravel
        else:
            mean, scale = (jnp.asarray(m, options.precision) for m in moments)
            self.to_raw = lambda flat: architecture.from_standardised(unravel(flat), mean, scale)  # type: ignore[attr-defined]
        self._steps: dict[bool, Any] = {}
        self._errors: dict[bool, Any] = {}

    def _gradient(self, stored: bool) -> Any:
        o = self.options
        return structure_gradient(self.architecture, o.weights, stored, o.contraction, o.precision)

    def step(self, bucket: PreparedBucket, state: Any, chosen: Any, present: Any, rate: float) -> Any:
        """One update of ``(parameters, optimiser, average, sums of squared errors)``."""
        stored = bucket.stored_jacobian
        if stored not in self._steps:
            gradient, decay = self._gradient(stored), self.options.optimiser.average_decay
            shrink = self.options.optimiser.weight_decay

            @jax.jit
            def run(state: Any, examples: Any, chosen: Any, present: Any, rate: Any) -> Any:
                parameters, optimiser, average, sums = state
                raw, to_standardised = jax.vjp(self.to_raw, parameters)
                by_raw, errors = batch_gradient(gradient, stored, raw, examples, chosen, present)
                (by_parameter,) = to_standardised(by_raw)
                update, optimiser = self.transform.update(by_parameter, optimiser)
                parameters = parameters - rate.astype(parameters.dtype) * (update + shrink * parameters)
                # The average forgets its start faster than its nominal memory while there is little to remember.
                count = optimiser[1].count.astype(jnp.float64)
                keep = jnp.minimum(decay, (1 + count) / (10 + count)).astype(average.dtype)
                average = keep * average + (1 - keep) * parameters
                return parameters, optimiser, average, jax.tree.map(jnp.add, sums, errors)

            self._steps[stored] = run
        return self._steps[stored](state, bucket.examples, chosen, present, np.float64(rate))

    def errors(self, parameters: Any, buckets: Sequence[PreparedBucket]) -> np.ndarray:
        """Root-mean-square errors (energy per atom, forces, stress) over whole buckets."""
        sums, structures, stresses = np.zeros(3), 0, 0
        for bucket in buckets:
            stored = bucket.stored_jacobian
            if stored not in self._errors:
                gradient = self._gradient(stored)

                @jax.jit
                def run(
                    parameters: Any, examples: Any, chosen: Any, gradient: Any = gradient, stored: bool = stored
                ) -> Any:
                    present = jnp.ones(chosen.shape, parameters.dtype)
                    return batch_gradient(gradient, stored, self.to_raw(parameters), examples, chosen, present)[1]

                self._errors[stored] = run
            sums += np.array(self._errors[stored](parameters, bucket.examples, np.arange(bucket.count)), float)
            structures += bucket.count
            stresses += bucket.stresses
        return np.sqrt(sums / np.maximum([structures, structures, stresses], 1))


def _batches(
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


def _digest(architecture: Architecture, options: TrainingOptions, seed: int, *groups: Sequence[Bucket]) -> str:
    """Identifies data, options, architecture and seed of a training."""
    hasher = hashlib.sha256(canonical_json([architecture.to_json(), dataclasses.asdict(options), seed]).encode())
    for buckets in groups:
        for bucket in buckets:
            for leaf in jax.tree.leaves(bucket.examples):
                hasher.update(np.ascontiguousarray(leaf).tobytes())
    return hasher.hexdigest()


def _weighted(errors: np.ndarray, weights: LossWeights) -> float:
    return float(np.dot([weights.energy, weights.forces, weights.stress], errors**2))


def _row(epoch: int, rate: float, train: np.ndarray, validation: np.ndarray) -> dict[str, float]:
    row: dict[str, float] = {"epoch": epoch, "learning_rate": rate}
    for name, errors in (("train", train), ("validation", validation)):
        row[f"{name}_energy_rmse_mev_per_atom"] = 1e3 * float(errors[0])
        row[f"{name}_force_rmse_ev_per_angstrom"] = float(errors[1])
        row[f"{name}_stress_rmse_mev_per_atom"] = 1e3 * float(errors[2])
    return row


def train_member(
    architecture: Architecture,
    train: Sequence[Bucket],
    validation: Sequence[Bucket],
    options: TrainingOptions,
    seed: int,
    checkpoint: Path | None = None,
) -> TrainedMember:
    """Train one network from ``seed`` (initial parameters and order of the structures).

    Adam on averaged batch gradients; the result is the moving average of the parameters at the best validation
    loss, or at the end when there is no validation data. With ``checkpoint`` the state is saved at each validation,
    and a matching file is continued from: the result is bit for bit that of an uninterrupted run.

    Raises :class:`TrainingError` when there is nothing to train on or the loss keeps diverging.
    """
    if not train:
        raise TrainingError("no structure to train on")
    settings = options.optimiser
    digest = _digest(architecture, options, seed, train, validation)
    learning = prepare(architecture, train, options.jacobian_memory, options.precision)
    watching = prepare(architecture, validation, options.jacobian_memory, options.precision)
    machine = _Machine(architecture, options, moments_of(architecture, learning, options.feature_floor), seed)
    initial = machine.initial
    state = State(initial, machine.transform.init(initial), initial, initial, Progress(), [])
    state.progress.learning_rate = settings.learning_rate
    if checkpoint is not None and checkpoint.is_file():
        state = load_checkpoint(checkpoint, state, digest) or state
    cost: list[dict[str, float]] = []
    started = time.process_time()
    good = dataclasses.replace(state, progress=dataclasses.replace(state.progress))
    for _ in progress_line(range(settings.epochs - state.progress.epoch), "training", unit="epoch"):
        now = state.progress
        rate = learning_rate_at(settings, now)
        zero = SquaredErrors(*[jnp.zeros((), options.precision)] * 3)
        moving = (state.parameters, state.optimiser, state.average, zero)
        for k, chosen, present in _batches(learning, settings.batch_size, seed, now.epoch):
            moving = machine.step(learning[k], moving, chosen, present, rate)
        counts = np.array([sum(b.count for b in learning)] * 2 + [max(1, sum(b.stresses for b in learning))])
        running = np.sqrt(np.array(moving[3], float) / counts)
        if not np.isfinite(running).all():
            state = _restore(good, now.restored)
            continue
        state.parameters, state.optimiser, state.average = moving[:3]
        now.epoch += 1
        if now.epoch % settings.validation_interval and now.epoch != settings.epochs:
            continue
        seen = machine.errors(state.average, watching) if watching else np.full(3, math.nan)
        loss = _weighted(seen, options.weights) if watching else -float(now.epoch)
        if note_validation(settings, now, loss):
            state.best = state.average
        state.log.append(_row(now.epoch, rate, running, seen))
        cost.append({"epoch": now.epoch, "cpu_seconds": time.process_time() - started})
        good = dataclasses.replace(state, progress=dataclasses.replace(now), log=list(state.log))
        if checkpoint is not None:
            save_checkpoint(checkpoint, state, digest)
        if finished(settings, now):
            break
    parameters = jax.tree.map(np.asarray, machine.to_raw(state.best))
    return TrainedMember(parameters, state.log, cost, state.progress.best_epoch)


def _restore(good: State, restored: int) -> State:
    """The last good state with half its learning rate; gives up after too many times."""
    if restored >= _LARGEST_RESTORES:
        raise TrainingError(
            f"the loss became infinite or not a number {restored + 1} times in spite of halved learning rates: "
            "lower training.learning_rate or clip_norm, or look for wrong labels among the data"
        )
    progress = dataclasses.replace(
        good.progress, learning_rate=0.5 * good.progress.learning_rate, restored=restored + 1
    )
    return dataclasses.replace(good, progress=progress, log=list(good.log))
