"""Calibration: how the members' spread relates to the errors on validation data."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from ase import Atoms

from ingot.potentials import Potential
from ingot.training.errors import TrainingError
from ingot.training.examples import forces_of
from ingot.training.offsets import method_of

_FLOOR = {"energy": 1e-6, "forces": 1e-4}
"""Spreads below these (eV/atom, eV/A), as symmetry gives, say nothing about errors and are left out."""


def fit_uncertainty_scale(
    potential: Potential, frames: Sequence[Atoms], offsets: dict[str, dict[str, float]] | None = None
) -> tuple[dict[str, float], dict[str, Any]]:
    """Factors for ``energy_std`` and ``forces_std``, and how they were found.

    With error d and the members' sample standard deviation s on validation data, the scale is
    ``sqrt(sum d^2 / sum s^2)``: the scaled spread then has the root mean square of the errors. It is the weighted
    form of ``sqrt(mean(d^2 / s^2))``, which single tiny spreads would dominate. Energies are taken per
    atom. Offsets by method shift the reference energies of other methods to the potential's zero.

    The second value counts what was used and states the errors of the ensemble's mean that thresholds of a spread are
    multiples of: ``energy_per_sqrt_atom``, the root mean square of dE / sqrt(N) (eV), and ``force_norm``, that of |dF|
    per atom (eV/A), both without what symmetry makes exact.
    """
    if potential.members < 2:
        return {"energy": 1.0, "forces": 1.0}, {"structures": 0, "reason": "one member has no spread"}
    if not frames:
        raise TrainingError("no validation structures to calibrate the uncertainty on: give --splits with some")
    calculator = potential.calculator()
    errors: dict[str, list[np.ndarray]] = {"energy": [], "forces": []}
    spreads: dict[str, list[np.ndarray]] = {"energy": [], "forces": []}
    sizes = []
    for atoms in frames:
        result = calculator.evaluate(atoms)
        shift = 0.0
        if offsets:
            own = offsets[method_of(atoms)]
            shift = sum(potential.offsets[symbol] - own[symbol] for symbol in atoms.symbols)
        energy = np.asarray(result.energy) - (atoms.get_potential_energy(force_consistent=True) + shift)
        sizes.append(len(atoms))
        errors["energy"].append(np.atleast_1d(energy.mean() / len(atoms)))
        spreads["energy"].append(np.atleast_1d(energy.std(ddof=1) / len(atoms)))
        forces, known = np.asarray(result.forces), forces_of(atoms)
        if known is None:
            continue
        errors["forces"].append((forces.mean(axis=0) - known).ravel())
        spreads["forces"].append(forces.std(axis=0, ddof=1).ravel())
    scale = {"energy": 1.0, "forces": 1.0}
    report: dict[str, Any] = {"structures": len(frames)}
    for name in [name for name in errors if errors[name]]:
        error, spread = np.concatenate(errors[name]), np.concatenate(spreads[name])
        used = spread > _FLOOR[name]
        scale[name] = float(np.sqrt(np.sum(error[used] ** 2) / np.sum(spread[used] ** 2))) if used.any() else 1.0
        report[f"{name}_values"] = int(used.sum())
    energy_error = np.concatenate(errors["energy"]) * np.sqrt(sizes)
    report["energy_per_sqrt_atom"] = float(np.sqrt(np.mean(energy_error**2)))
    force_error = np.concatenate([np.zeros((0, 3)), *(e.reshape(-1, 3) for e in errors["forces"])])
    deviation = np.concatenate([np.zeros((0, 3)), *(s.reshape(-1, 3) for s in spreads["forces"])])
    moving = deviation.max(axis=1) > _FLOOR["forces"]
    if moving.any():
        report["force_norm"] = float(np.sqrt(np.mean(np.sum(force_error[moving] ** 2, axis=1))))
    return scale, report
