"""Code digests: an edit changes what depends on it, and nothing else."""

import shutil
import subprocess
import sys
from pathlib import Path

import ingot
from ingot.provenance import _statements, module_closure

PACKAGE = Path(ingot.__file__).parent


def _digests(source: Path, commands: tuple[str, ...]) -> dict[str, str]:
    """Digests as a fresh process sees them, from a copy of the package."""
    script = "import sys; from ingot.provenance import code_digest as d\n" + "\n".join(
        f"print({c!r}, d('ingot.cli.{c}'))" for c in commands
    )
    out = subprocess.run(
        [sys.executable, "-c", script], env={"PYTHONPATH": str(source)}, capture_output=True, text=True, check=True
    )
    return dict(line.split() for line in out.stdout.splitlines())


def test_an_edit_changes_the_digest_of_dependants_only(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "ingot", ignore=shutil.ignore_patterns("__pycache__"))
    commands = ("structures", "label", "dataset", "train", "explore", "audit", "benchmark", "report")
    before = _digests(tmp_path, commands)

    def changed_by(module: str) -> set[str]:
        path = tmp_path / "ingot" / module
        original = path.read_text()
        path.write_text(original + "\n# an edit\n")
        after = _digests(tmp_path, commands)
        path.write_text(original)
        return {c for c in commands if before[c] != after[c]}

    assert changed_by("config/training.py") == {"train"}
    assert "label" not in changed_by("training/loss.py")
    assert "train" in changed_by("training/loss.py")
    assert changed_by("audit/kernels.py").isdisjoint({"structures", "label", "dataset", "train"})
    assert "train" not in changed_by("labels/kohn_sham/scf.py")
    assert "label" in changed_by("labels/kohn_sham/scf.py")
    assert changed_by("errors.py") == set(commands)
    # Compiled sources and their headers are part of what a module computes.
    assert "train" in changed_by("potentials/native/threads.h")
    assert {"audit", "train"} <= changed_by("neighbors/native/bins.h")
    assert changed_by("audit/native/environments.cc").isdisjoint({"label", "train"})


def test_imports_are_found_in_every_block():
    import ast

    text = """
def f():
    try:
        import a
    except ImportError:
        import b
    else:
        import c
    finally:
        import d
    for _ in ():
        import e
    while True:
        with f:
            import g
    match f:
        case 1:
            import h
class K:
    if f:
        import i
    elif f:
        import j
    else:
        import k
"""
    found = [node.names[0].name for node in _statements(ast.parse(text)) if isinstance(node, ast.Import)]
    assert sorted(found) == list("abcdeghijk")


def test_imports_inside_functions_count():
    assert "ingot.labels.store" in module_closure("ingot.cli.dataset")


def test_package_faces_hold_nothing_but_reexports():
    """A digest does not see the `__init__` of a parent package: nothing may be computed there."""
    import ast

    for path in PACKAGE.glob("*/__init__.py"):
        for node in ast.parse(path.read_text()).body:
            reexport = isinstance(node, ast.ImportFrom)
            docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
            listing = isinstance(node, ast.Assign) and [t.id for t in node.targets] == ["__all__"]
            assert reexport or docstring or listing, f"{path}: {ast.unparse(node)[:60]}"
