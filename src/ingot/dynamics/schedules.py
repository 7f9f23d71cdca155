"""A quantity that is driven along a trajectory: temperature or density as a function of time."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

Scalar = float | Float[Array, "*batch"] | Float[np.ndarray, "*batch"]


@dataclasses.dataclass(frozen=True)
class Schedule:
    """``q(t) = (1 - t/t_max) q_start + (t/t_max) q_end + q_amp sin^2(pi t / t_per)``.

    The form of the published active-learning code of the ANI family (J. S. Smith et al.,
    Nat. Commun. 12, 1257, 2021, and its later code). Times are in the internal unit;
    after ``t_max`` (and without a finite one) the ramp stays at its end.
    """

    start: Scalar
    """Value at t = 0."""
    end: Scalar
    """Value of the ramp at ``duration``."""
    amplitude: Scalar
    """Height of the oscillation, which starts at zero."""
    period: Scalar
    """From one crest to the next."""
    duration: Scalar
    """t_max of the ramp."""

    @classmethod
    def constant(cls, value: float) -> "Schedule":
        """The same value at all times."""
        return cls(value, value, 0.0, 1.0, 1.0)

    @classmethod
    def ramp(cls, start: float, end: float, duration: float) -> "Schedule":
        """From one value to another in ``duration`` (internal time), and constant after."""
        return cls(start, end, 0.0, 1.0, duration)

    @property
    def is_constant(self) -> bool:
        """Whether it is the same value at all times."""
        return bool(np.all(np.asarray(self.start) == np.asarray(self.end)) and np.all(np.asarray(self.amplitude) == 0))

    def __call__(self, time: Scalar) -> Array:
        """The value at ``time``."""
        part = jnp.clip(time / self.duration, 0.0, 1.0)
        # start + part * (end - start) is exactly constant where start equals end; the textbook form is not.
        ramp = self.start + part * (self.end - self.start)
        return jnp.asarray(ramp + self.amplitude * jnp.sin(jnp.pi * time / self.period) ** 2)


jax.tree_util.register_dataclass(
    Schedule, data_fields=["start", "end", "amplitude", "period", "duration"], meta_fields=[]
)
