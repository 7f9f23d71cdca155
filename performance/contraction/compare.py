"""Time and error of the ways to put forces into the gradient, side by side with energies alone.

``python performance/contraction/compare.py [--structures 64] [--atoms 108] [--repeats 5] [--threads 1]
[--torchani PYTHON] [-o results.csv]``

One batch of disturbed fcc cells, one network, float32; the ways alternate, so that a busy machine slows all alike, and
the least CPU time of each counts. Errors are against the float64 reverse-over-reverse gradient of the same loss in
pure JAX (for energies alone: of the energy loss). ``--torchani``: a Python interpreter that has torchani and torch, for
its double backward on the same cells (`torchani_step.py`). Start it where nothing else runs.
"""

import argparse
import csv
import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

THREADS = sys.argv[sys.argv.index("--threads") + 1] if "--threads" in sys.argv else "1"
os.environ["OMP_NUM_THREADS"] = THREADS
os.environ.setdefault("XLA_FLAGS", f"--xla_cpu_multi_thread_eigen={'false' if THREADS == '1' else 'true'}")

import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import numpy as np  # noqa: E402
from ase.build import bulk  # noqa: E402
from ase.calculators.singlepoint import SinglePointCalculator  # noqa: E402

from ingot.potentials import AniArchitecture, native_status  # noqa: E402
from ingot.training import LossWeights, contraction_modes, make_buckets  # noqa: E402
from ingot.training.batches import _in_portions, _in_turn, batch_gradient, mean_gradient, prepare  # noqa: E402
from ingot.training.contraction import coordinates_of, energy_function  # noqa: E402
from ingot.training.described import described_contraction  # noqa: E402
from ingot.training.loss import SquaredErrors  # noqa: E402

ARCHITECTURES = {
    "published": AniArchitecture.published_ani_al(),
    "quick": AniArchitecture.evenly_spaced(("Al",), 5.5, 16, 4.2, 4, 4, (32, 32, 16), first_shift=1.8),
}
WEIGHTS = LossWeights(100.0, 1.0, 10.0)


