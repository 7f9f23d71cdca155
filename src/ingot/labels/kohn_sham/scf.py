"""The self-consistent field: PySCF's k-point Kohn-Sham with everything local on one FFT grid.

Gaussian-and-plane-waves (Lippert, Hutter, Parrinello, Mol. Phys. 92, 477 (1997)) for dense k-point meshes
of small cells. PySCF's own FFTDF evaluates the orbitals anew in every cycle and again for Coulomb and
exchange-correlation; here the lattice-periodic parts of all Bloch orbitals are made once per structure, from
their analytic Fourier transform, and kept. Because these are band-limited on the grid, forces and stress are
the exact derivatives of the energy computed here. Only time reversal reduces the k-points.
"""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from pyscf import lib
from pyscf.pbc import gto, tools
from pyscf.pbc.dft.krks_ksymm import KsymAdaptedKRKS
from pyscf.pbc.gto import pseudo
from pyscf.pbc.gto.pseudo import pp_int
from pyscf.pbc.scf import khf
from scipy import fft
from scipy.linalg.blas import zherk

from ingot.labels.kohn_sham.gaussians import ElementOrbitals
from ingot.labels.kohn_sham.kpoints import KpointMesh
from ingot.labels.kohn_sham.smearing import occupy

_BLOCK = 2048  # grid points at a time: a block of orbitals stays in the cache
_EMPTY = 1e-12  # orbitals with less occupation add nothing to the density


def orbital_bytes(cell: gto.Cell) -> int:
    """Memory of the orbitals of one k-point on the grid."""
    return int(np.prod(np.asarray(cell.mesh, dtype=np.int64)) * cell.nao * 16)


