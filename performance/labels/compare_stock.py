"""CPU time of Ingot's Kohn-Sham labels beside stock PySCF's, on the same cell in one process.

    python performance/labels/compare_stock.py [--cell 4] [--mesh 2 2 2] [--cutoff 20]

Stock PySCF: KRKS with FFTDF and smearing, energy and nuclear gradient, on the k-points that time reversal leaves
(it takes any list; the density of k is that of -k). Both run on one thread.
"""

import argparse
import os
import time
import warnings
from typing import Any

CELLS: dict[str, dict[str, Any]] = {
    "1": {"a": 4.05},
    "2": {"a": 4.05, "repeat": (1, 1, 2)},
    "4": {"a": 4.05, "cubic": True},
}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cell", choices=CELLS, default="4", help="atoms of fcc aluminium, rattled by 0.1 A")
    parser.add_argument("--mesh", type=int, nargs=3, default=(2, 2, 2), help="k-point mesh")
    parser.add_argument("--cutoff", type=float, default=20.0, help="Hartree")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"  # before the libraries load

    import numpy as np
    from ase.build import bulk
    from pyscf import lib
    from pyscf.pbc import dft, gto, scf

    from ingot.labels import label, make_method
    from ingot.labels.fft_mesh import fast_mesh
    from ingot.structures import canonical
    from ingot.units import BOHR, HARTREE

    lib.num_threads(1)
    options = dict(CELLS[args.cell])
    repeat = options.pop("repeat", (1, 1, 1))
    atoms = bulk("Al", "fcc", **options).repeat(repeat)
    atoms.rattle(0.1, seed=1)
    atoms = canonical(atoms)

    method = make_method(
        {
            "method": "pyscf",
            "pyscf": {"kpoint_mesh": tuple(args.mesh), "ke_cutoff_hartree": args.cutoff, "max_cycle": 60},
        }
    )
    start = time.process_time()
    ours = label(atoms, method)
    ours_seconds = time.process_time() - start

    mesh = method.kpoints(atoms)  # type: ignore[attr-defined]
    cell = gto.Cell()
    cell.atom = list(zip(atoms.get_chemical_symbols(), atoms.positions, strict=True))
    cell.a, cell.basis, cell.pseudo = atoms.cell.array, "gth-dzvp-molopt-sr", "gth-pbe"
    cell.precision, cell.verbose, cell.spin = 1e-6, 0, None
    cell.mesh = np.array(fast_mesh(atoms.cell.array, args.cutoff))
    cell.build()
    reduced = cell.make_kpts(list(mesh.subdivisions), scaled_center=list(mesh.center), time_reversal_symmetry=True)
    equal = np.allclose(reduced.weights_ibz, reduced.weights_ibz[0])  # then the reduced list stands for the mesh
    points = reduced.kpts_ibz if equal else reduced.kpts
    start = time.process_time()
    engine = scf.addons.smearing_(dft.KRKS(cell, xc="pbe", kpts=points), sigma=0.2 / HARTREE, method="gaussian")
    engine.conv_tol, engine.max_cycle, engine.chkfile = 1e-7, 60, None
    engine.kernel()
    energy_seconds = time.process_time() - start
    forces = -engine.nuc_grad_method().kernel() * HARTREE / BOHR
    stock_seconds = time.process_time() - start

    print(f"{len(atoms)} atoms, k-mesh {args.mesh} ({len(points)} points), cutoff {args.cutoff:g} Ha, FFT {cell.mesh}")
    print("| | CPU s, energy + forces | free energy, eV | largest force, eV/A |")
    print("|---|---|---|---|")
    print(f"| stock PySCF | {stock_seconds:.1f} ({energy_seconds:.1f} without forces) | {engine.e_free * HARTREE:.6f} "
          f"| {np.abs(forces).max():.5f} |")  # fmt: skip
    print(f"| Ingot | {ours_seconds:.2f} | {ours.energy:.6f} | {np.abs(ours.forces).max():.5f} |")
    energy_error, force_error = abs(ours.energy - engine.e_free * HARTREE), np.abs(ours.forces - forces).max()
    print(f"\nratio {stock_seconds / ours_seconds:.1f}; energies differ by {1e3 * energy_error:.4f} meV")
    print(f"and forces by at most {force_error:.1e} eV/A (the error of the grid, in two ways to use it)")


if __name__ == "__main__":
    main()
