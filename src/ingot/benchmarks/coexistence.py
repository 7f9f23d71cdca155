"""The melting point from melt and crystal side by side at constant enthalpy.

Two-phase method (J. R. Morris et al., Phys. Rev. B 49, 3109, 1994), here at constant enthalpy and
pressure along the normal of the interfaces: where the cell is hotter than the melting point
crystal melts and takes up latent heat, where it is colder melt freezes and gives it off, so that the
temperature drifts to the melting point by itself while both phases last. Two runs of each two-phase cell, begun
above and below the guess, must arrive from both sides: what is left between them is the error that
no block average shows. A run that ends in one phase is a bound, never a melting point.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from ase import Atoms

from ingot.benchmarks.melt import Series, mean_with_drift, observed
from ingot.benchmarks.two_phase import CoexistenceProtocol, Phases, TwoPhaseStart, two_phase_start
from ingot.dynamics import (
    Average,
    Model,
    conditions,
    conserved_enthalpy,
    isoenthalpic_piston,
    maxwell_boltzmann,
)
from ingot.randomness import derive_seed
from ingot.units import GIGAPASCAL

Ending = Literal["two-phase", "all melt", "all crystal"]

_GONE = 0.1
"""A phase with a smaller share of the atoms is gone: an interface alone is about this much."""

_RUSH = 0.2
"""With a smaller share of a phase, in a run that loses it, two interfaces are close enough to annihilate."""

_LATENT = 0.35
"""Latent heat over heat capacity and melting point: Richard's rule, 1.15 k of entropy, with 3.3 k of heat capacity."""

SETTLED = 0.5
"""The last part of a run that its temperature is taken from."""

_FEWEST = 8
"""Samples that a temperature is averaged over at the least."""


@dataclass(frozen=True)
class CoexistenceRun:
    """One run at constant enthalpy."""

    start_temperature: float
    series: Series
    """Columns of :func:`~ingot.benchmarks.melt.observed`, with ``solid_fraction``."""
    first: Atoms
    last: Atoms
    enthalpy_drift: float
    """Change of the conserved enthalpy over the run, eV/atom."""

    @property
    def ending(self) -> Ending:
        """Which phases are left at the end (last tenth of the run)."""
        solid = float(self.series.last(0.1)["solid_fraction"].mean())
        return "all melt" if solid < _GONE else "all crystal" if solid > 1 - _GONE else "two-phase"

    @property
    def temperature(self) -> Average:
        """Mean of the settled part while both phases last; its error is the larger of block error and drift.

        Where one phase vanished only what came before counts: the last of it goes in a rush, because
        two interfaces a few atoms apart annihilate, and its latent heat carries the temperature to the other side.
        """
        solid = self.series["solid_fraction"]
        until = len(solid)
        if self.ending != "two-phase":
            until = max(int(np.argmax((solid < _RUSH) | (solid > 1 - _RUSH))), _FEWEST)
        values = self.series["temperature"][:until]
        return mean_with_drift(values[-max(round(SETTLED * len(values)), _FEWEST) :])


@dataclass(frozen=True)
class Coexistence:
    """Runs by name: ``above`` and ``below`` the guess, ``again`` when these did not keep both phases.

    Runs of a second two-phase cell are called ``above-2`` and so on.
    """

    protocol: CoexistenceProtocol
    atoms: int
    phases: Phases
    """Of the first cell."""
    runs: dict[str, CoexistenceRun]


def observe_coexistence(model: Model, protocol: CoexistenceProtocol, seed: int) -> Coexistence:
    """Make two-phase cells, ``protocol.cells`` of them, and let each find its melting point from above and from below.

    Raises :class:`BenchmarkError` or :class:`~ingot.dynamics.DynamicsError` when no two-phase cell comes about.
    """
    starts = [
        two_phase_start(model, protocol, seed if n == 0 else derive_seed(seed, "cell", n))
        for n in range(protocol.cells)
    ]
    runs: dict[str, CoexistenceRun] = {}
    for n, start in enumerate(starts):
        own = seed if n == 0 else derive_seed(seed, "runs", n)
        found = _runs_of_cell(start, protocol, own)
        runs |= {name if n == 0 else f"{name}-{n + 1}": run for name, run in found.items()}
    return Coexistence(protocol, len(starts[0].atoms), starts[0].phases, runs)


def _runs_of_cell(start: TwoPhaseStart, protocol: CoexistenceProtocol, seed: int) -> dict[str, CoexistenceRun]:
    """From above and from below, so that a cell with the right guess would end half and half.

    When one of the two loses a phase, another begins from the temperature that both showed before.
    """
    guess, offset = protocol.temperature_kelvin, protocol.offset
    surplus = _LATENT * (start.phases.solid_fraction(start.atoms) - 0.5)
    runs = {
        name: _run(start, protocol, guess * (1 + surplus + away), derive_seed(seed, name))
        for name, away in (("above", offset), ("below", -offset))
    }
    if protocol.repeat_lost and any(run.ending != "two-phase" for run in runs.values()):
        seen = float(np.mean([run.temperature.mean for run in runs.values()]))
        runs["again"] = _run(start, protocol, seen * (1 + surplus), derive_seed(seed, "again"))
    return runs


