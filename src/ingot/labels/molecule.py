"""The label method ``pyscf-molecule``: energies and forces of molecules by Kohn-Sham or Hartree-Fock."""

import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyscf
from ase import Atoms
from pyscf import df, dft, gto
from pyscf.dft import libxc
from pyscf.gto import basis as basis_sets
from pyscf.scf.dispersion import parse_dft

from ingot.errors import near_name
from ingot.labels.errors import LabelError, LabelFailure, PassingFailure
from ingot.labels.label import Label
from ingot.labels.method import method_digest
from ingot.structures import structure_id
from ingot.units import BOHR, HARTREE

NUMERICS_VERSION = 1
"""Raise this by hand when an edit changes numbers; a test on recorded labels reminds you."""

_FLOATS = {"convergence_energy_hartree", "convergence_gradient_hartree"}
_NET_FORCE_TOLERANCE = 0.05  # eV/A; without the grid's response about 0.01 is left at level 3
_ELECTRON_TOLERANCE = 1e-4  # of the electrons that the density on the grid may miss: 3e-6 at level 1, 5e-4 at 0
_AUFBAU_TOLERANCE = 1e-5  # Hartree by which an empty orbital may lie below an occupied one
_NONLOCAL_GRID = 2  # levels below the grid's: nonlocal correlation is a smooth double integral
_UNLIMITED_MB = 1e6
"""What PySCF is told about memory. It cuts its loops by what the process has left, so that sums would come in an
order, and numbers with last digits, that depend on what ran before; the limit is ours, and checked beforehand."""
_GRID_BLOCK = 67_200  # points at a time in PySCF's integrator when memory does not cut it
_INTEGRALS_IN_MEMORY = 160  # orbitals: 0.6 GB; beyond, they are computed again in every cycle
_VALENCE_ONLY = re.compile("ccecp|bfd|ecpds|ecpq")
_EMPIRICAL = re.compile(r"_(D\d?|3C)$")  # libxc names fitted together with a pairwise dispersion term
_YUKAWA = re.compile("_(CAM|LC)Y_")  # PySCF would silently take another kernel for these

_LADDER: tuple[dict[str, Any], ...] = (
    {},
    {"damp": 0.5, "diis_start_cycle": 8, "diis_space": 14, "cycles": 2},
    {"second_order": True},
)
"""What is tried when the self-consistent field does not converge: extrapolation (DIIS); from the same start damping
before a larger extrapolation space and twice the cycles; from where that ended, second-order (Newton) steps
(Sun, Yang, Chan, Chem. Phys. Lett. 683, 291 (2017)). The equations that are solved stay the same."""


