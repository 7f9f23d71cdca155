"""Elastic constants of a cubic crystal: differences of the stress, or energies under volume-conserving strain."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from ase import Atoms

from ingot.benchmarks.errors import FitError
from ingot.benchmarks.evaluation import Evaluate
from ingot.benchmarks.lattices import monoclinic_strain, orthorhombic_strain, strained


@dataclass(frozen=True)
class ElasticConstants:
    """C11, C12 and C44 in eV/A^3, and how they were obtained."""

    c11: float
    c12: float
    c44: float
    method: str

    def instabilities(self) -> str:
        """The Born criteria that are violated, as a sentence; empty for a mechanically stable crystal."""
        broken = [
            text
            for text, value in (
                ("C44 > 0", self.c44),
                ("C11 > |C12|", self.c11 - abs(self.c12)),
                ("C11 + 2 C12 > 0", self.c11 + 2 * self.c12),
            )
            if value <= 0
        ]
        return f"mechanically unstable: {', '.join(broken)} violated" if broken else ""


def elastic_by_stress(evaluate: Evaluate, crystal: Atoms, strain: float) -> ElasticConstants:
    """Central differences of the stress at +-``strain`` about a cubic crystal with its axes along x, y, z.

    With no residual stress these are the ordinary elastic constants; positions inside the
    cell follow the strain (clamped ions), which is exact where every atom sits on a centre
    of inversion. Raises :class:`FitError` when the evaluation gives no stress.
    """

    def slope(i: int, j: int) -> np.ndarray:
        e = np.zeros((3, 3))
        # The engineering shear strain gamma_ij = 2 e_ij is what Voigt notation differentiates by.
        e[i, j] = e[j, i] = strain if i == j else strain / 2
        plus, minus = evaluate(strained(crystal, e)).stress, evaluate(strained(crystal, -e)).stress
        if plus is None or minus is None:
            raise FitError("the calculator gives no stress")
        return np.asarray((plus - minus) / (2 * strain))

    uniaxial = slope(0, 0)
    return ElasticConstants(
        c11=float(uniaxial[0]),
        c12=float((uniaxial[1] + uniaxial[2]) / 2),
        c44=float(slope(1, 2)[3]),
        method=f"stress differences at strain {strain:g}",
    )


def strain_energies(evaluate: Evaluate, crystal: Atoms, strains: Sequence[float]) -> dict[str, dict[float, float]]:
    """Energies in eV of the ``orthorhombic`` and ``monoclinic`` strains of Mehl (1993), by delta, 0 included."""
    rest = evaluate(crystal).energy
    return {
        name: {0.0: rest} | {d: evaluate(strained(crystal, make(d))).energy for d in strains}
        for name, make in (("orthorhombic", orthorhombic_strain), ("monoclinic", monoclinic_strain))
    }


def strain_curvature(energies: Mapping[float, float]) -> float:
    """``a`` in E(delta) = E(0) + a delta^2 + b delta^4, eV per cell, by least squares.

    Cubic symmetry makes E even in delta, so positive strains suffice. With a single strain
    the quartic term is left out.
    """
    deltas = np.array([d for d in energies if d != 0])
    if len(deltas) == 0 or 0.0 not in energies:
        raise FitError("an elastic constant needs the unstrained energy and at least one strained one")
    difference = np.array([energies[d] - energies[0.0] for d in deltas])
    orders = [2, 4] if len(deltas) > 1 else [2]
    # Dividing by delta^2 weighs the points as equal relative errors do.
    design = np.stack([deltas ** (n - 2) for n in orders], axis=1)
    return float(np.linalg.lstsq(design, difference / deltas**2, rcond=None)[0][0])


def elastic_from_energies(
    bulk_modulus: float, volume: float, orthorhombic: Mapping[float, float], monoclinic: Mapping[float, float]
) -> ElasticConstants:
    """C11 and C12 from B and C' = (C11 - C12)/2, C44 from the monoclinic strain; ``volume`` of the cell in A^3."""
    difference = strain_curvature(orthorhombic) / volume
    strains = sorted(d for d in orthorhombic if d)
    return ElasticConstants(
        c11=bulk_modulus + 2 / 3 * difference,
        c12=bulk_modulus - 1 / 3 * difference,
        c44=2 * strain_curvature(monoclinic) / volume,
        method=f"energies under strains {', '.join(f'{d:g}' for d in strains)}",
    )
