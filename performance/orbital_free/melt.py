"""The melt by a potential of orbital-free labels beside molecular dynamics by orbital-free DFT itself.

    python performance/orbital_free/melt.py --potential results/laptop_orbital_free/potential \
        --pseudopotential resources/al-lda-blps/al.lda.recpot -o melt.csv

Both are held at one temperature and density in the same cell of 32 atoms (Langevin thermostat), so that the small
cell is in both. The potential melts the crystal and equilibrates; the method goes on from its last frame. Errors are
those of the mean over blocks. A step of the method takes half a second, one of the potential two milliseconds.
"""

import argparse
import csv
import time
from pathlib import Path
from typing import Any

import numpy as np
from ase import Atoms, units
from ase.build import bulk
from ase.calculators.calculator import Calculator, all_changes
from ase.data import atomic_masses
from ase.md.langevin import Langevin
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution

import ingot
from ingot.benchmarks.radial_distribution import largest_distance, radial_distribution
from ingot.config.labels import LabelSettings
from ingot.labels import make_method
from ingot.units import GRAM_PER_CUBIC_CENTIMETRE

EVERY = 5
"""Steps from frame to frame."""
BIN = 0.05
"""Width of the bins of g(r), A."""


class OrbitalFree(Calculator):  # type: ignore[misc]  # ASE is not typed
    """Energies and forces of the label method."""

    implemented_properties = ("energy", "forces")

    def __init__(self, pseudopotential: str) -> None:
        super().__init__()
        chosen = {"compute_stress": False, "pseudopotential": {"Al": pseudopotential}}
        self.method = make_method(LabelSettings(method="orbital-free", orbital_free=chosen).model_dump())

    def calculate(self, atoms: Atoms | None = None, properties: Any = (), system_changes: Any = all_changes) -> None:
        super().calculate(atoms, properties, system_changes)
        bare = Atoms(self.atoms.symbols, self.atoms.positions, cell=self.atoms.cell, pbc=True)
        label = self.method.compute(bare)
        self.results = {"energy": label.energy, "forces": label.forces}


def blocks(frames: list[Atoms], count: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Position (A) and height of the first peak, of all frames, and standard errors over consecutive blocks."""

    def peak(part: list[Atoms]) -> tuple[float, float]:
        farthest = BIN * int(largest_distance(part[0]) / BIN)
        return radial_distribution(part, farthest, round(farthest / BIN)).peak()

    size = len(frames) // count
    parts = np.array([peak(frames[k * size : (k + 1) * size]) for k in range(count)])
    return np.array(peak(frames)), parts.std(axis=0, ddof=1) / np.sqrt(count)


def main() -> None:
    """Melt, equilibrate, compare; a row is written whenever 200 steps of the method are done."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--potential", required=True)
    parser.add_argument("--pseudopotential", required=True)
    parser.add_argument("--density", type=float, default=2.51, help="g/cm3 (2.51)")
    parser.add_argument("--temperature", type=float, default=1500.0, help="K (1500; this cell crystallises at 1000)")
    parser.add_argument("--steps", type=int, default=1800, help="of the method, 3 fs each, 200 not counted")
    parser.add_argument("-o", "--output", type=Path, required=True)
    args = parser.parse_args()
    volume = atomic_masses[13] / args.density / GRAM_PER_CUBIC_CENTIMETRE
    atoms = bulk("Al", "fcc", (4 * volume) ** (1 / 3), cubic=True) * (2, 2, 2)
    random = np.random.RandomState(1)

    def run(calculator: Calculator, steps: int, temperature: float) -> list[Atoms]:
        frames: list[Atoms] = []
        atoms.calc = calculator
        dynamics = Langevin(
            atoms, 3 * units.fs, temperature_K=temperature, friction=0.002 / units.fs, rng=random, fixcm=False
        )
        dynamics.attach(lambda: frames.append(atoms.copy()), interval=EVERY)
        dynamics.run(steps)
        return frames[1:]

    potential = ingot.load_potential(args.potential).calculator(uncertainty=False)
    MaxwellBoltzmannDistribution(atoms, temperature_K=3000, rng=random)
    for steps, temperature in ((1500, 3000.0), (3000, args.temperature)):
        run(potential, steps, temperature)
    with args.output.open("w", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(["by", "steps", "peak_A", "peak_error_A", "height", "height_error", "cpu_seconds"])

        def report(name: str, frames: list[Atoms], start: float) -> None:
            values, errors = blocks(frames)
            rounded = [round(float(x), 4) for pair in zip(values, errors, strict=True) for x in pair]
            row = [name, len(frames) * EVERY, *rounded, round(time.process_time() - start, 1)]
            writer.writerow(row)
            handle.flush()
            print(*row, flush=True)

        start = time.process_time()
        report("potential", run(potential, 16000, args.temperature), start)
        start = time.process_time()
        method = OrbitalFree(args.pseudopotential)
        run(method, 200, args.temperature)
        frames: list[Atoms] = []
        for _ in range(args.steps // 200 - 1):
            frames += run(method, 200, args.temperature)
            report("orbital-free DFT", frames, start)


if __name__ == "__main__":
    main()
