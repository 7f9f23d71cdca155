"""The torchani side of ``compare.py``, which starts it: velocity Verlet of ASE with the calculator of torchani."""

import json
import sys
import time
import warnings
from pathlib import Path

warnings.filterwarnings("ignore")

import ase.units  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from ase.build import bulk  # noqa: E402
from ase.md.velocitydistribution import MaxwellBoltzmannDistribution  # noqa: E402
from ase.md.verlet import VelocityVerlet  # noqa: E402
from torchani.arch import ANI  # noqa: E402
from torchani.neurochem import load_aev_computer_and_symbols, load_atomic_network, load_sae  # noqa: E402
from torchani.nn import ANINetworks  # noqa: E402


def main() -> None:
    """For every line with a number of steps: take them, print what they cost."""
    folder, cells, threads, listing = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    torch.set_num_threads(threads)
    computer, symbols = load_aev_computer_and_symbols(next(folder.glob("*.params")), neighborlist=listing)
    network = load_atomic_network(folder / "train0" / "ANN-Al.nnf")
    energies = load_sae(folder / "sae_linfit.dat")
    atoms = bulk("Al", "fcc", a=4.1, cubic=True).repeat(cells)
    atoms.rattle(0.1, seed=1)
    atoms.calc = ANI(symbols, computer, ANINetworks({"Al": network}), energies, periodic_table_index=True).ase()
    MaxwellBoltzmannDistribution(atoms, temperature_K=900, rng=np.random.default_rng(1))
    dynamics = VelocityVerlet(atoms, 2 * ase.units.fs)
    energy = atoms.get_potential_energy() / len(atoms)
    dynamics.run(1)
    print(json.dumps({"energy": energy, "atoms": len(atoms)}), flush=True)
    for line in sys.stdin:
        cpu, wall = time.process_time(), time.perf_counter()
        dynamics.run(int(line))
        print(json.dumps({"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}), flush=True)


if __name__ == "__main__":
    main()
