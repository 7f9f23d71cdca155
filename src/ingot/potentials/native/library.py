"""The compiled functions of potentials, made known to XLA.

Without a compiler, with ``INGOT_NATIVE=0`` or on another device than a CPU, the JAX functions do the work.
"""

import logging
import os
from functools import cache
from pathlib import Path

import jax

from ingot.compiled import CompiledSources, NotCompiledError

logger = logging.getLogger("ingot.potentials")

_HERE = Path(__file__).parent
POTENTIALS = CompiledSources(
    "potentials",
    sources=(_HERE / "symmetry_functions.cc", _HERE / "embedded_atom.cc"),
    headers=(_HERE / "threads.h",),
    include=(jax.ffi.include_dir(),),
    identity=jax.__version__,
)
TARGETS = (
    "ingot_symmetry_functions_value",
    "ingot_symmetry_functions_pull",
    "ingot_symmetry_functions_push",
    "ingot_embedded_atom",
)


def use_native() -> bool:
    """Whether the compiled functions are used: on a CPU, where they could be built, unless ``INGOT_NATIVE`` is 0."""
    return jax.default_backend() == "cpu" and native_status()[0]


def native_status() -> tuple[bool, str]:
    """Whether the library is loaded, and from where or why not."""
    if os.environ.get("INGOT_NATIVE", "1") == "0":
        return False, "switched off by INGOT_NATIVE=0"
    return _loaded()


def set_native_threads(count: int) -> None:
    """Threads that share the atoms of one call; 1 unless ``OMP_NUM_THREADS`` says more."""
    if native_status()[0]:
        POTENTIALS.library.ingot_set_threads(count)


@cache
def _loaded() -> tuple[bool, str]:
    try:
        library = POTENTIALS.library
    except NotCompiledError as error:
        logger.warning("the descriptor runs in pure JAX, several times slower: %s", error)
        return False, str(error)
    for target in TARGETS:
        jax.ffi.register_ffi_target(target, jax.ffi.pycapsule(getattr(library, target)), platform="cpu")
    library.ingot_set_threads(_threads())
    return True, str(POTENTIALS.path)


def _threads() -> int:
    """The first number of ``OMP_NUM_THREADS``, which may be a list."""
    first = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(first) if first.isdecimal() else 1
