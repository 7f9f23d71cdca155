"""Processes that compute one label at a time: a crash, or a limit of time, costs one structure and not the run."""

import ctypes
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any

from ase import Atoms

from ingot.labels.compute import timed_label
from ingot.labels.label import Label, failed_label
from ingot.labels.method import LabelMethod
from ingot.structures import canonical, structure_id

Outcome = tuple[Label, bool, dict[str, Any]]
"""A label, whether it may be kept for good, and what it cost (see :func:`ingot.labels.compute.timed_label`)."""

_LOG_LINES = 60


def compute_labels(
    structures: Sequence[Atoms], method: LabelMethod, workers: int, time_limit_seconds: float | None = None
) -> Iterator[Outcome]:
    """Labels as they come, by ``workers`` processes side by side.

    A process that dies, or that a structure holds longer than ``time_limit_seconds``, is replaced, and
    its structure becomes a failed label that is not kept: another machine, or another
    limit, may do better. The last lines that an engine printed are in the cost of a failed label, under ``log``.
    """
    waiting = list(reversed(structures))
    with tempfile.TemporaryDirectory(prefix="ingot-label-") as folder:
        pool = [_Worker(method, Path(folder) / f"{n}.log") for n in range(min(workers, len(structures)))]
        try:
            for worker in pool:
                worker.begin(waiting.pop())
            while busy := [worker for worker in pool if worker.task is not None]:
                remaining = [worker.remaining(time_limit_seconds) for worker in busy]
                ready = wait([worker.connection for worker in busy], timeout=min(remaining))
                for worker in busy:
                    if worker.connection in ready:
                        outcome = worker.result()
                    elif worker.remaining(time_limit_seconds) <= 0:
                        outcome = worker.give_up(f"it took longer than the time limit of {time_limit_seconds:g} s")
                    else:
                        continue
                    if waiting:
                        worker.begin(waiting.pop())
                    yield outcome
        finally:
            for worker in pool:
                worker.stop()


@dataclass
class _Task:
    atoms: Atoms
    begun: float


class _Worker:
    """One process at a time, begun anew where the last one died."""

    def __init__(self, method: LabelMethod, log: Path) -> None:
        self.method = method
        self.log = log
        self.task: _Task | None = None
        self.process: Any = None
        self.connection: Connection

    def begin(self, atoms: Atoms) -> None:
        """Hand over a structure."""
        if self.process is None or not self.process.is_alive():
            context: Any = multiprocessing.get_context(_start_method())
            self.connection, theirs = context.Pipe()
            self.process = context.Process(target=_serve, args=(theirs, self.method, str(self.log)), daemon=True)
            self.process.start()
            theirs.close()
        self.task = _Task(atoms, time.monotonic())
        self.connection.send(atoms)

    def remaining(self, limit: float | None) -> float:
        """Seconds until the limit; an hour where there is none."""
        assert self.task is not None
        return 3600.0 if limit is None else limit - (time.monotonic() - self.task.begun)

    def result(self) -> Outcome:
        """What the process sent, or why it died."""
        try:
            label, lasting, cost = self.connection.recv()
        except (EOFError, OSError):
            self.process.join()
            return self.give_up(_cause_of_death(self.process.exitcode))
        if not label.converged:
            cost = {**cost, "log": [*cost.get("log", []), *self._tail()][-_LOG_LINES:]}
        self.task = None
        return label, lasting, cost

    def give_up(self, reason: str) -> Outcome:
        """A failed label for the structure at hand, and an end to the process."""
        assert self.task is not None
        task, self.task = self.task, None
        self.stop()
        label = failed_label(structure_id(canonical(task.atoms)), self.method.digest, reason)
        wall = round(time.monotonic() - task.begun, 3)
        return label, False, {"wall_seconds": wall, "atoms": len(task.atoms), "log": self._tail()}

    def stop(self) -> None:
        """Kill the process, if there is one."""
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.connection.close()
            self.process = None

    def _tail(self) -> list[str]:
        try:
            return self.log.read_text(errors="replace").splitlines()[-_LOG_LINES:]
        except FileNotFoundError:
            return []


def _serve(connection: Connection, method: LabelMethod, log: str) -> None:
    """The life of a process: structures in, outcomes out, everything printed into the log."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which stops its workers
    _end_with_parent()
    target = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND)
    sys.stdout.flush()
    sys.stderr.flush()
    os.dup2(target, 1)
    os.dup2(target, 2)
    while True:
        try:
            atoms = connection.recv()
        except (EOFError, OSError):  # the parent is gone
            return
        os.ftruncate(target, 0)
        outcome = timed_label(atoms, method)
        sys.stdout.flush()
        sys.stderr.flush()
        connection.send(outcome)


def _end_with_parent() -> None:
    """Where the system can do it (Linux), a killed parent takes its workers along in the middle of a label."""
    try:
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG
    except (OSError, AttributeError):
        return


def _start_method() -> str:
    """``fork`` is quicker, and safe only in a process without further threads (such as JAX has)."""
    try:
        threads = len(os.listdir("/proc/self/task"))  # noqa: PTH208  # only the number
    except OSError:
        return "spawn"
    return "fork" if threads == 1 else "spawn"


def _cause_of_death(code: int | None) -> str:
    if code is None or code >= 0:
        return f"the engine ended its process (exit status {code})"
    name = signal.Signals(-code).name
    if -code == signal.SIGKILL:
        return f"the system killed the engine ({name}), most likely for want of memory"
    return f"the engine crashed ({name})"
