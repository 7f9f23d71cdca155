"""Information-theoretic audit of data: entropy, diversity, novelty and overlap of atomic environments."""

from ingot.audit.compression import Coverage, compress, coverage_curve, take_structures
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
from ingot.audit.learning import Saturation, learning_curve, saturation
from ingot.audit.sets import AuditedSet, describe
from ingot.audit.tables import Audited, Plan, audit_sets

__all__ = [
    "AuditError",
    "Audited",
    "AuditedSet",
    "Coverage",
    "Engine",
    "EntropyEstimate",
    "Estimate",
    "Plan",
    "Saturation",
    "audit_sets",
    "bandwidth_of_volume",
    "bandwidth_scan",
    "compress",
    "coverage_curve",
    "delta_entropy",
    "describe",
    "diversity",
    "entropy",
    "entropy_and_diversity",
    "environment_descriptors",
    "estimate_entropy",
    "learning_curve",
    "overlap",
    "saturation",
    "take_structures",
]
