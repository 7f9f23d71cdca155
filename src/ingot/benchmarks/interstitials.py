"""Self-interstitials: energy to take an atom from elsewhere in the crystal and squeeze it in between the others.

``E_f = E(N + 1) - (N + 1)/N E(N)`` with both cells at the volume of the perfect crystal; relaxed at constant volume.
A configuration is kept by its symmetry, also where it is no minimum: whether it is one, its softest mode shows.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations, product
from typing import Literal

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from ase.geometry import find_mic
from numpy.typing import NDArray

from ingot.benchmarks.curvature import lowest_curvature
from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.point_defects import check_room, occupants
from ingot.benchmarks.relaxation import relaxed_energy, static_energy
from ingot.benchmarks.spread import Asked, noted, quantities_of
from ingot.benchmarks.tables import Quantity

Pair = NDArray[np.float64]
"""(2, 3): the two atoms nearest to one site, relative to it, in units of the lattice constant."""

CONFIGURATIONS: dict[str, tuple[str, ...]] = {
    "fcc": ("dumbbell_100", "dumbbell_110", "dumbbell_111", "octahedral", "tetrahedral"),
    "bcc": ("dumbbell_110", "dumbbell_111", "dumbbell_100", "octahedral", "tetrahedral"),
}
"""What is computed of a lattice."""

OTHER = "another configuration"
_ROOM = 3.0
"""In nearest-neighbour distances: with more the neighbours of an interstitial are none of its images' neighbours."""

_SEPARATION = 0.8  # of the atoms of a dumbbell, in nearest-neighbour distances
_ALIKE = 0.15  # root-mean-square distance of the atoms of a pair from those of its configuration, in lattice constants
_UNLIKE = np.array([[0.60, 0.48, 0.64], [-0.36, 0.80, -0.48]])
"""Displacements of the pair without symmetry, where the search for the softest mode begins."""

_PUSH = 0.2  # A, over all coordinates
_SMALL_FORCE = 1e-3  # eV/A: near a saddle point forces are small
_LOWER = 2e-3  # eV
_MAX_STEPS = 500


_NEAREST = {"fcc": math.sqrt(1 / 2), "bcc": math.sqrt(3 / 4)}
"""Distance of nearest neighbours, in lattice constants."""

_SITES: dict[str, dict[str, tuple[tuple[float, float, float], float]]] = {
    "fcc": {
        "octahedral": ((1 / 2, 0, 0), 0.2),
        "tetrahedral": ((1 / 4, 1 / 4, 1 / 4), 0.4),
        "crowdion": ((1 / 4, 1 / 4, 0), 0.7),
    },
    "bcc": {
        "octahedral": ((1 / 2, 0, 0), 0.5),
        "tetrahedral": ((1 / 2, 1 / 4, 0), 0.35),
        "crowdion": ((1 / 4, 1 / 4, 1 / 4), 0.7),
    },
}
"""Of one atom between the others: its place, in lattice constants from a site, and how far it typically pushes the
atom of that site away, as part of its own distance. A crowdion, half way between neighbours, is only recognised."""


def _dumbbell(lattice: str, axis: Sequence[int]) -> Pair:
    half = 0.5 * _SEPARATION * _NEAREST[lattice] * np.array(axis) / np.linalg.norm(axis)
    return np.array([-half, half])


def _pairs(lattice: str, relaxed: bool) -> dict[str, Pair]:
    """The configurations by name: as they start, or about as they are when the atoms around have relaxed."""
    axes = {f"dumbbell_{x}{y}{z}": (x, y, z) for x, y, z in ((1, 0, 0), (1, 1, 0), (1, 1, 1))}
    pairs = {name: _dumbbell(lattice, axis) for name, axis in axes.items()}
    for name, (place, push) in _SITES[lattice].items():
        pairs[name] = np.outer([-push if relaxed else 0.0, 1.0], place)
    return pairs


_CUBIC_GROUP = [np.eye(3)[list(p)] * signs for p in permutations(range(3)) for signs in product((1, -1), repeat=3)]


def _distance(pair: Pair, other: Pair) -> float:
    """Root-mean-square distance of two pairs, whichever way the crystal is turned and the atoms are counted."""
    turned = (ordered @ rotation for rotation in _CUBIC_GROUP for ordered in (other, other[::-1]))
    return min(float(np.sqrt(((pair - one) ** 2).sum(axis=1).mean())) for one in turned)


def configuration(atoms: Atoms, crystal: Atoms, lattice: Literal["fcc", "bcc"], edge: float) -> str:
    """Name of the configuration that an interstitial is in, judged by the two atoms that share a site.

    ``crystal`` is the perfect cell without it, ``edge`` (A) its lattice constant.
    """
    shared = [site for site in enumerate(occupants(atoms, crystal)) if len(site[1]) != 1]
    if len(shared) != 1 or len(shared[0][1]) != 2:
        return OTHER
    site, pair = shared[0]
    relative, _ = find_mic(atoms.positions[pair] - crystal.positions[site], crystal.cell, pbc=True)
    distances = {name: _distance(relative / edge, start) for name, start in _pairs(lattice, relaxed=True).items()}
    nearest = min(distances, key=lambda name: distances[name])
    return nearest if distances[nearest] < _ALIKE else OTHER


