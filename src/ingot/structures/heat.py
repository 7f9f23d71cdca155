"""Hot crystals and liquids, from dynamics of Lennard-Jones atoms."""

import numpy as np
from ase import Atoms

from ingot.structures.distances import close_pairs
from ingot.structures.errors import StructureError

_CUTOFF = 2.5  # sigma
_TIMESTEP = 0.004  # sigma sqrt(m / epsilon)
_FRICTION = 1.0  # of the same unit's inverse
_MELTING = 0.69  # k T / epsilon at zero pressure: Mastny and de Pablo, J. Chem. Phys. 127, 104504 (2007)
_NEAREST = 1.09  # nearest-neighbor distance of the crystal at rest, sigma


def heated(atoms: Atoms, nearest: float, temperature: float, steps: int, rng: np.random.Generator) -> Atoms:
    """The structure after Langevin dynamics of Lennard-Jones atoms at constant volume.

    ``nearest`` (A): nearest-neighbor distance that the atoms like; ``temperature`` in units of the melting temperature
    of the Lennard-Jones crystal at zero pressure, whatever the element: 0.5 is a hot crystal, 2.5 a liquid where the
    volume has room for one (1.1 to 1.2 times the crystal's; a crystal at its own volume stands much more heat). The
    structures only start a data set; their energies come from labels. Equal masses; BAOAB splitting (Leimkuhler
    and Matthews, Appl. Math. Res. Express 2013, 34).
    """
    if temperature <= 0 or steps < 1:
        raise StructureError(f"heating needs a positive temperature and steps, not {temperature} and {steps}")
    sigma = nearest / _NEAREST
    cell = atoms.cell.array / sigma
    inverse = np.linalg.inv(cell)
    positions = atoms.positions / sigma
    kinetic = _MELTING * temperature
    velocities = rng.normal(scale=np.sqrt(kinetic), size=positions.shape)
    decay = np.exp(-_FRICTION * _TIMESTEP)
    kick = np.sqrt(kinetic * (1 - decay**2))
    forces = _lennard_jones_forces(positions, cell)
    for _ in range(steps):
        velocities += 0.5 * _TIMESTEP * forces
        positions = positions + 0.5 * _TIMESTEP * velocities
        velocities = decay * velocities + kick * rng.normal(size=velocities.shape)
        positions = positions + 0.5 * _TIMESTEP * velocities
        fractional = positions @ inverse
        positions = (fractional - np.floor(fractional)) @ cell
        forces = _lennard_jones_forces(positions, cell)
        velocities += 0.5 * _TIMESTEP * forces
    result = atoms.copy()
    result.positions = positions * sigma
    return result


def _lennard_jones_forces(positions: np.ndarray, cell: np.ndarray) -> np.ndarray:
    """Forces (atoms, 3) in reduced units."""
    i, _, vectors = close_pairs(positions, cell, _CUTOFF)
    inverse_square = 1 / np.einsum("px,px->p", vectors, vectors)
    sixth = inverse_square**3
    strength = 24 * inverse_square * sixth * (2 * sixth - 1)
    forces = np.zeros_like(positions)
    np.subtract.at(forces, i, strength[:, None] * vectors)
    return forces
