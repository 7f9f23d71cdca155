"""The double wells of Schwalbe-Koda, Tan and Gomez-Bombarelli (Nat. Commun. 12, 5104, 2021): one well is known, attacks
find the other.

    python performance/attacks/double_wells.py -o docs/images/attacks-double-wells.png

An ensemble of networks learns energies and forces of E(x, y) = 10 x^4 - 10 x^2 + 2 x + 4 y^2 (and of its section
y = 0) from points below E = -2, all in the left well. Each generation labels twenty points: those of attacks, or random
displacements as large on average; then all is trained anew. The error of forces where E < 1 says who learns the right
well.
"""

import argparse
import os
from collections.abc import Callable
from pathlib import Path

os.environ["JAX_ENABLE_X64"] = "1"

import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
import optax

from ingot.sampling import climb

mpl.use("Agg")
MEMBERS, WIDTH, EPOCHS, GENERATIONS, LABELS = 5, 32, 2000, 5, 20
ATTACKS, RATE = 100, 0.02
TEMPERATURE = 5.0
"""kT of the probability, in units of the energy."""


def energy(point: jax.Array) -> jax.Array:
    """Of (x,) or (x, y)."""
    x = point[0]
    along = 10 * x**4 - 10 * x**2 + 2 * x
    return along + 4 * point[1] ** 2 if point.shape[0] == 2 else along


def network(parameters: list, point: jax.Array) -> jax.Array:
    """A perceptron of two hidden layers."""
    value = point
    for weights, bias in parameters[:-1]:
        value = jax.nn.softplus(value @ weights + bias)
    weights, bias = parameters[-1]
    return (value @ weights + bias)[0]


def initial(key: jax.Array, dimensions: int) -> list:
    """Random weights."""
    sizes = (dimensions, WIDTH, WIDTH, 1)
    keys = jax.random.split(key, len(sizes) - 1)
    return [
        (jax.random.normal(k, (a, b)) * np.sqrt(2 / a), jnp.zeros(b))
        for k, a, b in zip(keys, sizes[:-1], sizes[1:], strict=True)
    ]


@jax.jit
def trained(parameters: list, points: jax.Array, weights: jax.Array) -> list:
    """One member, by energies and forces of the points; ``weights`` are zero for padding."""
    labels = jax.vmap(energy)(points)
    slopes = jax.vmap(jax.grad(energy))(points)
    rule = optax.adam(optax.cosine_decay_schedule(5e-3, EPOCHS))

    def loss(own: list) -> jax.Array:
        e = jax.vmap(lambda p: network(own, p))(points) - labels
        f = jax.vmap(lambda p: jax.grad(network, argnums=1)(own, p))(points) - slopes
        return jnp.sum(weights * (0.1 * e**2 + jnp.sum(f**2, axis=1))) / jnp.sum(weights)

    def step(carry: tuple, _: None) -> tuple:
        own, state = carry
        change, state = rule.update(jax.grad(loss)(own), state)
        return (optax.apply_updates(own, change), state), None

    (parameters, _), _ = jax.lax.scan(step, (parameters, rule.init(parameters)), None, EPOCHS)
    return parameters


def score(ensemble: list, point: jax.Array) -> jax.Array:
    """ln sigma_F^2 - <E> / kT."""
    energies = jax.vmap(lambda own: network(own, point))(ensemble)
    forces = jax.vmap(lambda own: jax.grad(network, argnums=1)(own, point))(ensemble)
    return jnp.log(jnp.mean(jnp.var(forces, axis=0, ddof=1))) - jnp.mean(energies) / TEMPERATURE


score_and_slope = jax.jit(jax.value_and_grad(score, argnums=1))


@jax.jit
def variances(ensemble: list, points: np.ndarray) -> jax.Array:
    """sigma_F^2 of each point."""
    forces = jax.vmap(lambda own: jax.vmap(lambda p: jax.grad(network, argnums=1)(own, p))(points))(ensemble)
    return jnp.mean(jnp.var(forces, axis=0, ddof=1), axis=-1)


def farthest_apart(points: np.ndarray, most: int, closest: float = 0.02) -> np.ndarray:
    """At most so many points, each as far as can be from those before it."""
    taken = [0]
    distance = np.linalg.norm(points - points[0], axis=1)
    while len(taken) < most and distance.max() > closest:
        taken.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(points - points[taken[-1]], axis=1))
    return points[taken]


def objective_of(ensemble: list) -> Callable[[np.ndarray], tuple[float, np.ndarray]]:
    """For :func:`ingot.sampling.climb`."""

    def objective(point: np.ndarray) -> tuple[float, np.ndarray]:
        value, gradient = score_and_slope(ensemble, jnp.asarray(point))
        return float(value), np.asarray(gradient)

    return objective


