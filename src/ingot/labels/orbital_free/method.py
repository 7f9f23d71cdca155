"""The label method ``orbital-free``: energies, forces and stress from the density alone."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import metadata
from typing import Any

import numpy as np
from ase import Atoms

from ingot.errors import near_name
from ingot.labels.errors import LabelError, LabelFailure
from ingot.labels.fft_mesh import fast_mesh
from ingot.labels.label import Label
from ingot.labels.method import method_digest
from ingot.labels.orbital_free.kinetic import FUNCTIONALS
from ingot.labels.orbital_free.pseudopotential import LocalPseudopotential, local_pseudopotentials
from ingot.structures import structure_id
from ingot.units import BOHR, HARTREE

NUMERICS_VERSION = 1
"""Raise this by hand when an edit changes numbers; a test on recorded labels reminds you."""

_FLOATS = ("ke_cutoff_hartree", "convergence_potential_hartree")
_LEAST_CUTOFF = 8.0  # Hartree; below it DFTpy's Ewald sum finds no width that is accurate
_NET_FORCE_TOLERANCE = 0.05  # eV/A; the grid breaks translation
_LADDER = (("TN", 1), ("CG-HS", 4))
"""DFTpy's minimisers, tried in turn, and how many times ``max_steps`` each may take: truncated Newton, then conjugate
gradients (Hestenes and Stiefel). Each starts from a uniform density; they converge to the same one."""


@dataclass(frozen=True)
class OrbitalFreeLabels:
    """Orbital-free DFT with a local pseudopotential, on DFTpy; LDA exchange and correlation, unpolarised.

    For cells of simple metals, periodic in three directions. The energy is the total energy: there is no smearing.
    """

    kinetic_functional: str = "wt"
    """One of :data:`~ingot.labels.orbital_free.kinetic.FUNCTIONALS`."""
    pseudopotential: Mapping[str, str] = field(default_factory=dict)
    """Element -> file of a local pseudopotential."""
    analytic_pseudopotential: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Element -> numbers of :class:`~ingot.labels.orbital_free.pseudopotential.AnalyticIon`."""
    ke_cutoff_hartree: float = 20.0
    """Kinetic energy of the highest plane wave of the density's mesh along each reciprocal vector."""
    fft_mesh: tuple[int, int, int] | None = None
    """The mesh itself, instead of the cutoff: for energies of displaced or strained cells to be subtracted."""
    compute_stress: bool = True
    convergence_potential_hartree: float = 1e-6
    """Root mean square over the electrons of the local chemical potential's deviation from its mean."""
    max_steps: int = 60
    last_cost: dict[str, Any] = field(default_factory=dict, init=False, compare=False, repr=False)
    """What the last label took (steps, grid), for its cost sidecar; decides no number."""

    name = "orbital-free"

    def __post_init__(self) -> None:
        """Refuse at once what no structure could be labelled with."""
        known = FUNCTIONALS.get(self.kinetic_functional)
        if known is None:
            raise LabelError(
                f"unknown kinetic functional {self.kinetic_functional!r}"
                f"{near_name(self.kinetic_functional, FUNCTIONALS)}; known: {', '.join(FUNCTIONALS)}"
            )
        if self.compute_stress and not known.has_stress:
            able = ", ".join(name for name, functional in FUNCTIONALS.items() if functional.has_stress)
            raise LabelError(
                f"DFTpy has no stress for the kinetic functional {self.kinetic_functional!r}; "
                f"set compute_stress to false, or choose one of {able}"
            )
        if not self.ke_cutoff_hartree >= _LEAST_CUTOFF:
            raise LabelError(
                f"ke_cutoff_hartree = {self.ke_cutoff_hartree:g} is too low; at least {_LEAST_CUTOFF:g} is needed"
            )
        if not self._ions:
            raise LabelError(
                "the method 'orbital-free' needs a local pseudopotential for each element: name a file under "
                "pseudopotential (element: path), or give numbers under analytic_pseudopotential"
            )
        _require_engine()

    def settings(self) -> dict[str, Any]:
        """See :class:`~ingot.labels.method.LabelMethod`; where a file lies decides no number, its content does."""
        left_out = ("last_cost", "pseudopotential", "analytic_pseudopotential")
        values = {key: getattr(self, key) for key in self.__dataclass_fields__ if key not in left_out}
        values["fft_mesh"] = None if self.fft_mesh is None else [int(n) for n in self.fft_mesh]
        for key in _FLOATS:
            values[key] = float(values[key])  # 20 and 20.0 are one setting
        functional = FUNCTIONALS[self.kinetic_functional]
        return {
            **values,
            "kinetic_parameters": {"name": functional.engine_name, **functional.parameters},
            "functional": "lda, perdew-zunger",
            "pseudopotential": {element: ion.identity() for element, ion in sorted(self._ions.items())},
            "name": self.name,
            "engine": f"dftpy {metadata.version('dftpy')}",
            "numerics_version": NUMERICS_VERSION,
        }

    @property
    def digest(self) -> str:
        """See :class:`~ingot.labels.method.LabelMethod`."""
        return method_digest(self.settings())

    def estimated_cost(self, atoms: Atoms) -> float:
        """The grid (as the volume): transforms dominate."""
        return float(abs(atoms.cell.volume))

    def compute(self, atoms: Atoms) -> Label:
        """See :class:`~ingot.labels.method.LabelMethod`."""
        from ingot.labels.orbital_free.minimum import Minimum, minimise

        self._check(atoms)
        # a left-handed cell is labelled through its right-handed mirror lattice: same points, third vector reversed
        vectors = atoms.cell.array * ([[1], [1], [-1]] if np.linalg.det(atoms.cell.array) < 0 else 1)
        mesh = self._mesh(vectors)
        found: Minimum | None = None
        for algorithm, times in _LADDER:
            found = minimise(
                atoms.get_chemical_symbols(),
                atoms.positions / BOHR,
                vectors / BOHR,
                mesh,
                self._tables,
                FUNCTIONALS[self.kinetic_functional],
                algorithm,
                self.convergence_potential_hartree,
                times * self.max_steps,
                self.compute_stress,
            )
            if found is not None:
                break
        if found is None:
            tried = " and ".join(f"{times * self.max_steps} ({algorithm})" for algorithm, times in _LADDER)
            raise LabelFailure(f"the density did not converge in {tried} steps")
        self.last_cost.update(steps=found.steps, algorithm=algorithm, grid=math.prod(mesh))
        forces = found.forces * HARTREE / BOHR
        self._check_net_force(forces)
        stress = None
        if found.stress is not None:
            stress = (found.stress * HARTREE / BOHR**3)[[0, 1, 2, 1, 0, 0], [0, 1, 2, 2, 2, 1]]
        return Label(
            structure_id=structure_id(atoms),
            method=self.digest,
            converged=True,
            energy=found.energy * HARTREE,
            energy_kind="total",
            forces=forces,
            stress=stress,
        )

    def _mesh(self, vectors: np.ndarray) -> tuple[int, int, int]:
        x, y, z = self.fft_mesh or fast_mesh(vectors, self.ke_cutoff_hartree)
        mesh = (int(x), int(y), int(z))
        held = 0.5 * (np.pi * np.array(mesh) / np.linalg.norm(vectors, axis=1) * BOHR) ** 2
        if held.min() < _LEAST_CUTOFF:
            raise LabelFailure(
                f"the FFT mesh {mesh} holds plane waves up to {held.min():.1f} Hartree only; "
                f"at least {_LEAST_CUTOFF:g} are needed"
            )
        return mesh

    def _check(self, atoms: Atoms) -> None:
        if not atoms.pbc.all():
            raise LabelFailure(
                f"the method 'orbital-free' needs a cell periodic in three directions; pbc is {atoms.pbc.tolist()}"
            )
        charge, multiplicity = int(atoms.info.get("charge", 0)), int(atoms.info.get("spin_multiplicity", 1))
        if charge != 0:
            raise LabelFailure(f"charged cells are not supported by the method 'orbital-free' (charge {charge})")
        if multiplicity != 1:
            raise LabelFailure(
                f"the method 'orbital-free' is spin-unpolarised: spin_multiplicity must be 1, not {multiplicity}"
            )
        missing = sorted(set(atoms.get_chemical_symbols()) - self._ions.keys())
        if missing:
            raise LabelFailure(
                f"no local pseudopotential for {', '.join(missing)}; name a file under pseudopotential "
                "(element: path), or give numbers under analytic_pseudopotential"
            )

    def _check_net_force(self, forces: np.ndarray) -> None:
        net = float(np.linalg.norm(forces.sum(axis=0)))
        if not net <= _NET_FORCE_TOLERANCE:
            raise LabelFailure(
                f"the forces sum to {net:.2g} eV/A (at most {_NET_FORCE_TOLERANCE:g} accepted): they are not the "
                "derivatives of the energy; raise ke_cutoff_hartree"
            )

    @cached_property
    def _ions(self) -> dict[str, LocalPseudopotential]:
        return local_pseudopotentials(self.pseudopotential, self.analytic_pseudopotential)

    @cached_property
    def _tables(self) -> Any:
        """DFTpy's tables of the pseudopotentials; read once, changed by nothing."""
        from ingot.labels.orbital_free.minimum import read_pseudopotentials

        try:
            return read_pseudopotentials({element: ion.engine() for element, ion in self._ions.items()})
        except Exception as error:  # DFTpy raises what its parsers happen to raise
            raise LabelError(f"a pseudopotential file cannot be read ({type(error).__name__}: {error})") from error

    def __getstate__(self) -> dict[str, Any]:
        """Without the tables: a worker process reads its own."""
        return {key: getattr(self, key) for key in self.__dataclass_fields__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore the fields."""
        for key, value in state.items():
            object.__setattr__(self, key, value)


def _require_engine() -> None:
    try:
        metadata.version("dftpy")
    except metadata.PackageNotFoundError as error:
        raise LabelError(
            "the method 'orbital-free' needs DFTpy, which is not installed: pip install 'ingot-mlip[orbital-free]'"
        ) from error
