"""Stress: the derivative of the free energy with respect to a strain of the crystal.

Nielsen and Martin, Phys. Rev. B 32, 3780 (1985), with the Pulay terms of orbitals that move and
deform with the lattice; fractional coordinates, k-points and the FFT mesh stay.
"""

from typing import Any

import numpy as np
from pyscf.pbc.grad import rks_stress
from pyscf.pbc.gto import Cell
from pyscf.pbc.gto.pseudo import pp_int

from ingot.labels.kohn_sham.forces import Converged

_STEP = 3e-4  # strain of the central differences of the analytic integrals, which cost little


def strain_gradient(state: Converged) -> np.ndarray:
    """Derivatives (3, 3) of the free energy with respect to the symmetric strain, Hartree."""
    total = _deforming_orbitals(state) + _hartree_exchange_correlation(state) + _local_pseudopotential(state)
    for x, y in _symmetric_pairs():
        strain = np.zeros((3, 3))
        strain[x, y] += 0.5
        strain[y, x] += 0.5
        value = _analytic_integrals(state, strain)
        total[x, y] += value
        if x != y:
            total[y, x] += value
    return np.asarray(0.5 * (total + total.T))


def _symmetric_pairs() -> list[tuple[int, int]]:
    return [(x, y) for x in range(3) for y in range(x, 3)]


def _deforming_orbitals(state: Converged) -> np.ndarray:
    """2 w Re sum conj(d chi / d strain) X: the density's change on the grid, apart from the volume.

    The phases of the atoms stay, and atoms of one element share the derivatives of their orbitals.
    """
    grid = state.scf.grid
    total = np.zeros((3, 3))
    for k, weight in enumerate(state.weights):
        response = state.response(k)
        by_element = {
            name: np.zeros((element.size, grid.points), dtype=np.complex128) for name, element in grid.elements.items()
        }
        for name, orbitals, phase in grid.atoms(grid.kpoints[k]):
            by_element[name] += phase.conj() * response[orbitals]
        for name, values in by_element.items():
            total += 2 * float(weight) * grid.elements[name].strain_sum(grid.vectors + grid.kpoints[k], values)
    return 0.5 * (total + total.T)


def _hartree_exchange_correlation(state: Converged) -> np.ndarray:
    """What is explicit in the volume and in the reciprocal vectors."""
    fields, grid = state.fields, state.scf.grid
    energy = fields.hartree_energy + fields.exchange_correlation_energy
    potential_energy = float(np.sum(fields.local_potentials * fields.densities))
    result = np.eye(3) * (energy - 2 * potential_energy)
    if fields.gradients is not None and fields.gradient_derivatives is not None:
        result -= grid.weight * np.einsum("sxg,syg->xy", fields.gradient_derivatives, fields.gradients)
    change = rks_stress._get_coulG_strain_derivatives(grid.cell, grid.vectors)[1]
    square = np.abs(fields.transformed) ** 2
    return np.asarray(result + 0.5 * grid.weight / grid.points * np.einsum("g,xyg->xy", square, change))


def _local_pseudopotential(state: Converged) -> np.ndarray:
    fields, grid = state.fields, state.scf.grid
    change = rks_stress._get_vpplocG_strain_derivatives(grid.cell, grid.cell.mesh)[1]
    return np.asarray(np.einsum("g,xyg->xy", fields.transformed.conj(), change).real / grid.points)


def _analytic_integrals(state: Converged, strain: np.ndarray) -> float:
    """Kinetic, nonlocal, overlap and ionic terms, by central differences at fixed density matrices."""
    plus, minus = (_energy_of_integrals(state, np.eye(3) + sign * _STEP * strain) for sign in (1, -1))
    return (plus - minus) / (2 * _STEP)


def _energy_of_integrals(state: Converged, deformation: np.ndarray) -> float:
    cell = _deformed(state.scf.grid.cell, deformation)
    fractional = state.scf.cell.get_scaled_kpts(state.scf.grid.kpoints)
    kpoints = cell.get_abs_kpts(fractional)
    kinetic: Any = cell.pbc_intor("int1e_kin", 1, 1, kpoints)
    overlap: Any = cell.pbc_intor("int1e_ovlp", 1, 1, kpoints)
    nonlocal_part: Any = pp_int.get_pp_nl(cell, kpoints)
    total = float(cell.ewald())
    for k, weight in enumerate(state.weights):
        energy = np.vdot(kinetic[k] + nonlocal_part[k], state.density_matrices[k])
        total += float(weight) * float((energy - np.vdot(overlap[k], state.energy_weighted[k])).real)
    return total


def _deformed(cell: Cell, deformation: np.ndarray) -> Cell:
    result = cell.copy()
    result.unit = "B"
    result.set_geom_(cell.atom_coords() @ deformation.T, unit="B", inplace=True)
    result.a = cell.lattice_vectors() @ deformation.T
    result.build(False, False)
    return result
