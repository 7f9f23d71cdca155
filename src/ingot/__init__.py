"""Ingot: from first principles to an interatomic potential that can be trusted.

The package is imported lazily: ``import ingot`` costs nothing, and each room
(``ingot.labels``, ``ingot.potentials``, ...) loads its own engines.
"""

from typing import Any

__version__ = "0.1.0"
__all__ = ["__version__", "load_potential", "open_dataset"]

_LAZY = {"load_potential": "ingot.potentials", "open_dataset": "ingot.datasets"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'ingot' has no attribute {name!r}")
