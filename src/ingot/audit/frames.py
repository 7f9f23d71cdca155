"""Structures one behind the other, as the compiled descriptors read them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Frames(NamedTuple):
    """All atoms of some structures."""

    offsets: NDArray[np.int64]
    """The first atom of each structure, and the number of all atoms at the end."""
    positions: NDArray[np.float64]
    """In A."""
    cells: NDArray[np.float64]
    """In A; complete ones (see :func:`ingot.neighbors.complete_cell`)."""
    pbc: NDArray[np.uint8]
    kinds: NDArray[np.int32]
    """Species of every atom, counted from 0."""
