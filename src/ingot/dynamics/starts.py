"""What simulations begin with: structures that fit together, and the first state."""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from ase import Atoms

from ingot.dynamics.errors import DynamicsError
from ingot.dynamics.state import State
from ingot.errors import near_name


def check_starts(frames: list[Atoms], species: Sequence[str], skin: float) -> None:
    """Raise :class:`DynamicsError` for frames that cannot be replicas of one simulation."""
    if not frames or any(len(frame) == 0 for frame in frames):
        raise DynamicsError("a simulation needs at least one structure with at least one atom")
    sizes = sorted({len(frame) for frame in frames})
    if len(sizes) > 1:
        raise DynamicsError(f"replicas must have equally many atoms, got {sizes}: run each size by itself")
    for symbol in sorted({s for frame in frames for s in frame.symbols}):
        if symbol not in species:
            raise DynamicsError(
                f"the potential does not know {symbol!r}{near_name(symbol, species)}; it knows {', '.join(species)}"
            )
    if any(frame.constraints for frame in frames):
        raise DynamicsError("the structure has constraints, which dynamics does not know: remove them")
    if not skin > 0:
        raise DynamicsError(f"the skin must be a positive length in angstrom, got {skin!r}")


def initial_state(frames: list[Atoms]) -> State:
    """Positions, velocities and cells of the frames, nothing evaluated yet."""
    r, n = len(frames), len(frames[0])
    velocities = np.stack([frame.get_velocities() for frame in frames])
    return State(
        step=jnp.zeros(r, jnp.int64),
        positions=jnp.asarray(np.stack([frame.positions for frame in frames]), jnp.float64),
        velocities=jnp.asarray(velocities, jnp.float64),
        cell=jnp.asarray(np.stack([frame.cell.array for frame in frames]), jnp.float64),
        strain_rate=jnp.zeros((r, 3)),
        heat=jnp.zeros(r),
        energy=jnp.zeros(r),
        forces=jnp.zeros((r, n, 3)),
        strain_gradient=jnp.zeros((r, 3, 3)),
        nearest=jnp.zeros(r),
        measures=jnp.zeros((r, 0)),
        status=jnp.zeros(r, jnp.int32),
        stretch=jnp.ones((r, 3)),
        stale=jnp.zeros(r, bool),
    )
