"""Independent random streams from one run seed and the name of what they are for.

A stream depends on its name only, not on what was drawn before it, so that adding
a structure, a trajectory or an ensemble member changes no other.
"""

import hashlib

import numpy as np


def derive_seed(seed: int, *purpose: str | int) -> int:
    """A 32-bit seed for one purpose.

    >>> derive_seed(1, "packing", 3) == derive_seed(1, "packing", 3)
    True
    >>> derive_seed(1, "packing", 3) == derive_seed(1, "packing", 4)
    False
    """
    text = "/".join([str(int(seed)), *map(str, purpose)])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")


def generator(seed: int, *purpose: str | int) -> np.random.Generator:
    """A NumPy generator for one purpose (PCG64)."""
    return np.random.default_rng(derive_seed(seed, *purpose))