@dataclass(frozen=True)
class MoleculeLabels:
    """Kohn-Sham (or Hartree-Fock) with Gaussian orbitals for molecules in vacuum; total energies, no stress.

    Charge and spin multiplicity come from ``info["charge"]`` and ``info["spin_multiplicity"]``, which are part of
    a structure's identity. The settings ``charge`` and ``spin_multiplicity`` hold for structures whose identity
    states none, that is 0 and 1: written out or left out, these are the same structure, so they cannot overrule
    the settings. Singlets are restricted, all others unrestricted. Initial magnetic moments are not used.

    Pairwise dispersion terms are not part of the method (functionals fitted with one are refused); nonlocal
    correlation (VV10) is. Forces with ``grid_response`` are the exact derivatives of the energy on its moving grid,
    whose spheres keep their axes: at level 3 forces change by 2 meV/A as a molecule turns, at level 4 by 0.2.
    """

    functional: str = "wb97x"
    basis: str = "6-31g*"
    cartesian: bool = False
    density_fitting: bool = True
    auxiliary_basis: str = "def2-universal-jkfit"
    charge: int = 0
    spin_multiplicity: int = 1
    grid_level: int = 3
    grid_response: bool = True
    convergence_energy_hartree: float = 1e-9
    convergence_gradient_hartree: float = 1e-5
    max_cycle: int = 50
    maximum_memory_gb: float = 4.0
    last_cost: dict[str, Any] = field(default_factory=dict, init=False, compare=False, repr=False)
    """What the last label took (cycles, orbitals, <S^2>), for its cost sidecar; decides no number."""

    name = "pyscf-molecule"

    def __post_init__(self) -> None:
        """Refuse at once what no structure could be labelled with."""
        _check_functional(self.functional)
        _check_basis("basis", self.basis)
        if self.density_fitting:
            _check_basis("auxiliary_basis", self.auxiliary_basis)
        if self.spin_multiplicity < 1:
            raise LabelError(f"spin_multiplicity is 2S + 1 and at least 1, not {self.spin_multiplicity}")
        if not 0 <= self.grid_level <= 9:
            raise LabelError(f"grid_level must be one of 0 (coarse) to 9 (fine), not {self.grid_level}")

    def settings(self) -> dict[str, Any]:
        """See :class:`~ingot.labels.method.LabelMethod`; limits of memory decide no number and are left out."""
        left_out = ("maximum_memory_gb", "last_cost")
        values = {key: getattr(self, key) for key in self.__dataclass_fields__ if key not in left_out}
        for key in _FLOATS:
            values[key] = float(values[key])
        for key in ("functional", "basis", "auxiliary_basis"):
            values[key] = values[key].lower()  # PySCF's names have no case
        if not self.density_fitting:
            values["auxiliary_basis"] = None
        return {
            **values,
            "name": self.name,
            "engine": f"pyscf {pyscf.__version__}",
            "functionals": f"libxc {libxc.__version__}",
            "numerics_version": NUMERICS_VERSION,
        }

    @property
    def digest(self) -> str:
        """See :class:`~ingot.labels.method.LabelMethod`."""
        return method_digest(self.settings())

    def estimated_cost(self, atoms: Atoms) -> float:
        """Electrons cubed, and twice that for two spins."""
        return float(atoms.numbers.sum()) ** 3 * (1 if self.state(atoms)[1] == 1 else 2)

    def state(self, atoms: Atoms) -> tuple[int, int]:
        """Charge and spin multiplicity that a structure is labelled with: its own, or the settings'."""
        charge = int(atoms.info.get("charge", 0)) or self.charge
        multiplicity = int(atoms.info.get("spin_multiplicity", 1))
        return charge, multiplicity if multiplicity != 1 else self.spin_multiplicity

    def compute(self, atoms: Atoms) -> Label:
        """See :class:`~ingot.labels.method.LabelMethod`."""
        molecule = self._molecule(atoms)
        with pyscf.lib.with_omp_threads(1):  # sums of several threads come in no fixed order
            scf = self._converge(molecule)
            gradient = scf.nuc_grad_method()
            if libxc.xc_type(self.functional) != "HF":  # which needs no grid
                self._check_density(scf)
                gradient.grid_response = self.grid_response
            forces = -np.asarray(gradient.kernel(), dtype=float) * HARTREE / BOHR
        self._check_net_force(forces)
        energy = float(scf.e_tot) * HARTREE
        return Label(
            structure_id=structure_id(atoms),
            method=self.digest,
            converged=True,
            energy=energy,
            energy_kind="total",
            energy_total=energy,
            forces=forces,
        )

    def _molecule(self, atoms: Atoms) -> gto.Mole:
        if atoms.pbc.any():
            raise LabelFailure(
                f"the method {self.name!r} is for molecules in vacuum; pbc is {atoms.pbc.tolist()}: choose the method "
                "'pyscf' for a periodic cell, or set pbc to False if the cell is only a box around a molecule"
            )
        charge, multiplicity = self.state(atoms)
        _check_electrons(int(atoms.numbers.sum()) - charge, charge, multiplicity)
        molecule = gto.Mole()
        symbols = atoms.get_chemical_symbols()
        molecule.atom = list(zip(symbols, atoms.positions / BOHR, strict=True))
        molecule.unit = "B"  # PySCF's angstrom is of CODATA 2010
        molecule.basis, molecule.cart = self.basis, self.cartesian
        molecule.ecp = _core_potentials(self.basis, symbols)
        molecule.charge, molecule.spin = charge, multiplicity - 1
        molecule.symmetry = False
        molecule.verbose, molecule.max_memory = 0, _UNLIMITED_MB
        self._build(molecule.build, "basis", self.basis, symbols)
        _check_core(molecule, self.basis)
        self._check_memory(molecule, symbols)
        return molecule

    def _build(self, build: Callable[[], Any], key: str, basis: str, symbols: list[str]) -> Any:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # advice on other packages with more basis sets
                return build()
        except Exception as error:  # PySCF raises what its parsers happen to raise
            elements = ", ".join(sorted(set(symbols)))
            raise LabelFailure(
                f"PySCF's {key} {basis!r} does not hold all of {elements} ({error}); choose another {key}"
            ) from error

    def _scf(self, molecule: gto.Mole, rung: dict[str, Any]) -> Any:
        scf = dft.rks.RKS(molecule) if molecule.spin == 0 else dft.uks.UKS(molecule)
        temporary = getattr(scf, "_chkfile", None)  # PySCF opens a file for every calculation
        if temporary is not None:
            temporary.close()
        scf.chkfile = None
        scf.xc = self.functional
        scf.grids.level = self.grid_level
        scf.nlcgrids.level = max(self.grid_level - _NONLOCAL_GRID, 0)
        if self.density_fitting:
            scf = scf.density_fit(auxbasis=self.auxiliary_basis)
        else:
            scf._is_mem_enough = lambda: molecule.nao <= _INTEGRALS_IN_MEMORY  # PySCF asks what the process has left
        scf.conv_tol = self.convergence_energy_hartree
        scf.conv_tol_grad = self.convergence_gradient_hartree
        scf.conv_check = False  # its extra step without extrapolation makes forces worse
        scf.max_cycle = self.max_cycle * rung.get("cycles", 1)
        for key in rung.keys() - {"cycles", "second_order"}:
            setattr(scf, key, rung[key])
        return scf

    def _converge(self, molecule: gto.Mole) -> Any:
        self.last_cost.update(orbitals=int(molecule.nao), cycles=0)

        def count(_: dict[str, Any]) -> None:
            self.last_cost["cycles"] += 1

        scf: Any = None
        for rung in _LADDER:
            start = (scf.mo_coeff, scf.mo_occ) if rung.get("second_order") else ()
            scf = self._scf(molecule, rung)
            solver = scf.newton() if rung.get("second_order") else scf
            solver.callback = count
            solver.kernel(*start)
            if solver.converged:
                break
        else:
            raise LabelFailure(
                f"the self-consistent field did not converge in {self.max_cycle} + {_LADDER[1]['cycles']} x "
                f"{self.max_cycle} cycles and {self.max_cycle} second-order steps; is the charge or the "
                "spin_multiplicity wrong? otherwise raise max_cycle"
            )
        if solver is not scf:
            for key in ("converged", "e_tot", "mo_energy", "mo_coeff", "mo_occ"):
                setattr(scf, key, getattr(solver, key))
            _check_aufbau(scf)
        self.last_cost["spin_square"] = round(float(scf.spin_square()[0]), 6)
        return scf

    def _check_density(self, scf: Any) -> None:
        density = scf.make_rdm1()
        total = density if density.ndim == 2 else density[0] + density[1]
        values = scf._numint.get_rho(scf.mol, total, scf.grids, _UNLIMITED_MB)
        missing = abs(float(values @ scf.grids.weights) / scf.mol.nelectron - 1)
        self.last_cost["grid_points"] = len(scf.grids.weights)
        if missing > _ELECTRON_TOLERANCE:
            raise LabelFailure(
                f"the density on the grid misses {missing:.1e} of the electrons (at most {_ELECTRON_TOLERANCE:g} "
                "accepted); raise grid_level"
            )

    def _check_net_force(self, forces: np.ndarray) -> None:
        net = float(np.linalg.norm(forces.sum(axis=0)))
        if net > _NET_FORCE_TOLERANCE:
            raise LabelFailure(
                f"the forces sum to {net:.2g} eV/A (at most {_NET_FORCE_TOLERANCE:g} accepted): they are not the "
                "derivatives of the energy; raise grid_level, or set grid_response"
            )

    def _check_memory(self, molecule: gto.Mole, symbols: list[str]) -> None:
        needed = self._memory_gb(molecule, symbols)
        if needed > self.maximum_memory_gb:
            raise PassingFailure(
                f"{len(symbols)} atoms with {molecule.nao} orbitals need about {needed:.1f} GB, more than "
                f"maximum_memory_gb = {self.maximum_memory_gb:g}"
            )

    def _memory_gb(self, molecule: gto.Mole, symbols: list[str]) -> float:
        """Memory (GB) at the peak: what is held throughout, and the largest of what comes and goes."""
        orbitals, spins = molecule.nao, 1 if molecule.spin == 0 else 2
        points = {s: len(w) for s, (_, w) in dft.gen_grid.gen_atomic_grids(molecule, level=self.grid_level).items()}
        block, largest = min(_GRID_BLOCK, sum(points[s] for s in symbols)), max(points.values())
        held = 40.0 * spins * orbitals**2
        passing = [6.0 * block * orbitals]  # orbitals and their gradients in the self-consistent field
        if self.grid_response:
            passing.append(14.0 * largest * orbitals + 6.0 * molecule.natm**2 * largest)  # derivatives of the weights
        else:
            passing.append(14.0 * block * orbitals)
        if self.density_fitting:
            auxiliary = self._build(
                lambda: df.addons.make_auxmol(molecule, self.auxiliary_basis), "auxiliary_basis",
                self.auxiliary_basis, symbols,
            ).nao  # fmt: skip
            integrals = auxiliary * orbitals * (orbitals + 1) / 2
            held += integrals * (2 if libxc.rsh_coeff(self.functional)[0] != 0 else 1)
            passing += [2 * integrals, orbitals * (4.0 * 240 * orbitals + auxiliary * molecule.nelectron)]
        elif orbitals <= _INTEGRALS_IN_MEMORY:
            held += orbitals**4 / 8
        return float((held + max(passing)) * 8 / 2**30)


