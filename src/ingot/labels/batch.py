"""Labelling many structures: what the store has is not computed, and every failure is a row."""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from ase import Atoms

from ingot.labels.compute import timed_label
from ingot.labels.errors import LabelError
from ingot.labels.label import Label
from ingot.labels.method import LabelMethod
from ingot.labels.store import LabelStore
from ingot.labels.workers import Outcome, compute_labels
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
    structures: Sequence[Atoms],
    method: LabelMethod,
    store: LabelStore,
    workers: int = 0,
    time_limit_seconds: float | None = None,
) -> dict[str, Any]:
    """Label structures into a store; gives the manifest: method, settings and one row per structure.

    Labels that the store holds are not computed. Each new one is safe in the store before the next
    begins. A structure that cannot be labelled is a row with ``status`` ``failed`` and its reason; what it cost and the
    last lines of the engine's log lie in its cost sidecar (:meth:`LabelStore.cost`).
    Rows come in the order of the list, duplicates once, whatever the number of ``workers``: processes of their own that
    may crash or exceed the limit of time without harm (0: this process computes, and has no limit).
    """
    store.describe(method)
    unique = {structure_id(atoms): atoms for atoms in reversed(structures)}
    ids = list(dict.fromkeys(structure_id(atoms) for atoms in structures))
    labels: dict[str, Label] = {}
    for identity in ids:
        kept = store.get(method.digest, identity)
        if kept is not None:
            labels[identity] = kept
    missing = [unique[identity] for identity in ids if identity not in labels]
    logger.info("%d structures, %d labels in the store, %d to compute", len(ids), len(labels), len(missing))
    missing.sort(key=method.estimated_cost, reverse=True)  # the longest first: all workers end at about one time
    unkept: set[str] = set()
    for label, lasting, cost in _shown(_compute(missing, method, workers, time_limit_seconds), len(missing)):
        labels[label.structure_id] = label
        if lasting:
            store.put(label, cost)
        else:
            unkept.add(label.structure_id)
            store.put_cost(label, cost)
    rows = [_row(labels[identity], store, identity not in unkept) for identity in ids]
    return {"method": method.digest, "settings": method.settings(), "labels": rows}


def _compute(
    structures: Sequence[Atoms], method: LabelMethod, workers: int, time_limit_seconds: float | None
) -> Iterator[Outcome]:
    if workers:
        return compute_labels(structures, method, workers, time_limit_seconds)
    return (timed_label(atoms, method) for atoms in structures)


def _shown(outcomes: Iterator[Outcome], total: int) -> Iterator[Outcome]:
    """The outcomes, with a bar (done, rate, time left, failures) on a terminal and a line each in the log."""
    failures = 0
    bar = progress(outcomes, "labels", total=total, unit="label")
    for number, outcome in enumerate(bar):
        label, _, cost = outcome
        failures += not label.converged
        if failures:
            bar.set_postfix(failed=failures)
        state = "converged" if label.converged else f"FAILED: {label.reason}"
        seconds = cost.get("cpu_seconds", cost["wall_seconds"])
        logger.info(
            "%d/%d %s (%d atoms, %.1f s): %s", number + 1, total, label.structure_id, cost["atoms"], seconds, state
        )
        yield outcome


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