def _run(start: TwoPhaseStart, p: CoexistenceProtocol, temperature: float, seed: int) -> CoexistenceRun:
    simulation = start.simulation
    # The start has the potential energy of the guess: half of a kick in kinetic energy goes to the potential one.
    kicked = 2 * temperature - p.temperature_kelvin
    simulation.restart(start.atoms)
    simulation.velocities = maxwell_boltzmann(simulation.masses[0], kicked, derive_seed(seed, "enthalpy"), exact=True)[
        None
    ]
    simulation.look(conditions(p.timestep_fs))
    first = simulation.structure()
    bulk_modulus = p.bulk_modulus_gpa * GIGAPASCAL
    piston = isoenthalpic_piston(p.piston_period_fs, bulk_modulus, first.get_volume(), p.pressure_gpa, "z")
    begin = conserved_enthalpy(simulation, piston)

    def solid_fraction(atoms: Atoms) -> dict[str, float]:
        return {"solid_fraction": start.phases.solid_fraction(atoms)}

    series = observed(
        simulation,
        p.production_steps,
        conditions(p.timestep_fs, barostat=piston),
        p.sample_every,
        f"coexistence from {temperature:g} K",
        solid_fraction,
        fixed_momentum=True,
    )
    drift = (conserved_enthalpy(simulation, piston) - begin) / len(first)
    return CoexistenceRun(temperature, series, first, simulation.structure(), drift)


@dataclass(frozen=True)
class MeltingPoint:
    """What two runs say together."""

    status: Literal["ok", "bound"]
    value: float
    uncertainty: float | None
    kind: str
    note: str


def combine(runs: Sequence[CoexistenceRun]) -> MeltingPoint:
    """The melting point, or the bounds on it.

    A cell that melted whole did so above the melting point, one that froze whole below it. Where both
    phases lasted the value is the mean of the runs; its error combines theirs, or their scatter where that is larger,
    with half of what separates those begun above it from those begun below.
    """
    both = [run for run in runs if run.ending == "two-phase"]
    found = [run.temperature for run in both]
    above = [run.temperature for run in runs if run.ending == "all melt"]
    below = [run.temperature for run in runs if run.ending == "all crystal"]
    upper, lower = [average.mean for average in above], [average.mean for average in below]
    said = "; ".join(
        f"from {run.start_temperature:.0f} K: {run.ending}, {run.temperature.mean:.0f} +- {run.temperature.error:.0f} K"
        for run in runs
    )
    if both:
        means = np.array([average.mean for average in found])
        errors = np.array([average.error for average in found])
        value = float(means.mean())
        hot = np.array([run.start_temperature > value for run in both])
        separation, its_error = _separation(means, errors, hot)
        # What separates the runs is an error, and so is how far a bound lies, by more than its own error, on the
        # wrong side of the value.
        wrong = [value - a.mean - a.error for a in above] + [a.mean - a.error - value for a in below]
        apart = max([separation / 2, *wrong])
        random = np.sqrt(np.sum(errors**2)) / len(errors)
        if len(both) > 2:
            random = max(random, means.std(ddof=1) / np.sqrt(len(means)))
        error = float(np.hypot(random, apart))
        if len(both) == 1:
            return MeltingPoint("ok", value, error, "block error of one run", f"{said}; one run only kept both phases")
        met = "" if apart <= its_error else "; the runs have not met yet"
        return MeltingPoint("ok", value, error, "difference of the runs and blocks", said + met)
    if upper and lower:
        low, high = max(lower), min(upper)
        if low < high:
            middle, half = (low + high) / 2, (high - low) / 2
            return MeltingPoint("bound", middle, half, "half width of the bracket", f"{said}; between the two")
        note = f"{said}; these bounds contradict each other: in a cell so small interfaces move by chance"
        return MeltingPoint("bound", (low + high) / 2, (low - high) / 2, "contradiction of the bounds", note)
    if upper:
        return MeltingPoint("bound", min(upper), None, "", f"{said}; upper bound: the melting point lies below")
    return MeltingPoint("bound", max(lower), None, "", f"{said}; lower bound: the melting point lies above")


def _separation(means: np.ndarray, errors: np.ndarray, hot: np.ndarray) -> tuple[float, float]:
    """How far the runs begun above lie from those begun below, and the error of that; without either, the range."""
    if hot.all() or not hot.any():
        return float(np.ptp(means)), float(np.sqrt(np.sum(errors**2)))
    sides = [(means[side].mean(), np.sqrt(np.sum(errors[side] ** 2)) / side.sum()) for side in (hot, ~hot)]
    return float(abs(sides[0][0] - sides[1][0])), float(np.hypot(sides[0][1], sides[1][1]))
