"""The Bain path: bcc pulled along a cube axis at constant volume becomes fcc (E. C. Bain, Trans. AIME 70, 25, 1924)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from numpy.typing import NDArray

from ingot.benchmarks.relaxation import static_energy
from ingot.benchmarks.spread import Asked, Findings, Table, deviation, noted, quantities_of
from ingot.units import GIGAPASCAL

Values = NDArray[np.float64]

C_OVER_A = {"bcc": 1.0, "fcc": float(np.sqrt(2))}
"""Where the two cubic lattices stand on the path."""

BAIN_COLUMNS = (
    "c_over_a",
    "volume_A3_per_atom",
    "energy_above_fcc_meV_per_atom",
    "energy_above_fcc_std_meV_per_atom",
)
_BETWEEN, _BEFORE, _BEYOND = 28, 6, 12
"""Steps between the two lattices, and beyond them."""

_STRAIN = 0.02


def tetragonal_cell(element: str, volume: float, c_over_a: float) -> Atoms:
    """The primitive cell of the body-centred tetragonal crystal at ``volume`` (A^3 per atom), its long axis along z."""
    a = (2 * volume / c_over_a) ** (1 / 3)
    half = 0.5 * np.array([a, a, c_over_a * a])
    return Atoms(element, cell=half * (1 - 2 * np.eye(3)), pbc=True)


@dataclass(frozen=True)
class BainPath:
    """Energies (eV per atom) along c/a at constant volume, and the shear modulus where the path passes a lattice."""

    c_over_a: Values
    energy: Values
    shear_modulus: dict[str, float]
    """C' = (C11 - C12) / 2 in eV/A^3; where it is negative the lattice is a maximum of the path."""

    def at(self, lattice: Literal["fcc", "bcc"]) -> float:
        """Energy (eV per atom) of a lattice at the volume of the path."""
        return float(self.energy[np.argmin(np.abs(self.c_over_a - C_OVER_A[lattice]))])


def bain_path(calculator: BaseCalculator, element: str, volume: float) -> BainPath:
    """The path at ``volume`` (A^3 per atom), from before bcc to beyond fcc, both of them among its points.

    With eta = ln(c/a) the energy of a cubic crystal grows as ``(2/3) V C' eta^2``, which gives C' of either lattice.
    Raises :class:`BenchmarkError` when an energy is not finite.
    """
    step = (C_OVER_A["fcc"] - C_OVER_A["bcc"]) / _BETWEEN
    c_over_a = C_OVER_A["bcc"] + step * np.arange(-_BEFORE, _BETWEEN + _BEYOND + 1, dtype=np.float64)

    def energy(ratio: float) -> float:
        return static_energy(tetragonal_cell(element, volume, ratio), calculator, f"the cell with c/a {ratio:.3f}")

    def shear_modulus(ratio: float) -> float:
        curvature = (
            energy(ratio * np.exp(_STRAIN)) - 2 * energy(ratio) + energy(ratio * np.exp(-_STRAIN))
        ) / _STRAIN**2
        return 3 / 4 * curvature / volume

    moduli = {lattice: shear_modulus(ratio) for lattice, ratio in C_OVER_A.items()}
    return BainPath(c_over_a, np.array([energy(ratio) for ratio in c_over_a]), moduli)


def asked_of_bain(lattice: Literal["fcc", "bcc"]) -> list[Asked]:
    """The energy between the ends of the path, and the shear modulus of the end that is not the crystal."""
    condition = f"static, at the volume per atom of {lattice} at a0"
    other = _other(lattice)
    return [
        Asked("bain_bcc_minus_fcc", "E(bcc) - E(fcc) at one volume", "meV/atom", condition),
        Asked(f"bain_shear_modulus_{other}", f"C' = (C11 - C12)/2 of {other}", "GPa", condition),
    ]


def bain_findings(
    calculator: BaseCalculator,
    element: str,
    lattice: Literal["fcc", "bcc"],
    volume: float,
    members: Sequence[BaseCalculator] = (),
) -> Findings:
    """The ends of the path as rows, and the path; ``volume`` (A^3 per atom) is the equilibrium of ``lattice``."""
    asked, other = asked_of_bain(lattice), _other(lattice)
    paths: list[BainPath] = []

    def compute(one: BaseCalculator) -> dict[str, float]:
        path = bain_path(one, element, volume)
        paths.append(path)
        difference, modulus = path.at("bcc") - path.at("fcc"), path.shear_modulus[other]
        return dict(zip((a.key for a in asked), (1e3 * difference, modulus / GIGAPASCAL), strict=True))

    difference, modulus = quantities_of(asked, compute, calculator, members)
    if not paths:
        return Findings([difference, modulus])
    extremum = "a maximum" if paths[0].shear_modulus[other] < 0 else "a minimum"
    rows = [difference, noted(modulus, f"{other} is {extremum} of the Bain path")]
    return Findings(rows, {"bain": _table(paths, volume)})


def _other(lattice: Literal["fcc", "bcc"]) -> str:
    return {"fcc": "bcc", "bcc": "fcc"}[lattice]


def _table(paths: Sequence[BainPath], volume: float) -> Table:
    """Of the mean, which comes first, with the spread over the members, which follow."""
    mean, *members = (1e3 * (path.energy - path.at("fcc")) for path in paths)
    ratios = paths[0].c_over_a
    std = deviation(members, len(ratios))
    return Table(BAIN_COLUMNS, [(r, volume, e, s) for r, e, s in zip(ratios, mean, std, strict=True)])
