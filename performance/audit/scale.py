"""Entropy of more than a million distinct environments, and how often intervals hold the exact value.

python performance/audit/scale.py trajectories million        # H and D of 10^6 environments, cost and interval
python performance/audit/scale.py trajectories exact          # the same from all pairs, a quarter of an hour
python performance/audit/scale.py trajectories coverage       # of four sets of 2 x 10^4, 400 repeats each
"""

import argparse
import time
from functools import partial
from typing import Any

import numpy as np
from scipy.special import logsumexp
from trajectories import RUNS, read

from ingot.audit import Engine, entropy_and_diversity, environment_descriptors, estimate, estimate_entropy
from ingot.audit.kernels import log_kernel_sums_self

SINGLE = Engine("float32")
REPEATS = 400


def million(folder: str) -> None:
    """Three estimates with the default settings; CPU time beyond the descriptors."""
    x = _million(folder)
    for seed in range(3):
        start = time.process_time()
        found = estimate_entropy(x, seed=seed, engine=SINGLE)
        cost = time.process_time() - start
        for name, of in (("H", found.entropy), ("D", found.diversity)):
            print(f"seed {seed}: {name} {of.value:.4f} [{of.lower:.4f}, {of.upper:.4f}]", end="  ")
        print(f"{cost:.0f} CPU-s", flush=True)


def exact(folder: str) -> None:
    """H and D of the same environments without an estimate."""
    x = _million(folder)
    start = time.process_time()
    entropy, diversity = entropy_and_diversity(x, engine=SINGLE)
    print(f"H {entropy:.4f}  D {diversity:.4f}  {time.process_time() - start:.0f} CPU-s")


def _million(folder: str) -> np.ndarray:
    start = time.process_time()
    x = np.concatenate([environment_descriptors(read(folder, name)) for name in RUNS])
    print(f"{len(x):,} environments, descriptors {time.process_time() - start:.0f} CPU-s", flush=True)
    return x[np.random.default_rng(0).permutation(len(x))[:1_000_000]]


def coverage(folder: str) -> None:
    """Estimates from 2000 rows and 1000 columns against exact values."""
    random = np.random.default_rng(0)

    def some(names: list[str], count: int, every: int) -> np.ndarray:
        x = np.concatenate([environment_descriptors(read(folder, name, every)) for name in names])
        return x[np.sort(random.choice(len(x), count, replace=False))]

    sets = {
        "crystal, 300 K": some(["crystal-300"], 20_000, 8),
        "melt, 2000 K": some(["melt-2000"], 20_000, 8),
        "crystals and melts": some([name for name in RUNS if name < "q"], 20_000, 40),
        "crystal with 1.5 % of a melt": np.concatenate(
            [some(["crystal-300"], 19_700, 8), some(["thin-2500"], 300, 40)]
        ),
    }
    print("| set | | exact | mean error | half width | intervals that hold it |\n|---|---|---|---|---|---|")
    for name, x in sets.items():
        log_sums = log_kernel_sums_self(x, [0.015])[0]
        exact = np.log(len(x)) - log_sums.mean(), float(logsumexp(-log_sums))
        # The exact sums are known here; the estimate asks for those of its rows.
        estimate._exact_sums = partial(_known, np.exp(log_sums))  # type: ignore[assignment]
        found = [estimate_entropy(x, seed=k, rows=2000, columns=1000, engine=SINGLE) for k in range(REPEATS)]
        for quantity, value, of in (
            ("H", exact[0], [e.entropy for e in found]),
            ("D", exact[1], [e.diversity for e in found]),
        ):
            error = np.mean([e.value for e in of]) - value
            half = np.mean([e.upper - e.value for e in of])
            held = np.mean([e.lower <= value <= e.upper for e in of])
            print(f"| {name} | {quantity} | {value:.3f} | {error:+.4f} | {half:.4f} | {100 * held:.1f} % |", flush=True)


def _known(sums: np.ndarray, blocks: Any, drawn: np.ndarray, bandwidth: float, engine: Engine) -> np.ndarray:
    return np.asarray(sums[drawn])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", help="of trajectories.py")
    parser.add_argument("what", choices=("million", "exact", "coverage"))
    args = parser.parse_args()
    {"million": million, "exact": exact, "coverage": coverage}[args.what](args.folder)
