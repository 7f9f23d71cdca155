"""All members of an ensemble in one program: what fills a GPU, where one small network leaves most of it idle.

Every member has parameters, optimiser, learning rate and order of its structures of its own, as when it is trained
alone; only the order in which buckets of different sizes take turns is that of the first member.
"""

import math
import time
from collections import deque
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from ingot.potentials import Architecture
from ingot.progress import progress as progress_line
from ingot.training.batches import PreparedBucket, moments_of, prepare
from ingot.training.checkpoint import State, save_checkpoint
from ingot.training.errors import TrainingError
from ingot.training.examples import Bucket, emphasised, learned_part
from ingot.training.loss import SquaredErrors
from ingot.training.optimise import (
    TrainedMember,
    batches_of_epoch,
    in_words,
    kept,
    log_row,
    restored,
    state_at_start,
    training_digest,
    weighted_loss,
)
from ingot.training.schedule import TrainingOptions, finished, learning_rate_at, note_validation
from ingot.training.shelf import Shelf
from ingot.training.step import (
    errors_of_members,
    raw_parameters,
    root_mean_square,
    update_members,
)


def train_together(
    architecture: Architecture,
    train: Sequence[Bucket],
    validation: Sequence[Bucket],
    options: TrainingOptions,
    seeds: Sequence[int],
    checkpoints: Sequence[Path] | None = None,
    shelf: Shelf | None = None,
) -> list[TrainedMember]:
    """One network per seed, all on the same data; see :func:`ingot.training.optimise.train_member`.

    A member that has finished, or whose loss diverges, does not hold up the others. With ``checkpoints`` (one per
    member) a training that was killed goes on bit for bit. CPU seconds of the cost are divided by the members.
    """
    if not train:
        raise TrainingError("no structure to train on")
    architecture = learned_part(architecture)
    settings = options.optimiser
    digests = [f"{training_digest(architecture, options, seed, train, validation)} of {len(seeds)}" for seed in seeds]
    learning, watching = (
        prepare(architecture, part, options.jacobian_memory, options.precision, options.contraction, shelf)
        for part in (emphasised(train, options.emphasis), validation)
    )
    moments = moments_of(architecture, learning, options.feature_floor)
    places: Sequence[Path | None] = checkpoints or [None] * len(seeds)
    states = [state_at_start(architecture, options, *each) for each in zip(seeds, places, digests, strict=True)]
    good = [kept(state) for state in states]
    cost: list[dict[str, float]] = []
    started = time.process_time()
    first = min(state.progress.epoch for state in states)
    line = progress_line(count(), f"training {len(seeds)} members", total=settings.epochs - first, unit="epoch")
    for _ in line:
        active = [not finished(settings, state.progress) for state in states]
        if not any(active):
            break
        moved, running, rates = _epoch(architecture, options, learning, states, active, seeds, moments)
        validated = []
        for m, state in enumerate(states):
            if not active[m]:
                continue
            if not np.isfinite(running[m]).all():
                states[m] = restored(good[m], state.progress.restored)
                continue
            state.parameters, state.optimiser, state.average = jax.tree.map(lambda leaf, m=m: leaf[m], moved)
            state.progress.epoch += 1
            epoch = state.progress.epoch
            if epoch % settings.validation_interval == 0 or epoch == settings.epochs:
                validated.append(m)
        if not validated:
            continue
        seen = np.full((len(states), 3), math.nan)
        if watching:
            averages = jnp.stack([state.average for state in states])
            seen = errors_of_members(architecture, options, watching, averages, moments)
        spent = (time.process_time() - started) / len(states)
        for m in validated:
            now = states[m].progress
            loss = weighted_loss(seen[m], options.weights) if watching else -float(now.epoch)
            if note_validation(settings, now, loss):
                states[m].best = states[m].average
            states[m].log.append(log_row(now.epoch, rates[m], running[m], seen[m]))
            good[m] = kept(states[m])
            if (place := places[m]) is not None:
                save_checkpoint(place, states[m], digests[m])
        shown = np.sqrt(np.mean((seen if watching else running)[validated] ** 2, axis=0))
        line.set_postfix_str(in_words(shown, max(rates)))
        cost.append({"epoch": max(states[m].progress.epoch for m in validated), "cpu_seconds": spent})
    return [
        TrainedMember(
            jax.tree.map(np.asarray, raw_parameters(architecture, options.precision, state.best, moments)),
            state.log,
            cost,
            state.progress.best_epoch,
            state.progress.diverged,
        )
        for state in states
    ]


def _epoch(
    architecture: Architecture,
    options: TrainingOptions,
    learning: Sequence[PreparedBucket],
    states: Sequence[State],
    active: Sequence[bool],
    seeds: Sequence[int],
    moments: Any,
) -> tuple[Any, np.ndarray, list[float]]:
    """Parameters, optimisers and averages after one epoch, running errors and learning rates of all members.

    Members are at epochs of their own once one of them was restored. Those that are not ``active`` stand still.
    """
    settings = options.optimiser
    rates = [
        learning_rate_at(settings, state.progress) if on else 0.0 for state, on in zip(states, active, strict=True)
    ]
    zero = SquaredErrors(*[jnp.zeros(len(states), options.precision)] * 3)
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *[(s.parameters, s.optimiser, s.average) for s in states])
    moving = (*stacked, zero)
    orders = [
        batches_of_epoch(learning, settings.batch_size, seed, state.progress.epoch)
        for seed, state in zip(seeds, states, strict=True)
    ]
    queues: list[dict[int, deque[tuple[np.ndarray, np.ndarray]]]] = []
    for order in orders:
        queue: dict[int, deque[tuple[np.ndarray, np.ndarray]]] = {}
        for k, chosen, present in order:
            queue.setdefault(k, deque()).append((chosen, present))
        queues.append(queue)
    for k, _, _ in orders[0]:
        taken = [queue[k].popleft() for queue in queues]
        chosen, present = (np.stack(part) for part in zip(*taken, strict=True))
        moving = update_members(architecture, options, learning[k], moving, chosen, present, np.array(rates), moments)
    sums = np.stack([np.asarray(leaf, float) for leaf in moving[3]], axis=1)
    return moving[:3], np.stack([root_mean_square(row, learning) for row in sums]), rates