@dataclass(frozen=True)
class Interstitial:
    """Formation energy in eV, and the relaxed cell."""

    energy: float
    structure: Atoms


def interstitial_formation(
    calculator: BaseCalculator,
    crystal: Atoms,
    lattice: Literal["fcc", "bcc"],
    edge: float,
    name: str,
    start: Atoms | None = None,
) -> Interstitial:
    """Formation energy of an interstitial in ``crystal``, a perfect cell with lattice constant ``edge`` (A).

    It relaxes from the configuration ``name`` of :data:`CONFIGURATIONS`, whose symmetry the forces keep, or from
    ``start``. Raises :class:`BenchmarkError` when it does not relax, ends in another configuration, or the cell is too
    small.
    """
    what = f"the {_words(name)} interstitial"
    check_room(crystal, _ROOM, what)
    structure = start.copy() if start else _placed(crystal, edge * _pairs(lattice, relaxed=False)[name])
    reference = static_energy(crystal.copy(), calculator, "the crystal") * (len(crystal) + 1) / len(crystal)
    energy = relaxed_energy(structure, calculator, what, max_steps=_MAX_STEPS) - reference
    found = configuration(structure, crystal, lattice, edge)
    if found != name:
        raise BenchmarkError(f"{what} did not keep its symmetry: it became {_article(found)}, {energy:.3f} eV")
    return Interstitial(energy, structure)


def _placed(crystal: Atoms, pair: Pair) -> Atoms:
    """The crystal with two atoms in the place of its first."""
    result = crystal.copy()
    result.append(result[0])
    result.positions[[0, -1]] = crystal.positions[0] + pair
    return result


def fate(
    calculator: BaseCalculator,
    crystal: Atoms,
    lattice: Literal["fcc", "bcc"],
    edge: float,
    name: str,
    relaxed: Interstitial,
) -> str:
    """What becomes of a relaxed interstitial that is pushed along its softest mode; empty when it comes back."""
    structure = relaxed.structure
    unlike = np.zeros_like(structure.positions)
    unlike[[0, -1]] = _UNLIKE
    try:
        curvature, mode = lowest_curvature(structure, calculator, unlike)
        pushed = structure.copy()
        pushed.positions += _PUSH * mode
        energy = relaxed_energy(pushed, calculator, "it", _SMALL_FORCE, 2 * _MAX_STEPS)
    except BenchmarkError as error:
        return f"whether it is a minimum is not known: {error}"
    change = energy - static_energy(structure.copy(), calculator, name)
    found = configuration(pushed, crystal, lattice, edge)
    if change > -_LOWER:
        return ""
    end = f"a distorted {_words(found)}" if found == name else _article(found)
    return (
        f"no minimum: pushed by {_PUSH} A along its softest mode ({curvature:.2f} eV/A2) it becomes {end},"
        f" {relaxed.energy + change:.3f} eV"
    )


def _words(name: str) -> str:
    """Such as ``<100> dumbbell``."""
    kind, _, axis = name.partition("_")
    return f"<{axis}> {kind}" if axis else kind


def _article(name: str) -> str:
    """Such as ``a <100> dumbbell``, but ``octahedral``."""
    return f"a {_words(name)}" if name.startswith(("dumbbell", "crowdion")) else name


def asked_of_interstitial(name: str, atoms: int) -> list[Asked]:
    """The formation energy of a configuration in a crystal of so many atoms."""
    condition = f"static, {atoms + 1} atoms, at the volume of the perfect crystal, symmetry kept"
    return [Asked(f"interstitial_{name}", f"interstitial formation energy, {_words(name)}", "eV", condition)]


def interstitial_quantities(
    calculator: BaseCalculator,
    crystal: Atoms,
    lattice: Literal["fcc", "bcc"],
    edge: float,
    name: str,
    members: Sequence[BaseCalculator] = (),
) -> list[Quantity]:
    """The formation energy of one configuration as a row in eV, with a note where it is no minimum."""
    found: list[Interstitial] = []
    asked = asked_of_interstitial(name, len(crystal))

    def compute(one: BaseCalculator) -> dict[str, float]:
        # Members begin where the mean has relaxed to.
        start = found[0].structure if found else None
        found.append(interstitial_formation(one, crystal, lattice, edge, name, start))
        return {asked[0].key: found[-1].energy}

    rows = quantities_of(asked, compute, calculator, members)
    return [noted(row, fate(calculator, crystal, lattice, edge, name, found[0])) for row in rows] if found else rows
