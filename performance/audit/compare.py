"""The audit beside the `quests` package, in one process, on one thread: time and agreement.

    python performance/audit/compare.py [--frames 24] [--environments 6000]

`quests` is an extra (`pip install quests`); without it only our columns are printed. CPU time of the
best of three runs, after one run that compiles.
"""

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[name] = "1"

import numpy as np  # noqa: E402 - thread counts come first
from ase.build import bulk  # noqa: E402

from ingot.audit import Engine, delta_entropy, entropy, environment_descriptors  # noqa: E402

SINGLE = Engine("float32")


def best_of_three(function: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds and the result; the first call, which may compile, is not timed."""
    function()
    times = []
    for _ in range(3):
        start = time.process_time()
        result = function()
        times.append(time.process_time() - start)
    return min(times), result


def main() -> None:
    """Print one row per measurement."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--frames", type=int, default=24, help="frames of 256 atoms, from crystal to melt-like")
    parser.add_argument("--environments", type=int, default=6000, help="environments of the kernel sums")
    args = parser.parse_args()
    frames = []
    for k in range(args.frames):
        atoms = bulk("Al", cubic=True) * (4, 4, 4)
        atoms.rattle(0.05 + 0.4 * k / args.frames, seed=k)
        frames.append(atoms)
    seconds, x = best_of_three(lambda: environment_descriptors(frames))
    x = x[np.random.default_rng(0).permutation(len(x))]  # phases mixed
    part = x[: args.environments]
    half = len(part) // 2
    ours = {
        "descriptors, us per environment": (seconds / len(x) * 1e6, x),
        "entropy, float64, ns per pair": _per_pair(len(part) ** 2, lambda: entropy(part)),
        "entropy, float32, ns per pair": _per_pair(len(part) ** 2, lambda: entropy(part, engine=SINGLE)),
        "dH, float64, ns per pair": _per_pair(half**2, lambda: delta_entropy(part[:half], part[half:])),
        "dH, float32, ns per pair": _per_pair(half**2, lambda: delta_entropy(part[:half], part[half:], engine=SINGLE)),
    }
    theirs = _quests(frames, part, half)
    print(f"| {len(x)} environments; {len(part)} in the kernel sums | ingot | quests | ratio | largest difference |")
    print("|---|---|---|---|---|")
    for name, (cost, value) in ours.items():
        peer = theirs.get(name.replace("float32", "float64"))
        if peer is None:
            print(f"| {name} | {cost:.2f} | - | - | - |")
            continue
        if name.startswith("descriptors"):
            value = environment_descriptors(frames)
        finite = np.isfinite(peer[1])
        difference = np.abs(np.asarray(value) - np.asarray(peer[1]))[finite].max()
        print(f"| {name} | {cost:.2f} | {peer[0]:.2f} | {peer[0] / cost:.1f} | {difference:.1e} |")


def _per_pair(pairs: int, function: Callable[[], Any]) -> tuple[float, Any]:
    seconds, value = best_of_three(function)
    return seconds / pairs * 1e9, value


def _quests(frames: list[Any], part: np.ndarray, half: int) -> dict[str, tuple[float, Any]]:
    try:
        from quests import entropy as peer
        from quests.descriptor import get_descriptors
    except ImportError:
        return {}
    seconds, x = best_of_three(lambda: get_descriptors(frames))
    with np.errstate(divide="ignore"):
        return {
            "descriptors, us per environment": (seconds / len(x) * 1e6, x),
            "entropy, float64, ns per pair": _per_pair(len(part) ** 2, lambda: peer.entropy(part, batch_size=1000)),
            "dH, float64, ns per pair": _per_pair(
                half**2, lambda: peer.delta_entropy(part[:half], part[half:], batch_size=1000)
            ),
        }


if __name__ == "__main__":
    main()
