"""A running simulation: the host's side of the compiled loop, which renews neighbour tables and looks on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from ase import Atoms

from ingot.dynamics.conditions import Conditions
from ingot.dynamics.errors import DynamicsError
from ingot.dynamics.integrator import Watch, advance
from ingot.dynamics.model import Model
from ingot.dynamics.speed import Speed
from ingot.dynamics.starts import check_starts, initial_state
from ingot.dynamics.state import State, Status, System
from ingot.dynamics.tables import ReplicaTables, TableMemory
from ingot.dynamics.velocities import maxwell_boltzmann
from ingot.progress import progress
from ingot.randomness import derive_seed

_ADVICE = "; the potential may be used outside of what it was trained on, or the time step may be too long"


@dataclass(frozen=True)
class Snapshot:
    """All that the next step depends on, besides model, skin, masses and conditions."""

    state: State
    key: np.ndarray
    """Of the noise of every replica."""
    tables: TableMemory


class Simulation:
    """One system, or several replicas with equally many atoms, driven by one potential.

    Parameters
    ----------
    model
        the potential.
    starts
        the starting structures (velocities are taken over where ``temperature`` is ``None``).
    temperature
        K, of the Maxwell-Boltzmann velocities at the start: one, or one per replica.
    seed
        of velocities and noise: one, or one per replica. The trajectory depends on it and on nothing else:
        neither on how ``run`` is cut into pieces nor on who looks.
    watch
        who looks on, if anyone; a code from 3 up stops the replica (see :data:`Monitor`).
    skin
        angstrom by which a neighbour table reaches beyond the cutoff.
    density_ahead
        the highest density to come, relative to the start: tables are sized for it.

    Raises :class:`DynamicsError` for structures that do not fit together.
    """

    def __init__(
        self,
        model: Model,
        starts: Atoms | Sequence[Atoms],
        temperature: float | Sequence[float] | None = None,
        seed: int | Sequence[int] = 0,
        watch: Watch | None = None,
        skin: float = 1.0,
        density_ahead: float = 1.0,
    ) -> None:
        frames = [starts] if isinstance(starts, Atoms) else list(starts)
        check_starts(frames, model.species, skin)
        self.model, self.watch = model, watch or Watch()
        self.replicas, self.atoms = len(frames), len(frames[0])
        pbc = np.stack([frame.pbc for frame in frames])
        self.tables = ReplicaTables(self.replicas, self.atoms, pbc, model.cutoff, model.inner_cutoff, skin)
        squeeze = density_ahead ** (-1 / 3)
        for r, frame in enumerate(frames):
            self.tables.reserve(r, frame.positions * squeeze, frame.cell.array * squeeze)
        self.restart(frames, temperature, seed)

    def restart(
        self,
        starts: Atoms | Sequence[Atoms],
        temperature: float | Sequence[float] | None = None,
        seed: int | Sequence[int] = 0,
    ) -> None:
        """Begin again with other structures of the same size, keeping what is compiled."""
        frames = [starts] if isinstance(starts, Atoms) else list(starts)
        check_starts(frames, self.model.species, self.tables.skin)
        if (len(frames), len(frames[0])) != (self.replicas, self.atoms):
            raise DynamicsError(f"restart with {self.replicas} structures of {self.atoms} atoms, as at the start")
        if self.model.periodic_only and not all(frame.pbc.all() for frame in frames):
            raise DynamicsError("this potential drives only structures that are periodic in all three directions")
        self.frames = frames
        self.masses = np.stack([frame.get_masses() for frame in frames])
        known = {symbol: index for index, symbol in enumerate(self.model.species)}
        seeds = self._seeds(seed)
        self._system = System(
            masses=jnp.asarray(self.masses),
            species=jnp.asarray([[known[s] for s in frame.symbols] for frame in frames], jnp.int32),
            key=jnp.stack([jax.random.PRNGKey(derive_seed(own, "noise", r)) for own, r in seeds]),
        )
        self._state = initial_state(frames)
        if temperature is not None:
            each = np.broadcast_to(np.asarray(temperature), (self.replicas,))
            drawn = [
                maxwell_boltzmann(m, float(t), derive_seed(own, "velocities", r))
                for m, t, (own, r) in zip(self.masses, each, seeds, strict=True)
            ]
            self.velocities = np.stack(drawn)
        self._renew(np.ones(self.replicas, bool))
        self._looked = False
        self._state = replace(self._state, measures=jnp.zeros((self.replicas, self._measured())))

    # -- what there is to see ---------------------------------------------------------------------------------

    @property
    def state(self) -> State:
        """The state with its leading axis of replicas."""
        return self._state

    @property
    def step(self) -> int:
        """Steps taken by the replica that is furthest."""
        return int(np.max(np.asarray(self._state.step)))

    @property
    def status(self) -> np.ndarray:
        """Stop code of every replica (0: running)."""
        return np.asarray(self._state.status)

    @property
    def velocities(self) -> np.ndarray:
        """(replicas, atoms, 3) in internal units; may be set."""
        return np.asarray(self._state.velocities)

    @velocities.setter
    def velocities(self, values: np.ndarray) -> None:
        self._state = replace(self._state, velocities=jnp.asarray(values, jnp.float64))

    def structure(self, replica: int = 0, wrap: bool = False) -> Atoms:
        """The present structure with its velocities."""
        atoms = self.frames[replica].copy()
        atoms.calc = None
        atoms.set_cell(np.asarray(self._state.cell[replica]))
        atoms.set_positions(np.asarray(self._state.positions[replica]))
        atoms.set_velocities(np.asarray(self._state.velocities[replica]))
        if wrap:
            atoms.wrap()
        return atoms

    # -- what it does -----------------------------------------------------------------------------------------

    def run(
        self,
        steps: int,
        held: Conditions | Sequence[Conditions],
        every: int | None = None,
        look: Callable[["Simulation"], Any] | None = None,
        title: str = "dynamics",
    ) -> None:
        """Go on for ``steps`` steps under ``held`` (one for all, or one per replica), calling ``look`` each ``every``.

        Replicas that stopped stay as they are; with none left the call returns early.
        Schedules and the noise are counted from the first step of the simulation.
        """
        every = every or steps
        each = self._per_replica(held)
        if not self._looked:
            self._look(each)
        first, last = self.step, self.step + steps
        speed = Speed(self.atoms, np.asarray(each.timestep))
        line = progress(range(first + every, last + every, every), title, unit=f"x{every} steps")
        for end in line:
            self._advance_to(min(end, last), each)
            if look is not None:
                look(self)
            line.set_postfix_str(speed(np.asarray(self._state.step)), refresh=False)
            if (self.status != Status.RUNNING).all():
                break

    def stop(self, replica: int, code: int) -> None:
        """Stop a replica where it is, with a code of the caller's (see :data:`FIRST_MONITOR_CODE`)."""
        self._state = replace(self._state, status=self._state.status.at[replica].set(code))

    def require_running(self, doing: str) -> None:
        """Raise :class:`DynamicsError` with the reason if a replica has stopped."""
        stopped = np.flatnonzero(self.status != Status.RUNNING)
        if len(stopped):
            r = int(stopped[0])
            which = f"replica {r} " if self.replicas > 1 else ""
            raise DynamicsError(
                f"{doing}: {which}stopped at step {int(self._state.step[r])}: {self.reason(r)}"
                + ("" if self.model.complaint() else _ADVICE)
            )

    def reason(self, replica: int = 0) -> str:
        """Why a replica stopped; empty while it has not."""
        reasons: dict[int, str] = {
            Status.RUNNING: "",
            Status.TOO_CLOSE: f"two atoms came to {float(self._state.nearest[replica]):.2f} A of each other",
            Status.BLOWN_UP: "an atom crossed half the neighbour skin in one step, or a force is not finite",
        }
        code = int(self.status[replica])
        if code == Status.BLOWN_UP and self.model.complaint():
            return self.model.complaint()
        return reasons.get(code, f"the monitor stopped it with code {code}")

    def look(self, held: Conditions | Sequence[Conditions]) -> None:
        """Evaluate the present positions, so that ``state`` has their energy and forces."""
        self._look(self._per_replica(held))

    def snapshot(self) -> Snapshot:
        """What :meth:`resume` needs; a simulation that was not looked at or run yet has nothing to go on from."""
        if not self._looked:
            raise DynamicsError("look at a simulation, or run it, before taking a snapshot")
        return Snapshot(self._state, np.asarray(self._system.key), self.tables.memory)

    def resume(self, snapshot: Snapshot) -> None:
        """Go on from a snapshot of the same system: what follows has the same bits as if nothing had been between."""
        if np.shape(snapshot.state.positions) != (self.replicas, self.atoms, 3):
            raise DynamicsError(
                f"the snapshot has positions of shape {np.shape(snapshot.state.positions)}, "
                f"this simulation has {self.replicas} replicas of {self.atoms} atoms"
            )
        self._state = jax.tree.map(jnp.asarray, snapshot.state)
        self._system = replace(self._system, key=jnp.asarray(snapshot.key))
        self.tables.recall(snapshot.tables)
        self._table, self._reference = self.tables.table, self.tables.reference
        self._looked = True

    # -- how --------------------------------------------------------------------------------------------------

    def _seeds(self, seed: int | Sequence[int]) -> list[tuple[int, int]]:
        """Of every replica the seed and a number that sets it apart from those with the same one."""
        if isinstance(seed, int):
            return [(seed, r) for r in range(self.replicas)]
        if len(seed) != self.replicas:
            raise DynamicsError(f"{len(seed)} seeds for {self.replicas} replicas")
        return [(own, 0) for own in seed]

    def _measured(self) -> int:
        """How many numbers the monitor gives."""
        one = jax.tree.map(lambda a: a[0], (self._state.positions, self._state.cell, self._system.species, self._table))
        shown = self.watch.evaluate or self.model.evaluate
        return int(jax.eval_shape(lambda *a: self.watch.monitor(shown(*a))[1], *one).shape[0])

    def _look(self, each: Conditions) -> None:
        # A step of no duration by the loop that is compiled anyway: a second program would cost seconds.
        still = replace(each, timestep=jnp.zeros(self.replicas))
        step = self._state.step
        self._advance_to(self.step + 1, still)
        self._state = replace(self._state, step=step)
        self._looked = True

    def _advance_to(self, end: int, each: Conditions) -> None:
        reach = {"cutoff": self.tables.cutoff, "skin": self.tables.skin}
        loop = partial(advance, evaluate=self.model.evaluate, watch=self.watch, **reach)
        while True:
            going = (self.status == Status.RUNNING) & (np.asarray(self._state.step) < end)
            if not going.any():
                return
            # Only tables that are used up: a replica's trajectory must not depend on when another's is.
            self._renew(going & np.asarray(self._state.stale))
            self._state = loop(self._state, self._system, self._table, self._reference, each, jnp.asarray(end))

    def _renew(self, which: np.ndarray) -> None:
        """New neighbour tables for some replicas."""
        if not which.any():
            return
        positions, cells = np.asarray(self._state.positions), np.asarray(self._state.cell)
        for r in np.flatnonzero(which):
            self.tables.renew(int(r), positions[r], cells[r])
        self._table, self._reference = self.tables.table, self.tables.reference
        chosen = jnp.asarray(which)
        self._state = replace(
            self._state,
            stretch=jnp.where(chosen[:, None], 1.0, self._state.stretch),
            stale=self._state.stale & ~chosen,
        )

    def _per_replica(self, held: Conditions | Sequence[Conditions]) -> Conditions:
        """Conditions stacked along the axis of replicas, with one shape whatever the ensemble."""
        given = [held] * self.replicas if isinstance(held, Conditions) else list(held)
        if len(given) != self.replicas:
            raise DynamicsError(f"{len(given)} conditions for {self.replicas} replicas")
        if any(np.any(np.asarray(one.rescaling) > 0) for one in given) and self.atoms == 1:
            raise DynamicsError("velocity rescaling acts on motions relative to the centre of mass: one atom has none")
        if any(one.barostat.breathes for one in given) and not all(frame.pbc.all() for frame in self.frames):
            raise DynamicsError("a barostat needs a structure that is periodic in all three directions")

        def full(one: Conditions) -> Conditions:
            hotter = np.broadcast_to(np.asarray(one.hotter, np.float64), (self.atoms,))
            return replace(one, hotter=hotter)

        return jax.tree.map(  # type: ignore[no-any-return]
            lambda *leaves: jnp.asarray(np.stack([np.asarray(leaf, np.float64) for leaf in leaves])),
            *[full(one) for one in given],
        )
