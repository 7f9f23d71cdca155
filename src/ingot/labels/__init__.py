"""Labels: energies, forces and stresses by a method, and the store that keeps them."""

from ingot.labels.archive import Imported, export_labels, import_labels
from ingot.labels.batch import check_failures, deal, label_structures
from ingot.labels.errors import LabelError, LabelFailure
from ingot.labels.factory import make_method
from ingot.labels.label import Label, failed_label
from ingot.labels.method import LabelMethod, method_digest
from ingot.labels.store import LabelStore
from ingot.labels.verification import Comparison, verify_labels

# Last: here the function takes the name of the module ``ingot.labels.label``, which stays importable.
from ingot.labels.compute import label  # isort: skip

__all__ = [
    "Comparison",
    "Imported",
    "Label",
    "LabelError",
    "LabelFailure",
    "LabelMethod",
    "LabelStore",
    "check_failures",
    "deal",
    "export_labels",
    "failed_label",
    "import_labels",
    "label",
    "label_structures",
    "make_method",
    "method_digest",
    "verify_labels",
]
