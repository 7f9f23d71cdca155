"""Label settings with pinned meshes: the energies of one lattice must differ by strain and volume alone."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from ase import Atoms

from ingot.benchmarks.errors import BenchmarkError
from ingot.labels.fft_mesh import fast_mesh


def pinned_label_settings(settings: Mapping[str, Any], cells: Sequence[Atoms]) -> dict[str, Any]:
    """The label settings for the cells of one lattice.

    For ``pyscf``: the k-point mesh of the first cell (the reference volume), the FFT mesh of the
    largest, no stress; a mesh that the settings already fix stays. Other methods have no
    meshes and keep their settings. Raises :class:`BenchmarkError` when a strain is so large
    that the shift of the k-mesh, which follows the symmetry of the cell, would change.
    """
    if settings.get("method") != "pyscf":
        return dict(settings)
    from ingot.labels.kohn_sham.kpoints import kpoint_mesh
    from ingot.labels.kohn_sham.method import KohnShamLabels  # here: PySCF takes seconds to import

    engine = dict(settings.get("pyscf") or {})
    method = KohnShamLabels(**engine)
    first = kpoint_mesh(cells[0].cell.array, method.kpoint_length_angstrom, method.kpoint_mesh)
    for atoms in cells:
        mesh = kpoint_mesh(atoms.cell.array, method.kpoint_length_angstrom, first.subdivisions)
        if mesh.shift != first.shift:
            raise BenchmarkError(
                f"a strained cell would be labelled with the k-mesh shift {mesh.shift}, the reference with"
                f" {first.shift}: use smaller strains (0.04 is safe)"
            )
    sizes = [fast_mesh(atoms.cell.array, method.ke_cutoff_hartree) for atoms in cells]
    largest = tuple(int(n) for n in np.max(sizes, axis=0))
    engine |= {
        "kpoint_mesh": list(first.subdivisions),
        "fft_mesh": list(method.fft_mesh or largest),
        "compute_stress": False,
    }
    return {**settings, "pyscf": engine}
