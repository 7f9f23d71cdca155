"""Machine code is made once per machine and kept in a cache: Ingot's C++, and what XLA makes of the JAX functions.

The C++ is built with the compiler that is there and loaded on demand. Without a compiler, or with ``INGOT_NATIVE=0``,
other code does the same work more slowly.
"""

import ctypes
import hashlib
import operator
import os
import platform
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

_FLAGS = (
    "-std=c++17", "-fPIC", "-shared", "-pthread", "-w",
    "-O3", "-funroll-loops", "-fno-math-errno", "-fno-trapping-math", "-fno-signed-zeros", "-ffp-contract=fast",
)  # fmt: skip
_TUNED = ("-march=native",)


class NotCompiledError(Exception):
    """There is no library; the message says why."""


@dataclass(frozen=True)
class CompiledSources:
    """C++ sources that make one library."""

    name: str
    sources: Sequence[Path]
    headers: Sequence[Path] = ()
    include: Sequence[str] = ()
    """Folders of other headers."""
    identity: str = ""
    """What else the binary depends on, such as a version."""

    @cached_property
    def path(self) -> Path:
        """The library's place: its name changes with the sources, the processor and the system."""
        identity = hashlib.sha256()
        texts = (file.read_text() for file in (*self.headers, *self.sources))
        for part in (*texts, self.identity, _processor(), platform.platform(), *_FLAGS, *_TUNED):
            identity.update(part.encode())
        return _cache_folder() / f"{self.name}-{identity.hexdigest()[:16]}.so"

    @cached_property
    def library(self) -> ctypes.CDLL:
        """The library, built if it is not there. Raises :class:`NotCompiledError`."""
        if os.environ.get("INGOT_NATIVE", "1") == "0":
            raise NotCompiledError("switched off by INGOT_NATIVE=0")
        try:
            if not self.path.exists():
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._build()
            return ctypes.CDLL(str(self.path))
        except OSError as error:
            message = f"cannot build or load {self.path} (INGOT_CACHE names another folder): {error}"
            raise NotCompiledError(message) from error

    @cached_property
    def status(self) -> tuple[bool, str]:
        """Whether the library is there, and from where or why not."""
        try:
            _ = self.library
        except NotCompiledError as error:
            return False, str(error)
        return True, str(self.path)

    def call(self, function: str, *arguments: Any) -> Any:
        """Call with integers (64 bits), floats (doubles) and addresses of contiguous arrays, without Python's lock."""
        passed: list[Any] = []
        for value in arguments:
            if isinstance(value, float):
                passed.append(ctypes.c_double(value))
            elif hasattr(value, "ctypes"):
                if not value.flags.c_contiguous:
                    raise ValueError(f"{function} needs contiguous arrays")
                passed.append(ctypes.c_void_p(value.ctypes.data))
            else:
                passed.append(ctypes.c_int64(operator.index(value)))
        called = getattr(self.library, function)
        called.restype = ctypes.c_int64
        return called(*passed)

    def _build(self) -> None:
        """Compile beside the target and rename: several processes may build at once."""
        compilers = _compilers()
        if not compilers:
            raise NotCompiledError(f"no C++ compiler found ({os.environ.get('CXX') or 'g++, clang++ or c++'})")
        message = ""
        for compiler in compilers:
            for tuned in (_TUNED, ()):
                with tempfile.TemporaryDirectory(dir=self.path.parent) as folder:
                    made = Path(folder) / self.path.name
                    included = [f"-I{folder}" for folder in self.include]
                    command = [compiler, *_FLAGS, *tuned, *included, *map(str, self.sources), "-o", str(made)]
                    done = subprocess.run(command, capture_output=True, text=True, check=False)
                    if done.returncode == 0:
                        made.replace(self.path)
                        return
                    message = next(iter(done.stderr.strip().splitlines()), "no message")
        raise NotCompiledError(f"{compilers[-1]} failed: {message}")


def keep_xla_programs() -> None:
    """Let JAX keep what it compiles, for all jobs of this machine; to be called before JAX is imported.

    A job of the workflow is a process, and most jobs compile what another has compiled before. What a program computes
    does not depend on where it came from. Settings of the user (``JAX_COMPILATION_CACHE_DIR``,
    ``JAX_ENABLE_COMPILATION_CACHE``) stand. JAX writes without a lock: what another process has half written is
    compiled again, and is no reason for a warning.
    """
    processor = hashlib.sha256(f"{_processor()} {platform.platform()}".encode()).hexdigest()[:16]
    folder = _cache_folder() / f"xla-{processor}"
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:  # a home that cannot be written: everything works, more slowly
            return
        if not os.access(folder, os.W_OK):
            return
        os.environ["JAX_COMPILATION_CACHE_DIR"] = str(folder)
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
        os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")
    warnings.filterwarnings("ignore", "Error (reading|writing) persistent compilation cache entry")


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
