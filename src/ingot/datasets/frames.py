"""Reading structures, labelled or not, from our stores or from any file ASE reads."""

from pathlib import Path

from ase import Atoms

from ingot.datasets.convert import from_labelled_atoms, to_ase
from ingot.datasets.errors import DatasetError
from ingot.datasets.store import load_dataset
from ingot.labels.label import EnergyKind
from ingot.structures import read_structures
from ingot.structures.files import read_any


def _read_ase(path: Path) -> list[Atoms]:
    try:
        frames = read_any(path)
    except Exception as error:  # ASE's readers raise anything from KeyError to AssertionError
        raise DatasetError(f"ASE cannot read {path}: {type(error).__name__}: {error}") from error
    if not frames:
        raise DatasetError(f"{path} holds no structures")
    return frames


def read_labelled(path: str | Path, energy_kind: EnergyKind = "unknown", method: str | None = None) -> list[Atoms]:
    """Labelled structures with calculators, from a ``.zarr`` store or any file ASE reads.

    Failed rows and rows with NaN are left out; exact duplicates are read once. Energies of one method have one zero:
    structures labelled by Ingot say theirs, those of others have that of their file (its name) unless ``method`` is
    given, which then holds for all.
    """
    path = Path(path)
    if path.suffix == ".zarr":
        return to_ase(load_dataset(path))
    if not path.is_file():
        raise DatasetError(f"no file at {path}")
    frames = _read_ase(path)
    return to_ase(from_labelled_atoms(frames, method or path.name, energy_kind, known_methods=method is None))


def read_frames(path: str | Path) -> list[Atoms]:
    """Structures, labelled or not, from a ``.zarr`` store or any file ASE reads; every structure counts."""
    path = Path(path)
    if path.suffix == ".zarr":
        return to_ase(load_dataset(path), labelled_only=False)
    if not path.is_file():
        raise DatasetError(f"no file at {path}")
    return read_structures(path)
