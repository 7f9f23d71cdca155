"""Inherent structures: frames of the dynamics taken to the nearest minimum of the ensemble's energy, in strained cells.

Dynamics at finite temperature rarely sees the bottom of a basin, and elastic constants, defects and energies of phases
are properties of bottoms. Quenching separates the basin from the vibration in it (F. H. Stillinger and T. A. Weber,
Phys. Rev. A 25, 978, 1982); the strain makes neighbouring shapes of the cell known as well. Where the cell is relaxed
too, disordered frames come down to crystals that the dynamics had no time, or no room in its cell, to form: random
structure searching (C. J. Pickard and R. J. Needs, J. Phys.: Condens. Matter 23, 053201, 2011) with the ensemble.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from ase import Atoms
from ase.data import covalent_radii
from ase.filters import FrechetCellFilter
from ase.neighborlist import neighbor_list
from ase.optimize import FIRE

from ingot.potentials import Potential
from ingot.potentials.calculator import PaddedEvaluator
from ingot.progress import progress
from ingot.randomness import generator
from ingot.sampling.spread import MEASURES, spreads
from ingot.structures import describe
from ingot.units import GIGAPASCAL

_LEAST_VOLUME, _MOST_VOLUME = 0.5, 2.0
"""Of the start's: a cell that relaxes beyond is discarded."""


@dataclass(frozen=True)
class Quenching:
    """How frames are quenched."""

    steps: int = 80
    """Of the minimiser, at most."""
    force: float = 0.02
    """Largest force at which it ends, eV/A."""
    strain: float = 0.02
    """Standard deviation of each component of the strain."""
    pressure_gpa: tuple[float, float] | None = None
    """Before the strain, the cell is relaxed to a pressure from this range; without one it is held."""
    rattle: float = 0.0
    """Standard deviation of each component of the displacements from the minimum, A."""
    closest_fraction: float = 0.65
    """A structure whose atoms come closer than this fraction of the sum of covalent radii is discarded."""


@dataclass(frozen=True)
class Quenched:
    """What became of one quench."""

    number: int
    start: str
    """Id of the structure that was quenched."""
    trajectory: int | None
    start_time_fs: float | None
    """Where in the dynamics that structure was, if it is a frame of one."""
    steps: int
    energy_start: float
    energy: float
    """eV per atom, by the mean of the members, after the strain and at the end, displacements included."""
    largest_force: float
    """At the end, eV/A."""
    measures: tuple[float, float, float]
    """Spreads at the end, as in :data:`ingot.sampling.MEASURES`."""
    candidate: Atoms | None
    """The minimum, or what is near it, unless atoms came too close."""


def quench_structures(
    potential: Potential, structures: Mapping[int, Atoms], how: Quenching, seed: int, name: str = "quench"
) -> list[Quenched]:
    """Strain structures at random, given by the number of the quench, and minimise the mean energy of the members.

    With ``how.pressure_gpa`` cells and atoms are relaxed first; otherwise densities stay those of the dynamics. The
    strained cell is held. At the minimum atoms are displaced where ``how.rattle`` says so: near a minimum a label of
    forces says what one at it does not ("relax and shake"). A candidate's ``parent`` is ``<name>-<number>``.
    """
    evaluator = PaddedEvaluator(potential)
    found = []
    for number in progress(sorted(structures), "quenching", unit="quench"):
        start = structures[number]
        atoms = Atoms(start.symbols, start.positions, cell=start.cell, pbc=start.pbc)
        atoms.calc = potential.calculator(uncertainty=False)
        relaxed, steps = True, 0
        if atoms.pbc.all():
            if how.pressure_gpa is not None:
                pressure = generator(seed, "pressure", number).uniform(*how.pressure_gpa)
                relaxed, steps = _relax_cell(atoms, float(pressure) * GIGAPASCAL, how)
            random = generator(seed, "quench", number).normal(0.0, how.strain, (3, 3))
            atoms.set_cell(atoms.cell.array @ (np.eye(3) + 0.5 * (random + random.T)), scale_atoms=True)
        first = float(atoms.get_potential_energy()) / len(atoms)
        minimiser = FIRE(atoms, logfile=None, maxstep=0.1)
        minimiser.run(fmax=how.force, steps=how.steps)
        atoms.positions += generator(seed, "rattle", number).normal(0.0, how.rattle, atoms.positions.shape)
        closest = how.closest_fraction * 2 * float(covalent_radii[atoms.numbers].min())
        close = len(neighbor_list("d", atoms, closest)) > 0
        lost = not relaxed or close or not np.isfinite(atoms.positions).all()
        evaluation = evaluator.evaluate(atoms, "all")
        scale = potential.uncertainty_scale
        values = spreads(jnp.asarray(evaluation.energy), jnp.asarray(evaluation.forces), scale)
        measures = (float(values[0]), float(values[1]), float(values[2]))
        found.append(
            Quenched(
                number=number,
                start=str(start.info.get("structure_id", "")),
                trajectory=start.info.get("trajectory"),
                start_time_fs=start.info.get("time_fs"),
                steps=steps + int(minimiser.nsteps),
                energy_start=first,
                energy=float(evaluation.energy.mean()) / len(atoms),
                largest_force=float(np.linalg.norm(evaluation.forces.mean(axis=0), axis=1).max()),
                measures=measures,
                candidate=None if lost else _described(atoms, measures, f"{name}-{number}", number),
            )
        )
    return found


def _relax_cell(atoms: Atoms, pressure: float, how: Quenching) -> tuple[bool, int]:
    """Minimise the enthalpy at a pressure (eV/A^3) in place; gives whether the cell kept its size, and the steps."""
    minimiser = FIRE(FrechetCellFilter(atoms, scalar_pressure=pressure), logfile=None, maxstep=0.1)
    first = atoms.get_volume()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "logm result may be inaccurate")  # said of errors of 1e-13
        for _ in minimiser.irun(fmax=how.force, steps=how.steps):
            if not _LEAST_VOLUME < atoms.get_volume() / first < _MOST_VOLUME:
                return False, int(minimiser.nsteps)
    return True, int(minimiser.nsteps)


def _described(at: Atoms, measures: tuple[float, float, float], parent: str, number: int) -> Atoms:
    atoms = describe(Atoms(at.symbols, at.get_positions(wrap=True), cell=at.cell, pbc=at.pbc), "quench", parent)
    atoms.info.update(quench=number, reason="quench", **dict(zip(MEASURES, measures, strict=True)))
    return atoms
