"""Time and error of the ways to put forces into the gradient, side by side with energies alone.

``python performance/contraction/compare.py [--structures 8] [--atoms 32] [--repeats 5] [-o results.csv]``

One batch of disturbed fcc cells, one network of the published ANI-Al size, float32; the modes alternate, so that a
busy machine slows all alike, and the least CPU time of each counts. Errors are against the float64 reverse-over-reverse
gradient of the same loss (for energies alone: of the energy loss).
"""

import argparse
import csv
import os
import sys
import time

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import jax
import jax.numpy as jnp
import numpy as np
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from ingot.potentials import AniArchitecture
from ingot.training import LossWeights, contraction_modes, gradient_function, make_buckets
from ingot.training.batches import PreparedBucket, batch_gradient, prepare, structure_gradient

ARCHITECTURES = {
    "published": AniArchitecture.published_ani_al(),
    "quick": AniArchitecture.evenly_spaced(("Al",), 5.5, 16, 4.2, 4, 4, (32, 32, 16), first_shift=1.8),
}


def batch(structures: int, atoms: int, architecture: AniArchitecture) -> list:
    """Disturbed cells with random labels: neither times nor gradient errors depend on how sensible they are."""
    frames = []
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
        frames.append(cell)
    return make_buckets(frames, architecture, {"": {"Al": 0.0}})


def energy_gradient(architecture: AniArchitecture, weights: LossWeights, dtype: str):
    """The gradient of the energy term alone: no derivative of the descriptor is needed."""
    from ingot.training.contraction import coordinates_of, energy_function
    from ingot.training.loss import SquaredErrors

    def gradient(parameters, example):
        energy = energy_function(architecture, example, dtype)

        def loss(values):
            residual = (energy(values, coordinates_of(example)) - example.energy.astype(dtype)) / example.atoms.astype(
                dtype
            )
            return weights.energy * residual**2, residual**2

        by_parameter, squared = jax.grad(loss, has_aux=True)(parameters)
        return by_parameter, SquaredErrors(squared, jnp.zeros_like(squared), jnp.zeros_like(squared))

    return gradient


def compile_gradient(gradient, bucket: PreparedBucket, parameters):
    """The batch gradient, compiled for a bucket."""
    chosen, present = np.arange(bucket.count), jnp.ones(bucket.count, jax.tree.leaves(parameters)[0].dtype)
    run = jax.jit(lambda p, e: batch_gradient(gradient, bucket.stored_jacobian, p, e, chosen, present)[0])
    jax.block_until_ready(run(parameters, bucket.examples))
    return lambda: jax.block_until_ready(run(parameters, bucket.examples))


def flat(tree) -> np.ndarray:
    """All numbers of a tree, in float64."""
    return np.concatenate([np.ravel(np.asarray(leaf, float)) for leaf in jax.tree.leaves(tree)])


def measure(name: str, structures: int, atoms: int, repeats: int) -> list[dict]:
    """One row per mode."""
    architecture, weights = ARCHITECTURES[name], LossWeights(100.0, 1.0, 10.0)
    buckets = batch(structures, atoms, architecture)
    exact_parameters = jax.tree.map(jnp.asarray, architecture.initial_parameters(0))
    parameters = jax.tree.map(lambda leaf: leaf.astype(jnp.float32), exact_parameters)
    (general,) = prepare(architecture, buckets, 0, "float32")
    (stored,) = prepare(architecture, buckets, 2**32, "float32")
    reference = {
        kind: flat(compile_gradient(gradient, general, exact_parameters)())
        for kind, gradient in (
            ("energy only", energy_gradient(architecture, weights, "float64")),
            ("forces", gradient_function(architecture, weights, "reverse", "float64")),
        )
    }
    runs = {"energy only": compile_gradient(energy_gradient(architecture, weights, "float32"), general, parameters)}
    for mode in contraction_modes(architecture):
        gradient = gradient_function(architecture, weights, mode, "float32")
        runs[mode] = compile_gradient(gradient, general, parameters)
    with_jacobian = structure_gradient(architecture, weights, True, None, "float32")
    runs["stored Jacobian"] = compile_gradient(with_jacobian, stored, parameters)
    best = dict.fromkeys(runs, np.inf)
    for _ in range(repeats):
        for mode, run in runs.items():
            start = time.process_time()
            run()
            best[mode] = min(best[mode], time.process_time() - start)
    count = int(general.species[general.species >= 0].size)
    rows = []
    for mode, run in runs.items():
        exact = reference["energy only" if mode == "energy only" else "forces"]
        rows.append(
            {
                "architecture": name,
                "mode": mode,
                "structures": structures,
                "atoms_per_structure": count // structures,
                "microseconds_per_atom": f"{1e6 * best[mode] / count:.1f}",
                "ratio_to_energy_only": f"{best[mode] / best['energy only']:.2f}",
                "relative_error": f"{np.linalg.norm(flat(run()) - exact) / np.linalg.norm(exact):.1e}",
            }
        )
    return rows


def main() -> None:
    """Measure both architectures and write one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--structures", type=int, default=8)
    parser.add_argument("--atoms", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("-o", "--output", help="CSV (default: standard output)")
    args = parser.parse_args()
    rows = [r for name in ARCHITECTURES for r in measure(name, args.structures, args.atoms, args.repeats)]
    stream = open(args.output, "w", newline="") if args.output else sys.stdout  # noqa: PTH123, SIM115
    writer = csv.DictWriter(stream, fieldnames=list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


if __name__ == "__main__":
    main()
