"""QUESTS descriptors of atom-centred environments: what an atom's nearest neighbours look like.

Schwalbe-Koda et al., Nat. Commun. 16, 4014 (2025). With the ``k`` nearest neighbours of
atom i, ``w(r) = (1 - (r/rc)^2)^2`` and ``s = sqrt(w)``, the 2k - 1 components (1/A) are

* ``w(r_ij) / r_ij``, nearest first (k values);
* the matrix ``R_jl = s_ij s_il / r_jl`` among the neighbours, each row sorted, its zero
  self entry dropped, averaged over the rows, largest first (k - 1 values).

Missing neighbours are zeros. The descriptor is blind to species, unless it is given some. Then (our extension) the
neighbours of each species are k of their own, with both parts; for every two species A before B the k values of
``R_jl`` follow with j of A and l of B, rows sorted and averaged over j; and one component for each species is 1 for
the centre's own, else 0, so that environments of different species are at least sqrt(2)/A apart: 94 bandwidths.
"""

from collections.abc import Sequence

import numpy as np
from ase import Atoms
from numpy.typing import NDArray

from ingot.arrays import Descriptors
from ingot.audit.descriptors_numpy import numpy_environments
from ingot.audit.errors import AuditError
from ingot.audit.frames import Frames
from ingot.audit.native import MOST_NEIGHBORS, compiled_audit, compiled_environments
from ingot.neighbors import NeighborError, complete_cell

TIE_TOLERANCE = 1e-5
"""In angstrom: neighbours at the k-th distance within this belong to one shell (positions are stored to 1e-6)."""

_COINCIDENT = 1e-3
"""In angstrom: two atoms closer than this are one atom written twice."""


def environment_descriptors(
    frames: Sequence[Atoms],
    neighbors: int = 32,
    cutoff_angstrom: float = 5.0,
    species: Sequence[str] | None = None,
    threads: int = 1,
) -> Descriptors:
    """Descriptors of every atom of every frame, in 1/A, (environments, 2 neighbors - 1).

    With S ``species`` there are ``S (2 neighbors - 1) + S (S - 1) / 2 neighbors + S`` components.

    Any periodicity (mixed too), handedness and size of the cell is taken as it is; in cells
    smaller than the cutoff atoms neighbour their own images. Where a shell of equally distant
    neighbours straddles the k-th place (k = 32 cuts the third shell of perfect fcc), its
    members share the remaining places equally (see :mod:`ingot.audit.tied_shell`), so that
    the result is invariant under permutation, rotation and the choice of supercell. No frames
    give no rows. Compiled code shares the atoms among ``threads``. Raises :class:`AuditError` for coincident atoms,
    positions that are not finite, a zero cell along a periodic direction, species that are not listed, or settings out
    of bounds.

    >>> from ase.build import bulk
    >>> environment_descriptors([bulk("Al", cubic=True)]).shape
    (4, 63)
    """
    if neighbors < 2:
        raise AuditError(f"a descriptor needs at least 2 neighbours, got {neighbors!r}")
    if not (np.isfinite(cutoff_angstrom) and cutoff_angstrom > 0):
        raise AuditError(f"the cutoff must be a positive length in angstrom, got {cutoff_angstrom!r}")
    if species is not None and (not species or len(set(species)) < len(species)):
        raise AuditError(f"species must be different chemical symbols, got {species!r}")
    kinds = len(species) if species else 1
    joined = _joined(frames, species)
    constants = (kinds, neighbors, cutoff_angstrom, TIE_TOLERANCE, _COINCIDENT)
    try:
        if neighbors <= MOST_NEIGHBORS and compiled_audit()[0]:
            x = compiled_environments(joined, *constants, threads)
        else:
            x = numpy_environments(joined, *constants)
    except ValueError as error:
        raise _coincidence(frames, joined, int(error.args[0])) from None
    return np.concatenate([x, np.eye(kinds)[joined.kinds]], axis=1) if species else x


def _joined(frames: Sequence[Atoms], species: Sequence[str] | None) -> Frames:
    """All frames one behind the other, checked."""
    number_of = {symbol: kind for kind, symbol in enumerate(species or ())}
    cells, kinds = [], []
    for number, atoms in enumerate(frames):
        try:
            if not np.isfinite(atoms.positions).all():
                raise AuditError("positions are not finite numbers: the simulation may have blown up")
            cells.append(complete_cell(atoms.cell.array, atoms.pbc))
            kinds.append(_kinds(atoms, number_of) if species else np.zeros(len(atoms), np.int32))
        except (AuditError, NeighborError) as error:
            raise _of_frame(number, atoms, str(error)) from None
    return Frames(
        offsets=np.cumsum([0, *map(len, frames)], dtype=np.int64),
        positions=np.concatenate([np.empty((0, 3)), *(atoms.positions for atoms in frames)]),
        cells=np.array(cells, np.float64).reshape(-1, 3, 3),
        pbc=np.array([atoms.pbc for atoms in frames], np.uint8).reshape(-1, 3),
        kinds=np.concatenate([np.empty(0, np.int32), *kinds]),
    )


def _kinds(atoms: Atoms, number_of: dict[str, int]) -> NDArray[np.int32]:
    unknown = sorted({*atoms.get_chemical_symbols()} - {*number_of})
    if unknown:
        raise AuditError(f"species {', '.join(unknown)} are not among those of the descriptor: {', '.join(number_of)}")
    return np.array([number_of[symbol] for symbol in atoms.get_chemical_symbols()], np.int32)


def _coincidence(frames: Sequence[Atoms], joined: Frames, atom: int) -> AuditError:
    number = int(np.searchsorted(joined.offsets, atom, side="right")) - 1
    own = atom - int(joined.offsets[number])
    message = f"atom {own} coincides with another: remove the duplicate or correct the cell"
    return _of_frame(number, frames[number], message)


def _of_frame(number: int, atoms: Atoms, message: str) -> AuditError:
    name = atoms.info.get("structure_id", "no id")
    return AuditError(f"frame {number} ({name}, {atoms.get_chemical_formula()}): {message}")
