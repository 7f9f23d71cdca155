"""What dynamics needs to know of a potential."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import jax
import numpy as np

from ingot.dynamics.integrator import Evaluate
from ingot.files import digest

if TYPE_CHECKING:
    from ingot.potentials import Members, Potential


@dataclass(frozen=True)
class Model:
    """An evaluator with the symbols and the ranges that it was made for."""

    evaluate: Evaluate
    """``evaluate(positions, cell, species, table)``; the mean over its members drives the dynamics."""
    species: tuple[str, ...]
    """Symbols, in the order of the evaluator's species indices."""
    cutoff: float
    """A."""
    inner_cutoff: float | None = None
    """Range of three-body terms, A, where there is one."""
    periodic_only: bool = False
    """Whether structures must be periodic in all three directions."""
    complaint: Callable[[], str] = str
    """What the evaluator itself says of its last failure; empty where it has nothing to say."""

    @classmethod
    def of(cls, potential: "Potential", members: "Members" = "mean") -> "Model":
        """The model of a potential, in float32 with float64 positions and sums."""
        from ingot.potentials import make_evaluator  # here: analytic models do not need the potentials' machinery

        about = potential.architecture
        return cls(make_evaluator(potential, members), about.species, about.cutoff, about.inner_cutoff)


def potential_digest(potential: "Potential") -> str:
    """Sixteen hexadecimal digits of what a potential computes, wherever its files lie and however it was made."""
    content = hashlib.sha256()
    for leaf in jax.tree.leaves(potential.parameters):
        content.update(np.ascontiguousarray(leaf).tobytes())
    return digest([potential.architecture.to_json(), potential.offsets, content.hexdigest()])