class Grid:
    """A cell's FFT grid, what is constant on it, and the orbitals on it.

    ``overlaps``: overlaps of the orbitals at each k-point, summed on the grid without the volume element.
    Orbitals of as many k-points as fit into ``memory_gb`` are kept; those of the others are made anew when asked for.
    """

    def __init__(self, cell: gto.Cell, kpoints: np.ndarray, memory_gb: float = math.inf) -> None:
        self.cell = cell
        self.mesh = tuple(int(n) for n in cell.mesh)
        self.kpoints = self._centred(kpoints)
        self.vectors = cell.get_Gv(cell.mesh)
        self.points = len(self.vectors)
        self.weight = cell.vol / self.points
        self.coulomb = tools.get_coulG(cell, Gv=self.vectors, mesh=cell.mesh)
        self.structure_factors = cell.get_SI(self.vectors)
        self.elements = {
            name: ElementOrbitals(cell, name) for name in dict.fromkeys(map(cell.atom_symbol, range(cell.natm)))
        }
        self.local_pseudopotentials = pseudo.get_vlocG(cell, self.vectors)
        local = -np.einsum("ag,ag->g", self.structure_factors, self.local_pseudopotentials)
        local[0] = np.sum(pseudo.get_alphas(cell))
        self.ionic_potential = self.to_real(local).real  # times the volume element
        self._kept_points = memory_gb * 2**30 / orbital_bytes(cell)
        self._kept: dict[int, np.ndarray] = {}
        self.overlaps = [self._gram(self.orbitals(k)) for k in range(len(self.kpoints))]

    def orbitals(self, k: int) -> np.ndarray:
        """The lattice-periodic parts u = exp(-ikr) chi (orbitals, points) at a k-point, in Bohr^(-3/2)."""
        if k in self._kept:
            return self._kept[k]
        transforms = self.transforms(self.kpoints[k])
        made: np.ndarray = np.ascontiguousarray(self.to_real(transforms)) * (self.points / self.cell.vol)
        if len(self._kept) + 1 <= self._kept_points:
            self._kept[k] = made
        return made

    def _centred(self, kpoints: np.ndarray) -> np.ndarray:
        """Equivalent points (by reciprocal lattice vectors) that put the box of k + G best about zero.

        A box of an odd number of G is symmetric, one of an even number reaches one step further down.
        """
        fractional = self.cell.get_scaled_kpts(kpoints)
        even = np.array([n % 2 == 0 for n in self.mesh])
        shift = np.where(even, np.floor(fractional + 1e-9), np.rint(fractional - 1e-9))
        return np.asarray(self.cell.get_abs_kpts(fractional - shift))

    def transforms(self, kpoint: np.ndarray) -> np.ndarray:
        """Fourier transforms (orbitals, points) of the orbitals at q = k + G, in Bohr^(3/2).

        An atom's orbitals are those of its element times exp(-i q R).
        """
        forms = {name: element.transforms(self.vectors + kpoint) for name, element in self.elements.items()}
        result = np.empty((self.cell.nao, self.points), dtype=np.complex128)
        for name, orbitals, phase in self.atoms(kpoint):
            np.multiply(forms[name], phase, out=result[orbitals])
        return result

    def atoms(self, kpoint: np.ndarray) -> Iterator[tuple[str, slice, np.ndarray]]:
        """Of each atom: its element, its orbitals, and exp(-i q R) (points,)."""
        for atom, (_, _, first, last) in enumerate(self.cell.aoslice_by_atom()):
            phase = self.structure_factors[atom] * np.exp(-1j * (self.cell.atom_coord(atom) @ kpoint))
            yield self.cell.atom_symbol(atom), slice(first, last), phase

    def to_real(self, values: np.ndarray) -> np.ndarray:
        """Inverse discrete Fourier transform over the last axis."""
        shape = values.shape
        grid = values.reshape(-1, *self.mesh)
        return np.asarray(fft.ifftn(grid, axes=(1, 2, 3), overwrite_x=False).reshape(shape))

    def to_reciprocal(self, values: np.ndarray) -> np.ndarray:
        """Discrete Fourier transform over the last axis."""
        shape = values.shape
        grid = values.reshape(-1, *self.mesh)
        return np.asarray(fft.fftn(grid, axes=(1, 2, 3)).reshape(shape))

    def gradient(self, transformed: np.ndarray) -> np.ndarray:
        """Gradient (3, points) in real space of a real field given by its Fourier transform."""
        return np.array([self.to_real(1j * self.vectors[:, x] * transformed).real for x in range(3)])

    def divergence(self, vectors: np.ndarray) -> np.ndarray:
        """Divergence (points,) of a real vector field (3, points)."""
        terms = (1j * self.vectors[:, x] * self.to_reciprocal(vectors[x].astype(np.complex128)) for x in range(3))
        return np.asarray(self.to_real(np.asarray(sum(terms))).real)

    def missing_norm(self) -> float:
        """The largest deviation of the orbitals' overlaps on the grid from the exact ones.

        It tells before any cycle whether the grid resolves the orbitals: 2e-8 for aluminium at 20 Hartree.
        """
        exact = self.cell.pbc_intor("int1e_ovlp", 1, 1, self.kpoints)
        pairs = zip(self.overlaps, exact, strict=True)
        return max(float(np.abs(grid * self.weight - s).max()) for grid, s in pairs)

    def _gram(self, u: np.ndarray, scale: np.ndarray | None = None) -> np.ndarray:
        """sum_g conj(u_mu) s^2 u_nu, through the Hermitian product that BLAS does in half the time."""
        total = np.zeros((len(u), len(u)), dtype=np.complex128, order="F")
        for start in range(0, u.shape[1], _BLOCK):
            block = u[:, start : start + _BLOCK]
            if scale is not None:
                block = block * scale[start : start + _BLOCK]
            total = zherk(1.0, np.asarray(block).T, beta=1.0, c=total, trans=2, overwrite_c=1)
        upper = np.triu(total, 1)
        return upper + upper.conj().T + np.diag(np.diag(total).real)

    def potential_matrices(self, potential: np.ndarray) -> np.ndarray:
        """<mu|V|nu> (k-points, orbitals, orbitals) of a local potential that includes the volume element."""
        floor = min(float(potential.min()), 0.0)
        root = np.sqrt(potential - floor)
        return np.array([self._gram(self.orbitals(k), root) + floor * s for k, s in enumerate(self.overlaps)])

    def density(self, coefficients: Any, occupations: Any, weights: np.ndarray) -> np.ndarray:
        """Electron density (points,) in Bohr^-3."""
        density = np.zeros(self.points)
        for k, (c, f, w) in enumerate(zip(coefficients, occupations, weights, strict=True)):
            u = self.orbitals(k)
            filled = np.abs(f) > _EMPTY
            amplitude = np.asfortranarray(c[:, filled].T * np.sqrt(np.abs(f[filled]) * w)[:, None])
            sign = np.sign(f[filled])
            for start in range(0, self.points, _BLOCK):
                psi = amplitude @ u[:, start : start + _BLOCK]
                density[start : start + _BLOCK] += sign @ (psi.real**2 + psi.imag**2)
        return density


