"""Sets of structures as an audit reads them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from ingot.arrays import Descriptors
from ingot.audit.descriptors import environment_descriptors
from ingot.audit.errors import AuditError
from ingot.randomness import generator


@dataclass(frozen=True)
class AuditedSet:
    """One set of structures: its environments, and which structure each belongs to."""

    name: str
    descriptors: Descriptors
    structure: NDArray[np.int64]
    """Index of the structure of every environment."""
    labels: tuple[Mapping[str, str], ...]
    """``structure_id``, ``family``, ``parent`` and other labels of every structure."""
    number: NDArray[np.int64]
    """The place of every structure in the file."""
    temperature: NDArray[np.float64]
    """Kinetic temperature of every structure, K; not a number where there are no velocities."""

    def of(self, whole: "AuditedSet") -> NDArray[np.int64]:
        """Which environments of ``whole`` these are, when they were drawn from it."""
        return np.flatnonzero(np.isin(whole.structure, self.number))

    def sample(self, rows: int, seed: int) -> "AuditedSet":
        """Whole structures drawn at random, about ``rows`` environments; the set itself where it is no larger."""
        if len(self.descriptors) <= rows:
            return self
        order = generator(seed, "audited rows", self.name).permutation(len(self.labels))
        sizes = np.bincount(self.structure, minlength=len(self.labels))
        enough = int(np.searchsorted(np.cumsum(sizes[order]), rows)) + 1
        kept = np.sort(order[:enough])
        mine = np.isin(self.structure, kept)
        renumbered = np.searchsorted(kept, self.structure[mine])
        labels = tuple(self.labels[k] for k in kept)
        return AuditedSet(
            self.name, self.descriptors[mine], renumbered, labels, self.number[kept], self.temperature[kept]
        )


def describe(
    name: str,
    frames: Sequence[Atoms],
    neighbors: int = 32,
    cutoff_angstrom: float = 5.0,
    species: Sequence[str] | None = None,
    threads: int = 1,
    keys: Sequence[str] = (),
) -> AuditedSet:
    """A set ready for the audit, with further labels of its structures from ``keys`` of their ``info``.

    Raises :class:`AuditError` where it has no atoms.
    """
    if not sum(map(len, frames)):
        raise AuditError(f"the set {name!r} has no atoms: there is nothing to audit")
    try:
        descriptors = environment_descriptors(frames, neighbors, cutoff_angstrom, species, threads)
    except AuditError as error:
        raise AuditError(f"set {name!r}: {error}") from None
    labels = []
    for number, atoms in enumerate(frames):
        identity = str(atoms.info.get("structure_id", number))
        family = str(atoms.info.get("family", "unknown"))
        known = {"structure_id": identity, "family": family, "parent": str(atoms.info.get("parent", identity))}
        labels.append({key: str(atoms.info[key]) for key in keys if key in atoms.info} | known)
    return AuditedSet(
        name,
        descriptors,
        np.repeat(np.arange(len(frames)), [len(atoms) for atoms in frames]),
        tuple(labels),
        np.arange(len(frames)),
        np.array([_temperature(atoms) for atoms in frames]),
    )


def _temperature(atoms: Atoms) -> float:
    return float(atoms.get_temperature()) if atoms.has("momenta") and atoms.get_momenta().any() else np.nan
