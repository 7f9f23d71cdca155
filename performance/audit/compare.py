"""The audit beside the `quests` package, in one process: CPU time, wall time of two threads, agreement.

    python performance/audit/compare.py trajectories [--large]

Environments of molecular dynamics (see `trajectories.py`). `quests` is an extra (`pip install quests`); without it
only our columns are printed. CPU time of the best of some runs that take turns, after one of each that compiles.
`--large` adds kernel sums of 10^5 environments, which take the peer minutes.
"""

import argparse
import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402 - thread counts come first
from ase.build import bulk  # noqa: E402
from trajectories import read  # noqa: E402

from ingot.audit import Engine, delta_entropy, entropy, environment_descriptors  # noqa: E402

SINGLE = Engine("float32")
Work = Callable[[], Any]


def in_turns(works: list[Work], clock: Callable[[], float], rounds: int) -> list[tuple[float, Any]]:
    """The least time of each and its result; what compiles does so in a call before, unless there is one round only."""
    results = [work() for work in works] if rounds > 1 else [None] * len(works)
    least = [np.inf] * len(works)
    for _ in range(rounds):
        for k, work in enumerate(works):
            start = clock()
            results[k] = work()
            least[k] = min(least[k], clock() - start)
    return list(zip(least, results, strict=True))


def row(name: str, unit: str, scale: float, timed: list[tuple[float, Any]], agree: str = "") -> None:
    """One line of the table."""
    ours = timed[0][0] * scale
    if len(timed) == 1:
        print(f"| {name}, {unit} | {ours:.2f} | - | - | |", flush=True)
        return
    theirs = timed[1][0] * scale
    print(f"| {name}, {unit} | {ours:.2f} | {theirs:.2f} | **{theirs / ours:.1f}** | {agree} |", flush=True)


def descriptors(folder: str, peer: Any) -> np.ndarray:
    """Descriptors of 256-atom melts and of one large cell, on one thread and on two."""
    small = read(folder, "small-melt-1000")
    large = bulk("Al", cubic=True, a=4.1) * (14, 14, 14)
    large.rattle(0.15, seed=1)
    for name, frames in (("descriptors, frames of 256 atoms", small), ("descriptors, 10,976 atoms", [large])):
        count = sum(map(len, frames))
        for threads, clock in ((1, time.process_time), (2, time.perf_counter)):
            works = [partial(environment_descriptors, frames, threads=threads)]
            if peer:
                works.append(partial(peer.descriptors, frames, threads))
            timed = in_turns(works, clock, 7)
            worst = f"{np.abs(timed[0][1] - timed[1][1]).max():.0e}" if peer else ""
            unit = "us (CPU)" if threads == 1 else "us (wall)"
            row(f"{name}, {threads} thread{'s' * (threads > 1)}", unit, 1e6 / count, timed, worst)
    everything = [a for run in ("crystal-300", "crystal-900", "melt-1000", "melt-2000") for a in read(folder, run, 6)]
    x = environment_descriptors(everything)
    return x[np.random.default_rng(0).permutation(len(x))][:100_000]


def sums(x: np.ndarray, peer: Any, rounds: int) -> None:
    """Entropy and differential entropy; the peer in batches of 1000, and of its default size."""
    count = len(x)
    engines = {"float64": Engine(), "float32": SINGLE}
    batches = {"1000": 1000, "default": None} if peer else {}
    works: list[Work] = [partial(entropy, x, engine=engine) for engine in engines.values()]
    works += [partial(peer.entropy, x, batch) for batch in batches.values()]
    timed = in_turns(works, time.process_time, rounds)
    for precision, ours in zip(engines, timed, strict=False):
        for batch, theirs in zip(batches, timed[2:], strict=True):
            name = f"entropy of {count:,}, {precision}, batch {batch}"
            row(name, "ns/pair", 1e9 / count**2, [ours, theirs], f"{abs(ours[1] - theirs[1]):.0e}")
        if not peer:
            row(f"entropy of {count:,}, {precision}", "ns/pair", 1e9 / count**2, [ours])
    if count > 20_000:
        return
    half = count // 2
    for precision, engine in (("float64", Engine()), ("float32", SINGLE)):
        works = [partial(delta_entropy, x[:half], x[half:], engine=engine)]
        if peer:
            works.append(partial(peer.delta_entropy, x[:half], x[half:]))
        timed = in_turns(works, time.process_time, rounds)
        agree = ""
        if peer:
            both = np.array([timed[0][1], timed[1][1]])
            near = np.isfinite(both[1]) & (both[1] < 100)
            agree = f"{np.abs(both[0] - both[1])[near].max():.0e} below 100"
        row(f"dH of {half:,} in {half:,}, {precision}", "ns/pair", 1e9 / half**2, timed, agree)


class Peer:
    """The functions of `quests` that are compared."""

    def __init__(self) -> None:
        import numba
        from quests import entropy as of
        from quests.descriptor import get_descriptors

        self._numba, self._of, self._get = numba, of, get_descriptors

    def descriptors(self, frames: list[Any], threads: int) -> np.ndarray:
        self._numba.set_num_threads(threads)
        found = self._get(frames)
        self._numba.set_num_threads(1)
        return np.asarray(found)

    def entropy(self, x: np.ndarray, batch: int | None) -> float:
        return float(self._of.entropy(x, batch_size=batch) if batch else self._of.entropy(x))

    def delta_entropy(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        with np.errstate(divide="ignore"):
            return np.asarray(self._of.delta_entropy(y, x, batch_size=1000))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="of trajectories.py")
    parser.add_argument("--large", action="store_true")
    args = parser.parse_args()
    try:
        peer = Peer()
        peer._numba.set_num_threads(1)
    except ImportError:
        peer = None
    print("| | ingot | quests | ratio | largest difference |\n|---|---|---|---|---|")
    x = descriptors(args.folder, peer)
    sums(x[:10_000], peer, 3)
    if args.large:
        sums(x, peer, 1)


if __name__ == "__main__":
    main()
