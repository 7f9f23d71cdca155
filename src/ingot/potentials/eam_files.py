"""Reads EAM files of LAMMPS: ``eam/alloy`` (setfl) and ``eam/fs``."""

from pathlib import Path

import numpy as np
from ase.data import chemical_symbols
from scipy.interpolate import CubicSpline

from ingot.potentials.eam import EamArchitecture
from ingot.potentials.errors import PotentialError
from ingot.potentials.potential import Potential


def spline_pieces(values: np.ndarray) -> np.ndarray:
    """Coefficients (..., points - 1, 4) of the spline through values on an even grid, lowest power first."""
    spline = CubicSpline(np.arange(values.shape[-1]), values, axis=-1)
    return np.moveaxis(spline.c[::-1], (0, 1), (-1, -2))


def read_eam(path: str | Path) -> Potential:
    """A potential from a LAMMPS file of the styles ``eam/alloy`` and ``eam/fs``.

    Raises :class:`PotentialError` for a file that is not one, or that is cut off.
    """
    path = Path(path)
    try:
        lines = path.read_text(errors="replace").splitlines()
        count, *names = lines[3].split()
        kinds = int(count)
        densities, density_step, distances, distance_step, cutoff = lines[4].split()[:5]
        architecture = EamArchitecture(
            species=tuple(names[:kinds]),
            cutoff=_number(cutoff),
            distances=(_number(distance_step), int(distances)),
            densities=(_number(density_step), int(densities)),
        )
    except OSError as error:
        raise PotentialError(f"cannot read {path}: {error}") from None
    except (IndexError, ValueError) as error:
        raise PotentialError(f"{path} is not a file of eam/alloy or eam/fs: its head is malformed ({error})") from None
    unknown = [name for name in architecture.species if name not in chemical_symbols[1:]]
    if len(architecture.species) != kinds or unknown:
        raise PotentialError(
            f"{path} announces {kinds} elements and names {names}; unknown: {', '.join(unknown) or '-'}"
        )
    entries = [entry for line in lines[5:] for entry in line.split()]
    tables = _read_tables(entries, kinds, architecture.densities[1], architecture.distances[1], path)
    parameters = {name: spline_pieces(table)[None] for name, table in tables.items()}
    provenance = {"file": path.name, "comment": " / ".join(line.strip() for line in lines[:3])}
    return Potential(architecture, parameters, dict.fromkeys(architecture.species, 0.0), provenance=provenance)


def _number(text: str) -> float:
    return float(text.lower().replace("d", "e"))  # Fortran's exponents


def _read_tables(entries: list[str], kinds: int, densities: int, distances: int, path: Path) -> dict[str, np.ndarray]:
    """Embedding (kinds, densities), density (of, at, distances) and r phi (kinds, kinds, distances)."""
    pairs = kinds * (kinds + 1) // 2
    lengths = {made: kinds * (4 + densities + made * distances) + pairs * distances for made in {1, kinds}}
    made = next((made for made, length in lengths.items() if length == len(entries)), None)
    if made is None:
        wanted = " or ".join(str(length) for length in lengths.values())
        raise PotentialError(
            f"{path} holds {len(entries)} entries behind its head, {wanted} are expected: it is cut off or edited"
        )
    try:
        block = 4 + densities + made * distances
        blocks = np.array([[_number(e) for e in entries[k * block + 4 : (k + 1) * block]] for k in range(kinds)])
        rest = np.array([_number(e) for e in entries[kinds * block :]]).reshape(pairs, distances)
    except ValueError as error:
        raise PotentialError(f"{path}: {error}") from None
    density = blocks[:, densities:].reshape(kinds, made, distances)
    pair = np.zeros((kinds, kinds, distances))
    for values, one, other in zip(rest, *np.tril_indices(kinds), strict=True):
        pair[one, other] = pair[other, one] = values
    tables = {
        "embedding": blocks[:, :densities],
        "density": np.broadcast_to(density, (kinds, kinds, distances)),
        "pair": pair,
    }
    if not all(np.isfinite(table).all() for table in tables.values()):
        raise PotentialError(f"{path} holds values that are not numbers")
    return tables
