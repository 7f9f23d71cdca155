"""The label store: one small file per label, addressed by method and structure."""

import logging
from pathlib import Path
from typing import Any

from ingot.files import canonical_json, digest, read_json, sha256, write_atomically, write_json
from ingot.labels.errors import LabelError
from ingot.labels.label import Label
from ingot.labels.method import LabelMethod

logger = logging.getLogger("ingot.labels")


class LabelStore:
    """Labels below a folder: ``<root>/<method digest>/<id[:2]>/<id>.json``.

    Files are written to a temporary name, flushed and renamed, so that a kill at any moment leaves
    a label whole or absent, and several processes may write side by side. A file that cannot be read
    back, or whose content does not match its own checksum or its place, is moved aside (to
    ``<id>.json.unreadable``) and said in the log; the label then counts as missing and is computed again.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    def path(self, method: str, structure_id: str) -> Path:
        """Where the label of a structure by a method lies."""
        return self.root / method / structure_id[:2] / f"{structure_id}.json"

    def cost_path(self, method: str, structure_id: str) -> Path:
        """Where its cost lies: seconds and cycles, outside of every digest."""
        return self.root / method / structure_id[:2] / f"{structure_id}.cost.json"

    def get(self, method: str, structure_id: str) -> Label | None:
        """The label, or ``None`` where there is none that can be read."""
        path = self.path(method, structure_id)
        try:
            values = read_json(path)
            stated = values.pop("checksum")
            if stated != digest(values):
                raise LabelError("its content does not match its checksum")
            label = Label.from_dict(values)
            if (label.method, label.structure_id) != (method, structure_id):
                raise LabelError(f"it holds the label of {label.structure_id} by {label.method}")
        except FileNotFoundError:
            return None
        except (LabelError, ValueError, KeyError, TypeError, AttributeError) as error:
            aside = path.with_name(f"{path.name}.unreadable")
            path.replace(aside)
            logger.warning("label file %s is damaged (%s): moved to %s, to be computed again", path, error, aside.name)
            return None
        return label

    def put(self, label: Label, cost: dict[str, Any] | None = None) -> None:
        """Write a label, and beside it what it cost."""
        values = label.to_dict()
        text = canonical_json({**values, "checksum": digest(values)})
        write_atomically(self.path(label.method, label.structure_id), text + "\n")
        if cost is not None:
            self.put_cost(label, cost)

    def put_cost(self, label: Label, cost: dict[str, Any]) -> None:
        """Write what a label cost, or what a failure left behind, outside of every digest."""
        write_json(self.cost_path(label.method, label.structure_id), cost)

    def forget_failure(self, method: str, structure_id: str) -> bool:
        """Take a failed label out, so that it is computed again; whether there was one."""
        label = self.get(method, structure_id)
        if label is None or label.converged:
            return False
        self.path(method, structure_id).unlink()
        return True

    def cost(self, method: str, structure_id: str) -> dict[str, Any]:
        """What a label cost; empty where that is not known."""
        try:
            values = read_json(self.cost_path(method, structure_id))
        except (OSError, ValueError):
            return {}
        return values if isinstance(values, dict) else {}

    def sha256(self, method: str, structure_id: str) -> str:
        """The sha256 of the label's file."""
        return sha256(self.path(method, structure_id))

    def describe(self, method: LabelMethod) -> None:
        """Write the method's settings beside its labels (``method.json``), once."""
        path = self.root / method.digest / "method.json"
        if not path.exists():
            write_json(path, {"digest": method.digest, "settings": method.settings()})
