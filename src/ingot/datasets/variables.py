"""The variables of a data set, registered once: this table writes, validates and documents them.

Configurations of different size are stored as CF contiguous ragged arrays: all atoms of all
configurations follow one another along ``atom``, and ``row_size`` counts those of each configuration
(CF Conventions 1.11, section 9.3.3).
"""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from ingot.datasets.errors import DatasetError
from ingot.errors import near_name

TEXT = "text"


@dataclass(frozen=True)
class Variable:
    """One variable: its dimensions, type, unit and meaning."""

    name: str
    dims: tuple[str, ...]
    dtype: str
    unit: str
    doc: str


_C = ("configuration",)
_A = ("atom",)

VARIABLES: dict[str, Variable] = {
    v.name: v
    for v in (
        Variable("row_size", _C, "int64", "1", "number of atoms of the configuration"),
        Variable("structure_id", _C, TEXT, "", "content address of the structure"),
        Variable("family", _C, TEXT, "", "how the structure was made"),
        Variable("parent", _C, TEXT, "", "what it descends from; splits never part siblings"),
        Variable("cell", (*_C, "cell_vector", "cartesian"), "float64", "angstrom", "lattice vectors, one per row"),
        Variable("periodic", (*_C, "cell_vector"), "bool", "1", "whether the structure repeats along the vector"),
        Variable("charge", _C, "int64", "e", "total charge"),
        Variable("spin_multiplicity", _C, "int64", "1", "2S + 1"),
        Variable("method", _C, TEXT, "", "digest of the labelling method"),
        Variable("converged", _C, "bool", "1", "whether the label can be used"),
        Variable("reason", _C, TEXT, "", "why a label failed; empty where it did not"),
        Variable("energy", _C, "float64", "eV", "the energy whose derivative the forces are"),
        Variable("energy_kind", _C, TEXT, "", "free, zero, total or unknown"),
        Variable("energy_total", _C, "float64", "eV", "electronic energy without the entropy term"),
        Variable("energy_zero", _C, "float64", "eV", "energy extrapolated to zero smearing"),
        Variable("entropy_term", _C, "float64", "eV", "T S of the smeared electrons"),
        Variable("stress", (*_C, "voigt"), "float64", "eV/angstrom3", "+(1/V) dE/d(strain), xx yy zz yz xz xy"),
        Variable("atomic_number", _A, "int64", "1", "atomic number"),
        Variable("position", (*_A, "cartesian"), "float64", "angstrom", "Cartesian position"),
        Variable("forces", (*_A, "cartesian"), "float64", "eV/angstrom", "force on the atom"),
        Variable("initial_magnetic_moment", _A, "float64", "bohr_magneton", "initial moment along z"),
    )
}

SIZES = {"cell_vector": 3, "cartesian": 3, "voigt": 6}


def validate(dataset: xr.Dataset) -> None:
    """Check names, dimensions and types against the registry, and the ragged layout against itself.

    Raises
    ------
    DatasetError
        naming the variable and what is wrong with it.
    """
    for name in dataset.variables:
        if name not in VARIABLES:
            raise DatasetError(f"unknown variable {name!r}{near_name(str(name), VARIABLES)}")
    for name, variable in VARIABLES.items():
        if name not in dataset:
            raise DatasetError(f"variable {name!r} ({variable.doc}) is missing")
        found = dataset[name]
        if found.dims != variable.dims:
            raise DatasetError(f"variable {name!r} has dimensions {found.dims}, expected {variable.dims}")
        kind = found.dtype.kind
        if variable.dtype == TEXT:
            if kind not in "TUO":
                raise DatasetError(f"variable {name!r} has type {found.dtype}, expected text")
        elif found.dtype != np.dtype(variable.dtype):
            raise DatasetError(f"variable {name!r} has type {found.dtype}, expected {variable.dtype}")
    for dimension, size in SIZES.items():
        if dataset.sizes[dimension] != size:
            raise DatasetError(f"dimension {dimension!r} has size {dataset.sizes[dimension]}, expected {size}")
    atoms = int(dataset["row_size"].sum())
    if atoms != dataset.sizes["atom"]:
        raise DatasetError(f"row_size sums to {atoms} atoms but the store holds {dataset.sizes['atom']}")