def frames(structures: int, atoms: int) -> list:
    """Disturbed cells with random labels: neither times nor gradient errors depend on how sensible they are."""
    made = []
    for seed in range(structures):
        cell = bulk("Al", "fcc", a=4.05, cubic=True)
        repeat = max(1, round((atoms / 4) ** (1 / 3)))
        cell = cell * (repeat, repeat, max(1, atoms // (4 * repeat * repeat)))
        cell.rattle(0.15, seed=seed)
        rng = np.random.default_rng(seed)
        energy = float(rng.normal())
        cell.calc = SinglePointCalculator(
            cell, energy=energy, free_energy=energy, forces=rng.normal(size=(len(cell), 3)), stress=rng.normal(size=6)
        )
        made.append(cell)
    return made


def _energy_errors(loss: object) -> SquaredErrors:
    return SquaredErrors(loss, 0.0 * loss, 0.0 * loss)


def energy_in_turn(architecture: AniArchitecture, dtype: str):
    """The gradient of the energy term alone, structure by structure in pure JAX."""

    def gradient(parameters, example):
        energy = energy_function(architecture, example, dtype)

        def loss(values):
            residual = (energy(values, coordinates_of(example)) - example.energy.astype(dtype)) / example.atoms
            return (WEIGHTS.energy * residual**2).astype(dtype), (residual**2).astype(dtype)

        by_parameter, squared = jax.grad(loss, has_aux=True)(parameters)
        return by_parameter, _energy_errors(squared)

    return _in_turn(gradient)


def energy_in_portions(architecture: AniArchitecture, described: bool):
    """The same for batches, with descriptors as kept (``described``) or from kept displacements in the step."""

    def gradient(parameters, batch, share):
        example, descriptor = batch.example, batch.descriptor
        if not described:
            descriptor = architecture.descriptor_and_products(batch.vectors, example.species, example.table)[0]

        def loss(values):
            energies = jnp.sum(architecture.network(values, descriptor, example.species), axis=-1)
            residual = ((energies - example.energy) / example.atoms).astype(energies.dtype)
            return jnp.sum(share * WEIGHTS.energy * residual**2), residual**2

        by_parameter, squared = jax.grad(loss, has_aux=True)(parameters)
        return by_parameter, _energy_errors(squared)

    return _in_portions(gradient)


def forces_without_kept_descriptor(architecture: AniArchitecture):
    """What the trainer does, but with the descriptor computed in the step."""

    def gradient(parameters, batch, share):
        fresh = architecture.descriptor_and_products(batch.vectors, batch.example.species, batch.example.table)[0]
        return described_contraction(
            architecture, WEIGHTS, parameters, dataclasses.replace(batch, descriptor=fresh), share
        )

    return _in_portions(gradient)


@dataclasses.dataclass(frozen=True)
class Way:
    """A compiled gradient, and its memory in MB: what it needs while it runs, and the batch as it is kept."""

    run: Callable[[], object]
    temporary: float
    kept: float


def compiled(gradient, examples, count: int, parameters, native: bool = True):
    """The mean gradient over a batch, compiled with or without the compiled descriptor."""
    os.environ["INGOT_NATIVE"] = str(int(native))
    chosen, present = np.arange(count), jnp.ones(count, jax.tree.leaves(parameters)[0].dtype)
    run = jax.jit(lambda p, e: mean_gradient(gradient, p, e, chosen, present)[0]).lower(parameters, examples).compile()
    jax.block_until_ready(run(parameters, examples))
    os.environ["INGOT_NATIVE"] = "1"
    return Way(
        lambda: jax.block_until_ready(run(parameters, examples)),
        run.memory_analysis().temp_size_in_bytes / 1e6,
        sum(leaf.nbytes for leaf in jax.tree.leaves(examples)) / 1e6,
    )


def flat(tree) -> np.ndarray:
    """All numbers of a tree, in float64."""
    return np.concatenate([np.ravel(np.asarray(leaf, float)) for leaf in jax.tree.leaves(tree)])


def measure(name: str, structures: int, atoms: int, repeats: int, torchani: str | None) -> list[dict]:
    """One row per way."""
    architecture = ARCHITECTURES[name]
    cells = frames(structures, atoms)
    buckets = make_buckets(cells, architecture, {"": {"Al": 0.0}})
    count, real = len(cells), sum(map(len, cells))
    exact = jax.tree.map(jnp.asarray, architecture.initial_parameters(0))
    parameters = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), exact)
    (plain,) = prepare(architecture, buckets, 0, "float32", "reverse")
    (kept,) = prepare(architecture, buckets, 0, "float32")

    def in_jax(mode: str, dtype: str = "float32", values=parameters):
        gradient = batch_gradient(architecture, WEIGHTS, "nothing", mode, dtype)
        return compiled(gradient, plain.examples, count, values, native=False)

    energy = energy_in_turn(architecture, "float64")
    reference = {
        "energy": flat(compiled(energy, plain.examples, count, exact, native=False).run()),
        "forces": flat(in_jax("reverse", "float64", exact).run()),
    }
    runs = {
        "energy only, pure JAX": compiled(
            energy_in_turn(architecture, "float32"), plain.examples, count, parameters, native=False
        )
    }
    if native_status()[0]:
        for title, gradient in (
            ("energy only, compiled descriptor in the step", energy_in_portions(architecture, False)),
            ("energy only, kept descriptor", energy_in_portions(architecture, True)),
            (
                "split, compiled, kept descriptor (the trainer)",
                batch_gradient(architecture, WEIGHTS, "descriptor", None, "float32"),
            ),
            ("split, compiled, descriptor in the step", forces_without_kept_descriptor(architecture)),
        ):
            runs[title] = compiled(gradient, kept.examples, count, parameters)
    for mode in contraction_modes(architecture):
        runs[f"{mode}, pure JAX"] = in_jax(mode)
    jacobian = prepare(architecture, buckets, 2**29, "float32")[0]
    if jacobian.storage == "jacobian":
        gradient = batch_gradient(architecture, WEIGHTS, "jacobian", None, "float32")
        runs["split, kept Jacobian"] = compiled(gradient, jacobian.examples, count, parameters)
    best = {title: [np.inf, np.inf] for title in runs}
    for _ in range(repeats):
        for title, way in runs.items():
            cpu, wall = time.process_time(), time.perf_counter()
            way.run()
            spent = time.process_time() - cpu, time.perf_counter() - wall
            best[title] = [min(old, new) for old, new in zip(best[title], spent, strict=True)]
    base = "energy only, compiled descriptor in the step" if native_status()[0] else "energy only, pure JAX"
    rows = []
    for title, way in runs.items():
        expected = reference["energy" if title.startswith("energy") else "forces"]
        rows.append(
            {
                "architecture": name,
                "way": title,
                "structures": count,
                "atoms_per_structure": real // count,
                "cpu_us_per_atom": f"{1e6 * best[title][0] / real:.1f}",
                "wall_us_per_atom": f"{1e6 * best[title][1] / real:.1f}",
                "ratio_to_energy_only": f"{best[title][0] / best[base][0]:.2f}",
                "relative_error": f"{np.linalg.norm(flat(way.run()) - expected) / np.linalg.norm(expected):.1e}",
                "temporary_mb": f"{way.temporary:.0f}",
                "kept_mb": f"{way.kept:.0f}",
            }
        )
    if torchani:
        rows += _torchani_rows(name, torchani, architecture, cells[:16], best[base][0] / real)
    return rows


