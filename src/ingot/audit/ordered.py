"""Work shared by threads, results in order."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def in_order(work: Callable[[int], T], items: range, threads: int) -> Iterator[T]:
    """``work(item)`` in the order of ``items``, whatever the number of threads; at most twice as many are held."""
    if threads <= 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(threads) as pool:
        waiting = [pool.submit(work, item) for item in items[: 2 * threads]]
        later = iter(items[2 * threads :])
        while waiting:
            yield waiting.pop(0).result()
            waiting += [pool.submit(work, item) for item in [next(later, None)] if item is not None]
