"""How the entropy of a set grows with its size: a curve that flattens says that more of the same adds nothing."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import OptimizeWarning, curve_fit

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


class Saturation:
    """The entropy that a curve H(n) tends to: ``H(n) = a - b exp(-c ln^2 n)`` (Schwalbe-Koda et al., notebooks).

    The information gap of a set of n environments is ``a - H(n)``: what more data of the same kind would still add.
    """

    def __init__(self, limit: float, drop: float, rate: float) -> None:
        self.limit = limit
        """a, in nats."""
        self._drop, self._rate = drop, rate

    def entropy(self, n: NDArray[np.float64] | float) -> NDArray[np.float64]:
        """The fitted H(n), nats."""
        return np.asarray(self.limit - self._drop * np.exp(-self._rate * np.log(n) ** 2))


def saturation(curve: list[tuple[int, float, float]]) -> Saturation | None:
    """The fit of a learning curve; nothing for fewer than five points, or where no curve of that form fits.

    A limit beyond the entropy of 10^12 different environments, ln 10^12, says only that the data do not saturate:
    nothing too.
    """
    if len(curve) < 5:
        return None
    n, h, _ = np.array(curve, dtype=np.float64).T

    def form(n: NDArray[np.float64], limit: float, drop: float, rate: float) -> NDArray[np.float64]:
        return Saturation(limit, drop, rate).entropy(n)

    try:
        start = (1.1 * h[-1] + 0.1, h[-1] - h[0] + 0.1, 0.02)
        fitted, _ = curve_fit(form, n, h, start, bounds=((0, 0, 1e-4), (np.inf, np.inf, 2)), max_nfev=5000)
    except (RuntimeError, OptimizeWarning):
        return None
    found = Saturation(*map(float, fitted))
    return found if h[-1] <= found.limit + 0.05 and found.limit < np.log(1e12) else None