class KohnSham(KsymAdaptedKRKS):  # type: ignore[misc]  # PySCF is untyped
    """Kohn-Sham with smearing; ``e_tot`` is the free energy E - TS (Hartree per cell).

    The free energy is what is variational, so it is also what convergence is judged by.

    With ``moments`` (initial ones of the atoms, Bohr magnetons) it is spin-polarised and collinear: every list over
    k-points then holds those of spin up, followed by the same of spin down, at half the weight. What is linear in the
    states thereby stays as it is; only density and potential know of two spins.
    """

    _keys = {  # noqa: RUF012
        "grid", "smearing_width", "smearing_kind", "entropy", "fermi_level", "grid_electrons", "moments", "channels",
        "magnetic_moment",
    }  # fmt: skip

    def __init__(
        self, cell: gto.Cell, mesh: KpointMesh, functional: str, width: float, kind: str,
        moments: np.ndarray | None = None, memory_gb: float = math.inf,
    ) -> None:  # fmt: skip
        kpoints = cell.make_kpts(list(mesh.subdivisions), scaled_center=list(mesh.center), time_reversal_symmetry=True)
        super().__init__(cell, kpoints, xc=functional, use_ao_symmetry=False)
        self.smearing_width = width
        self.smearing_kind = kind
        self.grid = Grid(cell, kpoints.kpts_ibz, memory_gb)
        self.moments = moments
        self.channels = 1 if moments is None else 2
        self.magnetic_moment = 0.0
        self.entropy = 0.0
        self.fermi_level = 0.0
        self.grid_electrons = 0.0
        temporary = getattr(self, "_chkfile", None)  # PySCF opens a file for every calculation
        if temporary is not None:
            temporary.close()
        self.chkfile = None
        self.verbose = 0

    @property
    def weights(self) -> np.ndarray:
        """Weights of the k-points (and spins), which sum to one."""
        return np.tile(self.kpts.weights_ibz, self.channels) / self.channels

    def of_channel(self, values: Any, channel: int) -> Any:
        """The part of a list over k-points (and spins) that belongs to one spin."""
        points = len(self.grid.kpoints)
        return values[channel * points : (channel + 1) * points]

    def get_ovlp(self, cell: Any = None, kpts: Any = None) -> np.ndarray:
        """Overlaps of the orbitals."""
        return np.concatenate([np.asarray(super().get_ovlp(cell, kpts))] * self.channels)

    def get_init_guess(self, cell: Any = None, key: str = "minao", s1e: Any = None) -> np.ndarray:
        """Density matrices of the atoms, each polarised as far as its initial moment and its electrons go."""
        once = None if s1e is None else self.of_channel(s1e, 0)
        guess = np.asarray(super().get_init_guess(cell, key, once))
        if self.moments is None:
            return guess
        share = np.clip(self.moments / self.cell.atom_charges(), -0.9, 0.9)
        by_orbital = np.repeat(share, [last - first for first, last in self.cell.aoslice_by_atom()[:, 2:]])
        pair = (by_orbital[:, None] + by_orbital) / 2
        return np.concatenate([guess * (1 + pair), guess * (1 - pair)])

    def check_linear_dependency(self, s: Any, verbose: Any = None) -> list[np.ndarray]:
        """Orthogonalising transformations of the orbitals."""
        return list(super().check_linear_dependency(self.of_channel(s, 0), verbose)) * self.channels

    def energy_elec(self, dm_kpts: Any = None, h1e_kpts: Any = None, vhf: Any = None) -> tuple[float, float]:
        """E1 + E2 and E2."""
        dm = self.make_rdm1() if dm_kpts is None else dm_kpts
        core = self.get_hcore() if h1e_kpts is None else h1e_kpts
        potential: Any = self.get_veff(self.cell, dm) if getattr(vhf, "exc", None) is None else vhf
        one = float(np.einsum("k,kij,kji->", self.weights, core, dm).real)
        two = float(potential.ecoul + potential.exc)
        return one + two, two

    def get_hcore(self, cell: Any = None, kpts: Any = None) -> np.ndarray:
        """Kinetic energy and nonlocal pseudopotentials, by PySCF's analytic lattice sums.

        The local pseudopotentials join the other local potentials in :meth:`get_veff`: one matrix
        product instead of two.
        """
        points = self.grid.kpoints
        kinetic = np.asarray(self.cell.pbc_intor("int1e_kin", 1, 1, points))  # both may come as lists
        return np.concatenate([kinetic + np.asarray(pp_int.get_pp_nl(self.cell, points))] * self.channels)

    def eig(self, h_kpts: Any, s_kpts: Any, overwrite: bool = False, x: Any = None) -> tuple[np.ndarray, np.ndarray]:
        """Complex eigenvectors at every k-point.

        PySCF takes real parts at time-reversal-invariant points. But a box of k + G is symmetric about zero
        only for k = 0, so band-limited orbitals are real up to the cutoff's error only, and
        dropping imaginary parts of that size would stop convergence.
        """
        energies, coefficients = khf.KSCF.eig(self, h_kpts, s_kpts, overwrite, x)
        return energies, coefficients

    def get_occ(self, mo_energy_kpts: Any = None, mo_coeff_kpts: Any = None) -> list[np.ndarray]:
        """Smeared occupations with the exact electron count."""
        levels = self.mo_energy if mo_energy_kpts is None else mo_energy_kpts
        result = occupy(levels, self.weights, self.cell.tot_electrons(1), self.smearing_width, self.smearing_kind)
        self.entropy, self.fermi_level = result.entropy, result.fermi_level
        return result.occupations

    def get_grad(self, mo_coeff_kpts: Any, mo_occ_kpts: Any, fock: Any = None) -> np.ndarray:
        """Orbital gradient sqrt(w_k) (f_i - f_j) F_ij: zero exactly where density and potential agree."""
        if fock is None:
            fock = self.get_hcore() + self.get_veff(self.cell, self.make_rdm1(mo_coeff_kpts, mo_occ_kpts))
        parts = []
        for c, f, matrix, w in zip(mo_coeff_kpts, mo_occ_kpts, fock, self.weights, strict=True):
            rows, columns = np.tril_indices(c.shape[1], -1)
            projected = c.conj().T @ matrix @ c
            parts.append(np.sqrt(w) * (f[rows] - f[columns]) * projected[rows, columns])
        return np.hstack(parts)

    def densities_of(self, dm: Any) -> np.ndarray:
        """Electron densities (spins, points) of density matrices, from their orbitals where they carry them."""
        coefficients, occupations = getattr(dm, "mo_coeff", None), getattr(dm, "mo_occ", None)
        if coefficients is None or occupations is None:
            pairs = [np.linalg.eigh(np.asarray(p)) for p in dm]
            occupations, coefficients = [p[0] for p in pairs], [p[1] for p in pairs]
        return self.densities(coefficients, occupations)

    def densities(self, coefficients: Any, occupations: Any) -> np.ndarray:
        """Electron densities (spins, points) of orbitals."""
        lists = (coefficients, occupations, self.weights)
        return np.array(
            [self.grid.density(*(self.of_channel(values, s) for values in lists)) for s in range(self.channels)]
        )

    def fields(self, densities: np.ndarray) -> "Fields":
        """Potentials and energy densities of electron densities (spins, points)."""
        return Fields(self, densities)

    def get_veff(
        self, cell: Any = None, dm: Any = None, dm_last: Any = None, vhf_last: Any = None, hermi: int = 1,
        kpts: Any = None, kpts_band: Any = None,
    ) -> np.ndarray:  # fmt: skip
        """Matrices of all local potentials, tagged with their energies as PySCF expects (the ions' in ``ecoul``)."""
        densities = self.densities_of(self.make_rdm1() if dm is None else dm)
        fields = self.fields(densities)
        counts = densities.sum(axis=1) * self.grid.weight
        self.grid_electrons = float(counts.sum())
        self.magnetic_moment = float(counts[0] - counts[-1])
        matrices = np.concatenate([self.grid.potential_matrices(potential) for potential in fields.local_potentials])
        coulomb = fields.hartree_energy + fields.ionic_energy
        tagged: np.ndarray = lib.tag_array(
            matrices, ecoul=coulomb, exc=fields.exchange_correlation_energy, vj=None, vk=None
        )
        return tagged

    def energy_tot(self, dm: Any = None, h1e: Any = None, vhf: Any = None) -> float:
        """The free energy E - TS."""
        return float(super().energy_tot(dm, h1e, vhf)) - self.smearing_width * self.entropy


