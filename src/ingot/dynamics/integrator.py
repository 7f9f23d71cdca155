"""One step of molecular dynamics for every ensemble, and the loop that repeats it in compiled code.

The step is the symmetric splitting B A S O S A B: kick, drift, scale, thermostat, scale,
drift, kick. Without the piston it is BAOAB Langevin dynamics (B. Leimkuhler and C. Matthews,
Appl. Math. Res. Express 2013, 34), or velocity Verlet around stochastic velocity rescaling. With the piston every
factor is the exact flow of one part of Andersen's Hamiltonian written in the logarithms of the
box lengths: U (B), the kinetic energy (A), the piston's (S); the step is symplectic.
"""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, Protocol, cast

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from ingot.dynamics.conditions import Conditions
from ingot.dynamics.state import State, Status, System
from ingot.dynamics.thermostats import kinetic_energy, langevin, velocity_rescaling
from ingot.neighbors import NeighborTable, displacements
from ingot.units import BOLTZMANN


class EvaluationLike(Protocol):
    """What an evaluator gives; the first axis is that of the ensemble's members."""

    @property
    def energy(self) -> Any:
        """(members,) in eV."""

    @property
    def forces(self) -> Any:
        """(members, atoms, 3) in eV/A."""

    @property
    def strain_gradient(self) -> Any:
        """(members, 3, 3), dE/d(strain) in eV."""


Evaluate = Callable[[Any, Any, Any, NeighborTable], EvaluationLike]
"""``evaluate(positions, cell, species, table)``, pure, jit- and vmap-able."""

Monitor = Callable[[EvaluationLike], tuple[Int[Array, ""], Float[Array, " k"]]]
"""Watches evaluations: a stop code (0 to go on) and what it measured."""


_FORESIGHT = 0.02
"""What the acceleration may add to a predicted displacement, A."""


def no_monitor(evaluation: EvaluationLike) -> tuple[Int[Array, ""], Float[Array, " k"]]:
    """Goes on, measures nothing."""
    return jnp.asarray(Status.RUNNING), jnp.zeros(0)


class Watch(NamedTuple):
    """Who looks on at the dynamics, at what, and how often."""

    monitor: Monitor = no_monitor
    evaluate: Evaluate | None = None
    """What the monitor is shown, such as all members of an ensemble whose mean drives (what drives, where missing)."""
    every: int = 1
    """Steps between two looks; between them the measures stand still."""


def _nearest(positions: Array, cell: Array, table: NeighborTable) -> Array:
    """The shortest distance to single precision, among the inner neighbours where the table tells them apart."""
    n = table.inner or table.index.shape[-1]
    # Held fast: one pass over all displacements, as the potential makes it, and one over the inner ones.
    vectors = jax.lax.optimization_barrier(displacements(positions, cell, table).astype(jnp.float32))[:, :n]
    squared = vectors[..., 0] ** 2 + vectors[..., 1] ** 2 + vectors[..., 2] ** 2
    return jnp.sqrt(jnp.min(jnp.where(jnp.asarray(table.mask)[:, :n], squared, jnp.inf))).astype(jnp.float64)


def observe(
    evaluate: Evaluate, watch: Watch, state: State, system: System, table: NeighborTable, held: Conditions
) -> State:
    """The state with energy, forces, strain gradient, measures and status of its positions.

    ``state`` is one step behind its positions; a step of no duration is always watched.
    """

    def averaged(evaluation: EvaluationLike) -> tuple[Array, Array, Array]:
        return (
            jnp.mean(jnp.asarray(evaluation.energy, jnp.float64)),
            jnp.mean(jnp.asarray(evaluation.forces, jnp.float64), axis=0),
            jnp.mean(jnp.asarray(evaluation.strain_gradient, jnp.float64), axis=0),
        )

    def watched() -> tuple[tuple[Array, Array, Array], Array, Array]:
        evaluation = (watch.evaluate or evaluate)(state.positions, state.cell, system.species, table)
        code, measures = watch.monitor(evaluation)
        return averaged(evaluation), code.astype(state.status.dtype), jnp.asarray(measures, jnp.float64)

    def unwatched() -> tuple[tuple[Array, Array, Array], Array, Array]:
        evaluation = evaluate(state.positions, state.cell, system.species, table)
        return averaged(evaluation), jnp.zeros_like(state.status), state.measures

    if watch.every == 1:
        (energy, forces, gradient), code, measures = watched()
    else:
        look = ((state.step + 1) % watch.every == 0) | (held.timestep == 0)
        (energy, forces, gradient), code, measures = jax.lax.cond(look, watched, unwatched)
    nearest = _nearest(state.positions, state.cell, table)
    finite = jnp.isfinite(energy) & jnp.all(jnp.isfinite(forces)) & jnp.all(jnp.isfinite(gradient))
    status = jnp.where(nearest < held.closest, Status.TOO_CLOSE, code)
    status = jnp.where(finite, status, Status.BLOWN_UP)
    return replace(
        state,
        energy=energy,
        forces=forces,
        strain_gradient=gradient,
        nearest=nearest,
        measures=measures,
        status=status.astype(state.status.dtype),
    )


