"""The density that minimises the orbital-free energy of a cell, and the energy's derivatives, by DFTpy (imports it)."""

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

with np.printoptions():  # the import sets print options for the whole process
    from dftpy.constants import environ
    from dftpy.field import DirectField
    from dftpy.functional import Functional, TotalFunctional
    from dftpy.functional.pseudo import ReadPseudo
    from dftpy.grid import DirectGrid
    from dftpy.ions import Ions
    from dftpy.optimization import Optimization

from ingot.labels.orbital_free.kinetic import KineticFunctional

_SILENT = 10  # above every level that DFTpy prints at


@dataclass(frozen=True)
class Minimum:
    """A converged density's energy and derivatives, in atomic units."""

    energy: float
    """Hartree per cell."""
    forces: np.ndarray
    """(atoms, 3), Hartree/bohr."""
    stress: np.ndarray | None
    """(3, 3), Hartree/bohr^3, +(1/V) dE/d(strain)."""
    steps: int
    """Steps of the minimisation."""
    spread: float
    """What :class:`_Minimisation` converges, Hartree."""


class _Ions(Ions):  # type: ignore[misc]  # DFTpy is untyped
    """DFTpy's ions with structure factors as products of phases along the three axes, instead of one per wave."""

    def strf(self, reciprocal_grid: Any, iatom: int) -> np.ndarray:
        """exp(-i G r) of one ion on the reciprocal grid (halved along its last axis)."""
        x, y, z = np.linalg.solve(self.cell.array.T, self.positions[iatom])
        n1, n2, n3 = (int(n) for n in reciprocal_grid.nrR)
        first, second = (np.exp(-2j * np.pi * np.fft.fftfreq(n, 1 / n) * s) for n, s in ((n1, x), (n2, y)))
        third = np.exp(-2j * np.pi * np.fft.rfftfreq(n3, 1 / n3) * z)
        return np.asarray(first[:, None, None] * second[:, None] * third)

    def istrf(self, reciprocal_grid: Any, iatom: int) -> np.ndarray:
        """exp(+i G r)."""
        return np.asarray(np.conjugate(self.strf(reciprocal_grid, iatom)))


class _Minimisation(Optimization):  # type: ignore[misc]  # DFTpy is untyped
    """DFTpy's minimisation over sqrt(n), stopped when the Euler equation holds instead of by energy differences.

    At the minimum the functional derivative of the energy is one number, the chemical potential. ``spread`` is the
    root mean square, weighted with the density, of its deviation from its mean (Hartree); the energy's error is of
    second order in it.
    """

    def __init__(self, evaluator: Any, algorithm: str, tolerance: float, steps: int) -> None:
        super().__init__(algorithm, {"maxiter": steps + 1, "econv": 0.0}, evaluator)
        self.tolerance = tolerance
        self.spread = np.inf
        self.steps = 0

    def get_chemical_potential(self, potential: Any, rho: Any, phi: Any = None, lphi: bool = False) -> float:
        """The chemical potential of a density, which is asked for once a step."""
        mu = super().get_chemical_potential(potential, rho, phi, lphi)
        self.spread = float(np.sqrt(((potential - mu) ** 2 * rho).integral() / rho.integral()))
        return float(mu)

    def check_converge(self, EnergyHistory: list[float], **kwargs: Any) -> bool:
        """Whether the spread is below the tolerance."""
        self.steps = len(EnergyHistory) - 1
        return self.spread <= self.tolerance


@contextlib.contextmanager
def silence() -> Iterator[None]:
    """Nothing that DFTpy prints or warns of within the block."""
    before = environ["LOGLEVEL"]
    environ["LOGLEVEL"] = _SILENT
    try:
        # kernels divide by q = 0, which is then set by hand; transforms are called in a way that NumPy deprecates
        with np.errstate(divide="ignore", invalid="ignore"), warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=DeprecationWarning)
            yield
    finally:
        environ["LOGLEVEL"] = before


def read_pseudopotentials(sources: Mapping[str, Any]) -> Any:
    """DFTpy's tables of the potentials in reciprocal space, by element; paths or DFTpy objects."""
    with silence():
        return ReadPseudo(dict(sources))


def minimise(
    symbols: list[str],
    positions: np.ndarray,
    vectors: np.ndarray,
    mesh: tuple[int, int, int],
    pseudopotentials: Any,
    kinetic: KineticFunctional,
    algorithm: str,
    tolerance: float,
    steps: int,
    with_stress: bool,
) -> Minimum | None:
    """The minimum, or ``None`` where it is not reached; always from a uniform density.

    ``positions`` (atoms, 3) and ``vectors`` (3, 3) in bohr; ``mesh``: FFT mesh; ``pseudopotentials``: of
    :func:`read_pseudopotentials`; ``algorithm``: DFTpy's name, such as ``TN`` (truncated Newton);
    ``tolerance``: of the spread (see :class:`_Minimisation`). Exchange and correlation: the local density
    approximation of Perdew and Zunger, Phys. Rev. B 23, 5048 (1981).
    """
    with silence():
        ions = _Ions(symbols=symbols, positions=positions, cell=vectors)
        grid = DirectGrid(lattice=vectors, nr=np.array(mesh), full=False)
        # Exact structure factors: the B-spline ones need at least ten grid points along each axis and are approximate.
        pseudo = Functional(type="PSEUDO", grid=grid, ions=ions, readpp=pseudopotentials, PME=False)
        evaluator = TotalFunctional(
            KE=Functional(type="KEDF", name=kinetic.engine_name, **kinetic.parameters),
            XC=Functional(type="XC", name="LDA", libxc=False, pseudo=pseudo),
            HARTREE=Functional(type="HARTREE"),
            PSEUDO=pseudo,
        )
        density = DirectField(grid=grid)
        density[:] = ions.get_ncharges() / grid.volume
        search = _Minimisation(evaluator, algorithm, tolerance, steps)
        search.get_chemical_potential(evaluator(density, calcType={"V"}).potential, density)
        if search.spread > tolerance:  # else there is no direction to search along
            density = search.optimize_rho(guess_rho=density)
            if search.converged != 0 or not np.isfinite(search.spread):
                return None
        energy = float(evaluator.get_energy_potential(density, calcType={"E"}).energy)
        forces = np.array(evaluator.get_forces(density), dtype=float)
        stress = np.array(evaluator.get_stress(density), dtype=float) if with_stress else None
    return Minimum(energy, forces, stress, search.steps, search.spread)
