"""Trajectories and tables as text that grows: extxyz frames, rows of thermodynamics."""

import io
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from ase import Atoms

from ingot.dynamics.errors import DynamicsError
from ingot.dynamics.frames import TABLE_COLUMNS, Frame, table_row, to_atoms
from ingot.files import write_atomically


class GrowingText(ABC):
    """A text file that frames are appended to; a file that was cut off in a frame is cut back to the last whole one."""

    header = ""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @property
    def mark(self) -> int:
        """Bytes that are safe."""
        return self.path.stat().st_size

    def begin(self) -> None:
        """A file without frames in the place of whatever was there."""
        write_atomically(self.path, self.header)

    def append(self, frames: Sequence[Frame]) -> None:
        """Add frames and wait until they are on the disk."""
        with self.path.open("a") as handle:
            handle.write(self.text(frames))
            handle.flush()
            os.fsync(handle.fileno())

    def cut(self, length: int) -> None:
        """Keep the first ``length`` bytes."""
        if not self.path.is_file() or self.mark < length:
            raise DynamicsError(
                f"{self.path} is shorter than its checkpoint says ({length} bytes): it is not the file that the "
                "checkpoint belongs to; delete both to start again"
            )
        os.truncate(self.path, length)

    def finish(self, ended: str) -> None:  # noqa: B027 - a file may have nothing to do
        """Nothing: a text file is closed after every append."""

    @abstractmethod
    def text(self, frames: Sequence[Frame]) -> str:
        """The frames as text."""


class ThermodynamicsTable(GrowingText):
    """Temperature, energies, pressure and volume, one row per frame (CSV)."""

    header = ",".join(TABLE_COLUMNS.values()) + "\n"

    def text(self, frames: Sequence[Frame]) -> str:
        """See :class:`GrowingText`."""
        return "".join(",".join(table_row(frame)) + "\n" for frame in frames)


class ExtxyzTrajectory(GrowingText):
    """Frames with velocities, energy, forces and stress as extended XYZ."""

    def __init__(self, path: str | Path, start: Atoms) -> None:
        super().__init__(path)
        self._start = start

    def text(self, frames: Sequence[Frame]) -> str:
        """See :class:`GrowingText`."""
        import ase.io  # here: it starts slowly

        buffer = io.StringIO()
        ase.io.write(buffer, [to_atoms(self._start, frame) for frame in frames], format="extxyz")
        return buffer.getvalue()
