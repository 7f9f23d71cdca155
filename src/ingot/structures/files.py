"""Files of structures: extended XYZ with an exact round trip of the canonical form."""

import io
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ase import Atoms

from ingot.errors import near_name
from ingot.files import write_atomically
from ingot.structures.errors import StructureError
from ingot.structures.structure import INFO_KEYS, canonical, check_structure, structure_id

_TEXT_VALUE = re.compile(r'(?:^|\s)(structure_id|family|parent|method)=("(?:[^"\\]|\\.)*"|\S+)')


def parse_comment(line: str) -> dict[str, Any]:
    """ASE's reading of the comment line, but identities stay text.

    ASE turns any value that looks like a number into one: the ids ``1234567812345678`` and
    ``12e4567812345678`` would come back as an integer and as infinity.
    """
    from ase.io.extxyz import key_val_str_to_dict  # here, as below: ASE's readers start slowly

    values: dict[str, Any] = key_val_str_to_dict(line)
    for key, text in _TEXT_VALUE.findall(line):
        values[key] = re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text
    return values


def read_any(path: str | Path, index: str = ":") -> list[Atoms]:
    """The structures of any file that ASE reads, as they stand there; what must be text stays text.

    Raises whatever ASE's readers raise, from ``KeyError`` to ``AssertionError``.
    """
    import ase.io

    if Path(path).suffix in (".xyz", ".extxyz"):
        frames = ase.io.read(path, index=index, format="extxyz", properties_parser=parse_comment)
    else:
        frames = ase.io.read(path, index=index)
    return list(frames) if isinstance(frames, list) else [frames]


def format_structures(structures: Iterable[Atoms]) -> str:
    """The text that :func:`write_structures` writes."""
    from ase.io.extxyz import write_extxyz

    text = io.StringIO()
    for atoms in structures:
        frame = canonical(atoms)
        identity = structure_id(frame)
        known = {"family": "unknown", "parent": identity, **frame.info, "structure_id": identity}
        frame.info = {key: known[key] for key in INFO_KEYS if key in known}
        write_extxyz(text, frame, write_results=False)
    return text.getvalue()


def write_structures(path: str | Path, structures: Iterable[Atoms]) -> None:
    """Write structures to an extended XYZ file, atomically.

    Positions, cell, periodicity, moments and the keys of ``info`` that Ingot defines are
    kept exactly (in the canonical form); everything else is left out.
    """
    write_atomically(path, format_structures(structures))


def read_structures(path: str | Path, check: bool = True) -> list[Atoms]:
    """Structures from an extended XYZ file, or from any other file that ASE reads.

    Each comes in canonical form with ``structure_id``, ``family`` and ``parent`` in ``info``;
    files of other programs get family ``unknown`` and their own id as parent. A stored id is
    verified. With ``check``, structures that no method could label are refused.

    Raises :class:`StructureError` naming the file and the frame.
    """
    path = Path(path)
    if not path.is_file():
        nearby = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        raise StructureError(f"no file {str(path)!r}{near_name(path.name, nearby)}")
    try:
        frames = read_any(path)
    except Exception as error:  # ASE's readers raise what their parsers happen to raise
        raise StructureError(f"{path}: cannot be read as a file of structures ({error})") from error
    if not frames:
        raise StructureError(f"{path}: holds no structures")
    return [_identified(atoms, f"{path}, structure {number}", check) for number, atoms in enumerate(frames)]


def _identified(atoms: Atoms, name: str, check: bool) -> Atoms:
    if check:
        check_structure(atoms, name)
    stated = atoms.info.get("structure_id")
    result = canonical(atoms)
    identity = structure_id(result)
    if stated is not None and stated != identity:
        raise StructureError(
            f"{name}: its structure_id is {stated!r} but its atoms hash to {identity!r}; "
            "the file was edited after it was written: delete the structure_id to accept the new atoms"
        )
    result.info = {key: result.info[key] for key in INFO_KEYS if key in result.info}
    result.info["structure_id"] = identity
    for key, default in (("family", "unknown"), ("parent", identity)):
        result.info[key] = str(result.info.get(key, default))
    for key in ("charge", "spin_multiplicity"):
        if key in result.info:
            result.info[key] = int(result.info[key])
    return result
