"""CPU time of a step of molecular dynamics per atom: one network of ANI-Al in several ways, and EAM.

``python performance/dynamics/compare.py --potential DIR [--eam FILE] [--torch-python PYTHON] [--cells 5 8 13]
[--threads 1 2] [--rounds 4] [-o results.csv]``

A disturbed fcc crystal of aluminium with velocities of 900 K, 2 fs, no thermostat. Every way is a process of its own
with the same start; they take turns, so that a busy machine slows all alike, and the least CPU time of each counts.
``--torch-python``: a Python interpreter with torchani and ASE, for the same network in `torchani_md.py`.
"""

import argparse
import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ATOM_STEPS = {"ani": 120_000, "ani-jax": 20_000, "eam": 400_000, "torchani": 4_000, "torchani-all-pairs": 2_000}
"""Atoms times steps of one turn."""
FEWEST_STEPS = {"ani": 20, "ani-jax": 8, "eam": 20, "torchani": 2, "torchani-all-pairs": 2}
TITLES = {
    "ani": "ANI-Al network 0, compiled descriptor",
    "ani-jax": "ANI-Al network 0, pure JAX",
    "eam": "EAM",
    "torchani": "ANI-Al network 0, ASE + torchani, cell list",
    "torchani-all-pairs": "ANI-Al network 0, ASE + torchani, all pairs",
}
LARGEST = {"torchani-all-pairs": 600}
"""Atoms beyond which a way is left out: its memory grows with the square of their number."""


def start(cells: int) -> Any:
    """The disturbed crystal."""
    from ase.build import bulk

    atoms = bulk("Al", "fcc", a=4.1, cubic=True).repeat(cells)
    atoms.rattle(0.1, seed=1)
    return atoms


def work(way: str, path: str, cells: int) -> None:
    """A worker: for every line with a number of steps it takes them and prints what they cost."""
    from ingot.dynamics import Model, Simulation, conditions
    from ingot.potentials import load_potential

    simulation = Simulation(Model.of(load_potential(path), 0), start(cells), temperature=900.0, seed=1, skin=0.5)
    held = conditions(2.0)
    simulation.look(held)
    energy = float(simulation.state.energy[0]) / simulation.atoms
    simulation.run(FEWEST_STEPS[way], held)
    print(json.dumps({"energy": energy, "atoms": simulation.atoms}), flush=True)
    for line in sys.stdin:
        cpu, wall = time.process_time(), time.perf_counter()
        simulation.run(int(line), held)
        spent = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
        simulation.require_running(way)
        print(json.dumps(spent), flush=True)


class Worker:
    """A way in a process of its own."""

    def __init__(self, way: str, args: argparse.Namespace, cells: int, threads: int) -> None:
        self.way = way
        eigen = "false" if threads == 1 else "true"
        environment = {
            **os.environ,
            "OMP_NUM_THREADS": str(threads),
            "XLA_FLAGS": f"--xla_cpu_multi_thread_eigen={eigen}",
            "INGOT_NATIVE": "0" if way == "ani-jax" else "1",
            "TORCHANI_NO_WARN_EXTENSIONS": "1",
        }
        if way.startswith("torchani"):
            listing = "all_pairs" if way.endswith("all-pairs") else "cell_list"
            script = Path(__file__).with_name("torchani_md.py")
            command = [args.torch_python, str(script), args.potential, str(cells), str(threads), listing]
        else:
            path = args.eam if way == "eam" else args.potential
            command = [sys.executable, __file__, "--worker", way, path, str(cells)]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)
        about = self._answer()
        self.energy, self.atoms = about["energy"], about["atoms"]
        self.steps = max(FEWEST_STEPS[way], ATOM_STEPS[way] // self.atoms)
        self.turns: list[dict[str, float]] = []

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"{self.way} ended with status {self._process.wait()}")
        return dict(json.loads(line))

    def turn(self) -> None:
        """One turn of steps."""
        assert self._process.stdin is not None
        print(self.steps, file=self._process.stdin, flush=True)
        spent = self._answer()
        self.turns.append({name: 1e6 * value / (self.steps * self.atoms) for name, value in spent.items()})

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def best(self, clock: str) -> float:
        """Least time of a turn, us per atom and step."""
        return min(turn[clock] for turn in self.turns)


def measure(args: argparse.Namespace, cells: int, threads: int) -> list[dict[str, Any]]:
    """One row per way, for one size and number of threads."""
    atoms = 4 * cells**3
    given = {"eam": args.eam, "torchani": args.torch_python, "torchani-all-pairs": args.torch_python}
    ways = [way for way in args.ways if given.get(way, True) and atoms <= LARGEST.get(way, atoms)]
    workers = [Worker(way, args, cells, threads) for way in ways]
    for _ in range(args.rounds):
        for worker in workers:
            worker.turn()
    for worker in workers:
        worker.close()
    first = workers[0]
    return [
        {
            "way": TITLES[worker.way],
            "atoms": atoms,
            "threads": threads,
            "cpu_us_per_atom_step": f"{worker.best('cpu'):.1f}",
            "wall_us_per_atom_step": f"{worker.best('wall'):.1f}",
            "ratio": f"{worker.best('cpu') / first.best('cpu'):.1f}",
            "energy_mev_per_atom": "" if worker.way == "eam" else f"{1e3 * (worker.energy - first.energy):.3f}",
            "steps_per_turn": worker.steps,
        }
        for worker in workers
    ]


def main() -> None:
    """Measure and write one table."""
    if sys.argv[1:2] == ["--worker"]:
        work(sys.argv[2], sys.argv[3], int(sys.argv[4]))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--potential", required=True, help="the published ANI-Al (ingot fetch ani-al)")
    parser.add_argument("--eam", help="an EAM file of aluminium")
    parser.add_argument("--torch-python", metavar="PYTHON", help="interpreter with torchani and ASE")
    parser.add_argument("--ways", nargs="+", default=list(TITLES), choices=list(TITLES), help="ratios are to the first")
    parser.add_argument("--cells", type=int, nargs="+", default=[5, 8, 13], help="cubic cells along each axis (5 8 13)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("-o", "--output", help="CSV (default: standard output)")
    args = parser.parse_args()
    rows = [row for threads in args.threads for cells in args.cells for row in measure(args, cells, threads)]
    stream = open(args.output, "w", newline="") if args.output else sys.stdout  # noqa: PTH123, SIM115
    writer = csv.DictWriter(stream, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


if __name__ == "__main__":
    main()
