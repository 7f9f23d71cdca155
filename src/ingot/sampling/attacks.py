"""Adversarial attacks: structures that are likely, and on which an ensemble does not agree.

D. Schwalbe-Koda, A. R. Tan, R. Gomez-Bombarelli, Nat. Commun. 12, 5104 (2021): over a displacement of a known
structure (and a strain of its cell) maximise ``p(X) sigma_F^2(X)``, with ``p = exp(-<E> / N k T) / Q``, <E> the mean
energy of the ensemble's members and ``sigma_F^2`` the variance of their forces, averaged over 3 N components. We
climb its logarithm, which has the same maxima, no constant Q, and no slope that fades where p is small.

The slope of the variance takes second derivatives of every member, contracted with its own deviation g_m = F_m - <F>:
``d sigma_F^2 / dr = 2 / (3 N (M - 1)) sum_m (dF_m / dr) g_m``. They are a central difference of first derivatives along
g_m, as in the training (Smith, Lubbers, Thompson, Barros, arXiv 2006.05475): two evaluations of each member.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
import optax
from ase import Atoms
from ase.data import covalent_radii
from ase.neighborlist import neighbor_list
from ase.units import kB
from numpy.typing import NDArray

from ingot.potentials import PaddedEvaluator, Potential
from ingot.progress import progress
from ingot.randomness import derive_seed, generator
from ingot.sampling.errors import SamplingError
from ingot.sampling.spread import MEASURES, Thresholds, spreads
from ingot.structures import describe

Values = NDArray[np.float64]

Objective = Callable[[Values], tuple[float, Values] | None]
"""Value and gradient at a point; ``None`` beyond where it is defined."""

_DISPLACEMENT = 1e-4
"""Largest displacement of an atom in the central difference, A: an error of 1e-4 of the slope."""


@dataclass(frozen=True)
class Ascent:
    """The way up: points and values, from the start on."""

    points: Values
    """(steps + 1, dimensions), less where the end of what is allowed was met."""
    values: Values
    """(steps + 1,)."""

    @property
    def best(self) -> int:
        """The step of the highest value."""
        return int(np.argmax(self.values))


def climb(objective: Objective, start: Values, steps: int, rate: float, farthest: float = np.inf) -> Ascent:
    """Adam upwards from ``start``; no component moves farther than ``farthest`` from zero.

    Ends before ``steps`` where the objective is not defined or not finite. Raises :class:`SamplingError` when that is
    at the start already.
    """
    rule = optax.adam(rate)
    point = np.array(start, np.float64)
    state = rule.init(point)
    points, values = [], []
    for step in range(steps + 1):
        found = objective(point)
        if found is None or not np.isfinite(found[0]) or not np.isfinite(found[1]).all():
            break
        points.append(point)
        values.append(found[0])
        if step < steps:
            change, state = rule.update(-found[1], state)
            point = np.clip(point + np.asarray(change, np.float64), -farthest, farthest)
    if not points:
        raise SamplingError("an attack cannot begin here: atoms are too close, or forces are not finite")
    return Ascent(np.array(points), np.array(values))


class Disagreement:
    """``ln sigma_F^2 - (<E> - <E_0>) / N k T`` of an ensemble around one structure, with its gradient.

    A point is the displacements of the atoms in A, (3 N,), and with ``strain`` the six components of a symmetric
    strain (xx, yy, zz, yz, xz, xy) times the cube root of the cell's volume, in A too, so that one step size serves
    both. Positions are ``(r + displacement) (1 + strain)``.
    """

    def __init__(
        self,
        potential: Potential,
        structure: Atoms,
        temperature_kelvin: float,
        strain: bool = False,
        closest_fraction: float = 0.65,
    ) -> None:
        if potential.members < 2:
            raise SamplingError("an attack needs an ensemble: one member agrees with itself everywhere")
        if strain and not structure.pbc.all():
            raise SamplingError("strain needs a cell that is periodic in all three directions")
        self._evaluator = PaddedEvaluator(potential)
        self._potential, self._structure = potential, structure
        self._temperature = kB * temperature_kelvin
        self._length = structure.get_volume() ** (1 / 3) if strain else 0.0
        self._closest = closest_fraction * 2 * float(covalent_radii[structure.numbers].min())
        self._energy = float(self._evaluator.evaluate(structure, "all").energy.mean())

    @property
    def dimensions(self) -> int:
        """Of a point."""
        return 3 * len(self._structure) + (6 if self._length else 0)

    def structure(self, point: Values) -> Atoms:
        """The structure at a point."""
        displaced, deformation = self._deformed(point)
        atoms = self._structure.copy()
        atoms.set_cell(self._structure.cell.array @ deformation.T)
        atoms.positions = displaced @ deformation.T
        return atoms

    def _deformed(self, point: Values) -> tuple[Values, Values]:
        count = len(self._structure)
        displaced = self._structure.positions + point[: 3 * count].reshape(-1, 3)
        deformation = np.eye(3)
        if self._length:
            xx, yy, zz, yz, xz, xy = point[3 * count :] / self._length
            deformation += [[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]]
        return displaced, deformation

    def __call__(self, point: Values) -> tuple[float, Values] | None:
        """Value and gradient; ``None`` where two atoms are too close or the cell is turned inside out."""
        _, deformation = self._deformed(point)
        if np.linalg.det(deformation) <= 0:
            return None
        atoms = self.structure(point)
        if len(neighbor_list("d", atoms, self._closest)):
            return None
        found = self._evaluator.evaluate(atoms, "all")
        members, count = found.forces.shape[:2]
        deviation = np.asarray(found.forces - found.forces.mean(axis=0))
        variance = float((deviation**2).sum() / (3 * count * (members - 1)))
        if not variance > 0:
            return None
        per_atom = 1 / (count * self._temperature)
        value = np.log(variance) - (float(found.energy.mean()) - self._energy) * per_atom
        by_position = np.zeros((count, 3))
        by_strain = np.zeros((3, 3))
        for member, own in enumerate(deviation):
            forces, strain_gradient = self._derivative(atoms, member, own)
            by_position += forces
            # d(F g) at fixed g: the strain that the derivative along g takes also strains g.
            pulled = np.asarray(found.forces[member]).T @ own
            by_strain -= strain_gradient + 0.5 * (pulled + pulled.T)
        weight = 2 / (3 * count * (members - 1) * variance)
        by_position = weight * by_position + per_atom * np.asarray(found.forces.mean(axis=0))
        by_strain = weight * by_strain - per_atom * np.asarray(found.strain_gradient.mean(axis=0))
        gradient = (by_position @ deformation).ravel()
        if self._length:
            slope = by_strain @ np.linalg.inv(deformation).T
            slope = (slope + slope.T) / self._length
            diagonal = np.diag(slope) / 2
            gradient = np.concatenate([gradient, diagonal, [slope[1, 2], slope[0, 2], slope[0, 1]]])
        return float(value), gradient

    def measures(self, point: Values) -> tuple[float, float, float]:
        """Calibrated spreads at a point, as in :data:`ingot.sampling.MEASURES`."""
        found = self._evaluator.evaluate(self.structure(point), "all")
        scale = self._potential.uncertainty_scale
        first, second, third = spreads(jnp.asarray(found.energy), jnp.asarray(found.forces), scale)
        return float(first), float(second), float(third)

    def _derivative(self, atoms: Atoms, member: int, direction: Values) -> tuple[Values, Values]:
        """Derivatives of a member's forces and strain gradient along a direction of the atoms."""
        largest = float(np.linalg.norm(direction, axis=1).max())
        if largest == 0:
            return np.zeros_like(direction), np.zeros((3, 3))
        reach = _DISPLACEMENT / largest
        ends = []
        for sign in (1, -1):
            moved = atoms.copy()
            moved.positions += sign * reach * direction
            ends.append(self._evaluator.evaluate(moved, member))
        forces, strain_gradient = (
            (np.asarray(getattr(ends[0], name)[0]) - np.asarray(getattr(ends[1], name)[0])) / (2 * reach)
            for name in ("forces", "strain_gradient")
        )
        return forces, strain_gradient