class Fields:
    """What electron densities give on the grid: Hartree, exchange-correlation (LDA or GGA) and ionic terms.

    ``local_potentials`` (spins, points) are their sums, times the volume element.

    The gradient-corrected potential is v - div(df / d grad n) by Fourier transform
    (White and Bird, Phys. Rev. B 50, 4954 (1994)), the exact derivative of the energy summed on the grid.
    """

    def __init__(self, scf: KohnSham, densities: np.ndarray) -> None:
        grid = scf.grid
        self.densities = densities
        transformed = [grid.to_reciprocal(density.astype(np.complex128)) for density in densities]
        self.transformed = sum(transformed[1:], transformed[0])
        self.hartree_potential = grid.to_real(self.transformed * grid.coulomb).real
        numint = scf._numint
        kind = numint._xc_type(scf.xc)
        self.gradients: np.ndarray | None = None
        self.gradient_derivatives: np.ndarray | None = None
        if kind == "LDA":
            energy, derivatives = self._exchange_correlation(scf, densities[:, None], kind)
            potentials = derivatives[:, 0]
        elif kind == "GGA":
            self.gradients = np.array([grid.gradient(values) for values in transformed])
            energy, derivatives = self._exchange_correlation(
                scf, np.concatenate([densities[:, None], self.gradients], axis=1), kind
            )
            self.gradient_derivatives = derivatives[:, 1:4]
            potentials = np.array([values[0] - grid.divergence(values[1:4]) for values in derivatives])
        else:
            raise ValueError(f"functional {scf.xc!r} is of kind {kind}; only LDA and GGA are implemented")
        self.local_potentials = (self.hartree_potential + potentials) * grid.weight + grid.ionic_potential
        density = densities.sum(axis=0)
        self.ionic_energy = float(density @ grid.ionic_potential)
        self.hartree_energy = 0.5 * grid.weight * float(density @ self.hartree_potential)
        self.exchange_correlation_energy = grid.weight * float(density @ np.ravel(energy))

    @staticmethod
    def _exchange_correlation(scf: KohnSham, values: np.ndarray, kind: str) -> tuple[np.ndarray, np.ndarray]:
        """Energy per electron (points,) and derivatives by density and gradient (spins, 1 or 4, points)."""
        polarised = len(values) > 1
        given = values if polarised else values[0]
        if kind == "LDA":
            given = given[..., 0, :]
        energy, derivative = scf._numint.eval_xc_eff(scf.xc, given, deriv=1, xctype=kind, spin=int(polarised))[:2]
        return np.asarray(energy), np.asarray(derivative).reshape(len(values), -1, values.shape[-1])
