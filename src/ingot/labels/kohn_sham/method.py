"""The label method ``pyscf``: periodic Kohn-Sham energies, forces and stress."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyscf
from ase import Atoms
from pyscf.dft import libxc

from ingot.errors import near_name
from ingot.labels.errors import LabelError, LabelFailure, PassingFailure
from ingot.labels.kohn_sham.cell import build_cell
from ingot.labels.kohn_sham.forces import Converged, gradient
from ingot.labels.kohn_sham.kpoints import KpointMesh, kpoint_mesh
from ingot.labels.kohn_sham.scf import KohnSham, orbital_bytes
from ingot.labels.kohn_sham.smearing import KINDS
from ingot.labels.kohn_sham.stress import strain_gradient
from ingot.labels.label import Label
from ingot.labels.method import method_digest
from ingot.structures import structure_id
from ingot.units import BOHR, HARTREE

NUMERICS_VERSION = 3
"""Raise this by hand when an edit changes numbers; a test on recorded labels reminds you."""

_FLOATS = {
    "ke_cutoff_hartree", "precision", "smearing_width_ev", "kpoint_length_angstrom",
    "convergence_energy_hartree", "convergence_gradient_hartree",
}  # fmt: skip
_NET_FORCE_TOLERANCE = 0.05  # eV/A; the grid breaks translation and leaves about 0.005 at 20 Hartree
_ELECTRON_TOLERANCE = 1e-4  # electrons per cell that the density on the grid may miss
_NORM_TOLERANCE = 1e-4  # of an orbital's overlap on the grid
_LADDER: tuple[dict[str, Any], ...] = (
    {},
    {"diis_space": 14, "diis_damp": 0.3, "cycles": 2},
    {"diis_space": 20, "damp": 0.7, "diis_start_cycle": 12, "cycles": 4},
)
"""What is tried when the self-consistent field does not converge: larger extrapolation spaces, damping and more
cycles (times ``max_cycle``), each from the same start. None of them changes the result that is converged to."""


@dataclass(frozen=True)
class KohnShamLabels:
    """Kohn-Sham with Gaussian orbitals, GTH pseudopotentials and dense k-point meshes.

    For cells periodic in three directions. The energy is the free energy E - TS of the smeared electrons.
    With ``spin_polarized`` up and down spins have orbitals of their own and one Fermi level (collinear, free total
    moment); it starts from the structure's initial magnetic moments, or from one Bohr magneton per atom where it has
    none. The moment that it ends with is in the label's cost record.
    """

    functional: str = "pbe"
    basis: str = "gth-dzvp-molopt-sr"
    pseudopotential: str = "gth-pbe"
    element_basis: Mapping[str, str] = field(default_factory=dict)
    element_pseudopotential: Mapping[str, str] = field(default_factory=dict)
    ke_cutoff_hartree: float = 20.0
    precision: float = 1e-6
    smearing: str = "gaussian"
    smearing_width_ev: float = 0.2
    kpoint_length_angstrom: float = 16.0
    kpoint_mesh: tuple[int, int, int] | None = None
    fft_mesh: tuple[int, int, int] | None = None
    compute_stress: bool = False
    spin_polarized: bool = False
    convergence_energy_hartree: float = 1e-7
    convergence_gradient_hartree: float = 5e-5
    max_cycle: int = 40
    maximum_memory_gb: float = 4.0
    last_cost: dict[str, Any] = field(default_factory=dict, init=False, compare=False, repr=False)
    """What the last label took (cycles, k-points, grid), for its cost sidecar; decides no number."""

    name = "pyscf"

    def __post_init__(self) -> None:
        """Refuse at once what no structure could be labelled with."""
        if self.smearing not in KINDS:
            known = ", ".join(KINDS)
            raise LabelError(f"unknown smearing {self.smearing!r}{near_name(self.smearing, KINDS)}; known: {known}")
        try:
            kind, hybrid = libxc.xc_type(self.functional), libxc.is_hybrid_xc(self.functional)
        except (KeyError, ValueError) as error:
            raise LabelError(f"unknown functional {self.functional!r} ({error})") from error
        if hybrid or kind not in ("LDA", "GGA"):
            raise LabelError(
                f"functional {self.functional!r} is {'a hybrid' if hybrid else f'of kind {kind}'}; "
                "only LDA and GGA are implemented"
            )

    def settings(self) -> dict[str, Any]:
        """See :class:`~ingot.labels.method.LabelMethod`; limits of memory decide no number and are left out."""
        left_out = ("maximum_memory_gb", "last_cost")
        values = {key: getattr(self, key) for key in self.__dataclass_fields__ if key not in left_out}
        for key in ("kpoint_mesh", "fft_mesh"):
            values[key] = None if values[key] is None else [int(n) for n in values[key]]
        for key in values.keys() & _FLOATS:
            values[key] = float(values[key])  # 20 and 20.0 are one setting
        for key in ("element_basis", "element_pseudopotential"):
            values[key] = dict(values[key])
        if not self.spin_polarized:
            values.pop("spin_polarized")  # it came later: labels without it keep their address
        return {
            **values,
            "name": self.name,
            "engine": f"pyscf {pyscf.__version__}",
            "numerics_version": NUMERICS_VERSION,
        }

    @property
    def digest(self) -> str:
        """See :class:`~ingot.labels.method.LabelMethod`."""
        return method_digest(self.settings())

    def kpoints(self, atoms: Atoms) -> KpointMesh:
        """The k-point mesh that a structure is labelled with."""
        return kpoint_mesh(atoms.cell.array, self.kpoint_length_angstrom, self.kpoint_mesh)

    def estimated_cost(self, atoms: Atoms) -> float:
        """Points of the k-mesh (and spins) times the grid (as the volume) times atoms squared."""
        if not atoms.pbc.all():
            return 0.0
        return float((1 + self.spin_polarized) * self.kpoints(atoms).points * abs(atoms.cell.volume) * len(atoms) ** 2)

    def compute(self, atoms: Atoms) -> Label:
        """See :class:`~ingot.labels.method.LabelMethod`."""
        self._check(atoms)
        with pyscf.lib.with_omp_threads(1):  # sums of several threads come in no fixed order
            scf = self._converge(atoms)
            state = Converged.of(scf)
            forces = -gradient(state) * HARTREE / BOHR
            self._check_net_force(forces)
            stress = None
            if self.compute_stress:
                tensor = strain_gradient(state) * HARTREE / (scf.cell.vol * BOHR**3)
                stress = tensor[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
        entropy_term = scf.smearing_width * scf.entropy * HARTREE
        free = float(scf.e_tot) * HARTREE
        return Label(
            structure_id=structure_id(atoms),
            method=self.digest,
            converged=True,
            energy=free,
            energy_kind="free",
            energy_zero=free + KINDS[self.smearing].zero_share * entropy_term,
            energy_total=free + entropy_term,
            entropy_term=entropy_term,
            forces=np.asarray(forces, dtype=float),
            stress=stress,
        )

    def _check(self, atoms: Atoms) -> None:
        if not atoms.pbc.all():
            raise LabelFailure(
                f"the method 'pyscf' needs a cell periodic in three directions; pbc is {atoms.pbc.tolist()}"
            )
        charge, multiplicity = int(atoms.info.get("charge", 0)), int(atoms.info.get("spin_multiplicity", 1))
        if charge != 0:
            raise LabelFailure(f"charged cells are not supported by the method 'pyscf' (charge {charge})")
        if multiplicity != 1:
            raise LabelFailure(
                f"the method 'pyscf' cannot fix a spin_multiplicity ({multiplicity} asked): set spin_polarized and "
                "give the structure initial magnetic moments; the total moment then follows from the Fermi level"
            )

    def _converge(self, atoms: Atoms) -> KohnSham:
        # a left-handed cell is labelled through its right-handed mirror lattice: same points, third vector reversed
        frame = atoms.copy()
        if np.linalg.det(frame.cell.array) < 0:
            frame.set_cell(np.diag([1, 1, -1]) @ frame.cell.array, scale_atoms=False)
        cell = build_cell(
            frame,
            self._by_element(self.basis, self.element_basis),
            self._by_element(self.pseudopotential, self.element_pseudopotential),
            self.ke_cutoff_hartree,
            self.precision,
            self.fft_mesh,
        )
        mesh = self.kpoints(frame)
        memory = self._orbital_memory(cell, mesh)
        self.last_cost.update(kpoint_mesh=list(mesh.subdivisions), grid=math.prod(map(int, cell.mesh)), cycles=0)
        tried = []
        for rung in _LADDER:
            width = self.smearing_width_ev / HARTREE
            scf = KohnSham(cell, mesh, self.functional, width, self.smearing, self._initial_moments(atoms), memory)
            self._check_grid(scf)
            scf.conv_tol = self.convergence_energy_hartree
            scf.conv_tol_grad = self.convergence_gradient_hartree
            scf.conv_check = False  # its extra step without extrapolation makes forces worse
            scf.max_cycle = self.max_cycle * rung.get("cycles", 1)
            for key, value in rung.items():
                if key != "cycles":
                    setattr(scf, key, value)
            scf.kernel()
            self.last_cost["cycles"] += scf.cycles
            if self.spin_polarized:
                self.last_cost["magnetic_moment"] = round(scf.magnetic_moment, 4)
            if scf.converged:
                break
            tried.append(scf.max_cycle)
        else:
            raise LabelFailure(f"the self-consistent field did not converge in {' + '.join(map(str, tried))} cycles")
        missing = abs(scf.grid_electrons - cell.tot_electrons(1))
        if missing > _ELECTRON_TOLERANCE:
            raise LabelFailure(
                f"the density on the grid misses {missing:.1e} electrons (at most {_ELECTRON_TOLERANCE:g} accepted); "
                "raise ke_cutoff_hartree"
            )
        return scf

    def _initial_moments(self, atoms: Atoms) -> np.ndarray | None:
        if not self.spin_polarized:
            return None
        moments = atoms.get_initial_magnetic_moments()
        return np.asarray(moments if np.any(moments) else np.ones(len(atoms)), dtype=float)

    def _check_net_force(self, forces: np.ndarray) -> None:
        net = float(np.linalg.norm(forces.sum(axis=0)))
        if net > _NET_FORCE_TOLERANCE:
            raise LabelFailure(
                f"the forces sum to {net:.2g} eV/A (at most {_NET_FORCE_TOLERANCE:g} accepted): they are not the "
                "derivatives of the energy; raise ke_cutoff_hartree"
            )

    def _check_grid(self, scf: KohnSham) -> None:
        missing = scf.grid.missing_norm()
        if missing > _NORM_TOLERANCE:
            raise LabelFailure(
                f"the grid of ke_cutoff_hartree = {self.ke_cutoff_hartree:g} does not resolve the orbitals: their "
                f"overlaps are off by {missing:.0e} (at most {_NORM_TOLERANCE:g} accepted); raise it, or choose a "
                "pseudopotential with fewer electrons under element_pseudopotential"
            )

    def _by_element(self, default: str, special: Mapping[str, str]) -> str | dict[str, str]:
        return {"default": default, **special} if special else default

    def _orbital_memory(self, cell: Any, mesh: KpointMesh) -> float:
        """GB for orbitals on the grid, after what every structure needs; refuses what cannot be divided further."""
        points = mesh.points // 2 + 1  # time reversal
        matrices = 24 * (1 + self.spin_polarized) * points * cell.nao**2 * 16 / 2**30  # DIIS, Fock, orbitals, ...
        single = orbital_bytes(cell) / 2**30
        left: float = self.maximum_memory_gb - matrices - 3 * single
        if left < 0:
            raise PassingFailure(
                f"one k-point's orbitals on the grid need {3 * single:.2g} GB (grid {cell.mesh.tolist()}, {cell.nao} "
                f"orbitals) and the matrices of all {mesh.points} k-points {matrices:.2g} GB, together more than "
                f"maximum_memory_gb = {self.maximum_memory_gb:g}"
            )
        return left
