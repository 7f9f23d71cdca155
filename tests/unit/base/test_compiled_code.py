"""What is compiled is kept: one compilation serves all jobs of a machine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ingot import compiled

PROGRAM = """
from ingot.compiled import keep_xla_programs
keep_xla_programs()
import jax, jax.numpy as jnp
jax.config.update("jax_enable_x64", True)
f = jax.jit(jax.grad(lambda x: jnp.sum(jnp.sin(x) @ jnp.cos(x.T)) ** 2))
print(f(jnp.linspace(0.0, 1.0, 12).reshape(3, 4)).tolist())
"""


def ran(cache: Path) -> subprocess.CompletedProcess[str]:
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("JAX_COMP", "JAX_PERS"))}
    mine = clean | {"INGOT_CACHE": str(cache)}
    return subprocess.run([sys.executable, "-c", PROGRAM], env=mine, capture_output=True, text=True, check=True)


def entries(cache: Path) -> dict[str, int]:
    return {str(file.relative_to(cache)): file.stat().st_mtime_ns for file in cache.rglob("*-cache")}


def test_a_second_process_compiles_nothing_and_computes_the_same(tmp_path: Path) -> None:
    first = ran(tmp_path)
    made = entries(tmp_path)
    assert made
    assert ran(tmp_path).stdout == first.stdout
    assert entries(tmp_path) == made


@pytest.mark.parametrize("written", [0.0, 0.5, 0.99])
def test_a_truncated_entry_is_compiled_again_without_a_word(tmp_path: Path, written: float) -> None:
    first = ran(tmp_path)
    for name in entries(tmp_path):
        whole = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(whole[: int(written * len(whole))])
    again = ran(tmp_path)
    assert again.stdout == first.stdout
    assert "Warning" not in again.stderr


def test_settings_of_the_user_stand_and_a_home_that_cannot_be_written_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", "elsewhere")
    compiled.keep_xla_programs()
    assert os.environ["JAX_COMPILATION_CACHE_DIR"] == "elsewhere"
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("INGOT_CACHE", str(tmp_path / "file"))
    compiled.keep_xla_programs()
    assert "JAX_COMPILATION_CACHE_DIR" not in os.environ
    monkeypatch.setenv("INGOT_CACHE", str(tmp_path))
    compiled.keep_xla_programs()
    here = Path(os.environ["JAX_COMPILATION_CACHE_DIR"])
    assert here.is_dir()
    assert here.is_relative_to(tmp_path)
    monkeypatch.setattr(compiled, "_processor", lambda: "another processor")
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR")
    compiled.keep_xla_programs()
    assert Path(os.environ["JAX_COMPILATION_CACHE_DIR"]) != here