@dataclass(frozen=True)
class Attacking:
    """How structures are attacked; steps, rate, start and reach are the paper's."""

    steps: int = 60
    rate: float = 0.01
    """Of Adam: about how far an atom moves in one step, A."""
    start: float = 0.01
    """Standard deviation of the random displacements at the start, A."""
    farthest: float = 3.0
    """No component of a displacement grows beyond this, A."""
    temperature_kelvin: float = 2000.0
    """Of the probability; energies count per atom."""
    strain: bool = False
    closest_fraction: float = 0.65


@dataclass(frozen=True)
class Attacked:
    """What became of one attack."""

    number: int
    start: str
    """Id of the structure that was attacked."""
    ascent: Ascent
    measures: tuple[float, float, float]
    """Spreads at the end, as in :data:`ingot.sampling.MEASURES`."""
    start_measures: tuple[float, float, float]
    displacement: float
    """Root mean square over the atoms, A."""
    candidate: Atoms | None
    """The structure of the highest value, where a spread is above its threshold."""


def attack(objective: Disagreement, how: Attacking, seed: int) -> Ascent:
    """Climb from random displacements."""
    beginning = generator(seed, "attack").normal(0.0, how.start, objective.dimensions)
    return climb(objective, beginning, how.steps, how.rate, how.farthest)


def attack_structures(
    potential: Potential,
    structures: Mapping[int, Atoms],
    thresholds: Thresholds,
    how: Attacking,
    seed: int,
    name: str = "attack",
) -> list[Attacked]:
    """Attack structures, given by the number of the attack, which alone decides where it begins.

    What an attack found is a candidate when its spread would have stopped a trajectory. Its ``parent`` is
    ``<name>-<number>``. Structures on which an attack cannot begin give none.
    """
    found = []
    for number in progress(sorted(structures), "attacking", unit="attack"):
        structure = structures[number]
        around = Disagreement(potential, structure, how.temperature_kelvin, how.strain, how.closest_fraction)
        try:
            ascent = attack(around, how, derive_seed(seed, "attack", number))
        except SamplingError:
            continue
        best = ascent.points[ascent.best]
        start, end = around.measures(np.zeros(around.dimensions)), around.measures(best)
        above = np.greater(end, (thresholds.energy, thresholds.mean_force, thresholds.largest_force))
        candidate = _described(around.structure(best), end, f"{name}-{number}", number) if above.any() else None
        displacement = float(np.sqrt(3 * np.mean(best[: 3 * len(structure)] ** 2)))
        found.append(Attacked(number, structure.info["structure_id"], ascent, end, start, displacement, candidate))
    return found


def _described(at: Atoms, measures: tuple[float, float, float], parent: str, number: int) -> Atoms:
    atoms = describe(Atoms(at.symbols, at.get_positions(wrap=True), cell=at.cell, pbc=at.pbc), "attack", parent)
    atoms.info.update(attack=number, reason="attack", **dict(zip(MEASURES, measures, strict=True)))
    return atoms
