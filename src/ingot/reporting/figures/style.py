"""One look for all figures: Paul Tol's bright colours (safe for colour-blind readers), thin lines, no chart junk."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

import matplotlib as mpl
import pandas as pd
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

BLUE, CYAN, GREEN, YELLOW, RED, PURPLE, GREY = (
    "#4477AA", "#66CCEE", "#228833", "#CCBB44", "#EE6677", "#AA3377", "#BBBBBB",
)  # fmt: skip
INK = "#222222"

SPLIT_COLORS = {
    "train": GREY,
    "validation": CYAN,
    "test": BLUE,
    "extrapolation": PURPLE,
    "unseen": RED,
    "control": YELLOW,
}
LATTICE_COLORS = {"fcc": BLUE, "bcc": RED, "hcp": GREEN, "sc": YELLOW, "diamond": PURPLE, "crystal": BLUE}

_SETTINGS = {
    "axes.axisbelow": True,
    "axes.edgecolor": "#555555",
    "axes.labelcolor": INK,
    "axes.linewidth": 0.6,
    "axes.prop_cycle": cycler(color=[BLUE, RED, GREEN, YELLOW, PURPLE, CYAN, GREY]),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 9,
    "figure.constrained_layout.use": True,
    "figure.dpi": 100,
    "font.family": "DejaVu Sans",  # shipped with matplotlib: the same on every machine
    "font.size": 8,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "legend.handlelength": 1.4,
    "lines.linewidth": 1.3,
    "lines.markersize": 4,
    "mathtext.fontset": "dejavusans",
    "savefig.dpi": 200,
    "svg.fonttype": "path",
    "svg.hashsalt": "ingot",  # the ids inside an SVG are random otherwise
    "text.color": INK,
    "xtick.color": "#555555",
    "xtick.labelcolor": INK,
    "xtick.major.width": 0.6,
    "ytick.color": "#555555",
    "ytick.labelcolor": INK,
    "ytick.major.width": 0.6,
}

Format = Literal["svg", "png"]


@dataclass(frozen=True)
class Figure:
    """A finished figure: its picture, the caption that says what to see, and the data that it shows."""

    name: str
    title: str
    caption: str
    image: bytes
    format: Format
    data: pd.DataFrame
    wide: bool = False


@contextmanager
def canvas(
    width: float, height: float, rows: int = 1, columns: int = 1, **options: Any
) -> Iterator[tuple[Canvas, Any]]:
    """A figure of ``width`` x ``height`` inches with its axes, in the house style."""
    with mpl.rc_context(_SETTINGS):
        figure = Canvas(figsize=(width, height))
        yield figure, figure.subplots(rows, columns, **options)


def picture(figure: Canvas, kind: Format) -> bytes:
    """The bytes of an image; the same figure gives the same bytes (no dates, no random ids)."""
    buffer = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {"Software": None}
    with mpl.rc_context(_SETTINGS):
        figure.savefig(buffer, format=kind, metadata=metadata)
    return buffer.getvalue()


def plain_log(*axes: Any) -> None:
    """Ticks of logarithmic axes at 1, 2 and 5, over many decades at 1 alone, written as plain numbers."""
    for axis in axes:
        low, high = axis.get_view_interval()
        subs = (1.0, 2.0, 5.0) if high < 300 * low else (1.0,)
        axis.set_major_locator(LogLocator(subs=subs, numticks=12))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())


def diagonal(axes: Axes, low: float, high: float) -> None:
    """The line of perfect agreement, behind everything, with equal limits on both axes."""
    margin = 0.04 * (high - low) or 1.0
    limits = (low - margin, high + margin)
    axes.plot(limits, limits, color="#999999", linewidth=0.7, zorder=0)
    axes.set(xlim=limits, ylim=limits, aspect="equal")
