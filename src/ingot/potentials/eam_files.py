"""EAM files of LAMMPS: ``eam/alloy`` (setfl) and ``eam/fs``."""

from pathlib import Path
from typing import Literal

import numpy as np
from ase.data import atomic_masses, atomic_numbers, chemical_symbols, reference_states

from ingot.files import write_atomically
from ingot.potentials.eam import EamArchitecture
from ingot.potentials.errors import PotentialError
from ingot.potentials.potential import Potential


def spline_pieces(values: np.ndarray) -> np.ndarray:
    """Coefficients (..., points - 1, 4) of the spline through values on an even grid, lowest power first."""
    from scipy.interpolate import CubicSpline  # a tenth of what a short job loads, and few need it

    spline = CubicSpline(np.arange(values.shape[-1]), values, axis=-1)
    return np.moveaxis(spline.c[::-1], (0, 1), (-1, -2))


def lammps_pieces(values: np.ndarray) -> np.ndarray:
    """As :func:`spline_pieces`, with the slopes at the knots that LAMMPS takes: differences of the nearest values.

    Slopes are of fourth order inside and of lower order in the two last places at both ends (its
    ``PairEAM::interpolate``). A table with kinks, or rounded values, gives forces that differ by 1e-5 eV/A between the
    two ways.
    """
    slope = np.empty_like(values)
    slope[..., 2:-2] = (values[..., :-4] - values[..., 4:] + 8 * (values[..., 3:-1] - values[..., 1:-3])) / 12
    slope[..., 1], slope[..., -2] = ((values[..., k + 1] - values[..., k - 1]) / 2 for k in (1, values.shape[-1] - 2))
    slope[..., 0], slope[..., -1] = values[..., 1] - values[..., 0], values[..., -1] - values[..., -2]
    rise, left, right = np.diff(values, axis=-1), slope[..., :-1], slope[..., 1:]
    return np.stack([values[..., :-1], left, 3 * rise - 2 * left - right, left + right - 2 * rise], axis=-1)


INTERPOLATIONS = {"lammps": lammps_pieces, "spline": spline_pieces}


def read_eam(path: str | Path, interpolation: Literal["lammps", "spline"] = "lammps") -> Potential:
    """A potential from a LAMMPS file of the styles ``eam/alloy`` and ``eam/fs``.

    Between the values of the tables it is that of LAMMPS, or with ``spline`` that of ASE: cubic splines.
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
    parameters = {name: INTERPOLATIONS[interpolation](table)[None] for name, table in tables.items()}
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


def write_eam(potential: Potential, path: str | Path) -> None:
    """A file of the style ``eam/alloy``, or ``eam/fs`` where densities depend on both elements.

    Raises :class:`PotentialError` for a potential of another kind, or one with offsets, which such files cannot hold.
    """
    architecture = potential.architecture
    if not isinstance(architecture, EamArchitecture):
        raise PotentialError(f"only EAM potentials can be written as EAM files; this one is {architecture.kind!r}")
    if any(potential.offsets.values()):
        raise PotentialError("an EAM file has no place for offsets of energies")
    tables = {name: _values(np.asarray(pieces)[0]) for name, pieces in potential.parameters.items()}
    kinds = range(len(architecture.species))
    of_both = any(not np.array_equal(tables["density"][k, 0], tables["density"][k, at]) for k in kinds for at in kinds)
    (density_step, densities), (distance_step, distances) = architecture.densities, architecture.distances
    lines = [
        "written by Ingot",
        " ".join(str(potential.provenance.get("comment", "")).split()),
        "eam/fs" if of_both else "eam/alloy",
        " ".join([str(len(architecture.species)), *architecture.species]),
        f"{densities} {density_step!r} {distances} {distance_step!r} {architecture.cutoff!r}",
    ]
    for k, symbol in enumerate(architecture.species):
        number = atomic_numbers[symbol]
        lattice = reference_states[number] or {}
        head = (number, float(atomic_masses[number]), lattice.get("a", 0.0), lattice.get("symmetry", "none"))
        lines.append(" ".join(map(str, head)))
        lines += map(repr, tables["embedding"][k].tolist())
        for at in kinds if of_both else [0]:
            lines += map(repr, tables["density"][k, at].tolist())
    for one, other in zip(*np.tril_indices(len(kinds)), strict=True):
        lines += map(repr, tables["pair"][one, other].tolist())
    write_atomically(path, "\n".join(lines) + "\n")


def _values(pieces: np.ndarray) -> np.ndarray:
    """What the splines are at their knots."""
    return np.concatenate([pieces[..., 0], pieces[..., -1:, :].sum(axis=-1)], axis=-1)