def _check_functional(functional: str) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dispersion = parse_dft(functional)[2]
        kind = libxc.xc_type(functional) if dispersion is None else "dispersion"
    except NotImplementedError:
        kind = "dispersion"
    except (KeyError, ValueError, IndexError) as error:
        raise LabelError(
            f"unknown functional {functional!r}{near_name(functional.lower(), _functional_names())}; give a name of "
            "libxc, such as 'wb97x', or exchange and correlation such as 'pbe,pbe'"
        ) from error
    components = set() if kind == "dispersion" else {code for code, _ in libxc.parse_xc(functional)[1]}
    names = [name for name, code in libxc.available_libxc_functionals().items() if code in components]
    if kind == "dispersion" or any(_EMPIRICAL.search(name) for name in names):
        raise LabelError(
            f"functional {functional!r} goes with a pairwise dispersion term, which this method does not have; choose "
            "one without it, such as 'wb97x', or one with nonlocal correlation, such as 'wb97x_v'"
        )
    if any(_YUKAWA.search(name) for name in names):
        raise LabelError(f"functional {functional!r} screens exchange by exp(-r)/r; PySCF has the error function only")
    if any("_K_" in name for name in names) or (kind == "HF" and libxc.hybrid_coeff(functional) == 0):
        raise LabelError(f"functional {functional!r} has no exchange: choose a name such as 'wb97x', 'pbe,pbe' or 'hf'")
    if kind not in ("HF", "LDA", "GGA", "MGGA") or libxc.needs_laplacian(functional):
        raise LabelError(f"functional {functional!r} needs the Laplacian of the density, which is not implemented")
    if libxc.max_deriv_order(functional) < 1:
        raise LabelError(f"functional {functional!r} has no potential in libxc, only an energy")


