"""Kinetic functionals of orbital-free DFT beside Kohn-Sham with the same exchange and correlation, on aluminium.

    OMP_NUM_THREADS=1 python performance/orbital_free/compare_functionals.py --pseudopotential al.lda.recpot

Prints lattice constant, bulk modulus, energies of bcc and hcp above fcc, errors of forces in hot disordered cells,
and CPU seconds (crystals + disordered cells). Two Kohn-Sham references: plane waves with the same local
pseudopotential, where the kinetic functional is the only difference, and Ingot's Kohn-Sham labels (GTH
pseudopotentials with nonlocal projectors, Gaussian orbitals). They take most of the time, are kept in the file that
``--reference`` names, and are not computed twice.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.emt import EMT
from ase.eos import EquationOfState
from ase.md.langevin import Langevin
from plane_waves import solve

from ingot.labels import LabelMethod, label
from ingot.labels.kohn_sham.method import KohnShamLabels
from ingot.labels.orbital_free.kinetic import FUNCTIONALS
from ingot.labels.orbital_free.method import OrbitalFreeLabels
from ingot.structures import build_lattice, canonical

VOLUMES = (14.0, 14.75, 15.5, 16.25, 17.0, 17.75)  # A^3/atom
Lattice = Literal["fcc", "bcc", "hcp"]
MESHES: dict[Lattice, tuple[int, int, int]] = {"fcc": (12, 12, 12), "bcc": (12, 12, 12), "hcp": (12, 12, 8)}
KOHN_SHAM: dict[str, Any] = {"functional": "lda,pz", "pseudopotential": "gth-pade", "ke_cutoff_hartree": 20.0}
Calculation = Callable[[Atoms, Lattice | None], tuple[float, np.ndarray]]
"""Energy (eV per cell) and forces of a structure, and the lattice it is on if it is a crystal."""


def disordered_cells() -> list[Atoms]:
    """Four cells of 8 atoms after 1 ps at 2500 K with ASE's EMT, at 2.2 to 2.8 g/cm^3."""
    cells = []
    for seed, lattice_constant in enumerate((4.00, 4.10, 4.20, 4.32)):
        atoms = bulk("Al", "fcc", a=lattice_constant, cubic=True).repeat((2, 1, 1))
        atoms.rattle(0.1, seed=seed)
        atoms.calc = EMT()
        dynamics = Langevin(
            atoms, 2 * units.fs, temperature_K=2500, friction=0.02, rng=np.random.default_rng(seed), logfile=None
        )
        dynamics.run(500)
        atoms.calc = None
        cells.append(canonical(atoms))
    return cells


def results(calculate: Calculation) -> dict[str, Any]:
    """All quantities by one method."""
    start = time.process_time()
    minima = {}
    for lattice in MESHES:
        crystals = [build_lattice("Al", lattice, v) for v in VOLUMES]
        energies = [calculate(atoms, lattice)[0] / len(atoms) for atoms in crystals]
        minima[lattice] = EquationOfState(VOLUMES, energies, eos="birchmurnaghan").fit()
    volume, lowest, modulus = minima["fcc"]
    found: dict[str, Any] = {
        "a0": (4 * volume) ** (1 / 3),
        "B": modulus / units.GPa,
        "bcc": 1e3 * (minima["bcc"][1] - lowest),
        "hcp": 1e3 * (minima["hcp"][1] - lowest),
    }
    crystals_done = time.process_time()
    found["forces"] = [calculate(atoms, None)[1].tolist() for atoms in disordered_cells()]
    found["seconds"] = [crystals_done - start, time.process_time() - crystals_done]
    return found


def by_labels(method_of: Callable[[Lattice | None], LabelMethod]) -> Calculation:
    """Calculations by a label method, which may depend on the lattice."""

    def calculate(atoms: Atoms, lattice: Lattice | None) -> tuple[float, np.ndarray]:
        result = label(atoms, method_of(lattice))
        if result.energy is None or result.forces is None:
            raise RuntimeError(str(result.reason))
        return result.energy if result.energy_zero is None else result.energy_zero, result.forces

    return calculate


def kohn_sham(lattice: Lattice | None) -> KohnShamLabels:
    """Settings for a crystal, or for disordered cells."""
    if lattice is None:
        return KohnShamLabels(kpoint_length_angstrom=24.0, **KOHN_SHAM)
    mesh = (15, 15, 15) if lattice != "hcp" else (15, 15, 24)
    return KohnShamLabels(kpoint_mesh=MESHES[lattice], fft_mesh=mesh, **KOHN_SHAM)


def references(pseudopotential: str) -> dict[str, Any]:
    """Both Kohn-Sham references."""

    def plane_waves(atoms: Atoms, lattice: Lattice | None) -> tuple[float, np.ndarray]:
        if lattice is None:
            result = solve(atoms, pseudopotential, 6.0, length=24.0)
        else:
            result = solve(atoms, pseudopotential, 12.0, subdivisions=MESHES[lattice])
        return result.energy, result.forces

    return {"local": results(plane_waves), "GTH": results(by_labels(kohn_sham))}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pseudopotential", required=True, help="file of a local pseudopotential of aluminium")
    parser.add_argument("--only", nargs="+", choices=FUNCTIONALS, default=list(FUNCTIONALS))
    parser.add_argument("--reference", default="kohn_sham.json", help="where the Kohn-Sham results are kept")
    parser.add_argument("--cutoff", type=float, default=20.0, help="Hartree, of the density")
    args = parser.parse_args()
    kept = Path(args.reference)
    if not kept.exists():
        kept.write_text(json.dumps(references(args.pseudopotential)))
    exact = json.loads(kept.read_text())

    def error(found: dict[str, Any], other: dict[str, Any]) -> str:
        ours, theirs = (np.concatenate([np.ravel(f) for f in r["forces"]]) for r in (found, other))
        return f"{np.sqrt(np.mean((ours - theirs) ** 2)):.3f} ({np.corrcoef(ours, theirs)[0, 1]:.4f})"

    def line(name: str, found: dict[str, Any]) -> None:
        values = [name, f"{found['a0']:.3f}", f"{found['B']:.1f}", f"{found['bcc']:.0f}", f"{found['hcp']:.0f}"]
        values += [error(found, exact["local"]), error(found, exact["GTH"])]
        values.append(" + ".join(f"{s:.0f}" for s in found["seconds"]))
        print("| " + " | ".join(values) + " |", flush=True)

    names = ("method", "a0", "B", "bcc - fcc", "hcp - fcc", "forces, local", "forces, GTH", "CPU")
    print("| " + " | ".join(names) + " |")
    for name, found in exact.items():
        line(f"Kohn-Sham, {name}", found)
    forces = np.concatenate([np.ravel(f) for f in exact["local"]["forces"]])
    print(f"root mean square force: {np.sqrt(np.mean(forces**2)):.3f} eV/A")
    for name in args.only:
        method = OrbitalFreeLabels(
            kinetic_functional=name,
            pseudopotential={"Al": args.pseudopotential},
            ke_cutoff_hartree=args.cutoff,
            compute_stress=False,
        )
        try:
            line(name, results(by_labels(lambda lattice, method=method: method)))  # type: ignore[misc]
        except RuntimeError as failure:
            print(f"| {name} | {failure} |", flush=True)


if __name__ == "__main__":
    main()
