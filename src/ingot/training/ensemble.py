"""Members as potentials of their own, and an ensemble from them."""

from collections.abc import Sequence
from typing import Any

import jax
import numpy as np

from ingot.potentials import Architecture, Potential
from ingot.training.errors import TrainingError


def single_member(
    architecture: Architecture, parameters: Any, offsets: dict[str, float], provenance: dict[str, Any]
) -> Potential:
    """A potential of one member from parameters without a member axis."""
    return Potential(
        architecture, jax.tree.map(lambda leaf: np.asarray(leaf)[None], parameters), offsets, provenance=provenance
    )


def combine(members: Sequence[Potential]) -> Potential:
    """The ensemble of members of one architecture with equal offsets, in the order given.

    Raises :class:`TrainingError` when they do not belong together.
    """
    if not members:
        raise TrainingError("no members to combine")
    first = members[0]
    for k, member in enumerate(members[1:], start=1):
        if member.architecture != first.architecture:
            raise TrainingError(f"member {k} has another architecture than member 0: train them with one configuration")
        if member.offsets != first.offsets:
            raise TrainingError(
                f"member {k} has offsets {member.offsets}, member 0 has {first.offsets}: "
                "they were trained on different data"
            )
    parameters = jax.tree.map(lambda *leaves: np.concatenate(leaves), *[member.parameters for member in members])
    shared = {k: v for k, v in first.provenance.items() if k not in ("member", "seed", "best_epoch")}
    provenance = {
        **shared,
        "members": [{k: member.provenance.get(k) for k in ("member", "seed", "best_epoch")} for member in members],
    }
    return Potential(first.architecture, parameters, first.offsets, provenance=provenance)
