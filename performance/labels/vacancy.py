"""The vacancy by a label method itself, in a cell of 32 sites, at the geometry that a potential relaxes.

    python performance/labels/vacancy.py --potential results/laptop/potential --configuration config/laptop.yaml \
        --lattice-constant 4.0347

Both cells have the same k-mesh, so that most of what it leaves cancels. With the method of `config/laptop.yaml` the two
labels take about seven CPU-minutes.
"""

import argparse
from pathlib import Path

import numpy as np
import yaml
from ase.build import bulk
from ase.optimize import BFGS

import ingot
from ingot.config.labels import LabelSettings
from ingot.labels import make_method


def main() -> None:
    """Relax, label, print formation energies at the volume of the perfect crystal."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--potential", required=True)
    parser.add_argument("--configuration", type=Path, required=True, help="whose section `labels` is the method")
    parser.add_argument("--lattice-constant", type=float, required=True, help="that of the potential, A")
    args = parser.parse_args()
    calculator = ingot.load_potential(args.potential).calculator(uncertainty=False)
    crystal = bulk("Al", "fcc", args.lattice_constant, cubic=True) * (2, 2, 2)
    vacancy = crystal.copy()
    del vacancy[0]
    for atoms in (crystal, vacancy):
        atoms.calc = calculator
    if not BFGS(vacancy, logfile=None).run(fmax=0.01, steps=100):
        raise SystemExit("the vacancy did not relax to 0.01 eV/A in 100 steps")
    share = len(vacancy) / len(crystal)
    print(f"potential {vacancy.get_potential_energy() - share * crystal.get_potential_energy():.4f} eV", flush=True)
    settings = yaml.safe_load(args.configuration.read_text())["labels"]
    method = make_method(LabelSettings(**settings).model_dump())
    energies, largest = [], 0.0
    for atoms in (crystal, vacancy):
        bare = atoms.copy()
        bare.calc = None
        label = method.compute(bare)
        if label.energy is None or label.forces is None:
            raise SystemExit(f"no label for {bare.symbols}: {label.reason}")
        energies.append(label.energy)
        largest = float(np.linalg.norm(label.forces, axis=1).max())
    print(f"method    {energies[1] - share * energies[0]:.4f} eV, largest force {largest:.3f} eV/A")


if __name__ == "__main__":
    main()
