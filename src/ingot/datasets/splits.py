"""Splits by parent: what descends from one lattice, one packing or one trajectory stays together.

Frames that share a parent are alike, so that a random split by frame measures interpolation between
siblings and flatters the potential. Splits here are by parent and, inside a family, balanced.
"""

import hashlib
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from ase import Atoms

from ingot.datasets.errors import DatasetError
from ingot.files import read_json

SPLITS = ("train", "validation", "test", "extrapolation")


def split_by_parent(
    frames: Sequence[Atoms],
    seed: int,
    validation_fraction: float,
    test_fraction: float,
    extrapolation_families: Iterable[str] = (),
) -> dict[str, list[str]]:
    """Structure ids of ``train``, ``validation``, ``test`` and ``extrapolation``.

    Within a family the parents are ordered by a hash of (seed, family, parent). A family of three parents or
    more has at least one in each split whose fraction is not zero; a family of two has none in the test split; a
    single parent goes to training. ``extrapolation_families`` are held out whole.

    Raises
    ------
    DatasetError
        if a family to hold out does not occur, or nothing is left to train on.
    """
    families: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for atoms in frames:
        families[atoms.info["family"]][atoms.info["parent"]].append(atoms.info["structure_id"])
    held_out = set(extrapolation_families)
    if unknown := held_out - set(families):
        raise DatasetError(f"cannot hold out {sorted(unknown)}: the families are {sorted(families)}")
    splits: dict[str, list[str]] = {name: [] for name in SPLITS}
    for family in sorted(families):
        parents = families[family]
        if family in held_out:
            splits["extrapolation"] += [i for p in sorted(parents) for i in parents[p]]
            continue
        order = sorted(parents, key=lambda p: hashlib.sha256(f"{seed}/{family}/{p}".encode()).hexdigest())
        count = len(order)
        validation = _share(count, validation_fraction, least=2)
        test = _share(count, test_fraction, least=3)
        for rank, parent in enumerate(order):
            name = "validation" if rank < validation else "test" if rank < validation + test else "train"
            splits[name] += parents[parent]
    if not splits["train"]:
        raise DatasetError(
            f"no structure is left to train on ({len(frames)} in all, families held out: {sorted(held_out)})"
        )
    return {name: sorted(ids) for name, ids in splits.items()}


def _share(parents: int, fraction: float, least: int) -> int:
    """How many of ``parents`` a split of this fraction gets: at least one from ``least`` parents on."""
    if fraction == 0 or parents < least:
        return 0
    return max(1, math.floor(parents * fraction + 0.5))


def read_splits(paths: Iterable[str | Path]) -> dict[str, set[str]]:
    """The union of several split files.

    An id in two different splits would let a potential be tested on what it was trained on: refused.
    """
    union: dict[str, set[str]] = {name: set() for name in SPLITS}
    for path in paths:
        for name, ids in read_json(path).items():
            if name not in union:
                raise DatasetError(f"{path}: unknown split {name!r}; the splits are {', '.join(SPLITS)}")
            union[name].update(ids)
    for i, first in enumerate(SPLITS):
        for second in SPLITS[i + 1 :]:
            if both := union[first] & union[second]:
                raise DatasetError(f"structures in both {first!r} and {second!r}: {sorted(both)[:5]}")
    return union
