"""Zarr 3 stores: one immutable store per producer, checksummed chunks, written aside and renamed."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from zarr.codecs import ZstdCodec

from ingot.datasets.errors import DatasetError
from ingot.datasets.variables import TEXT, VARIABLES, validate
from ingot.manifest import manifest_path, verify_manifest, write_manifest

CHUNK = {"configuration": 4096, "atom": 4096}
CHUNKS_PER_SHARD = 64


def _encoding(dataset: xr.Dataset) -> dict[str, dict[str, Any]]:
    """Chunks of 4096 atoms in shards of 64 chunks, zstd with a checksum in every chunk, NaN as the fill value."""
    encoding: dict[str, dict[str, Any]] = {}
    for name, variable in VARIABLES.items():
        shape = dataset[name].shape
        chunks = tuple(
            CHUNK.get(d, n) if n > CHUNK.get(d, n) else max(n, 1) for d, n in zip(variable.dims, shape, strict=True)
        )
        entry: dict[str, Any] = {"chunks": chunks, "compressors": [ZstdCodec(level=3, checksum=True)]}
        # Text has no fixed item size, which sharding of large stores needs for its index to pay: leave it in chunks.
        if variable.dtype != TEXT and shape[0] > chunks[0]:
            entry["shards"] = (chunks[0] * CHUNKS_PER_SHARD, *chunks[1:])
        if np.dtype("float64") == dataset[name].dtype:
            entry["_FillValue"] = np.nan
        encoding[name] = entry
    return encoding


def write_dataset(path: str | Path, dataset: xr.Dataset, provenance: dict[str, Any]) -> Path:
    """Write a data set and its manifest; an unfinished write leaves nothing under the final name.

    Parameters
    ----------
    path
        the store, a folder whose name ends in ``.zarr``; an older store there is replaced.
    dataset
        valid against :mod:`ingot.datasets.variables`.
    provenance
        digests of configuration and code, method, parents; no dates, no paths of one machine.

    Returns
    -------
    the path of the manifest.
    """
    path = Path(path)
    if path.suffix != ".zarr":
        raise DatasetError(f"a data set is a folder ending in .zarr, got {path.name!r}")
    validate(dataset)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name}."))
    try:
        dataset.to_zarr(temporary, mode="w", zarr_format=3, consolidated=False, encoding=_encoding(dataset))
        manifest_path(path).unlink(missing_ok=True)
        if path.exists():
            shutil.rmtree(path)
        temporary.chmod(0o755)
        temporary.replace(path)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise
    content = {
        "configurations": int(dataset.sizes["configuration"]),
        "atoms": int(dataset.sizes["atom"]),
        "failed": int((~dataset["converged"]).sum()),
        "methods": sorted({str(m) for m in dataset["method"].values}),
        "energy_kinds": sorted({str(k) for k in dataset["energy_kind"].values}),
    }
    return write_manifest(path, provenance, content)


def open_dataset(path: str | Path, verify: bool = True) -> xr.Dataset:
    """A data set as an xarray ``Dataset`` (lazy, with dask chunks), verified against its manifest.

    >>> dataset = ingot.open_dataset("results/quick/datasets/initial.zarr")  # doctest: +SKIP

    Raises
    ------
    DatasetError
        if a file is missing, changed or foreign (each is named), or the layout is not the registered one.
    """
    return _opened(Path(path), verify, chunks={})


def load_dataset(path: str | Path) -> xr.Dataset:
    """As :func:`open_dataset`, read into memory at once."""
    return _opened(Path(path), verify=True, chunks=None).load()


def _opened(path: Path, verify: bool, chunks: dict[str, int] | None) -> xr.Dataset:
    if verify:
        verify_manifest(path)
    dataset: xr.Dataset = xr.open_zarr(path, consolidated=False, chunks=chunks)
    validate(dataset)
    return dataset
