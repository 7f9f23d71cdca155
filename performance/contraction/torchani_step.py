"""CPU time of a training step of torchani on the cells of ``compare.py``, which starts it.

The kindest arrangement: neighbour lists made beforehand, displacement vectors from them inside the graph, all cells of
a portion in one call, forces by one backward pass with ``create_graph``, the parameter gradient by a second one.
"""

import json
import sys
import time
import warnings

warnings.filterwarnings("ignore")

import numpy as np  # noqa: E402
import torch  # noqa: E402
from torchani.aev import AEVComputer, ANIAngular, ANIRadial  # noqa: E402
from torchani.neighbors import Neighbors  # noqa: E402


def main() -> None:
    """Prints JSON: microseconds per atom, by how many cells go together."""
    torch.set_num_threads(1)
    data = np.load(sys.argv[1])
    repeats = int(sys.argv[2])
    real = torch.float32
    positions, forces = (torch.tensor(data[name], dtype=real) for name in ("positions", "forces"))
    energies = torch.tensor(data["energies"], dtype=real)
    count, atoms, _ = positions.shape
    sizes = [int(size) for size in data["hidden"]]
    computer = AEVComputer(
        ANIRadial(float(data["radial_eta"]), data["radial_shifts"].tolist(), float(data["radial_cutoff"])),
        ANIAngular(
            float(data["angular_eta"]),
            float(data["zeta"]),
            data["angular_shifts"].tolist(),
            data["angles"].tolist(),
            float(data["angular_cutoff"]),
        ),
        num_species=1,
    )
    layers: list[torch.nn.Module] = []
    width = len(data["radial_shifts"]) + len(data["angular_shifts"]) * len(data["angles"])
    for size in sizes:
        layers += [torch.nn.Linear(width, size), torch.nn.CELU(0.1)]
        width = size
    network = torch.nn.Sequential(*layers, torch.nn.Linear(width, 1))
    pairs = [
        (torch.tensor(data[f"pairs_{k}"], dtype=torch.long), torch.tensor(data[f"images_{k}"], dtype=real))
        for k in range(count)
    ]

    def step(together: int) -> None:
        network.zero_grad()
        for first in range(0, count, together):
            cells = range(first, min(count, first + together))
            x = positions[cells.start : cells.stop].clone().requires_grad_(True)
            index = torch.cat([pairs[k][0] + atoms * (k - first) for k in cells], dim=1)
            flat = x.view(-1, 3)
            vectors = flat[index[0]] - flat[index[1]] + torch.cat([pairs[k][1] for k in cells])
            neighbors = Neighbors(index, vectors.norm(2, -1), vectors)
            kinds = torch.zeros(len(cells), atoms, dtype=torch.long)
            energy = network(computer.compute_from_neighbors(kinds, x, neighbors)).sum(dim=(1, 2))
            force = -torch.autograd.grad(energy.sum(), x, create_graph=True)[0]
            loss = 100 * ((energy - energies[cells.start : cells.stop]) / atoms) ** 2
            loss = loss + ((force - forces[cells.start : cells.stop]) ** 2).mean(dim=(1, 2))
            (loss.sum() / count).backward()

    result = {}
    for together in (1, 4, 16):
        if together > count:
            continue
        step(together)
        best = np.inf
        for _ in range(repeats):
            start = time.process_time()
            step(together)
            best = min(best, time.process_time() - start)
        result[together] = 1e6 * best / (count * atoms)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
