"""One line of progress with rate and time left; silent when nobody is watching."""

import sys
from collections.abc import Iterable, Iterator
from typing import TypeVar

from tqdm import tqdm

T = TypeVar("T")


def progress(items: Iterable[T], title: str, total: int | None = None, unit: str = "it") -> Iterator[T]:
    """Iterate over ``items`` with a progress line on a terminal and none elsewhere."""
    return iter(tqdm(items, desc=title, total=total, unit=unit, disable=not sys.stderr.isatty()))
