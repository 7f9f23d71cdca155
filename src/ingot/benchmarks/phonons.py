"""Harmonic phonons of fcc and bcc crystals: force constants from finite displacements, frequencies from them."""

from copy import deepcopy
from dataclasses import dataclass

import numpy as np
from ase import Atoms
from ase.calculators.calculator import BaseCalculator
from numpy.typing import NDArray
from phonopy import Phonopy
from phonopy.structure.atoms import PhonopyAtoms

from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.harmonic import TERAHERTZ
from ingot.benchmarks.phonon_paths import PATHS, POLARISATIONS, axis

Values = NDArray[np.float64]

DISPLACEMENT = 0.01
"""In A. Every atom is a centre of inversion, so that forces odd in the displacement are all that is seen of it."""

IMAGINARY = -0.02
"""In THz: frequencies below are imaginary modes, not the rounding of those that vanish."""

_MESH = 24
_DOS_POINTS = 301
_SPACING = 0.02  # of wave vectors on a path, in 2 pi / a


@dataclass(frozen=True)
class Modes:
    """Frequencies (THz, imaginary ones negative) of all modes on a mesh of wave vectors, without the translations."""

    frequencies: Values
    weights: Values


@dataclass(frozen=True)
class Branch:
    """Frequencies (THz, imaginary ones negative) of one polarisation along a line, at its coordinates."""

    line: str
    name: str
    coordinates: Values
    frequencies: Values


class LatticeDynamics:
    """The harmonic crystal: its dynamical matrix at any wave vector."""

    def __init__(self, phonopy: Phonopy, edge: float) -> None:
        self._phonopy = phonopy
        self.edge = edge
        """The lattice constant in A."""

    def frequencies(self, line: str, branch: str, coordinates: Values) -> Values:
        """Frequencies (THz, imaginary ones negative) of one branch on a line, at ``coordinates`` along its axis.

        The polarisation ``e`` is an eigenvector of the dynamical matrix ``D`` by symmetry: ``omega^2 = e D e``.
        """
        polarisation = np.array(POLARISATIONS[line][branch]) / np.linalg.norm(POLARISATIONS[line][branch])
        q = self._reduced(np.outer(coordinates, axis(line)))
        matrices = np.asarray(self._phonopy.run_qpoints(q, with_dynamical_matrices=True).dynamical_matrices)
        squares = matrices.real @ polarisation @ polarisation
        return np.asarray(np.sign(squares) * np.sqrt(np.abs(squares)) / (2 * np.pi * TERAHERTZ))

    def branches(self, lattice: str) -> list[Branch]:
        """All branches along the path of a lattice."""
        return [
            Branch(segment.line, name, at, self.frequencies(segment.line, name, at))
            for segment in PATHS[lattice]
            for at in [segment.coordinates(_SPACING)]
            for name in POLARISATIONS[segment.line]
        ]

    def modes(self) -> Modes:
        """The modes on a mesh of 24 x 24 x 24 wave vectors."""
        mesh = self._mesh()
        weights = np.repeat(mesh.weights, mesh.frequencies.shape[1]).astype(np.float64)
        moving = np.repeat(np.any(mesh.qpoints != 0, axis=1), mesh.frequencies.shape[1])
        return Modes(mesh.frequencies.ravel()[moving], weights[moving])

    def density_of_states(self) -> tuple[Values, Values]:
        """Frequencies (THz) and modes per atom and THz, by linear tetrahedra (P. E. Bloechl et al., 1994)."""
        frequencies = self._mesh().frequencies
        lowest, high = frequencies.min(), 1.02 * frequencies.max()
        low = 1.02 * lowest if lowest < IMAGINARY else 0.0
        dos = self._phonopy.run_total_dos(freq_min=low, freq_max=high, freq_pitch=(high - low) / (_DOS_POINTS - 1))
        return np.asarray(dos.frequency_points), np.asarray(dos.dos)

    def instability(self, lattice: str) -> str:
        """The strongest imaginary mode on the mesh and the path of ``lattice``, as a sentence; empty when stable."""
        mesh = self._mesh()
        found = [
            (float(f), self._cube_axes(q)) for f, q in zip(mesh.frequencies.min(axis=1), mesh.qpoints, strict=True)
        ]
        for branch in self.branches(lattice):
            found += zip(branch.frequencies, np.outer(branch.coordinates, axis(branch.line)), strict=True)
        lowest, q = min(found, key=lambda mode: mode[0])
        if lowest > IMAGINARY:
            return ""
        at = ", ".join(f"{component:.3g}" for component in np.abs(q))
        return f"unstable: imaginary modes, the strongest {-lowest:.2f}i THz at q = ({at}) 2 pi/a"

    def _mesh(self):  # type: ignore[no-untyped-def]
        return self._phonopy.run_mesh([_MESH] * 3, is_gamma_center=True)

    def _reduced(self, q: Values) -> Values:
        """Wave vectors in units of 2 pi / a in the basis of the primitive cell's reciprocal lattice."""
        return np.asarray(q @ self._phonopy.primitive.cell.T / self.edge)

    def _cube_axes(self, q: Values) -> Values:
        return np.asarray(self.edge * np.linalg.solve(self._phonopy.primitive.cell, q))


class FiniteDisplacements:
    """The displaced supercells of a crystal with one atom in its ``primitive`` cell and lattice constant ``edge`` (A).

    The search for symmetry takes longest, and serves all calculators.
    """

    def __init__(self, primitive: Atoms, edge: float, supercell: NDArray[np.int64]) -> None:
        """``supercell`` (3, 3): its vectors in those of the primitive cell, as rows."""
        self._edge = edge
        self._phonopy = Phonopy(_with_masses(primitive), supercell_matrix=supercell.T, primitive_matrix="P")
        self._phonopy.generate_displacements(distance=DISPLACEMENT)

    def dynamics(self, calculator: BaseCalculator) -> LatticeDynamics:
        """Force constants of the crystal, made to obey its symmetry and the acoustic sum rule.

        A. Togo and I. Tanaka, Scr. Mater. 108, 1 (2015). Raises :class:`BenchmarkError` when a force is not finite.
        """
        phonopy = deepcopy(self._phonopy)
        phonopy.forces = [_forces(calculator, cell) for cell in phonopy.supercells_with_displacements or ()]
        phonopy.produce_force_constants(calculate_full_force_constants=False, show_drift=False)
        phonopy.symmetrize_force_constants(show_drift=False)
        return LatticeDynamics(phonopy, self._edge)


def cubes(primitive: Atoms, edge: float, repeat: int) -> NDArray[np.int64]:
    """The supercell of ``repeat`` x ``repeat`` x ``repeat`` cubes of ``edge`` (A), in vectors of the primitive cell."""
    return np.rint(repeat * edge * np.linalg.inv(primitive.cell.array)).astype(np.int64)


def _with_masses(atoms: Atoms) -> PhonopyAtoms:
    return PhonopyAtoms(
        symbols=atoms.get_chemical_symbols(),
        cell=atoms.cell.array,
        scaled_positions=atoms.get_scaled_positions(),
        masses=atoms.get_masses(),
    )


def _forces(calculator: BaseCalculator, cell: PhonopyAtoms) -> Values:
    atoms = Atoms(cell.symbols, cell=cell.cell, scaled_positions=cell.scaled_positions, pbc=True)
    atoms.calc = calculator
    forces = np.asarray(atoms.get_forces())
    if not np.isfinite(forces).all():
        raise BenchmarkError("the forces on a displaced atom's crystal are not finite")
    return forces