def _functional_names() -> list[str]:
    """Names that stand for exchange and correlation together."""
    names = {name.partition("_XC_")[2].lower() for name in libxc.available_libxc_functionals() if "_XC_" in name}
    return sorted(names | {name.lower() for name in libxc.XC_ALIAS})


def _plain(basis: str) -> str:
    """A basis's name as PySCF looks it up: without case and dashes."""
    return re.sub("[-_ ]", "", basis.lower())


def _check_basis(key: str, basis: str) -> None:
    plain = _plain(basis)
    if plain not in basis_sets.ALIAS and not re.match(r"(631|6311|431|321)\+{0,2}g\(", plain):
        readable = {entry[0].lower() for entry in gto.mole.BSE_META.values() if _plain(entry[0]) in basis_sets.ALIAS}
        hint = near_name(basis.lower(), sorted(readable)) or near_name(plain, basis_sets.ALIAS)
        raise LabelError(f"PySCF has no {key} {basis!r}{hint}; files and explicit sets are not accepted")
    if _VALENCE_ONLY.match(plain):
        raise LabelError(
            f"{key} {basis!r} is made for pseudopotentials of its own, which this method does not have; choose an "
            "all-electron set, or one that comes with its core potentials, such as 'def2-svp'"
        )


def _core_potentials(basis: str, symbols: list[str]) -> dict[str, Any]:
    """The effective core potentials that a basis comes with, by element."""
    potentials = {}
    for symbol in sorted(set(symbols)):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                potential = basis_sets.load_ecp(basis, symbol)
        except Exception:  # there is none: PySCF raises what its parsers happen to raise
            continue
        if potential:
            potentials[symbol] = potential
    return potentials


