"""Records what torchani's AEVComputer gives, for tests on machines without torchani.

``python tests/support/record_aev.py`` (with torch and torchani) writes ``aev.npz`` beside itself: for one species the
constants of ANI-Al and a periodic cell smaller than twice the cutoff, for four those of ANI-1x and a molecule.
"""

from pathlib import Path

import numpy as np
import torch
import torchani
from torchani.aev import AEVComputer, ANIAngular, ANIRadial

PUBLISHED_ANGLES = [0.19634954, 0.58904862, 0.98174770, 1.3744468, 1.7671459, 2.1598449, 2.5525440, 2.9452431]


def record(species: int, radial: tuple, angular: tuple, numbers: np.ndarray, positions: np.ndarray, cell=None):
    """Descriptors of one structure in float64: (atoms, features)."""
    cutoff, eta, shifts = radial
    angular_cutoff, angular_eta, zeta, angles, angular_shifts = angular
    computer = AEVComputer(
        ANIRadial(eta, shifts, cutoff),
        ANIAngular(angular_eta, zeta, angular_shifts, angles, angular_cutoff),
        num_species=species,
    ).to(torch.float64)
    # Constants were rounded to float32 when the modules were made.
    exact = {
        computer.radial: {"eta": eta, "shifts": shifts},
        computer.angular: {"eta": angular_eta, "zeta": zeta, "shifts": angular_shifts, "sections": angles},
    }
    for module, values in exact.items():
        for name, value in values.items():
            buffer = getattr(module, name)
            buffer.copy_(torch.tensor(value, dtype=torch.float64).reshape(buffer.shape))
    periodic = {} if cell is None else {"cell": torch.tensor(cell), "pbc": torch.tensor([True] * 3)}
    given = torch.tensor(numbers)[None], torch.tensor(positions)[None]
    return computer(*given, **periodic)[0].numpy()


def main() -> None:
    """Write the records."""
    torch.set_default_dtype(torch.float64)
    rng = np.random.default_rng(7)
    spread = [1.25 + k * 0.1796875 for k in range(32)], [1.25 + k * 0.46875 for k in range(8)]
    cell = np.array([[8.1, 0.0, 0.0], [0.5, 8.3, 0.0], [-0.4, 0.7, 7.9]])
    lattice = np.array([[0, 0, 0], [0, 0.5, 0.5], [0.5, 0, 0.5], [0.5, 0.5, 0]])
    shifts = np.array([[i, j, k] for i in range(2) for j in range(2) for k in range(2)])
    fractional = ((lattice[None] + shifts[:, None]) / 2).reshape(-1, 3)
    positions = fractional @ cell + rng.normal(scale=0.15, size=(32, 3))
    aluminium = record(
        1, (7.0, 43.9, spread[0]), (5.0, 6.5, 69.4, PUBLISHED_ANGLES, spread[1]), np.zeros(32, int), positions, cell
    )
    # A chain of atoms of four elements, about as far apart as bonds.
    kinds = np.array([1, 0, 0, 2, 0, 3, 0, 1, 3, 0, 2, 1])
    steps = rng.normal(size=(12, 3))
    chain = np.cumsum(1.25 * steps / np.linalg.norm(steps, axis=1, keepdims=True) + [0.35, 0, 0], axis=0)
    organic = record(
        4,
        (5.2, 16.0, [0.9 + k * 0.26875 for k in range(16)]),
        (3.5, 8.0, 32.0, [(k + 0.5) * np.pi / 8 for k in range(8)], [0.9 + k * 0.65 for k in range(4)]),
        kinds,
        chain,
    )
    np.savez_compressed(
        Path(__file__).with_name("aev.npz"),
        torchani=torchani.__version__,
        aluminium_cell=cell,
        aluminium_positions=positions,
        aluminium=aluminium[:6],
        organic_kinds=kinds,
        organic_positions=chain,
        organic=organic,
    )
    print(aluminium.shape, organic.shape, np.abs(aluminium).max(), np.abs(organic).max())


if __name__ == "__main__":
    main()
