"""Forces: the exact derivative of the free energy with respect to the atoms."""

from dataclasses import dataclass

import numpy as np
from pyscf.pbc.gto.ewald_methods import ewald_nuc_grad
from pyscf.pbc.gto.pseudo import pp_int

from ingot.labels.kohn_sham.scf import _EMPTY, Fields, Grid, KohnSham


@dataclass(frozen=True)
class Converged:
    """The converged state that derivatives are taken of: orbitals, density matrices and fields.

    ``density_matrices`` and ``energy_weighted``: one per k-point, the mean over the spins where there are two.
    """

    scf: KohnSham
    density_matrices: list[np.ndarray]
    energy_weighted: list[np.ndarray]
    fields: Fields

    @classmethod
    def of(cls, scf: KohnSham) -> "Converged":
        """Collect the state of a converged calculation."""
        matrices, weighted = [], []
        for c, f, e in zip(scf.mo_coeff, scf.mo_occ, scf.mo_energy, strict=True):
            matrices.append((c * f) @ c.conj().T)
            weighted.append((c * (f * e)) @ c.conj().T)
        fields = scf.fields(scf.densities(scf.mo_coeff, scf.mo_occ))
        return cls(scf, _mean_of_spins(scf, matrices), _mean_of_spins(scf, weighted), fields)

    @property
    def weights(self) -> np.ndarray:
        """Weights of the k-points, without spins."""
        return np.asarray(self.scf.kpts.weights_ibz)

    def response(self, k: int) -> np.ndarray:
        """X (orbitals, points) at one k-point, the change of the local energy with the orbitals, a mean over the spins.

        d E = 2 w Re sum conj(d chi(k + G)) X(G), with X = sum_n conj(C_n) f_n (V psi_n)(k + G) over the occupied bands.
        """
        scf, points = self.scf, len(self.scf.grid.kpoints)
        parts = [
            self._response(k + spin * points, scf.grid.orbitals(k), potential)
            for spin, potential in enumerate(self.fields.local_potentials)
        ]
        return np.asarray(sum(parts[1:], parts[0]) / scf.channels)

    def _response(self, state: int, orbitals: np.ndarray, potential: np.ndarray) -> np.ndarray:
        grid = self.scf.grid
        filled = np.abs(self.scf.mo_occ[state]) > _EMPTY
        coefficients = self.scf.mo_coeff[state][:, filled]
        psi = coefficients.T @ orbitals
        psi *= potential
        filling = coefficients * self.scf.mo_occ[state][filled] / grid.cell.vol
        return np.asarray(filling.conj() @ grid.to_reciprocal(psi))


def _mean_of_spins(scf: KohnSham, matrices: list[np.ndarray]) -> list[np.ndarray]:
    parts = [scf.of_channel(matrices, s) for s in range(scf.channels)]
    return [sum(pair[1:], pair[0]) / scf.channels for pair in zip(*parts, strict=True)]


def gradient(state: Converged) -> np.ndarray:
    """Derivatives (atoms, 3) of the free energy with respect to the positions, Hartree per Bohr.

    The Hellmann-Feynman terms of both pseudopotentials and of the ions, and the Pulay terms of
    orbitals that move with the atoms (Pulay, Mol. Phys. 17, 197 (1969)). Smeared occupations
    add nothing, the free energy being stationary in them.
    """
    grid = state.scf.grid
    cell, weights = grid.cell, state.weights
    by_orbital = _local_pulay(state) + _analytic_pulay(state)
    result = np.array([by_orbital[:, first:last].sum(1) for first, last in cell.aoslice_by_atom()[:, 2:]])
    result += _local_pseudopotential(state.fields, grid)
    weighted = np.array([p * w for p, w in zip(state.density_matrices, weights, strict=True)])
    gamma_only = np.abs(grid.kpoints).max() < 1e-9
    result += np.asarray(pp_int.vppnl_nuc_grad(cell, weighted[0] if gamma_only else weighted, grid.kpoints)).real
    result += ewald_nuc_grad(cell)
    return result


def _local_pulay(state: Converged) -> np.ndarray:
    """(3, orbitals): 2 w Re sum conj(-d chi/dr) X; on the grid d chi/dR is -i (k + G) chi(k + G)."""
    grid = state.scf.grid
    total = np.zeros((3, grid.cell.nao))
    for k, weight in enumerate(state.weights):
        overlap = grid.transforms(grid.kpoints[k]).conj() * state.response(k)
        total -= 2 * weight * (overlap.imag @ (grid.vectors + grid.kpoints[k])).T
    return total


def _analytic_pulay(state: Converged) -> np.ndarray:
    """(3, orbitals): kinetic and overlap terms by PySCF's lattice sums."""
    grid = state.scf.grid
    total = np.zeros((3, grid.cell.nao))
    kinetic = grid.cell.pbc_intor("int1e_ipkin", kpts=grid.kpoints)
    overlap = grid.cell.pbc_intor("int1e_ipovlp", kpts=grid.kpoints)
    for k, weight in enumerate(state.weights):
        total -= 2 * weight * np.einsum("xij,ji->xi", kinetic[k], state.density_matrices[k]).real
        total += 2 * weight * np.einsum("xij,ji->xi", overlap[k], state.energy_weighted[k]).real
    return total


def _local_pseudopotential(fields: Fields, grid: Grid) -> np.ndarray:
    """(atoms, 3): the force of the density on the local pseudopotentials, in reciprocal space."""
    per_atom = 1j * grid.structure_factors * grid.local_pseudopotentials * fields.transformed.conj()
    return np.asarray((per_atom @ grid.vectors).real / grid.points)
