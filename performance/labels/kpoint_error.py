"""What a k-point density leaves in energies, forces and elastic constants: the same cells at lengths L and 2 L.

    OMP_NUM_THREADS=1 python performance/labels/kpoint_error.py --length 24

prints a table of fcc aluminium: lattice constant, bulk modulus, C' and C44 (of stress differences at strain 0.01),
E(bcc) and E(hcp) above fcc; and the forces of rattled and disordered cells. The pinned mesh of each lattice is that of
its reference volume.
"""

import argparse
import os
from dataclasses import replace

os.environ["OMP_NUM_THREADS"] = "1"

import numpy as np
from ase import Atoms
from ase.eos import EquationOfState

from ingot.labels.kohn_sham.method import KohnShamLabels
from ingot.structures import build_lattice, packed_structure, rattled, strained, voigt_strain
from ingot.units import GIGAPASCAL

VOLUME = 16.5  # A^3 per atom


def pinned(engine: KohnShamLabels, atoms: Atoms) -> KohnShamLabels:
    """The same method with the mesh of one cell for all."""
    return replace(engine, kpoint_mesh=tuple(int(n) for n in engine.kpoints(atoms).subdivisions))


def crystal(free: KohnShamLabels) -> dict[str, float]:
    """Equation of state, elastic constants and phases at one k-point length."""
    fcc = [build_lattice("Al", "fcc", s * VOLUME) for s in (1.0, 0.92, 0.96, 1.04, 1.08)]
    engine = pinned(free, fcc[0])
    labels = [engine.compute(atoms) for atoms in fcc]
    volumes, energies = [a.get_volume() for a in fcc], [label.energy for label in labels]
    volume, minimum, modulus = EquationOfState(volumes, energies, eos="birchmurnaghan").fit()
    strain = 0.01
    shear = [engine.compute(strained(fcc[0], voigt_strain([0, 0, 0, s, 0, 0]))).stress for s in (strain, -strain)]
    ortho = [engine.compute(strained(fcc[0], voigt_strain([s, -s, 0, 0, 0, 0]))).stress for s in (strain, -strain)]
    result = {
        "mesh": float(engine.kpoints(fcc[0]).subdivisions[0]),
        "a0 (A)": (4 * volume) ** (1 / 3),
        "B (GPa)": modulus / GIGAPASCAL,
        "C44 (GPa)": float(shear[0][3] - shear[1][3]) / (2 * strain) / GIGAPASCAL,
        "C' (GPa)": float((ortho[0] - ortho[1])[0] - (ortho[0] - ortho[1])[1]) / (8 * strain) / GIGAPASCAL,
        "energy of fcc (meV/atom)": 1e3 * minimum,
    }
    for lattice in ("bcc", "hcp"):
        cell = build_lattice("Al", lattice, VOLUME)
        energy = pinned(free, cell).compute(cell).energy / len(cell)
        result[f"E({lattice}) - E(fcc) (meV/atom)"] = 1e3 * (energy - minimum)
    return result


def sample() -> list[Atoms]:
    """Cells with forces: rattled fcc, and packings of four atoms."""
    cube = build_lattice("Al", "fcc", VOLUME, conventional=True)
    rng = np.random.default_rng(0)
    packings = [packed_structure(["Al"] * 4, 1.15 * VOLUME, 2.3, rng) for _ in range(2)]
    return [rattled(cube, 0.2, rng), rattled(cube, 0.2, rng), *packings]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--length", type=float, default=24.0, help="k-point length L in A (24)")
    parser.add_argument("--smearing", default="gaussian", help="gaussian, fermi or cold (gaussian)")
    parser.add_argument("--width", type=float, default=0.2, help="width of the smearing in eV (0.2)")
    parser.add_argument("--no-crystal", action="store_true", help="forces only")
    args = parser.parse_args()
    lengths = (args.length, 2 * args.length)
    engines = [
        KohnShamLabels(
            kpoint_length_angstrom=length, smearing=args.smearing, smearing_width_ev=args.width, compute_stress=True,
            maximum_memory_gb=12,
        )
        for length in lengths
    ]  # fmt: skip
    if not args.no_crystal:
        tables = [crystal(engine) for engine in engines]
        print(f"{'':34}{lengths[0]:>10.0f} A{lengths[1]:>10.0f} A{'change':>12}")
        for key in tables[0]:
            print(f"{key:34}{tables[0][key]:12.3f}{tables[1][key]:12.3f}{tables[1][key] - tables[0][key]:12.3f}")
    cells = sample()
    coarse, fine = ([engine.compute(atoms) for atoms in cells] for engine in engines)
    difference = np.concatenate([(a.forces - b.forces).ravel() for a, b in zip(coarse, fine, strict=True)])
    size = np.concatenate([b.forces.ravel() for b in fine])
    rms, error = np.sqrt((size**2).mean()), np.sqrt((difference**2).mean())
    print(f"forces of {len(cells)} cells of four atoms: rms {rms:.3f} eV/A, k-error rms {error:.4f} eV/A,")
    print(f"    largest {np.abs(difference).max():.4f} eV/A")
    energies = [1e3 * (a.energy - b.energy) / 4 for a, b in zip(coarse, fine, strict=True)]
    print("energies of the same cells: k-error", ", ".join(f"{e:+.1f}" for e in energies), "meV/atom")


if __name__ == "__main__":
    main()
