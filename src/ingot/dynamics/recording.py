"""Runs that are recorded: frames to files chunk by chunk, each chunk followed by a checkpoint to go on from."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ingot.dynamics.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from ingot.dynamics.conditions import Conditions
from ingot.dynamics.errors import DynamicsError
from ingot.dynamics.frames import Frame, frame_of
from ingot.dynamics.simulation import Simulation
from ingot.dynamics.state import Status
from ingot.files import canonical_json

_BYTES = 64e6
"""Of frames that wait in memory."""


class FrameFile(Protocol):
    """A file that frames are appended to, and that can be cut back to any earlier mark."""

    path: Path

    @property
    def mark(self) -> int:
        """How far the file is safely written."""

    def begin(self) -> None:
        """Start without frames."""

    def append(self, frames: Sequence[Frame]) -> None:
        """Add frames; they are on the disk when it returns."""

    def cut(self, mark: int, /) -> None:
        """Back to an earlier mark."""

    def finish(self, ended: str) -> None:
        """Nothing more comes; ``ended`` says why the replica stopped early, or nothing."""


@dataclass(frozen=True)
class Recording:
    """Where the frames of a run go, and what tells the run from others."""

    files: Sequence[Sequence[FrameFile]]
    """Of every replica."""
    checkpoint: Path
    identity: dict[str, Any]
    """All that the trajectory depends on, but for its length, as JSON values."""
    chunk: int = 100
    """Frames between checkpoints: what a killed run loses at most."""


def frames_per_chunk(checkpoint_steps: int, every: int, atoms: int, replicas: int = 1) -> int:
    """Frames between checkpoints ``checkpoint_steps`` apart, but no more than memory should hold.

    >>> frames_per_chunk(1000, 10, 500), frames_per_chunk(1000, 1, 100000)
    (100, 8)
    """
    bytes_per_frame = 9 * 8 * atoms * replicas  # positions, velocities and forces
    return max(1, min(checkpoint_steps // every, int(_BYTES / bytes_per_frame)))


def record(
    simulation: Simulation,
    steps: int,
    held: Conditions | Sequence[Conditions],
    every: int,
    recording: Recording,
    title: str = "dynamics",
) -> None:
    """Run a simulation to step ``steps`` and keep a frame each ``every`` steps.

    Where the recording's checkpoint exists the run goes on from it: the files end with the same bytes as if it had
    never been interrupted, wherever a kill cut it off. A longer run continues a shorter one. A replica that stops
    by itself has its last frame at that step (see :meth:`Simulation.reason`).

    Raises :class:`DynamicsError` when the checkpoint is of another run, or files are there without a checkpoint.
    """
    each = [held] * simulation.replicas if isinstance(held, Conditions) else list(held)
    keeper = _Keeper(simulation, each, recording)
    if recording.checkpoint.exists():
        keeper.go_on()
    else:
        keeper.begin()
    if simulation.step < steps and (simulation.status == Status.RUNNING).any():
        simulation.run(steps - simulation.step, each, every, keeper.look, title)
    keeper.finish()


class _Keeper:
    """The frames that wait to be written, and how far the files are."""

    def __init__(self, simulation: Simulation, held: Sequence[Conditions], recording: Recording) -> None:
        self._simulation, self._held, self._recording = simulation, held, recording
        self._recorded = [0] * simulation.replicas
        self._frames = [0] * simulation.replicas
        self._waiting: list[list[Frame]] = [[] for _ in range(simulation.replicas)]

    def begin(self) -> None:
        for files in self._recording.files:
            for file in files:
                if file.path.exists():
                    raise DynamicsError(
                        f"{file.path} exists, without the checkpoint {self._recording.checkpoint} to go on from: "
                        "delete it, or choose another output"
                    )
        self._simulation.look(self._held)
        self._save(marks=[])
        self._begin_files()

    def go_on(self) -> None:
        found = load_checkpoint(self._recording.checkpoint)
        self._require_same_run(found.identity)
        self._simulation.resume(found.snapshot)
        self._recorded, self._frames = list(found.recorded), list(found.frames)
        if not found.marks:
            self._begin_files()
        for files, marks in zip(self._recording.files, found.marks, strict=False):
            for file, mark in zip(files, marks, strict=True):
                file.cut(mark)

    def look(self, simulation: Simulation) -> None:
        for r, step in enumerate(np.asarray(simulation.state.step).tolist()):
            if step > self._recorded[r]:  # a replica that stopped stays at its step
                self._waiting[r].append(frame_of(simulation, self._held[r], r))
                self._recorded[r] = step
                self._frames[r] += 1
        if any(self._waiting) and max(self._frames) % self._recording.chunk == 0:
            self._write()

    def finish(self) -> None:
        if any(self._waiting):
            self._write()
        for r, files in enumerate(self._recording.files):
            for file in files:
                file.finish(self._simulation.reason(r))

    def _write(self) -> None:
        for files, frames in zip(self._recording.files, self._waiting, strict=True):
            for file in files:
                if frames:
                    file.append(frames)
            frames.clear()
        self._save([[file.mark for file in files] for files in self._recording.files])

    def _begin_files(self) -> None:
        for files in self._recording.files:
            for file in files:
                file.begin()

    def _save(self, marks: list[list[int]]) -> None:
        now = Checkpoint(
            self._simulation.snapshot(), self._recording.identity, marks, list(self._recorded), list(self._frames)
        )
        save_checkpoint(self._recording.checkpoint, now)

    def _require_same_run(self, before: dict[str, Any]) -> None:
        now = self._recording.identity
        changed = [
            f"{key} was {before.get(key)!r}, now it is {now.get(key)!r}"
            for key in sorted({*before, *now})
            if canonical_json(before.get(key)) != canonical_json(now.get(key))
        ]
        if changed:
            raise DynamicsError(
                f"{self._recording.checkpoint} is of another run: {'; '.join(changed)}. Choose another output, or "
                "delete the checkpoint and the files beside it"
            )