def _torchani_rows(name: str, python: str, architecture: AniArchitecture, cells: list, base: float) -> list[dict]:
    from ingot.neighbors import neighbor_pairs

    data = {
        "positions": np.array([cell.positions for cell in cells]),
        "energies": np.array([cell.get_potential_energy() for cell in cells]),
        "forces": np.array([cell.get_forces() for cell in cells]),
        "hidden": np.array(architecture.hidden),
        "radial_eta": architecture.radial_eta,
        "radial_shifts": np.array(architecture.radial_shifts),
        "radial_cutoff": architecture.radial_cutoff,
        "angular_eta": architecture.angular_eta,
        "zeta": architecture.angular_zeta,
        "angular_shifts": np.array(architecture.angular_shifts),
        "angles": np.array(architecture.angular_angles),
        "angular_cutoff": architecture.angular_cutoff,
    }
    for k, cell in enumerate(cells):
        i, j, shift, _ = neighbor_pairs(cell.positions, cell.cell.array, cell.pbc, architecture.cutoff)
        half = (i < j) | ((i == j) & ((shift @ [1e6, 1e3, 1]) > 0))
        data[f"pairs_{k}"] = np.array([i[half], j[half]])
        data[f"images_{k}"] = -(shift[half] @ cell.cell.array)
    with tempfile.TemporaryDirectory() as folder:
        np.savez(Path(folder) / "cells.npz", **data)
        script = Path(__file__).with_name("torchani_step.py")
        command = [python, str(script), str(Path(folder) / "cells.npz"), "2"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    times = json.loads(done.stdout.splitlines()[-1])
    together, best = min(times.items(), key=lambda item: item[1])
    return [
        {
            "architecture": name,
            "way": f"torchani, double backward, {together} cells in a call",
            "structures": len(cells),
            "atoms_per_structure": len(cells[0]),
            "cpu_us_per_atom": f"{best:.0f}",
            "wall_us_per_atom": "",
            "ratio_to_energy_only": f"{1e-6 * best / base:.0f}",
            "relative_error": "",
            "temporary_mb": "",
            "kept_mb": "",
        }
    ]


def main() -> None:
    """Measure and write one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architecture", nargs="+", default=list(ARCHITECTURES), choices=list(ARCHITECTURES))
    parser.add_argument("--structures", type=int, default=64)
    parser.add_argument("--atoms", type=int, default=108)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--torchani", metavar="PYTHON", help="interpreter with torchani (published constants only)")
    parser.add_argument("-o", "--output", help="CSV (default: standard output)")
    args = parser.parse_args()
    rows = [
        row
        for name in args.architecture
        for row in measure(
            name, args.structures, args.atoms, args.repeats, args.torchani if name == "published" else None
        )
    ]
    stream = open(args.output, "w", newline="") if args.output else sys.stdout  # noqa: PTH123, SIM115
    writer = csv.DictWriter(stream, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


if __name__ == "__main__":
    main()