def _scaled(state: State, strain: Any) -> State:
    """Homogeneous axial log-strain at fixed reduced positions and momenta."""
    factor = jnp.exp(strain)
    return replace(
        state,
        positions=state.positions * factor,
        cell=state.cell * factor,
        velocities=state.velocities / factor,
        stretch=state.stretch * factor,
    )


def _volume(cell: Array) -> Array:
    return jnp.abs(jnp.linalg.det(cell))


def _per_volume(cell: Array) -> Array:
    """One over the volume; zero for a cluster without a cell, which has no pressure."""
    volume = _volume(cell)
    return jnp.where(volume > 0, 1 / jnp.where(volume > 0, volume, 1.0), 0.0)


def axial_pressure(state: State, masses: Array) -> Float[Array, "3"]:
    """Instantaneous pressure along x, y, z in eV/A^3, kinetic part included; zero without a cell."""
    kinetic = jnp.sum(masses[:, None] * state.velocities**2, axis=0)
    return jnp.asarray((kinetic - jnp.diagonal(state.strain_gradient)) * _per_volume(state.cell))


def _kick(state: State, system: System, held: Conditions, dt: Any) -> State:
    b = held.barostat
    push = -jnp.diagonal(state.strain_gradient) - b.pressure * _volume(state.cell)
    return replace(
        state,
        velocities=state.velocities + dt * state.forces / system.masses[:, None],
        strain_rate=state.strain_rate + dt * b.inverse_inertia * (jnp.asarray(b.coupling) @ push),
    )


def _drift(state: State, system: System, held: Conditions, dt: Any) -> State:
    b = held.barostat
    push = jnp.sum(system.masses[:, None] * state.velocities**2, axis=0)
    return replace(
        state,
        positions=state.positions + dt * state.velocities,
        strain_rate=state.strain_rate + dt * b.inverse_inertia * (jnp.asarray(b.coupling) @ push),
    )


def _thermostatted(state: State, system: System, held: Conditions, temperature: Any, noise: Array) -> State:
    each = temperature * jnp.asarray(held.hotter)
    velocities = langevin(state.velocities, system.masses, each, held.friction, held.timestep, noise)
    velocities = velocity_rescaling(velocities, system.masses, temperature, held.rescaling, held.timestep, noise)
    given = kinetic_energy(velocities, system.masses) - kinetic_energy(state.velocities, system.masses)
    return replace(state, velocities=velocities, heat=state.heat + given)


def take_step(
    evaluate: Evaluate, watch: Watch, state: State, system: System, table: NeighborTable, held: Conditions
) -> State:
    """The state one time step later. The noise depends on the key and the step's number only."""
    dt = held.timestep
    time = state.step * dt
    temperature = held.temperature(time + 0.5 * dt)
    thermal, barostatic = jax.random.split(jax.random.fold_in(system.key, state.step))
    # Half of the strain that takes the density from this step's value to the next one's.
    driven = jnp.asarray(jnp.log(held.density(time) / held.density(time + dt)) / 6)

    state = _kick(state, system, held, 0.5 * dt)
    state = _drift(state, system, held, 0.5 * dt)
    state = _scaled(state, 0.5 * dt * state.strain_rate + driven)
    state = _thermostatted(state, system, held, temperature, jax.random.normal(thermal, state.velocities.shape))
    state = _scaled(state, 0.5 * dt * state.strain_rate + driven)
    state = _drift(state, system, held, 0.5 * dt)
    state = observe(evaluate, watch, state, system, table, held)
    state = _kick(state, system, held, 0.5 * dt)

    # Stochastic cell rescaling, Bernetti and Bussi 2020, eq. 5, in the log-lengths: the sum over the axes is
    # their equation for ln V, and for independent axes the measure is the product of the lengths.
    b = held.barostat
    push = axial_pressure(state, system.masses) - b.pressure
    width = jnp.sqrt(2 * BOLTZMANN * temperature * b.mobility * dt / 3 * _per_volume(state.cell))
    strain = push * b.mobility * dt / 3 + width * jax.random.normal(barostatic, (3,))
    state = _scaled(state, jnp.asarray(b.coupling) @ strain)
    return replace(state, step=state.step + 1)


