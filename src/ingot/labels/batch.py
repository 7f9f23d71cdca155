"""Labelling many structures: what the store has is not computed, and every failure is a row."""

import logging
import multiprocessing
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from ase import Atoms

from ingot.labels.compute import timed_label
from ingot.labels.errors import LabelError
from ingot.labels.label import Label
from ingot.labels.method import LabelMethod
from ingot.labels.store import LabelStore
from ingot.progress import progress
from ingot.structures import structure_id

logger = logging.getLogger("ingot.labels")


def deal(structures: Sequence[Atoms], method: LabelMethod, batch: int, batches: int) -> list[Atoms]:
    """The structures of one of ``batches`` batches of about equal cost (``batch`` counts from 0).

    Structures sorted by estimated cost are dealt out back and forth, so the same list gives
    the same batches anywhere; the order of the list is kept within a batch.
    """
    if not 0 <= batch < batches:
        raise LabelError(f"batch {batch} of {batches}: batches count from 0 to {batches - 1}")
    order = sorted(
        range(len(structures)), key=lambda i: (-method.estimated_cost(structures[i]), structure_id(structures[i]), i)
    )
    chosen = set()
    for position, index in enumerate(order):
        lap, place = divmod(position, batches)
        if batch == (place if lap % 2 == 0 else batches - 1 - place):
            chosen.add(index)
    return [atoms for index, atoms in enumerate(structures) if index in chosen]


def label_structures(
    structures: Sequence[Atoms], method: LabelMethod, store: LabelStore, workers: int = 1
) -> dict[str, Any]:
    """Label structures into a store; gives the manifest: method, settings and one row per structure.

    Labels that the store holds are not computed. Each new one is safe in the store before the next
    begins. A structure that cannot be labelled is a row with ``status`` ``failed`` and its reason.
    Rows come in the order of the list, duplicates once, whatever the number of ``workers``.
    """
    store.describe(method)
    unique = {structure_id(atoms): atoms for atoms in reversed(structures)}
    ids = list(dict.fromkeys(structure_id(atoms) for atoms in structures))
    labels: dict[str, Label] = {}
    for identity in ids:
        kept = store.get(method.digest, identity)
        if kept is not None:
            labels[identity] = kept
    missing = [identity for identity in ids if identity not in labels]
    logger.info("%d structures, %d labels in the store, %d to compute", len(ids), len(labels), len(missing))
    unkept: set[str] = set()
    outcomes = _compute([unique[i] for i in missing], method, workers)
    for number, (label, lasting, cost) in enumerate(progress(outcomes, "labels", total=len(missing), unit="label")):
        labels[label.structure_id] = label
        if lasting:
            store.put(label, cost)
        else:
            unkept.add(label.structure_id)
        state = "converged" if label.converged else f"FAILED: {label.reason}"
        logger.info(
            "%d/%d %s (%d atoms, %.1f s): %s",
            number + 1, len(missing), label.structure_id, cost["atoms"], cost["cpu_seconds"], state,
        )  # fmt: skip
    rows = [_row(labels[identity], store, identity not in unkept) for identity in ids]
    return {"method": method.digest, "settings": method.settings(), "labels": rows}


def _compute(
    structures: Sequence[Atoms], method: LabelMethod, workers: int
) -> Iterator[tuple[Label, bool, dict[str, Any]]]:
    if workers <= 1 or len(structures) <= 1:
        for atoms in structures:
            yield timed_label(atoms, method)
        return
    context = multiprocessing.get_context("spawn")  # forking a process that runs threads may hang
    with ProcessPoolExecutor(min(workers, len(structures)), mp_context=context) as pool:
        try:
            for future in as_completed([pool.submit(timed_label, atoms, method) for atoms in structures]):
                yield future.result()
        except BrokenProcessPool as error:
            raise LabelError(
                "a worker process died, most likely for want of memory: use fewer --workers; "
                "the labels finished so far are safe in the label store"
            ) from error


def _row(label: Label, store: LabelStore, kept: bool) -> dict[str, Any]:
    return {
        "structure_id": label.structure_id,
        "status": "converged" if label.converged else "failed",
        "reason": label.reason,
        "sha256": store.sha256(label.method, label.structure_id) if kept else None,
    }


def check_failures(manifest: dict[str, Any], maximum_failed_fraction: float) -> None:
    """Raise :class:`LabelError` where more labels failed than the settings allow, naming the reasons."""
    rows = manifest["labels"]
    failed = [row["reason"] for row in rows if row["status"] == "failed"]
    if rows and len(failed) > maximum_failed_fraction * len(rows):
        reasons = "\n".join(f"  {count} x {reason}" for reason, count in Counter(failed).most_common(5))
        raise LabelError(
            f"{len(failed)} of {len(rows)} labels failed, more than the fraction of {maximum_failed_fraction:g} that "
            f"maximum_failed_fraction allows:\n{reasons}\nthe others are safe in the label store"
        )
