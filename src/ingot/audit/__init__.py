"""Information-theoretic audit of data: entropy, diversity, novelty and overlap of atomic environments."""

from ingot.audit.descriptors import environment_descriptors
from ingot.audit.entropy import (
    EntropyEstimate,
    delta_entropy,
    diversity,
    entropy,
    entropy_and_diversity,
    estimate_entropy,
    overlap,
)
from ingot.audit.errors import AuditError
from ingot.audit.learning import learning_curve
from ingot.audit.tables import AuditedSet, audit_tables, describe, write_table

__all__ = [
    "AuditError",
    "AuditedSet",
    "EntropyEstimate",
    "audit_tables",
    "delta_entropy",
    "describe",
    "diversity",
    "entropy",
    "entropy_and_diversity",
    "environment_descriptors",
    "estimate_entropy",
    "learning_curve",
    "overlap",
    "write_table",
]
