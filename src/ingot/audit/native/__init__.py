"""The audit's compiled functions, as functions of arrays."""

from ingot.audit.native.library import (
    MOST_NEIGHBORS,
    compiled_audit,
    compiled_environments,
    log_sums_between,
    log_sums_within,
)

__all__ = ["MOST_NEIGHBORS", "compiled_audit", "compiled_environments", "log_sums_between", "log_sums_within"]