def learn(dimensions: int, attacking: bool, seed: int) -> tuple[list[float], list[np.ndarray], list]:
    """Errors by generation, what was labelled, the last ensemble."""
    random = np.random.default_rng(seed)
    points = random.uniform(-1.2, 1.2, (800 if dimensions == 2 else 200, dimensions))
    points = points[np.asarray(jax.vmap(energy)(jnp.asarray(points))) < -2]
    room = len(points) + GENERATIONS * LABELS
    grid = np.stack(np.meshgrid(*[np.linspace(-1.2, 1.2, 81)] * dimensions), axis=-1).reshape(-1, dimensions)
    grid = jnp.asarray(grid[np.asarray(jax.vmap(energy)(jnp.asarray(grid))) < 1])
    truth = jax.vmap(jax.grad(energy))(grid)
    errors, history, ensemble = [], [points], []
    for generation in range(GENERATIONS + 1):
        padded = jnp.zeros((room, dimensions)).at[: len(points)].set(points)
        weights = jnp.zeros(room).at[: len(points)].set(1.0)
        keys = jax.random.split(jax.random.key(1000 * seed + generation), MEMBERS)
        each = [trained(initial(key, dimensions), padded, weights) for key in keys]
        ensemble = jax.tree.map(lambda *leaves: jnp.stack(leaves), *each)
        slopes = jax.vmap(lambda own: jax.vmap(lambda p: jax.grad(network, argnums=1)(own, p))(grid))(ensemble)
        errors.append(float(jnp.sqrt(jnp.mean((jnp.mean(slopes, axis=0) - truth) ** 2))))
        if generation == GENERATIONS:
            break
        starts = points[random.choice(len(points), ATTACKS)]
        ascents = [climb(objective_of(ensemble), s + random.normal(0, 0.01, dimensions), 100, RATE) for s in starts]
        ends = np.array([ascent.points[ascent.best] for ascent in ascents])
        # As published: only what is more uncertain than four fifths of the data, and no two alike.
        uncertain = variances(ensemble, ends) > np.quantile(variances(ensemble, points), 0.8)
        chosen = farthest_apart(ends[uncertain] if uncertain.any() else ends, LABELS)
        length = np.sqrt(np.mean(np.sum((ends - starts) ** 2, axis=1)))
        moved = starts[:LABELS] + random.normal(0, length / np.sqrt(dimensions), (LABELS, dimensions))
        found = chosen if attacking else moved[: len(chosen)]
        points = np.concatenate([points, found])
        history.append(found)
    return errors, history, ensemble


def main() -> None:
    """Print errors by generation, draw."""
    import matplotlib.pyplot as plt

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=4)
    args = parser.parse_args()
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
    print("| wells | labels of | " + " | ".join(f"generation {g}" for g in range(GENERATIONS + 1)) + " |")
    print("|---|---|" + "---|" * (GENERATIONS + 1))
    for dimensions, place in ((1, axes[0]), (2, axes[1])):
        for attacking, color, label in ((True, "#4477aa", "attacks"), (False, "#999999", "random displacements")):
            runs = [learn(dimensions, attacking, seed) for seed in range(args.seeds)]
            errors = np.array([run[0] for run in runs])
            mean, deviation = errors.mean(axis=0), errors.std(axis=0, ddof=1)
            cells = " | ".join(f"{m:.2f} ± {d:.2f}" for m, d in zip(mean, deviation, strict=True))
            print(f"| {dimensions}D | {label} | {cells} |", flush=True)
            place.errorbar(range(GENERATIONS + 1), mean, deviation, fmt="o-", color=color, label=label, capsize=2)
            if dimensions == 2 and attacking:
                history = runs[0][1]
        place.set(
            yscale="log", xlabel="generation", ylabel="error of the force, E < 1", title=f"{dimensions}D double well"
        )
        place.legend()
    x, y = np.meshgrid(np.linspace(-1.3, 1.3, 120), np.linspace(-1.3, 1.3, 120))
    surface = 10 * x**4 - 10 * x**2 + 2 * x + 4 * y**2
    axes[2].contourf(x, y, np.clip(surface, -5, 6), 20, cmap="Greys_r", alpha=0.6)
    axes[2].plot(*history[0].T, ".", color="#999999", markersize=3, label="known at first")
    for generation, found in enumerate(history[1:], 1):
        color = mpl.colormaps["viridis"](generation / GENERATIONS)
        axes[2].plot(*found.T, "o", color=color, markersize=4, label=f"attacks {generation}")
    axes[2].set(xlabel="x", ylabel="y", xlim=(-1.3, 1.3), ylim=(-1.3, 1.3), title="What attacks asked for")
    axes[2].legend(fontsize=6, loc="upper right")
    figure.savefig(args.output, dpi=130)


if __name__ == "__main__":
    main()
