"""The compiled library: built once per machine with the C++ compiler that is there, kept in a cache, loaded on demand.

Without a compiler, with ``INGOT_NATIVE=0`` or on another device than a CPU, the JAX functions do the work.
"""

import ctypes
import hashlib
import logging
import os
import platform
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path

import jax

logger = logging.getLogger("ingot.potentials")

SOURCES = tuple(Path(__file__).with_name(name) for name in ("symmetry_functions.cc", "embedded_atom.cc"))
HEADER = Path(__file__).with_name("threads.h")
TARGETS = (
    "ingot_symmetry_functions_value",
    "ingot_symmetry_functions_pull",
    "ingot_symmetry_functions_push",
    "ingot_embedded_atom",
)
_FLAGS = (
    "-std=c++17", "-fPIC", "-shared", "-pthread", "-w",
    "-O3", "-funroll-loops", "-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros", "-ffp-contract=fast",
)  # fmt: skip
_TUNED = ("-march=native",)


class _NativeError(Exception):
    """There is no library; the message says why."""


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
        _library().ingot_set_threads(count)


@cache
def _loaded() -> tuple[bool, str]:
    try:
        library = _library()
    except _NativeError as error:
        logger.warning("the descriptor runs in pure JAX, several times slower: %s", error)
        return False, str(error)
    for target in TARGETS:
        jax.ffi.register_ffi_target(target, jax.ffi.pycapsule(getattr(library, target)), platform="cpu")
    library.ingot_set_threads(_threads())
    return True, str(_path())


def _threads() -> int:
    """The first number of ``OMP_NUM_THREADS``, which may be a list."""
    first = os.environ.get("OMP_NUM_THREADS", "").partition(",")[0].strip()
    return int(first) if first.isdecimal() else 1


@cache
def _library() -> ctypes.CDLL:
    path = _path()
    try:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            _build(path)
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise _NativeError(f"cannot build or load {path} (INGOT_CACHE names another folder): {error}") from error


@cache
def _path() -> Path:
    """The library's place: its name changes with the source, JAX, the processor and the system."""
    identity = hashlib.sha256()
    sources = (source.read_text() for source in (HEADER, *SOURCES))
    for part in (*sources, jax.__version__, _processor(), platform.platform(), *_FLAGS, *_TUNED):
        identity.update(part.encode())
    return _cache_folder() / f"potentials-{identity.hexdigest()[:16]}.so"


def _cache_folder() -> Path:
    home = os.environ.get("INGOT_CACHE") or os.environ.get("XDG_CACHE_HOME")
    return Path(home) / "ingot" if home else Path.home() / ".cache" / "ingot"


def _processor() -> str:
    """What code made for this processor may use; nodes of one cluster differ."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line for line in lines if line.startswith(("flags", "Features"))), platform.processor())


def _compilers() -> list[str]:
    named = os.environ.get("CXX")
    return [path for name in ([named] if named else ["g++", "clang++", "c++"]) if (path := shutil.which(name))]


def _build(path: Path) -> None:
    """Compile beside the target and rename: several processes may build at once."""
    compilers = _compilers()
    if not compilers:
        raise _NativeError(f"no C++ compiler found ({os.environ.get('CXX') or 'g++, clang++ or c++'})")
    message = ""
    for compiler in compilers:
        for tuned in (_TUNED, ()):
            with tempfile.TemporaryDirectory(dir=path.parent) as folder:
                made = Path(folder) / path.name
                command = [compiler, *_FLAGS, *tuned, f"-I{jax.ffi.include_dir()}", *map(str, SOURCES), "-o", str(made)]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode == 0:
                    made.replace(path)
                    return
                message = next(iter(done.stderr.strip().splitlines()), "no message")
    raise _NativeError(f"{compilers[-1]} failed: {message}")
