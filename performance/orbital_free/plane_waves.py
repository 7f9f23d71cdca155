"""Kohn-Sham DFT in plane waves with the very local pseudopotential of an orbital-free calculation.

Against this reference the kinetic functional is the only difference: density grid, local pseudopotential, Hartree,
exchange-correlation and Ewald energies and the Hellmann-Feynman forces are DFTpy's. Written for small cells: it
diagonalises dense matrices and uses the crystal's space group.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np
from ase import Atoms
from dftpy.field import DirectField
from dftpy.functional import Functional, TotalFunctional
from dftpy.grid import DirectGrid
from dftpy.ions import Ions
from scipy.linalg import eigh

from ingot.labels.fft_mesh import fast_mesh
from ingot.labels.kohn_sham.kpoints import kpoint_mesh, lattice_point_group
from ingot.labels.kohn_sham.smearing import occupy
from ingot.labels.orbital_free.minimum import read_pseudopotentials, silence
from ingot.units import BOHR, HARTREE

_HISTORY = 6  # densities that Anderson mixing remembers
_TOLERANCE = 1e-6  # electrons per electron, of the change of the density in a step


@dataclass(frozen=True)
class PlaneWaveResult:
    """Zero-smearing estimate of the energy (eV per cell), and forces (atoms, 3; eV/A)."""

    energy: float
    forces: np.ndarray


def _space_group(atoms: Atoms) -> list[tuple[np.ndarray, np.ndarray]]:
    """Operations x -> x M + t in fractional coordinates that map the crystal onto itself (one chemical element)."""
    x = atoms.get_scaled_positions()
    found = []
    for M in lattice_point_group(atoms.cell.array, 1e-6):
        for target in x:
            t = target - x[0] @ M
            difference = (x @ M + t)[:, None] - x[None]
            if (np.abs(difference - np.round(difference)).max(axis=2) < 1e-5).any(axis=1).all():
                found.append((M, t))
                break
    return found


def _irreducible(cell: np.ndarray, length: float, subdivisions: tuple[int, int, int] | None, group: list) -> tuple:
    """k-points (n, 3; fractional) that the rotations and time reversal do not connect, and their weights."""
    mesh = kpoint_mesh(cell, length, subdivisions)
    n, shift = np.array(mesh.subdivisions), np.array(mesh.shift)
    images = [s * np.rint(np.linalg.inv(M)).astype(int).T for M, _ in group for s in (1, -1)]
    weights: dict[tuple[int, ...], int] = {}
    for index in product(*map(range, n)):
        k = (np.array(index) + shift) / n
        best = min(tuple(np.rint(24 * n * ((k @ W) % 1.0)).astype(int) % (24 * n)) for W in images)
        weights[best] = weights.get(best, 0) + 1
    points = np.array([np.array(key) / (24 * n) for key in weights])
    return points - np.round(points), np.array(list(weights.values())) / n.prod()


def _symmetrised(density: np.ndarray, group: list, mesh: np.ndarray) -> np.ndarray:
    """The mean of a density on the grid over the space group."""
    rho = np.fft.fftn(density)
    G = np.stack(np.meshgrid(*(np.rint(np.fft.fftfreq(n) * n).astype(int) for n in mesh), indexing="ij"), axis=-1)
    total = np.zeros_like(rho)
    for M, t in group:
        image = G @ np.rint(np.linalg.inv(M)).astype(int).T
        inside = (2 * np.abs(image) < mesh).all(axis=-1)
        i, j, k = np.moveaxis(image % mesh, -1, 0)
        total += np.where(inside, rho[i, j, k] * np.exp(2j * np.pi * image @ t), 0)
    return np.fft.ifftn(total).real / len(group)


def solve(
    atoms: Atoms,
    pseudopotential: str,
    cutoff: float,
    width_ev: float = 0.2,
    length: float = 20.0,
    subdivisions: tuple[int, int, int] | None = None,
) -> PlaneWaveResult:
    """Kohn-Sham ground state; ``cutoff``: Hartree, of the orbitals (the density has four times that)."""
    cell, width = atoms.cell.array / BOHR, width_ev / HARTREE
    mesh = np.array(fast_mesh(atoms.cell.array, 4 * cutoff))
    group = _space_group(atoms)
    points, weights = _irreducible(atoms.cell.array, length, subdivisions, group)
    reciprocal = 2 * np.pi * np.linalg.inv(cell).T
    reach = (mesh - 1) // 4 + 2
    all_G = np.array(list(product(*(range(-r, r + 1) for r in reach))))
    with silence():
        ions = Ions(symbols=atoms.get_chemical_symbols(), positions=atoms.positions / BOHR, cell=cell)
        grid = DirectGrid(lattice=cell, nr=mesh, full=False)
        tables = read_pseudopotentials({atoms.get_chemical_symbols()[0]: pseudopotential})
        pseudo = Functional(type="PSEUDO", grid=grid, ions=ions, readpp=tables, PME=False)
        others = TotalFunctional(
            XC=Functional(type="XC", name="LDA", libxc=False), HARTREE=Functional(type="HARTREE"), PSEUDO=pseudo
        )
        electrons = float(ions.get_ncharges())
        bands = int(np.ceil(0.65 * electrons)) + 4
        density = np.full(tuple(mesh), electrons / grid.volume)
        states = []
        for k in points:
            kinetic = 0.5 * (((all_G + k) @ reciprocal) ** 2).sum(axis=1)
            chosen = all_G[kinetic < cutoff]
            difference = (chosen[:, None] - chosen[None]) % mesh
            states.append((kinetic[kinetic < cutoff], chosen % mesh, np.moveaxis(difference, -1, 0)))
        inputs: list[np.ndarray] = []
        residuals: list[np.ndarray] = []
        for _ in range(60):
            potential = np.array(others(DirectField(grid=grid, griddata_3d=density), calcType={"V"}).potential)
            v = np.fft.fftn(potential) / mesh.prod()
            solved = []
            for kinetic, _chosen, (i, j, k) in states:
                solved.append(eigh(np.diag(kinetic) + v[i, j, k], subset_by_index=[0, bands - 1]))
            filled = occupy([e for e, _ in solved], weights, electrons, width, "gaussian")
            new = np.zeros(tuple(mesh))
            one_electron = 0.0
            for (e, c), f, w, (_k, chosen, _d) in zip(solved, filled.occupations, weights, states, strict=True):
                one_electron += w * float(f @ e)
                for b in np.flatnonzero(f > 1e-12):
                    orbital = np.zeros(tuple(mesh), dtype=complex)
                    orbital[tuple(chosen.T)] = c[:, b]
                    new += w * f[b] * np.abs(np.fft.ifftn(orbital) * mesh.prod()) ** 2
            new = _symmetrised(new / grid.volume, group, mesh)
            residual = new - density
            if np.abs(residual).mean() * grid.volume / electrons < _TOLERANCE:
                break
            inputs, residuals = [*inputs, density][-_HISTORY:], [*residuals, residual][-_HISTORY:]
            density = _anderson(inputs, residuals)
        else:
            raise RuntimeError("the self-consistent field did not converge")
        orbital_kinetic = one_electron - float((potential * new).sum()) * grid.dV
        field = DirectField(grid=grid, griddata_3d=new)
        total = orbital_kinetic + float(others(field, calcType={"E"}).energy)
        forces = np.array(others.get_forces(field)) * HARTREE / BOHR
    return PlaneWaveResult((total - 0.5 * width * filled.entropy) * HARTREE, forces)


def _anderson(inputs: list[np.ndarray], residuals: list[np.ndarray]) -> np.ndarray:
    """The next density: the combination of earlier ones whose residual is least, and a part of that residual."""
    if len(inputs) == 1:
        return inputs[0] + 0.5 * residuals[0]
    steps = np.array([(residuals[-1] - r).ravel() for r in residuals[:-1]]).T
    weights, *_ = np.linalg.lstsq(steps, residuals[-1].ravel(), rcond=1e-12)
    mixed = inputs[-1] + 0.5 * residuals[-1]
    for w, x, r in zip(weights, inputs[:-1], residuals[:-1], strict=True):
        mixed = mixed - w * (inputs[-1] - x + 0.5 * (residuals[-1] - r))
    return np.maximum(mixed, 1e-6)
