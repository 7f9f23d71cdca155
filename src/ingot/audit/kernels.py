"""Sums of Gaussian kernels between sets of descriptors, in logarithms, with bounded memory.

``ln sum_j exp(-|y_i - x_j|^2 / 2 h^2)`` for every row of y. Squared distances come from matrix products, on centred
data: ``-|y - x|^2 / 2 = y.x - |y|^2/2 - |x|^2/2``. The sum is a streaming log-sum-exp, so that an environment hundreds
of bandwidths away has a finite value where a plain sum is zero.

Three backends do the work: compiled C++ (the default where a compiler was found), NumPy, and JAX for GPUs. Results of
the first two are the same bits for any number of threads.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ingot.arrays import Descriptors
from ingot.audit import kernels_numpy
from ingot.audit.errors import AuditError
from ingot.audit.native import compiled_audit, log_sums_between, log_sums_within

Precision = Literal["float64", "float32"]
Backend = Literal["compiled", "numpy", "jax"]

FLOAT32_ERROR = 2e-4
"""Largest error of ``ln sum_j K`` in float32, nats, within 100 nats: rows that could be worse are settled in
float64."""

_ROUNDING = 8 * 2.0**-24
"""Error of an exponent over the mean of the squared norms, about twice the largest that was seen."""


@dataclass(frozen=True)
class Engine:
    """How kernel sums are taken."""

    precision: Precision = "float64"
    threads: int = 1
    """Threads; for ``jax`` the device decides."""
    backend: Backend | None = None
    """By default the compiled one, or NumPy where it could not be built."""

    def __post_init__(self) -> None:
        if self.precision not in ("float64", "float32"):
            raise AuditError(f"precision {self.precision!r} is not known; accepted: float64, float32")
        if self.backend not in (None, "compiled", "numpy", "jax"):
            raise AuditError(f"backend {self.backend!r} is not known; accepted: compiled, numpy, jax")
        if self.threads < 1:
            raise AuditError(f"the number of threads must be positive, got {self.threads!r}")

    @property
    def chosen(self) -> Backend:
        """The backend that does the work. Raises :class:`AuditError` when it is asked for and not there."""
        there, reason = compiled_audit() if self.backend in (None, "compiled") else (False, "")
        if self.backend == "compiled" and not there:
            raise AuditError(f"the compiled backend is not there: {reason}")
        return self.backend or ("compiled" if there else "numpy")


def log_kernel_sums(
    y: Descriptors, x: Descriptors, bandwidths: Sequence[float], engine: Engine | None = None
) -> NDArray[np.float64]:
    """``ln sum_j K(y_i, x_j)`` for every bandwidth (1/A) and row of ``y``, (bandwidths, rows of y), in one pass.

    float64: errors of a few ulps of ``|x/h|^2``, 1e-10 for metals. float32: errors below ``FLOAT32_ERROR``.
    Memory: both sets once more in the working precision. Raises :class:`AuditError` for an empty ``x``, widths that
    differ, values that are not finite, a bandwidth that is not positive.
    """
    engine = engine or Engine()
    y, x = checked(y, "y"), checked(x, "x")
    if y.shape[1] != x.shape[1]:
        raise AuditError(
            f"descriptors of {y.shape[1]} and {x.shape[1]} components cannot be compared: "
            "use the same number of neighbours for both sets"
        )
    if not len(x):
        raise AuditError("the reference set is empty: there is nothing to compare with")
    widths, centre = _widths(bandwidths), x.mean(axis=0)
    sums = _between(y, x, centre, widths, engine)
    if engine.precision == "float32":
        coarse = np.flatnonzero(_could_be_worse(y - centre, sums, widths))
        if len(coarse):
            sums[:, coarse] = _between(y[coarse], x, centre, widths, replace(engine, precision="float64"))
    return sums


def log_kernel_sums_self(
    x: Descriptors, bandwidths: Sequence[float], engine: Engine | None = None
) -> NDArray[np.float64]:
    """``ln sum_j K(x_i, x_j)`` within one set, (bandwidths, rows), the self term exactly 1; half the work of two sets.

    Memory: the set once more in the working precision.
    """
    engine = engine or Engine()
    x, widths = checked(x, "x"), _widths(bandwidths)
    if not len(x):
        return np.empty((len(widths), 0))
    centre = x.mean(axis=0)
    if engine.chosen == "compiled":
        return log_sums_within(x, centre, widths, engine.precision, engine.threads)
    if engine.chosen == "jax":
        from ingot.audit.kernels_jax import log_sums_within as within

        return within(x, centre, widths, engine.precision)
    each = [kernels_numpy.log_sums_within(x, centre, h, engine.precision, engine.threads) for h in widths]
    return np.stack(each)


def checked(x: Descriptors, name: str) -> NDArray[np.float64]:
    """``x`` as a finite float64 matrix, or an :class:`AuditError`."""
    matrix = np.ascontiguousarray(x, dtype=np.float64)
    if np.ndim(x) != 2:
        raise AuditError(f"{name} must be a matrix (environments, features), got shape {np.shape(x)}")
    if not np.isfinite(matrix).all():
        row = int(np.flatnonzero(~np.isfinite(matrix).all(axis=1))[0])
        raise AuditError(f"{name} holds values that are not finite, first in row {row}")
    return matrix


def _widths(bandwidths: Sequence[float]) -> tuple[float, ...]:
    widths = tuple(float(h) for h in bandwidths)
    if not widths:
        raise AuditError("kernel sums need at least one bandwidth")
    for h in widths:
        if not (np.isfinite(h) and h > 0):
            raise AuditError(f"the bandwidth must be a positive number (1/A), got {h!r}")
    return widths


def _between(
    y: NDArray[np.float64], x: NDArray[np.float64], centre: NDArray[np.float64], widths: Sequence[float], engine: Engine
) -> NDArray[np.float64]:
    if engine.chosen == "compiled":
        return log_sums_between(y, x, centre, widths, engine.precision, engine.threads)
    if engine.chosen == "jax":
        from ingot.audit.kernels_jax import log_sums_between as between

        return between(y, x, centre, widths, engine.precision)
    each = [kernels_numpy.log_sums_between(y, x, centre, h, engine.precision, engine.threads) for h in widths]
    return np.stack(each)


def _could_be_worse(y: NDArray[np.float64], sums: NDArray[np.float64], widths: Sequence[float]) -> NDArray[np.bool_]:
    """Rows whose float32 exponents may be off by more than ``FLOAT32_ERROR``, at the narrowest bandwidth.

    The norm of the nearest x exceeds that of y by the distance at most, which follows from the sum.
    """
    narrow = int(np.argmin(widths))
    norm = np.sqrt(np.einsum("ij,ij->i", y, y)) / widths[narrow]
    distance = np.sqrt(2 * np.maximum(-sums[narrow], 0.0))
    return np.asarray(_ROUNDING * 0.5 * (norm**2 + (norm + distance) ** 2) > FLOAT32_ERROR)
