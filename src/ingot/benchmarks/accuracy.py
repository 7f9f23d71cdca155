"""Errors of a potential on labelled structures, beside the errors it expects of itself.

Errors of disordered structures are heavy-tailed: medians and 95 % quantiles stand beside
the root mean square. An ensemble's standard deviation is judged by how often the label lies
inside the interval it spans (coverage).
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from ase.units import GPa
from numpy.typing import NDArray
from scipy.special import stdtrit

from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.order import crystalline_fraction
from ingot.units import GRAM_PER_CUBIC_CENTIMETRE

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """Label and prediction of one structure.

    Energies per atom in eV, forces (atoms, 3) in eV/A, stresses (6,) in GPa, Voigt; labelled forces and stresses are
    ``None`` where there are none, the standard deviations for a model without uncertainty. ``split`` says what the
    structure was to this model: train, validation, test, extrapolation, or unseen.
    """

    structure_id: str
    origin: str
    split: str
    family: str
    energy_label: float
    energy: float
    energy_std: float | None
    forces_label: Values | None
    forces: Values
    forces_std: Values | None
    members: int | None = None
    """How many networks the standard deviations are of; unknown for other models."""
    density: float | None = None
    """g/cm3; nothing for a structure that is not periodic in all directions."""
    crystalline: float | None = None
    """Share of its atoms with crystal around them; nothing for few atoms (see :mod:`ingot.benchmarks.order`)."""
    stress_label: Values | None = None
    stress: Values | None = None
    """Only where the label has one too."""

    @property
    def atoms(self) -> int:
        """Number of atoms."""
        return len(self.forces)

    @property
    def energy_error(self) -> float:
        """Predicted minus labelled, eV per atom."""
        return self.energy - self.energy_label

    @property
    def force_errors(self) -> Values | None:
        """Predicted minus labelled, eV/A."""
        return None if self.forces_label is None else self.forces - self.forces_label

    @property
    def force_rmse(self) -> float | None:
        """Root-mean-square error of the force components, eV/A."""
        errors = self.force_errors
        return None if errors is None else float(np.sqrt(np.mean(errors**2)))

    @property
    def stress_errors(self) -> Values | None:
        """Predicted minus labelled, GPa, the six components of Voigt."""
        return None if self.stress_label is None or self.stress is None else self.stress - self.stress_label


def compare(
    calculator: BaseCalculator,
    frames: Sequence[Atoms],
    origin: str,
    split_of: Callable[[str], str],
    members: int | None = None,
    zero: Callable[[Atoms], float] | None = None,
) -> list[Comparison]:
    """Predictions for labelled frames (each with a calculator that holds an energy and, as a rule, forces).

    ``split_of`` gives the split of a structure id, ``members`` the size of an ensemble, ``zero`` an energy (eV) to add
    to a frame's label (see :func:`method_zero`). Raises :class:`BenchmarkError` for a frame without labels.
    """
    result = []
    for number, frame in enumerate(frames):
        if frame.calc is None or "energy" not in frame.calc.results:
            raise BenchmarkError(f"{origin}: frame {number} has no energy to compare with")
        labels = frame.calc.results
        atoms = frame.copy()
        atoms.calc = calculator
        energy = float(atoms.get_potential_energy())
        forces = np.asarray(atoms.get_forces(), dtype=np.float64)
        energy_std = calculator.results.get("energy_std")
        forces_std = calculator.results.get("forces_std")
        count = len(atoms)
        identity = str(frame.info["structure_id"])
        result.append(
            Comparison(
                structure_id=identity,
                origin=origin,
                split=split_of(identity),
                family=str(frame.info.get("family", "unknown")),
                energy_label=(float(labels.get("free_energy", labels["energy"])) + (zero(frame) if zero else 0.0))
                / count,
                energy=energy / count,
                energy_std=None if energy_std is None else float(energy_std) / count,
                forces_label=np.asarray(labels["forces"], dtype=np.float64) if "forces" in labels else None,
                forces=forces,
                forces_std=None if forces_std is None else np.asarray(forces_std, dtype=np.float64),
                members=members,
                density=_density(frame),
                crystalline=crystalline_fraction(frame),
                **_stresses(frame, atoms),
            )
        )
    return result


def _stresses(frame: Atoms, atoms: Atoms) -> dict[str, Values]:
    """Label and prediction in GPa, where both are there."""
    known = "stress" in frame.calc.results and "stress" in getattr(atoms.calc, "implemented_properties", ())
    if not known or not atoms.pbc.all():
        return {}
    return {
        "stress_label": np.asarray(frame.get_stress(), dtype=np.float64) / GPa,
        "stress": np.asarray(atoms.get_stress(), dtype=np.float64) / GPa,
    }


def method_zero(offsets: Mapping[str, float], by_method: Mapping[str, Mapping[str, float]]) -> Callable[[Atoms], float]:
    """What takes a label to the potential's zero of energy: the difference of ``offsets`` to those of its method (eV).

    Labels of a method that is not in ``by_method`` stay as they are.
    """

    def zero(atoms: Atoms) -> float:
        own = by_method.get(str(atoms.info.get("method", "")), offsets)
        return float(sum(offsets[symbol] - own[symbol] for symbol in atoms.symbols))

    return zero


def _density(atoms: Atoms) -> float | None:
    if not atoms.pbc.all():
        return None
    return float(atoms.get_masses().sum() / atoms.get_volume() / GRAM_PER_CUBIC_CENTIMETRE)


@dataclass(frozen=True)
class ErrorSummary:
    """The distribution of the errors of a group: ``count`` values from ``structures`` structures.

    ``coverage`` is the fraction of labels inside the central interval of nominal ``interval``
    around the prediction (Student's t with the model's own standard deviation), ``expected``
    the root-mean-square of that standard deviation; both ``None`` without uncertainty.
    ``rmse_error`` is the jackknife standard error of the RMSE over structures.
    """

    structures: int
    count: int
    rmse: float
    rmse_error: float | None
    mae: float
    median: float
    q95: float
    largest: float
    expected: float | None
    coverage: float | None


def summarise(
    errors: Sequence[Values], deviations: Sequence[Values] | None, interval: float, members: int | None = None
) -> ErrorSummary:
    """Summary of signed errors, one array per structure, with the predicted standard deviations beside them.

    A standard deviation from few ``members`` is itself uncertain: intervals are those of Student's t with
    ``members - 1`` degrees of freedom, Gaussian for a model that does not say.
    """
    if not errors:
        raise BenchmarkError("no structures to summarise the errors of")
    values = np.concatenate([np.ravel(e) for e in errors])
    size = np.abs(values)
    expected = coverage = None
    if deviations is not None:
        sigma = np.concatenate([np.ravel(d) for d in deviations])
        expected = float(np.sqrt(np.mean(sigma**2)))
        # A rounding error beyond sigma = 0 (forces that vanish by symmetry) is no miss.
        reach = stdtrit(math.inf if members is None else members - 1, (1 + interval) / 2)
        coverage = float(np.mean(size <= reach * sigma + 1e-9))
    return ErrorSummary(
        structures=len(errors),
        count=len(values),
        rmse=float(np.sqrt(np.mean(values**2))),
        rmse_error=_jackknife_rmse(errors),
        mae=float(size.mean()),
        median=float(np.median(size)),
        q95=float(np.quantile(size, 0.95)),
        largest=float(size.max()),
        expected=expected,
        coverage=coverage,
    )


def _jackknife_rmse(errors: Sequence[Values]) -> float | None:
    """Standard error of the RMSE when whole structures, not components, are independent."""
    n = len(errors)
    if n < 3:
        return None
    squares = np.array([np.sum(np.square(e)) for e in errors])
    counts = np.array([np.size(e) for e in errors])
    without = np.sqrt((squares.sum() - squares) / (counts.sum() - counts))
    return float(np.sqrt((n - 1) / n * np.sum((without - without.mean()) ** 2)))


def energy_summary(group: Sequence[Comparison], interval: float) -> ErrorSummary:
    """Errors of the energy per atom, eV."""
    deviations = [np.array([c.energy_std]) for c in group if c.energy_std is not None]
    return summarise(
        [np.array([c.energy_error]) for c in group],
        deviations if len(deviations) == len(group) else None,
        interval,
        group[0].members,
    )


def force_summary(group: Sequence[Comparison], interval: float) -> ErrorSummary:
    """Errors of the force components, eV/A.

    Structures without labelled forces are left out, and those whose labelled forces all vanish by symmetry (one atom,
    perfect lattices): they are predicted exactly by any potential and would flatter it. Raises
    :class:`BenchmarkError` when nothing else is there.
    """
    group = [c for c in group if c.forces_label is not None and np.abs(c.forces_label).max() > 1e-3]
    deviations = [c.forces_std for c in group if c.forces_std is not None]
    return summarise(
        [errors for c in group if (errors := c.force_errors) is not None],
        deviations if len(deviations) == len(group) else None,
        interval,
        group[0].members if group else None,
    )


def stress_summary(group: Sequence[Comparison], interval: float) -> ErrorSummary:
    """Errors of the six components of the stress, GPa. Raises :class:`BenchmarkError` when there are none."""
    return summarise([errors for c in group if (errors := c.stress_errors) is not None], None, interval)
