"""Labels that would spoil a training are counted and left out, with the reason."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.calculators.calculator import PropertyNotImplementedError

from ingot.training.errors import TrainingError
from ingot.training.examples import forces_of
from ingot.training.offsets import method_of


@dataclass(frozen=True)
class Screening:
    """The structures worth training on, and how many were left out for which reason."""

    frames: list[Atoms]
    excluded: dict[str, int]

    def message(self) -> str:
        """What was left out, and what has energies alone; empty when there is nothing to say."""
        parts = []
        if self.excluded:
            total = sum(self.excluded.values())
            reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(self.excluded.items()))
            parts.append(f"{total} of {total + len(self.frames)} structures left out: {reasons}")
        if without := sum(forces_of(atoms) is None for atoms in self.frames):
            parts.append(f"{without} structures without forces count for their energy alone")
        return "; ".join(parts)


def _reason(atoms: Atoms, force_limit: float, closest: float) -> str | None:
    """Why a structure is not to be trained on, or nothing."""
    if atoms.calc is None:
        return "without a label"
    try:
        energy = atoms.get_potential_energy(force_consistent=True)
    except PropertyNotImplementedError:
        return "without energy"
    known = forces_of(atoms)
    forces = np.zeros((0, 3)) if known is None else known
    if not (np.isfinite(energy) and np.isfinite(forces).all() and np.isfinite(atoms.positions).all()):
        return "with values that are not numbers"
    if np.linalg.norm(forces, axis=1).max(initial=0.0) > force_limit:
        return f"with a force above {force_limit:g} eV/A"
    if closest > 0:
        from ingot.neighbors import neighbor_pairs  # only where asked for

        if len(neighbor_pairs(atoms.positions, atoms.cell.array, atoms.pbc, closest)[0]):
            return f"with atoms closer than {closest:g} A"
    return None


def screen(frames: Sequence[Atoms], force_limit: float, closest: float = 0.0) -> Screening:
    """Leave out structures without usable labels or beyond the limits (eV/A and A).

    Raises :class:`TrainingError` when nothing is left, or when one method's energies are of several kinds
    (free energy, energy at zero smearing, total energy), which no offset can reconcile.
    """
    kept: list[Atoms] = []
    excluded: dict[str, int] = {}
    for atoms in frames:
        reason = _reason(atoms, force_limit, closest)
        if reason is None:
            kept.append(atoms)
        else:
            excluded[reason] = excluded.get(reason, 0) + 1
    if not kept:
        raise TrainingError(f"no structure can be trained on: {Screening(kept, excluded).message() or 'none given'}")
    kinds: dict[str, set[str]] = {}
    for atoms in kept:
        kind = str(atoms.info.get("energy_kind", "unknown"))
        if kind != "unknown":
            kinds.setdefault(method_of(atoms), set()).add(kind)
    for method, found in sorted(kinds.items()):
        if len(found) > 1:
            raise TrainingError(
                f"method {method!r} has energies of several kinds ({', '.join(sorted(found))}): "
                "label all with one kind (the free energy, which the forces derive from)"
            )
    return Screening(kept, excluded)
