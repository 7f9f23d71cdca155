"""Tungsten by M. W. Finnis and J. E. Sinclair, Phil. Mag. A 50, 45 (1984): a bcc crystal that tests can afford."""

from pathlib import Path

import numpy as np

LATTICE_CONSTANT, COHESIVE_ENERGY = 3.1652, 8.90  # A, eV
C11, C12, C44 = 522.4, 204.4, 160.6  # GPa
"""What the potential was fitted to."""

A, D = 1.896373, 4.400224
C, C0, C1, C2 = 3.25, 47.1346499, -33.7665655, 6.2541999
_POINTS = 4000


def write_tungsten(path: Path) -> Path:
    """The potential as a file of LAMMPS' eam/alloy."""
    step, density_step = D / (_POINTS - 1), 200.0 / (_POINTS - 1)
    r, rho = np.arange(_POINTS) * step, np.arange(_POINTS) * density_step
    pair = np.where(r < C, (r - C) ** 2 * (C0 + C1 * r + C2 * r**2), 0.0)
    lines = ["Finnis and Sinclair 1984", "W", "tests", "1 W"]
    lines += [f"{_POINTS} {density_step:.17e} {_POINTS} {step:.17e} {D}", f"74 183.84 {LATTICE_CONSTANT} bcc"]
    lines += [" ".join(f"{value:.17e}" for value in table) for table in (-A * np.sqrt(rho), (r - D) ** 2, r * pair)]
    path.write_text("\n".join(lines) + "\n")
    return path
