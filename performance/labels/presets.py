"""Lattice constant and bulk modulus of fcc aluminium by the presets of the label method ``pyscf``, and their cost.

``OMP_NUM_THREADS=1 python performance/labels/presets.py [--preset quick production]``

Each preset's own k-point mesh at the reference volume, one FFT mesh for all volumes, seven volumes.
"""

import argparse
import time

import numpy as np
from ase.eos import EquationOfState
from ase.units import GPa

from ingot.config.labels import PyscfSettings
from ingot.labels import label, make_method
from ingot.structures import build_lattice

VOLUMES = np.linspace(15.0, 18.0, 7)


def main() -> None:
    """One line per preset."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", nargs="+", default=["quick", "production"])
    for preset in parser.parse_args().preset:
        settings = PyscfSettings(preset=preset).model_dump()
        reference = build_lattice("Al", "fcc", 16.6)
        mesh = make_method({"method": "pyscf", "pyscf": settings}).kpoints(reference).subdivisions
        settings.update(kpoint_mesh=mesh, fft_mesh=(18, 18, 18), compute_stress=False)
        method = make_method({"method": "pyscf", "pyscf": settings})
        start = time.process_time()
        energies = [label(build_lattice("Al", "fcc", volume), method).energy for volume in VOLUMES]
        volume, _, modulus = EquationOfState(VOLUMES, energies, eos="birchmurnaghan").fit()
        print(
            f"{preset}: mesh {mesh}, a0 {(4 * volume) ** (1 / 3):.4f} A, B {modulus / GPa:.1f} GPa, "
            f"{(time.process_time() - start) / len(VOLUMES):.1f} CPU s for a label",
            flush=True,
        )


if __name__ == "__main__":
    main()
