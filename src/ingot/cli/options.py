"""What options of several commands share."""

import os
from pathlib import Path

from ingot.errors import IngotError


def available_cores() -> int:
    """How many cores this process may use: fewer than the machine has, where a queue or a user said so."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def parse_batch(text: str) -> tuple[int, int]:
    """``K/N``, batch K of N counted from 0.

    >>> parse_batch("0/4")
    (0, 4)
    """
    try:
        batch, batches = (int(part) for part in text.split("/"))
    except ValueError:
        batch, batches = -1, 0
    if not 0 <= batch < batches:
        raise IngotError(f"--batch must read like 0/4 (batch 0 of 4), not {text!r}")
    return batch, batches


def named_path(text: str, default: str | None = None) -> tuple[str, Path]:
    """``NAME=PATH``; without a name, the default or the file's stem."""
    name, equals, path = text.partition("=")
    if not equals:
        return default or Path(text).stem, Path(text)
    if not name or not path:
        raise IngotError(f"{text!r} has no name or no path: give NAME=PATH or PATH")
    return name, Path(path)
