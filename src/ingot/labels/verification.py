"""Verifying a label store: some labels are computed anew and compared with what is kept."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from ingot.labels.compute import label
from ingot.labels.method import LabelMethod
from ingot.labels.store import LabelStore
from ingot.progress import progress
from ingot.structures import structure_id


@dataclass(frozen=True)
class Comparison:
    """A kept label and the same computed anew: the largest differences."""

    structure_id: str
    energy_difference: float
    """eV; infinite where only one of the two has an energy."""
    force_difference: float
    """eV/A, the largest component."""
    stress_difference: float
    """eV/A^3, the largest component; 0 where neither has stress."""
    same_outcome: bool
    """Whether both converged, or both failed."""

    def agrees(self, energy: float, force: float, stress: float) -> bool:
        """Whether all differences are within these tolerances (eV, eV/A, eV/A^3)."""
        found = (self.energy_difference, self.force_difference, self.stress_difference)
        return self.same_outcome and all(np.less_equal(found, (energy, force, stress)))


def verify_labels(
    structures: Sequence[Atoms], method: LabelMethod, store: LabelStore, count: int, seed: int = 0
) -> list[Comparison]:
    """Compute ``count`` of the kept labels anew, drawn at random; those that the store lacks are passed over."""
    unique = {structure_id(atoms): atoms for atoms in structures}
    kept = {identity: found for identity in unique if (found := store.get(method.digest, identity)) is not None}
    names = sorted(kept)
    drawn = np.random.default_rng(seed).permutation(len(names))[:count]
    chosen = [names[i] for i in drawn]
    results = []
    for identity in progress(chosen, "verifying", unit="label"):
        old, new = kept[identity], label(unique[identity], method)
        results.append(
            Comparison(
                identity,
                _difference(old.energy, new.energy),
                _difference(old.forces, new.forces),
                _difference(old.stress, new.stress),
                old.converged == new.converged,
            )
        )
    return results


def _difference(old: float | np.ndarray | None, new: float | np.ndarray | None) -> float:
    if old is None and new is None:
        return 0.0
    if old is None or new is None:
        return float("inf")
    return float(np.abs(np.asarray(old) - np.asarray(new)).max())
