"""Central differences of an energy: what forces and stresses are tested against."""

from collections.abc import Callable

import numpy as np
from ase import Atoms

VOIGT = ((0, 0), (1, 1), (2, 2), (1, 2), (0, 2), (0, 1))


def numerical_slope(energy: Callable[[Atoms], float], atoms: Atoms, shift: np.ndarray) -> float:
    """dE/ds (eV/A) along the displacement ``shift`` (atoms, 3), from its two ends."""
    ends = []
    for sign in (1, -1):
        moved = atoms.copy()
        moved.positions += sign * shift
        ends.append(energy(moved))
    return (ends[0] - ends[1]) / (2 * float(np.linalg.norm(shift)))


def numerical_force(
    energy: Callable[[Atoms], float], atoms: Atoms, index: tuple[int, int], step: float = 2e-3
) -> float:
    """Minus the derivative (eV/A) with respect to one coordinate (atom, axis)."""
    shift = np.zeros((len(atoms), 3))
    shift[index] = step
    return -numerical_slope(energy, atoms, shift)


def numerical_stress(energy: Callable[[Atoms], float], atoms: Atoms, component: int, step: float = 1e-3) -> float:
    """One Voigt component (eV/A^3) of (1/V) dE/d(strain)."""
    x, y = VOIGT[component]
    ends = []
    for sign in (1, -1):
        strain = np.zeros((3, 3))
        strain[x, y] += sign * step / 2
        strain[y, x] += sign * step / 2
        moved = atoms.copy()
        moved.set_cell(atoms.cell.array @ (np.eye(3) + strain), scale_atoms=True)
        ends.append(energy(moved))
    return (ends[0] - ends[1]) / (2 * step) / atoms.get_volume()