def guarded_step(
    evaluate: Evaluate,
    watch: Watch,
    state: State,
    system: System,
    table: NeighborTable,
    reference: Float[Array, "atoms 3"],
    held: Conditions,
    cutoff: float,
    skin: float,
) -> State:
    """A step that is taken only if the neighbour table held for it; ``stale`` asks for a new table.

    A pair that the table lacks was at least ``cutoff + skin`` apart in the reference; after an axial
    stretch s and displacements u it is at least ``min(s) (cutoff + skin) - 2 max|u|`` apart.
    """
    new = take_step(evaluate, watch, state, system, table, held)

    def spare(positions: Array) -> Array:
        moved = jnp.sqrt(jnp.max(jnp.sum((positions - reference * new.stretch) ** 2, axis=-1)))
        return jnp.min(new.stretch) * (cutoff + skin) - cutoff - 2 * moved

    # The next drift is known but for the acceleration: renewing just before the table would break wastes no step.
    new = replace(new, stale=spare(new.positions + held.timestep * new.velocities) < _FORESIGHT)
    # The table broke inside the step (or a position is not a number): stay, and ask for a new one. When it was
    # new already, an atom crosses half the skin in one step, which is no dynamics.
    broken = ~(spare(new.positions) >= 0)
    fresh = jnp.all(state.stretch == 1.0) & jnp.all(state.positions == reference)
    verdict = jnp.where(fresh, Status.BLOWN_UP, state.status).astype(state.status.dtype)
    stay = replace(state, stale=jnp.ones_like(state.stale), status=verdict)
    return cast(State, jax.tree.map(lambda a, b: jnp.where(broken, a, b), stay, new))


@partial(jax.jit, static_argnames=("evaluate", "watch", "cutoff", "skin"))
def advance(
    state: State,
    system: System,
    table: NeighborTable,
    reference: Float[Array, "r atoms 3"],
    held: Conditions,
    end: Int[Array, ""],
    *,
    evaluate: Evaluate,
    watch: Watch,
    cutoff: float,
    skin: float,
) -> State:
    """Steps of all replicas up to step number ``end``, returning when each is there, has stopped or has a stale table.

    Every argument but ``end`` has a leading axis of replicas. A replica that waits costs nothing on a CPU.
    """

    def may_go(state: State) -> Array:
        return (state.status == Status.RUNNING) & (state.step < end) & ~state.stale

    def one(state: State, system: System, table: NeighborTable, reference: Array, held: Conditions) -> State:
        def go(state: State) -> State:
            return guarded_step(evaluate, watch, state, system, table, reference, held, cutoff, skin)

        return cast(State, jax.lax.cond(may_go(state), go, lambda waiting: waiting, state))

    many = _over_replicas(one, state.step.shape[0])

    def step(carry: State) -> State:
        return many(carry, system, table, reference, held)

    return jax.lax.while_loop(lambda carry: jnp.any(may_go(carry)), step, state)


def _over_replicas(function: Callable[..., State], replicas: int) -> Callable[..., State]:
    """The function for every replica: one after the other on a CPU, side by side on an accelerator.

    On a CPU one large batch falls out of the caches, and a branch inside the potential is taken both ways.
    """
    if replicas > 1 and jax.default_backend() != "cpu":
        return jax.vmap(function)

    def single(*arguments: Any) -> State:
        squeezed = jax.tree.map(lambda a: a[0], arguments)
        return cast(State, jax.tree.map(lambda a: a[None], function(*squeezed)))

    def mapped(*arguments: Any) -> State:
        return cast(State, jax.lax.map(lambda one: function(*one), arguments))

    return single if replicas == 1 else mapped
