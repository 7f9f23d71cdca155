"""Where the arrays of a training lie: in memory, or beyond a limit in files that are read batch by batch."""

import tempfile
from pathlib import Path

import numpy as np


class Shelf:
    """Hands out arrays until ``memory`` bytes are used, then arrays in files below ``folder``.

    Files have no names once they are open: nothing is left behind, however the process ends. The system keeps in memory
    what it has room for, and forgets it when others need the room.
    """

    def __init__(self, memory: float = float("inf"), folder: Path | None = None) -> None:
        self._left = memory
        self._folder = folder

    def has_room(self, size: int) -> bool:
        """Whether ``size`` bytes stay in memory; they count as used if so."""
        if size > self._left:
            return False
        self._left -= size
        return True

    def empty(self, shape: tuple[int, ...], dtype: np.dtype, filed: bool) -> np.ndarray:
        """An array to be filled, in a file if ``filed``."""
        if not filed or 0 in shape:
            return np.empty(shape, dtype)
        if self._folder is not None:
            self._folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=self._folder, prefix="training-", suffix=".array") as file:
            array: np.ndarray = np.memmap(file, dtype, "w+", shape=shape)
        return array
