"""Between data sets, labels and ASE structures."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
import xarray as xr
from ase import Atoms
from ase.calculators.singlepoint import SinglePointCalculator

from ingot.datasets.errors import DatasetError
from ingot.datasets.variables import TEXT, VARIABLES, validate
from ingot.files import digest
from ingot.labels.label import EnergyKind, Label
from ingot.structures import canonical, structure_id

_NAN_STRESS = np.full(6, np.nan)
_DIGEST = re.compile("[0-9a-f]{16}")
"""What ``ingot label`` writes as the method of a structure."""


@dataclass(frozen=True)
class Origin:
    """Where a file of others says what a structure descends from; keys are those of ``atoms.info``, or ``formula``."""

    family_key: str = "family"
    parent_keys: tuple[str, ...] = ("parent",)
    """Structures that agree in all of these have one parent."""
    parent_pattern: str | None = None
    """A regular expression: only what it finds in a value counts, so that ``run7/frame3`` may become ``run7``."""
    method_key: str | None = None
    """Values are methods of their own, each with its zero of energy."""

    def family(self, atoms: Atoms) -> str:
        """The family, ``config_type`` where there is none."""
        return str(atoms.info.get(self.family_key, atoms.info.get("config_type", "unknown")))

    def parent(self, atoms: Atoms, otherwise: str) -> str:
        """The parent; ``otherwise`` where no key is there."""
        given = [self._value(atoms, key) for key in self.parent_keys if key == "formula" or key in atoms.info]
        return " ".join(given) if given else otherwise

    def _value(self, atoms: Atoms, key: str) -> str:
        text = atoms.get_chemical_formula() if key == "formula" else str(atoms.info[key])
        if self.parent_pattern is None or key == "formula":
            return text
        found = re.search(self.parent_pattern, text)
        return found.group(0) if found else text

    def method(self, atoms: Atoms, name: str) -> str:
        """The name of the method: that of the file, with the value of the key behind it."""
        return name if self.method_key is None else f"{name}/{atoms.info.get(self.method_key, '')}"


def within_volumes(frames: Sequence[Atoms], low: float, high: float) -> list[Atoms]:
    """Structures whose volume per atom (A^3) lies in the range, and those that are not periodic and have none."""
    return [a for a in frames if not a.pbc.all() or low <= a.get_volume() / len(a) <= high]


def _assemble(frames: Sequence[Atoms], labels: Sequence[Label]) -> xr.Dataset:
    """One row per structure and label, in the order given."""

    def forces(atoms: Atoms, label: Label) -> np.ndarray:
        return np.full((len(atoms), 3), np.nan) if label.forces is None else np.asarray(label.forces, float)

    def number(value: float | None) -> float:
        return np.nan if value is None else float(value)

    columns: dict[str, object] = {
        "row_size": [len(a) for a in frames],
        "structure_id": [x.structure_id for x in labels],
        "family": [a.info.get("family", "unknown") for a in frames],
        "parent": [a.info.get("parent", x.structure_id) for a, x in zip(frames, labels, strict=True)],
        "cell": np.array([a.cell.array for a in frames]).reshape(-1, 3, 3),
        "periodic": np.array([a.pbc for a in frames]).reshape(-1, 3),
        "charge": [int(a.info.get("charge", 0)) for a in frames],
        "spin_multiplicity": [int(a.info.get("spin_multiplicity", 1)) for a in frames],
        "method": [x.method for x in labels],
        "converged": [x.converged for x in labels],
        "reason": [x.reason or "" for x in labels],
        "energy": [number(x.energy) for x in labels],
        "energy_kind": [x.energy_kind for x in labels],
        "energy_total": [number(x.energy_total) for x in labels],
        "energy_zero": [number(x.energy_zero) for x in labels],
        "entropy_term": [number(x.entropy_term) for x in labels],
        "stress": np.array([_NAN_STRESS if x.stress is None else x.stress for x in labels]).reshape(-1, 6),
        "atomic_number": np.concatenate([a.numbers for a in frames]) if frames else [],
        "position": np.concatenate([a.positions for a in frames]) if frames else np.empty((0, 3)),
        "forces": np.concatenate([forces(a, x) for a, x in zip(frames, labels, strict=True)])
        if frames
        else np.empty((0, 3)),
        "initial_magnetic_moment": np.concatenate([a.get_initial_magnetic_moments() for a in frames]) if frames else [],
    }
    variables = {}
    for name, variable in VARIABLES.items():
        dtype = np.dtypes.StringDType() if variable.dtype == TEXT else np.dtype(variable.dtype)
        values = np.asarray(columns[name], dtype=dtype)
        attributes = {"long_name": variable.doc, **({"units": variable.unit} if variable.unit else {})}
        variables[name] = xr.Variable(variable.dims, values, attributes)
    variables["row_size"].attrs["sample_dimension"] = "atom"
    dataset = xr.Dataset(variables, attrs={"Conventions": "CF-1.11", "featureType": "ragged configurations"})
    validate(dataset)
    return dataset


def from_labels(frames: Sequence[Atoms], labels: Mapping[str, Label]) -> xr.Dataset:
    """The data set of structures and their labels; a failed label is a row with its reason.

    Raises
    ------
    DatasetError
        if a structure has no label, or a label's forces have another shape than the structure.
    """
    rows = []
    for atoms in frames:
        identity = structure_id(atoms)
        if identity not in labels:
            raise DatasetError(f"structure {identity} has no label; run the label stage for it first")
        label = labels[identity]
        if label.forces is not None and np.shape(label.forces) != (len(atoms), 3):
            raise DatasetError(
                f"label of {identity} has forces of shape {np.shape(label.forces)} for {len(atoms)} atoms"
            )
        rows.append(label)
    return _assemble([canonical(a) for a in frames], rows)


def _kind_of(atoms: Atoms) -> EnergyKind:
    """The kind of energy that a structure says, ``unknown`` where it says none."""
    said = str(atoms.info.get("energy_kind", "unknown"))
    return next((kind for kind in get_args(EnergyKind) if kind == said), "unknown")


def _label_of(atoms: Atoms, method: str, energy_kind: EnergyKind) -> Label:
    """What a third-party file says of a structure, as a label."""
    identity = structure_id(atoms)
    if atoms.calc is None:
        raise DatasetError(f"structure {identity} (info {dict(atoms.info)}) carries no energy or forces")
    free = atoms.calc.results.get("free_energy")
    energy = atoms.calc.results.get("energy") if free is None or energy_kind == "unknown" else free
    forces, stress = atoms.calc.results.get("forces"), atoms.calc.results.get("stress")
    if energy is None and forces is None:
        raise DatasetError(f"structure {identity} carries neither energy nor forces")
    values = [v for v in (energy, forces, stress) if v is not None]
    finite = all(np.all(np.isfinite(v)) for v in values)
    if stress is not None and np.shape(stress) != (6,):
        stress = atoms.get_stress()
    return Label(
        structure_id=identity,
        method=method,
        converged=finite,
        reason=None if finite else "energy, forces or stress are not finite",
        energy=float(energy) if finite and energy is not None else None,
        energy_kind=energy_kind,
        energy_zero=None,
        energy_total=None,
        entropy_term=None,
        forces=np.asarray(forces, float) if finite and forces is not None else None,
        stress=np.asarray(stress, float) if finite and stress is not None else None,
    )


def from_labelled_atoms(
    frames: Sequence[Atoms],
    method: str,
    energy_kind: EnergyKind = "unknown",
    origin: Origin | None = None,
    *,
    known_methods: bool = False,
) -> xr.Dataset:
    """The data set of structures that already carry energies and forces (any file ASE reads).

    Positions and cells are rounded to the canonical 1e-6 A. ``info['family']`` and ``info['parent']`` are kept;
    without them the family is ``info['config_type']`` or ``"unknown"`` and each structure is its own parent;
    ``origin`` names other keys.
    Rows with NaN are kept as failed labels. ``method`` names the origin; its digest marks every row. With
    ``known_methods``, structures that ``ingot label`` wrote keep the method and the kind of energy that they say, so
    that files of one method share one zero.
    """
    prepared, labels = [], []
    origin = origin or Origin()
    for atoms in frames:
        own = known_methods and origin.method_key is None and _DIGEST.fullmatch(str(atoms.info.get("method", "")))
        if own:
            label = _label_of(atoms, own.group(), _kind_of(atoms))
        else:
            name = digest({"imported": origin.method(atoms, method), "energy_kind": energy_kind})
            label = _label_of(atoms, name, energy_kind)
        kept = canonical(atoms)
        for key in ("charge", "spin_multiplicity"):
            if key in atoms.info:
                kept.info[key] = atoms.info[key]
        kept.info["family"] = origin.family(atoms)
        kept.info["parent"] = origin.parent(atoms, label.structure_id)
        prepared.append(kept)
        labels.append(label)
    seen: set[str] = set()
    unique = [i for i, x in enumerate(labels) if not (x.structure_id in seen or seen.add(x.structure_id))]  # type: ignore[func-returns-value]
    return _assemble([prepared[i] for i in unique], [labels[i] for i in unique])


def to_ase(dataset: xr.Dataset, labelled_only: bool = True) -> list[Atoms]:
    """The configurations as ASE structures with their labels in a single-point calculator.

    ``energy`` and ``free_energy`` are both the stored energy, the one that the forces derive.
    ``info`` holds structure_id, family, parent, method, energy_kind. Failed labels are left out, or with
    ``labelled_only=False`` come without a calculator and with ``info['reason']``.
    """
    columns = {name: dataset[name].values for name in VARIABLES}
    ends = np.cumsum(columns["row_size"])
    frames = []
    for row, (start, end) in enumerate(zip(ends - columns["row_size"], ends, strict=True)):
        converged = bool(columns["converged"][row])
        if labelled_only and not converged:
            continue
        atoms = Atoms(
            numbers=columns["atomic_number"][start:end],
            positions=columns["position"][start:end],
            cell=columns["cell"][row],
            pbc=columns["periodic"][row],
        )
        moments = columns["initial_magnetic_moment"][start:end]
        if moments.any():
            atoms.set_initial_magnetic_moments(moments)
        for name in ("structure_id", "family", "parent", "method", "energy_kind"):
            atoms.info[name] = str(columns[name][row])
        if columns["charge"][row]:
            atoms.info["charge"] = int(columns["charge"][row])
        if columns["spin_multiplicity"][row] != 1:
            atoms.info["spin_multiplicity"] = int(columns["spin_multiplicity"][row])
        if converged:
            results: dict[str, object] = {}
            if np.isfinite(columns["energy"][row]):
                results["energy"] = results["free_energy"] = float(columns["energy"][row])
            forces = columns["forces"][start:end]
            if np.isfinite(forces).all():
                results["forces"] = forces.copy()
            stress = columns["stress"][row]
            if np.isfinite(stress).all():
                results["stress"] = stress.copy()
            atoms.calc = SinglePointCalculator(atoms, **results)
        else:
            atoms.info["reason"] = str(columns["reason"][row])
        frames.append(atoms)
    return frames
