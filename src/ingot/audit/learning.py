"""How the entropy of a set grows with its size: a curve that flattens says that more of the same adds nothing."""

import numpy as np

from ingot.arrays import Descriptors
from ingot.audit.entropy import BANDWIDTH, entropy
from ingot.audit.errors import AuditError
from ingot.audit.kernels import Engine, checked
from ingot.randomness import generator


def learning_curve(
    x: Descriptors,
    bandwidth: float = BANDWIDTH,
    seed: int = 0,
    repeats: int = 5,
    largest: int = 10_000,
    engine: Engine | None = None,
) -> list[tuple[int, float, float]]:
    """``(n, mean H(n), standard deviation)`` over ``repeats`` random draws of n environments.

    n doubles from 16 up to all environments or ``largest``; each repeat draws nested sets without
    replacement. The deviation is that of the draws (ddof 1), zero where all environments are in.
    """
    x = checked(x, "x")
    if not len(x):
        raise AuditError("the set is empty: it has no learning curve")
    if repeats < 2 or largest < 1:
        raise AuditError(f"a curve needs at least 2 repeats and 1 environment, got {repeats!r} and {largest!r}")
    end = min(len(x), largest)
    sizes = [n for n in (16 << power for power in range(60)) if n < end] + [end]
    orders = [generator(seed, "learning curve", repeat).permutation(len(x)) for repeat in range(repeats)]
    curve = []
    for n in sizes:
        if n == len(x):
            curve.append((n, entropy(x, bandwidth, engine), 0.0))
            continue
        values = [entropy(x[np.sort(order[:n])], bandwidth, engine) for order in orders]
        curve.append((n, float(np.mean(values)), float(np.std(values, ddof=1))))
    return curve
