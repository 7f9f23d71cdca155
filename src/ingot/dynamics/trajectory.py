"""Trajectories in Zarr: appended chunk by chunk, so that a killed run loses at most the last one."""

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import dask.array
import numpy as np
import xarray as xr
import zarr
from ase import Atoms
from zarr.codecs import ZstdCodec

from ingot.datasets.variables import SIZES, Variable
from ingot.dynamics.errors import DynamicsError
from ingot.dynamics.frames import Frame, to_atoms
from ingot.manifest import manifest_path, verify_manifest, write_manifest

Precision = Literal["float32", "float64"]

_F = ("frame",)
_ATOMS = ("frame", "atom", "cartesian")

TRAJECTORY_VARIABLES: dict[str, Variable] = {
    v.name: v
    for v in (
        Variable("step", _F, "int64", "1", "time steps since the start"),
        Variable("time", _F, "float64", "fs", "simulated time"),
        Variable("potential_energy", _F, "float64", "eV", "potential energy"),
        Variable("kinetic_energy", _F, "float64", "eV", "kinetic energy"),
        Variable("conserved_energy", _F, "float64", "eV", "energy (enthalpy) less the heat of the thermostat, or NaN"),
        Variable("temperature", _F, "float64", "K", "kinetic temperature"),
        Variable("pressure", (*_F, "cartesian"), "float64", "GPa", "along x, y, z, kinetic part included"),
        Variable("stress", (*_F, "voigt"), "float64", "eV/angstrom3", "+(1/V) dE/d(strain), xx yy zz yz xz xy"),
        Variable("volume", _F, "float64", "angstrom3", "of the cell"),
        Variable("nearest", _F, "float64", "angstrom", "shortest distance between two atoms"),
        Variable("cell", (*_F, "cell_vector", "cartesian"), "float64", "angstrom", "lattice vectors, one per row"),
        Variable("position", _ATOMS, "float64", "angstrom", "Cartesian position, never wrapped"),
        Variable("velocity", _ATOMS, "float64", "sqrt(eV/amu)", "velocity"),
        Variable("forces", _ATOMS, "float64", "eV/angstrom", "force on the atom"),
    )
}
"""What is kept of a simulation at one time."""

COMMITTED = "frames"
"""The attribute that says how many frames are whole; what lies behind them is of a chunk that was cut off."""


