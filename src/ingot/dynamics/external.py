"""Any ASE calculator as what drives dynamics: at its own speed, with every integrator, benchmark and check of Ingot."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from ase.stress import voigt_6_to_full_3x3_stress
from jaxtyping import Array, Float

from ingot.dynamics.errors import DynamicsError
from ingot.dynamics.model import Model
from ingot.labels.ase_calculator import consistent_energy
from ingot.neighbors import NeighborTable

_CUTOFF = 4.0
"""A. The calculator finds its own neighbours: tables only tell how near the nearest two atoms are."""


class Answer(NamedTuple):
    """Energy, forces and strain gradient as dynamics wants them; the first axis has length one."""

    energy: Float[Array, "1"]
    forces: Float[Array, "1 atoms 3"]
    strain_gradient: Float[Array, "1 3 3"]


def calculator_model(calculator: BaseCalculator, species: tuple[str, ...]) -> Model:
    """Drive dynamics of periodic structures of ``species`` by an ASE calculator.

    It is asked for energy (the one that forces derive from), forces and stress; what it raises ends the run, as
    the reason. Not for derivatives of forces.

    Raises :class:`DynamicsError` for a calculator that has no forces or no stress.
    """
    missing = {"forces", "stress"} - set(getattr(calculator, "implemented_properties", ()))
    if missing:
        name = type(calculator).__name__
        raise DynamicsError(f"the calculator {name} has no {' and no '.join(sorted(missing))}: dynamics needs both")
    symbols = np.array(species)
    said = ""

    def ask(positions: Any, cell: Any, kinds: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        nonlocal said
        atoms = Atoms(symbols[np.asarray(kinds)], np.asarray(positions), cell=np.asarray(cell), pbc=True)
        atoms.calc = calculator
        try:
            energy, forces = consistent_energy(atoms), np.asarray(atoms.get_forces(), np.float64)
            stress = voigt_6_to_full_3x3_stress(np.asarray(atoms.get_stress(), np.float64))
        except Exception as error:  # a calculator raises what it happens to raise
            said = f"the calculator failed: {type(error).__name__}: {error}"
            return np.full(1, np.nan), np.full((1, len(atoms), 3), np.nan), np.full((1, 3, 3), np.nan)
        said = ""
        return np.array([energy]), forces[None], stress[None] * atoms.get_volume()

    def evaluate(positions: Array, cell: Array, kinds: Array, table: NeighborTable) -> Answer:
        del table  # the calculator has its own
        shapes = [jax.ShapeDtypeStruct(shape, jnp.float64) for shape in ((1,), (1, *positions.shape), (1, 3, 3))]
        return Answer(*jax.pure_callback(ask, shapes, positions, cell, kinds, vmap_method="sequential"))

    return Model(evaluate, species, _CUTOFF, periodic_only=True, complaint=lambda: said)
