"""Energy per atom of each element: what the networks need not learn."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from ase import Atoms

from ingot.training.errors import TrainingError


def method_of(atoms: Atoms) -> str:
    """The name of the method that labelled a structure ("" when it says none)."""
    return str(atoms.info.get("method", ""))


def label_energies(frames: Sequence[Atoms]) -> np.ndarray:
    """The energies in eV that the forces derive from."""
    return np.array([atoms.get_potential_energy(force_consistent=True) for atoms in frames])


def fit_offsets(
    frames: Sequence[Atoms], species: Sequence[str], energies: np.ndarray | None = None
) -> dict[str, float]:
    """Offsets in eV by least squares of the energies per atom on the compositions.

    ``energies`` (eV) stand in for the labels where a part of them is not to be fitted.
    For one element this is the mean energy per atom. Compositions that do not determine all offsets
    (one compound only) give the solution of least norm, which is as good inside the data.
    """
    if not frames:
        raise TrainingError("no structures to fit energy offsets to")
    composition = np.array([[list(a.symbols).count(symbol) for symbol in species] for a in frames], dtype=float)
    atoms = composition.sum(axis=1)
    energy = label_energies(frames) if energies is None else np.asarray(energies)
    solution = np.linalg.lstsq(composition / atoms[:, None], energy / atoms, rcond=None)[0]
    return {symbol: float(offset) for symbol, offset in zip(species, solution, strict=True)}


def fit_method_offsets(
    frames: Sequence[Atoms], species: Sequence[str], energies: np.ndarray | None = None
) -> dict[str, dict[str, float]]:
    """Offsets of each labelling method by its name: energies of two methods have different zeros."""
    fitted = label_energies(frames) if energies is None else np.asarray(energies)
    groups: dict[str, list[int]] = defaultdict(list)
    for place, atoms in enumerate(frames):
        groups[method_of(atoms)].append(place)
    return {
        method: fit_offsets([frames[k] for k in groups[method]], species, fitted[groups[method]])
        for method in sorted(groups)
    }


def principal_method(frames: Sequence[Atoms]) -> str:
    """The method of most structures (by name among equals): its zero of energy becomes the potential's."""
    names = [method_of(atoms) for atoms in frames]
    return min(set(names), key=lambda name: (-names.count(name), name))
