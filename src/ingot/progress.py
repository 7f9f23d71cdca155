"""One line of progress with rate and time left; silent when nobody is watching."""

import sys
from collections.abc import Iterable
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")


def progress(items: Iterable[T], title: str, total: int | None = None, unit: str = "it") -> "tqdm[T]":
    """``items`` with a progress line on a terminal and none elsewhere; ``set_postfix`` adds counts to the line."""
    return tqdm(items, desc=title, total=total, unit=unit, disable=not sys.stderr.isatty())