def _check_core(molecule: gto.Mole, basis: str) -> None:
    """Refuse a set without core functions: the 1s orbital of nuclear charge Z needs exponents of order Z^2."""
    for symbol, shells in molecule._basis.items():
        number = gto.charge(symbol)
        if symbol not in molecule._ecp and max(row[0] for shell in shells for row in shell[1:]) < number**2:
            raise LabelFailure(
                f"basis {basis!r} has no core functions for {symbol} and PySCF no core potential with it; "
                "choose another basis"
            )


def _check_electrons(electrons: int, charge: int, multiplicity: int) -> None:
    if electrons < 1:
        raise LabelFailure(f"charge {charge} leaves {electrons} electrons; at least one is needed")
    unpaired = multiplicity - 1
    if multiplicity < 1 or unpaired > electrons or (electrons - unpaired) % 2:
        accepted = range(electrons % 2 + 1, min(electrons + 1, 6) + 1, 2)
        raise LabelFailure(
            f"{electrons} electrons (charge {charge}) cannot have spin_multiplicity {multiplicity}: it is 2S + 1, here "
            f"one of {', '.join(map(str, accepted))}{', ...' if electrons > 5 else ''}; set it in the structure's "
            "info or in the method's settings"
        )


def _check_aufbau(scf: Any) -> None:
    """Second-order steps may end in an excited state: an empty orbital below an occupied one."""
    for levels, occupations in zip(np.atleast_2d(scf.mo_energy), np.atleast_2d(scf.mo_occ), strict=True):
        filled, empty = levels[occupations > 0], levels[occupations == 0]
        if len(filled) and len(empty) and filled.max() > empty.min() + _AUFBAU_TOLERANCE:
            raise LabelFailure(
                f"the self-consistent field converged to an excited state only: an empty orbital lies "
                f"{(filled.max() - empty.min()) * HARTREE:.3f} eV below an occupied one"
            )
