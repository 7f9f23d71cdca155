"""One label, whatever happens: the place where failures become rows."""

import logging
import time
from typing import Any

import numpy as np
from ase import Atoms

from ingot.labels.errors import LabelFailure, PassingFailure
from ingot.labels.label import Label, failed_label
from ingot.labels.method import LabelMethod
from ingot.structures import StructureError, canonical, check_structure, structure_id

logger = logging.getLogger("ingot.labels")


def label(atoms: Atoms, method: LabelMethod) -> Label:
    """The label of a structure by a method; a failure comes back as a label with its reason.

    The canonical form of the structure is what is computed. Only unforeseen
    exceptions (a bug, no memory) are raised.

    >>> from ase.build import bulk
    >>> from ingot.labels import label, make_method
    >>> emt = make_method({"method": "ase", "ase": {"calculator": "ase.calculators.emt.EMT"}})
    >>> label(bulk("Cu"), emt).converged
    True
    """
    try:
        return _computed(atoms, method)
    except PassingFailure as error:
        return failed_label(structure_id(canonical(atoms)), method.digest, str(error))


def _computed(atoms: Atoms, method: LabelMethod) -> Label:
    frame = canonical(atoms)
    identity = structure_id(frame)
    cost = getattr(method, "last_cost", None)
    if cost is not None:
        cost.clear()  # a failure must not carry the cost of the structure before it
    try:
        check_structure(frame)
        result = method.compute(frame)
    except PassingFailure:
        raise
    except (LabelFailure, StructureError) as error:
        return failed_label(identity, method.digest, str(error))
    numbers = [result.energy, result.forces, result.stress]
    if result.converged and not all(np.isfinite(v).all() for v in numbers if v is not None):
        return failed_label(identity, method.digest, "energy, forces or stress are not finite")
    return result


def timed_label(atoms: Atoms, method: LabelMethod) -> tuple[Label, bool, dict[str, Any]]:
    """A label, whether it may be kept for good, and what it cost.

    A passing failure and an unforeseen exception become failed labels too, but ones that are not kept: the next
    run tries again.
    """
    cpu, wall = time.process_time(), time.perf_counter()
    lasting = True
    try:
        result = _computed(atoms, method)
    except PassingFailure as error:
        result, lasting = failed_label(structure_id(canonical(atoms)), method.digest, str(error)), False
    except Exception as error:
        logger.exception("structure %s: unforeseen error", structure_id(canonical(atoms)))
        reason = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        result, lasting = failed_label(structure_id(canonical(atoms)), method.digest, reason), False
    cost = {
        "cpu_seconds": round(time.process_time() - cpu, 3),
        "wall_seconds": round(time.perf_counter() - wall, 3),
        "atoms": len(atoms),
        **dict(getattr(method, "last_cost", None) or {}),
    }
    return result, lasting, cost
