"""Information-theoretic audit of data: entropy, diversity, novelty and overlap of atomic environments."""

from ingot.audit.descriptors import environment_descriptors
from ingot.audit.entropy import (
    bandwidth_of_volume,
    bandwidth_scan,
    delta_entropy,
    diversity,
    entropy,
    entropy_and_diversity,
    overlap,
)
from ingot.audit.errors import AuditError
from ingot.audit.estimate import EntropyEstimate, Estimate, estimate_entropy
from ingot.audit.kernels import Engine
from ingot.audit.learning import learning_curve
from ingot.audit.tables import AuditedSet, audit_tables, describe, write_table

__all__ = [
    "AuditError",
    "AuditedSet",
    "Engine",
    "EntropyEstimate",
    "Estimate",
    "audit_tables",
    "bandwidth_of_volume",
    "bandwidth_scan",
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
