"""Engines that fail as real ones do, for tests of what labelling makes of it."""

import os
import signal
import time
from pathlib import Path

import numpy as np
from ase.calculators.calculator import Calculator, FileIOCalculator, SCFError, all_changes
from ase.calculators.emt import EMT


class FaultyEngine(Calculator):
    """EMT for aluminium; copper crashes, nickel ends its process, silver takes long, gold is killed, platinum is NaN.

    It prints what it does, as engines do. ``seconds``: how long silver takes.
    """

    implemented_properties = ("energy", "free_energy", "forces")
    default_parameters = {"seconds": 60.0}  # noqa: RUF012

    def calculate(self, atoms=None, properties=("energy",), system_changes=all_changes):
        """Print, fail or compute."""
        super().calculate(atoms, properties, system_changes)
        symbol = atoms.get_chemical_symbols()[0]
        print("engine: reading input", flush=True)
        print(f"engine: at work on {symbol}", flush=True)
        if symbol == "Cu":
            os.kill(os.getpid(), signal.SIGSEGV)
        if symbol == "Ni":
            os._exit(3)
        if symbol == "Ag":
            time.sleep(self.parameters["seconds"])
        if symbol == "Au":
            os.kill(os.getpid(), signal.SIGKILL)
        if symbol == "Pd":
            raise MemoryError("no memory for the matrix")
        frame = atoms.copy()
        frame.calc = EMT()
        energy = np.nan if symbol == "Pt" else frame.get_potential_energy()
        self.results = {"energy": energy, "free_energy": energy, "forces": frame.get_forces()}


class FileEngine(FileIOCalculator):
    """A program that reads and writes files with fixed names in its folder, as most do."""

    implemented_properties = ("energy", "forces")
    program = "sh -c 'cp input.txt output.txt; sleep 0.2; cat input.txt >> output.txt'"

    def __init__(self, **kwargs):
        super().__init__(command=self.program, **kwargs)

    def write_input(self, atoms, properties=None, system_changes=None):
        """The sum of the coordinates."""
        super().write_input(atoms, properties, system_changes)
        (Path(self.directory) / "input.txt").write_text(f"{atoms.positions.sum():.12f}\n")

    def read_results(self):
        """Both lines must be the same, or another calculation wrote here."""
        first, second = map(float, (Path(self.directory) / "output.txt").read_text().split())
        if first != second:
            raise RuntimeError("somebody else wrote into this folder")
        if first > 1e3:
            raise SCFError("no convergence in 100 cycles")
        self.results = {"energy": first, "forces": np.zeros((len(self.atoms), 3))}
