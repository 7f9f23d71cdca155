"""The symmetry lines of cubic crystals along which phonons are drawn and measured.

Wave vectors are in units of 2 pi / a along the cube axes. On every line here a polarisation is fixed by symmetry, so
that branches have names also where they cross.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]

POLARISATIONS: dict[str, dict[str, tuple[int, int, int]]] = {
    "100": {"L": (1, 0, 0), "T": (0, 1, 0)},
    "110": {"L": (1, 1, 0), "T1": (1, -1, 0), "T2": (0, 0, 1)},
    "111": {"L": (1, 1, 1), "T": (1, -1, 0)},
}
"""Direction of the atoms' motion by line and branch: longitudinal and transverse; T stands for a degenerate pair."""


@dataclass(frozen=True)
class Segment:
    """Part of a path along a line: its special wave vectors in order, each as coordinate (q over the axis) and name."""

    line: str
    points: tuple[tuple[float, str], ...]

    def coordinates(self, spacing: float) -> Values:
        """Coordinates about ``spacing`` (in |q|) apart, with all special points among them."""
        stops = [coordinate for coordinate, _ in self.points]
        intervals = [round(abs(b - a) * np.linalg.norm(axis(self.line)) / spacing) for a, b in pairwise(stops)]
        parts = [np.linspace(a, b, n + 1)[:-1] for (a, b), n in zip(pairwise(stops), intervals, strict=True)]
        return np.concatenate([*parts, stops[-1:]])


def axis(line: str) -> Values:
    """The direction of a line, such as (1, 1, 0)."""
    return np.array([float(index) for index in line])


PATHS: dict[str, tuple[Segment, ...]] = {
    "fcc": (
        Segment("100", ((0.0, "Gamma"), (1.0, "X"))),
        Segment("110", ((1.0, "X"), (0.75, "K"), (0.0, "Gamma"))),
        Segment("111", ((0.0, "Gamma"), (0.5, "L"))),
    ),
    "bcc": (
        Segment("100", ((1.0, "H"), (0.0, "Gamma"))),
        Segment("110", ((0.0, "Gamma"), (0.5, "N"))),
        Segment("111", ((0.0, "Gamma"), (0.5, "P"), (1.0, "H"))),
    ),
}
"""The paths that are drawn."""

SPECIAL_MODES: dict[str, tuple[tuple[str, str, float, str], ...]] = {
    "fcc": (("X_L", "100", 1.0, "L"), ("X_T", "100", 1.0, "T"), ("L_L", "111", 0.5, "L"), ("L_T", "111", 0.5, "T")),
    "bcc": (
        ("H", "100", 1.0, "L"),
        ("P", "111", 0.5, "L"),
        ("N_L", "110", 0.5, "L"),
        ("N_T1", "110", 0.5, "T1"),
        ("N_T2", "110", 0.5, "T2"),
    ),
}
"""Modes whose frequencies are quantities: name, line, coordinate and branch."""
