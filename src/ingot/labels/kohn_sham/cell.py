"""An ASE structure as a PySCF cell."""

from collections.abc import Mapping

import numpy as np
from ase import Atoms
from pyscf.pbc import gto

from ingot.labels.errors import LabelFailure
from ingot.labels.fft_mesh import fast_mesh


def build_cell(
    atoms: Atoms,
    basis: str | Mapping[str, str],
    pseudopotential: str | Mapping[str, str],
    cutoff: float,
    precision: float,
    fft_mesh: tuple[int, int, int] | None = None,
) -> gto.Cell:
    """The cell with its basis, pseudopotential and FFT mesh.

    ``cutoff``: kinetic energy (Hartree) of the highest plane wave of the density's mesh along each reciprocal
    vector; ``precision``: of the lattice sums; ``basis`` and ``pseudopotential``: a name, or one name per
    element with ``default`` for the rest. Raises :class:`LabelFailure` where PySCF has no such basis or
    pseudopotential for an element.
    """
    cell = gto.Cell()
    cell.atom = list(zip(atoms.get_chemical_symbols(), atoms.positions, strict=True))
    cell.a = atoms.cell.array
    cell.unit = "A"
    cell.basis = basis if isinstance(basis, str) else dict(basis)
    cell.pseudo = pseudopotential if isinstance(pseudopotential, str) else dict(pseudopotential)
    cell.precision = precision
    cell.spin = None  # an odd number of electrons is legal: smearing shares it between the spins
    cell.verbose = 0
    cell.mesh = np.array(fft_mesh or fast_mesh(atoms.cell.array, cutoff))
    try:
        cell.build()
    except Exception as error:  # PySCF raises what its parsers happen to raise
        elements = ", ".join(sorted(set(atoms.get_chemical_symbols())))
        raise LabelFailure(
            f"PySCF has no basis {basis!r} with pseudopotential {pseudopotential!r} for {elements} ({error}); "
            "name another under element_basis or element_pseudopotential"
        ) from error
    bare = sorted({cell.atom_pure_symbol(i) for i in range(cell.natm)} - set(cell._pseudo))
    if bare:
        raise LabelFailure(
            f"no pseudopotential {pseudopotential!r} for {', '.join(bare)}; name one under element_pseudopotential"
        )
    return cell
