"""Calls of the compiled functions. They let go of Python's lock, so that threads of Python share the work."""

import logging
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ingot.audit.frames import Frames
from ingot.audit.ordered import in_order
from ingot.compiled import CompiledSources

Values = NDArray[np.float64]

MOST_NEIGHBORS = 64
"""The widest sorting network."""

_HERE = Path(__file__).parent
_BINS = _HERE.parents[1] / "neighbors" / "native" / "bins.h"
_SOURCES = CompiledSources(
    "audit",
    sources=(_HERE / "environments.cc", _HERE / "kernel_sums.cc"),
    headers=(_BINS,),
    include=(str(_BINS.parent),),
)
_ROW_PANELS = 10  # of one call: work enough, and little to hold
_GROUP = 16  # components whose squares are summed together


@cache
def compiled_audit() -> tuple[bool, str]:
    """Whether the library is there, and from where or why not."""
    there, where = _SOURCES.status
    if not there:
        logging.getLogger("ingot.audit").warning("the audit runs in NumPy, several times slower: %s", where)
    return there, where


def compiled_environments(
    frames: Frames, species: int, neighbors: int, cutoff: float, tie: float, coincident: float, threads: int
) -> Values:
    """Descriptors of all atoms (see :mod:`ingot.audit.descriptors`); lengths in A.

    Raises :class:`ValueError` with the number of the first atom that is nearer than ``coincident`` to another.
    """
    atoms = int(frames.offsets[-1])
    width = species * (2 * neighbors - 1) + species * (species - 1) // 2 * neighbors
    out = np.empty((atoms, width))
    constants = (species, neighbors, float(cutoff), float(tie), float(coincident), threads)
    coincides = int(_SOURCES.call("ingot_environments", len(frames.cells), *frames, *constants, out))
    if coincides >= 0:
        raise ValueError(coincides)
    return out


class _Points(NamedTuple):
    """Points in units of the bandwidth, in panels (panels, components, width), and half their squares."""

    panels: NDArray[Any]
    norms: NDArray[Any]


def _packed(x: Values, centre: Values, bandwidth: float, precision: str) -> _Points:
    width = int(_SOURCES.call(f"ingot_panel_{precision}"))
    panels, components = -(-len(x) // width), x.shape[1]
    to = np.empty((panels, components, width), precision)
    norms = np.empty((panels, -(-components // _GROUP), width), precision)
    factor = float(np.sqrt(np.log2(np.e)) / bandwidth)
    _SOURCES.call(f"ingot_pack_{precision}", np.ascontiguousarray(x), len(x), components, centre, factor, to, norms)
    return _Points(to, norms)


def log_sums_within(
    x: Values, centre: Values, bandwidths: Sequence[float], precision: str, threads: int
) -> NDArray[np.float64]:
    """``ln sum_j K(x_i, x_j)`` for every bandwidth, (bandwidths, points), from half of the pairs."""
    points = _packed(x, centre, min(bandwidths), precision)
    scales = _scales(bandwidths)
    panels, components, width = points.panels.shape
    total = np.zeros((len(scales), panels * width))

    def half(first: int) -> tuple[int, int, Values, Values]:
        last = min(panels, first + _ROW_PANELS)
        rows = np.empty((len(scales), (last - first) * width))
        columns = np.empty((len(scales), (panels - last) * width))
        place = (components, panels, first, last, len(scales), scales)
        _SOURCES.call(f"ingot_within_{precision}", points.panels, points.norms, *place, rows, columns)
        return first * width, last * width, rows, columns

    for first, last, rows, columns in in_order(half, range(0, panels, _ROW_PANELS), threads):
        total[:, first:last] += rows
        total[:, last:] += columns
    return np.asarray(np.log(total[:, : len(x)]))


def log_sums_between(
    y: Values, x: Values, centre: Values, bandwidths: Sequence[float], precision: str, threads: int
) -> NDArray[np.float64]:
    """``ln sum_j K(y_i, x_j)`` for every bandwidth, (bandwidths, points of y)."""
    rows, columns = (_packed(part, centre, min(bandwidths), precision) for part in (y, x))
    scales = _scales(bandwidths)
    panels, components, width = columns.panels.shape

    def block(first: int) -> Values:
        last = min(len(rows.panels), first + _ROW_PANELS)
        out = np.empty((len(scales), (last - first) * width))
        place = (components, panels, first, last, len(scales), scales)
        _SOURCES.call(f"ingot_between_{precision}", *rows, *columns, *place, out)
        return out

    parts = list(in_order(block, range(0, len(rows.panels), _ROW_PANELS), threads))
    return np.concatenate([np.empty((len(scales), 0)), *parts], axis=1)[:, : len(y)]


def _scales(bandwidths: Sequence[float]) -> Values:
    """Exponents of each bandwidth in those of the narrowest."""
    return (min(bandwidths) / np.array(bandwidths, np.float64)) ** 2
