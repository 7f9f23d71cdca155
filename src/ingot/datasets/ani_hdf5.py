"""Labelled structures from ANI-style HDF5 files, the format in which the ANI data sets were published.

Groups (nested at will) hold ``species`` (symbols, atoms), ``coordinates`` (configurations, atoms, 3), ``energies`` or
``energy`` (configurations) and, some of them, ``forces`` or ``force`` (configurations, atoms, 3) and ``cell``
(configurations, 3, 3 or one for all). The file does not say its units, nor whether forces are forces or gradients: the
user does.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator
from ase.data import chemical_symbols

from ingot.datasets.errors import DatasetError

_ENERGIES, _FORCES, _COORDINATES = ("energies", "energy"), ("forces", "force"), ("coordinates",)
_CELLS, _SPECIES = ("cell", "cells"), ("species",)


def read_ani_hdf5(path: str | Path, energy_unit: float, length_unit: float, gradients: bool) -> list[Atoms]:
    """All configurations as ASE atoms with energy (eV) and, where the file has them, forces (eV/A).

    ``energy_unit`` (eV) and ``length_unit`` (A) are those of the file; ``gradients``: its forces are ``+dE/dr``.
    ``info`` says the ``group``, from which structures descend that must not be split between training and test.
    Raises :class:`DatasetError` for a file without such groups, and for arrays that do not belong together.
    """
    frames: list[Atoms] = []
    try:
        with h5py.File(path, "r") as file:
            for name, group in _groups(file):
                frames += _configurations(f"{path}:{name}", name, group, energy_unit, length_unit, gradients)
    except OSError as error:
        raise DatasetError(f"cannot read {path} as HDF5: {error}") from error
    if not frames:
        raise DatasetError(f"{path} has no group with species, coordinates and energies")
    return frames


def _groups(parent: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every group that has coordinates, wherever it is, in the order of its name."""
    if any(key in parent for key in _COORDINATES):
        yield prefix or "/", parent
    for key in sorted(parent):
        if isinstance(parent[key], h5py.Group):
            yield from _groups(parent[key], f"{prefix}/{key}")


def _array(group: Any, keys: tuple[str, ...]) -> np.ndarray | None:
    found = next((key for key in keys if key in group), None)
    return None if found is None else np.asarray(group[found])


def _configurations(
    where: str, name: str, group: Any, energy_unit: float, length_unit: float, gradients: bool
) -> Iterator[Atoms]:
    species, energies = _array(group, _SPECIES), _array(group, _ENERGIES)
    if species is None or energies is None:
        raise DatasetError(f"{where} has coordinates but no {'species' if species is None else 'energies'}")
    symbols = [s.decode() if isinstance(s, bytes) else str(s) for s in species.ravel()]
    if unknown := sorted(set(symbols) - set(chemical_symbols)):
        raise DatasetError(f"{where}: {', '.join(unknown)} are not element symbols")
    coordinates = np.asarray(_array(group, _COORDINATES), dtype=float)
    count, energies = len(coordinates), energies.astype(float).ravel()
    forces, cells = _array(group, _FORCES), _array(group, _CELLS)
    if coordinates.shape != (count, len(symbols), 3) or len(energies) != count:
        raise DatasetError(
            f"{where}: {len(symbols)} species, coordinates {coordinates.shape} and {len(energies)} energies do not "
            "belong together"
        )
    if forces is not None and forces.shape != coordinates.shape:
        raise DatasetError(f"{where}: forces {forces.shape} do not belong to coordinates {coordinates.shape}")
    if cells is not None:
        if cells.shape not in ((3, 3), (count, 3, 3)):
            raise DatasetError(f"{where}: cells {cells.shape} do not belong to {count} configurations")
        cells = np.broadcast_to(cells, (count, 3, 3)) * length_unit
    sign = -1.0 if gradients else 1.0
    for k in range(count):
        atoms = Atoms(symbols, positions=coordinates[k] * length_unit)
        if cells is not None:
            atoms.set_cell(cells[k])
            atoms.pbc = True
        atoms.info["group"] = name
        results: dict[str, Any] = {"energy": energies[k] * energy_unit, "free_energy": energies[k] * energy_unit}
        if forces is not None:
            results["forces"] = sign * np.asarray(forces[k], dtype=float) * (energy_unit / length_unit)
        atoms.calc = SinglePointCalculator(atoms, **results)
        yield atoms