class ZarrTrajectory:
    """A growing trajectory of one system: one array per variable, of which each chunk holds ``chunk`` frames.

    Positions, velocities and forces are stored with ``precision``, velocities and forces where ``extra`` names them.
    ``attributes`` (JSON values) say where the trajectory comes from. It is closed by a manifest, as data sets are.
    """

    def __init__(
        self,
        path: str | Path,
        atoms: Atoms,
        chunk: int,
        precision: Precision = "float32",
        extra: Sequence[str] = (),
        attributes: dict[str, Any] | None = None,
    ) -> None:
        self.path = Path(path)
        if self.path.suffix != ".zarr":
            raise DynamicsError(f"a trajectory is a folder ending in .zarr, got {self.path.name!r}")
        self._atoms, self._chunk, self._precision = atoms, chunk, precision
        left_out = {"velocity", "forces"} - set(extra)
        self._variables = [v for v in TRAJECTORY_VARIABLES.values() if v.name not in left_out]
        self._attributes = attributes or {}

    @property
    def mark(self) -> int:
        """Frames that are safe."""
        return int(zarr.open_group(self.path, mode="r").attrs[COMMITTED])

    def begin(self) -> None:
        """An empty trajectory in the place of whatever was there."""
        manifest_path(self.path).unlink(missing_ok=True)
        if self.path.exists():
            shutil.rmtree(self.path)
        group = zarr.create_group(self.path, attributes={COMMITTED: 0, **self._attributes})
        group.attrs["pbc"] = [bool(periodic) for periodic in self._atoms.pbc]
        for name, values, unit in (
            ("atomic_number", self._atoms.numbers.astype(np.int64), "1"),
            ("mass", self._atoms.get_masses(), "amu"),
        ):
            group.create_array(name, data=values, dimension_names=["atom"], attributes={"units": unit})
        for variable in self._variables:
            self._create(group, variable)

    def _create(self, group: zarr.Group, variable: Variable) -> None:
        sizes = {**SIZES, "atom": len(self._atoms)}
        inner = tuple(sizes[dimension] for dimension in variable.dims[1:])
        kind = self._precision if "atom" in variable.dims else variable.dtype
        group.create_array(
            variable.name,
            shape=(0, *inner),
            chunks=(self._chunk, *inner),
            dtype=kind,
            compressors=[ZstdCodec(level=3, checksum=True)],
            fill_value=-1 if kind == "int64" else np.nan,
            dimension_names=variable.dims,
            attributes={"units": variable.unit, "long_name": variable.doc},
        )

    def append(self, frames: Sequence[Frame]) -> None:
        """Add frames; they count when all their arrays are on the disk."""
        group = zarr.open_group(self.path, mode="r+")
        first = int(group.attrs[COMMITTED])
        with zarr.config.set({"array.write_empty_chunks": True}):
            for variable in self._variables:
                array = group[variable.name]
                array.resize((first + len(frames), *array.shape[1:]))
                array[first:] = np.stack([np.asarray(frame[variable.name], array.dtype) for frame in frames])
        for k in range(first // self._chunk, -(-(first + len(frames)) // self._chunk)):
            self._flush(k)
        group.attrs[COMMITTED] = first + len(frames)

    def _flush(self, chunk: int) -> None:
        """Ask the system to write a chunk's files to the disk."""
        for entry in self.path.glob(f"*/c/{chunk}"):
            for file in [entry] if entry.is_file() else (p for p in entry.rglob("*") if p.is_file()):
                with file.open("rb") as handle:
                    os.fsync(handle.fileno())

    def cut(self, frames: int) -> None:
        """Keep the first ``frames`` frames."""
        if not (self.path / "zarr.json").is_file():
            raise DynamicsError(
                f"{self.path} is missing, of which the checkpoint counts {frames} frames: delete it too"
            )
        group = zarr.open_group(self.path, mode="r+")
        if int(group.attrs[COMMITTED]) < frames:
            raise DynamicsError(
                f"{self.path} has {group.attrs[COMMITTED]} frames, its checkpoint counts {frames}: it is not the "
                "trajectory that the checkpoint belongs to; delete both to start again"
            )
        manifest_path(self.path).unlink(missing_ok=True)
        group.attrs[COMMITTED] = frames
        for variable in self._variables:
            array = group[variable.name]
            array.resize((frames, *array.shape[1:]))
        self._require_all_chunks(group)

    def _require_all_chunks(self, group: zarr.Group) -> None:
        for variable in self._variables:
            array = group[variable.name]
            if array.nchunks_initialized != array.nchunks:
                raise DynamicsError(
                    f"{self.path / variable.name} lacks {array.nchunks - array.nchunks_initialized} of its "
                    f"{array.nchunks} chunks: delete the trajectory and its checkpoint to start again"
                )

    def finish(self, ended: str) -> None:
        """Write the manifest; ``ended`` says why the run stopped before its end, or nothing."""
        group = zarr.open_group(self.path, mode="r")
        self._require_all_chunks(group)
        content = {"frames": int(group.attrs[COMMITTED]), "atoms": len(self._atoms), "stopped": ended}
        write_manifest(self.path, self._attributes, content)


def is_trajectory(path: str | Path) -> bool:
    """Whether a folder is a trajectory, finished or not."""
    path = Path(path)
    return (path / "zarr.json").is_file() and COMMITTED in zarr.open_group(path, mode="r").attrs


def read_trajectory(path: str | Path, verify: bool = True) -> xr.Dataset:
    """A trajectory as an xarray ``Dataset`` (lazy, with dask chunks), verified against its manifest.

    Of one that is still being written, or whose run was killed, the frames that are whole.

    >>> trajectory = read_trajectory("run.zarr")  # doctest: +SKIP
    >>> trajectory["temperature"].mean()  # doctest: +SKIP

    Raises :class:`DynamicsError` where there is no trajectory, and
    :class:`~ingot.manifest.ManifestError` for a finished one with a file missing, changed or foreign.
    """
    path = Path(path)
    if not (path / "zarr.json").is_file():
        raise DynamicsError(f"no trajectory at {path}: a trajectory is a folder ending in .zarr")
    if verify and manifest_path(path).is_file():
        verify_manifest(path)
    group = zarr.open_group(path, mode="r")
    arrays = dict(group.arrays())
    if COMMITTED not in group.attrs or "position" not in arrays:
        raise DynamicsError(f"{path} is not a trajectory: it holds {', '.join(sorted(arrays)) or 'nothing'}")
    frames = int(group.attrs[COMMITTED])
    whole = xr.Dataset({name: _whole(array, frames) for name, array in arrays.items()}, attrs=dict(group.attrs))
    return whole.set_coords(["step", "time", "atomic_number", "mass"])


def _whole(array: zarr.Array, frames: int) -> xr.Variable:
    """The part that counts of an array; the arrays of a chunk that was cut off differ in length."""
    dims = array.metadata.dimension_names
    values = dask.array.from_zarr(array)
    return xr.Variable(dims, values[:frames] if dims[0] == "frame" else values, attrs=dict(array.attrs))


def trajectory_to_ase(trajectory: xr.Dataset) -> Iterator[Atoms]:
    """The frames one by one, with energy, stress, and what was stored of velocities and forces."""
    start = Atoms(trajectory["atomic_number"].values, pbc=trajectory.attrs["pbc"])
    start.set_masses(trajectory["mass"].values)
    names = [name for name in TRAJECTORY_VARIABLES if name in trajectory.variables]
    first = 0
    for length in trajectory.chunksizes.get("frame", (trajectory.sizes["frame"],)):
        loaded = trajectory[names].isel(frame=slice(first, first + length)).load()
        values = {name: loaded[name].values for name in names}
        for k in range(length):
            yield to_atoms(start, {name: values[name][k] for name in names})
        first += length
