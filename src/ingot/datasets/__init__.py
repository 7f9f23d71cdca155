"""Labelled structures as immutable, checksummed Zarr stores with a manifest beside each."""

from ingot.datasets.convert import from_labelled_atoms, from_labels, to_ase
from ingot.datasets.errors import DatasetError
from ingot.datasets.frames import read_frames, read_labelled
from ingot.datasets.splits import read_splits, split_by_parent
from ingot.datasets.store import load_dataset, open_dataset, write_dataset

__all__ = [
    "DatasetError",
    "from_labelled_atoms",
    "from_labels",
    "load_dataset",
    "open_dataset",
    "read_frames",
    "read_labelled",
    "read_splits",
    "split_by_parent",
    "to_ase",
    "write_dataset",
]
