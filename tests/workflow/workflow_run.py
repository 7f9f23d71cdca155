"""A run of the workflow in a folder of its own, driven as a user drives it."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
TINY = Path(__file__).parent / "tiny.yaml"

_JOB_LINE = re.compile(r"^(\w+)\s+(\d+)\s*$")


def merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """``base`` with ``changes`` in it, section by section; ``None`` takes a key out."""
    merged = dict(base)
    for key, value in changes.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = value
    return merged


@dataclass
class Run:
    """One folder with a configuration; ``snakemake`` is started there and nowhere else."""

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)

    @property
    def results(self) -> Path:
        return self.folder / "results" / "tiny"

    @property
    def configuration(self) -> dict[str, Any]:
        return dict(yaml.safe_load((self.folder / "config.yaml").read_text()))

    def configure(self, **changes: Any) -> None:
        """Edit the configuration, as a user would."""
        text = yaml.safe_dump(merge(self.configuration, changes), sort_keys=False)
        (self.folder / "config.yaml").write_text(text)

    def _command(self, *arguments: str, slots: int) -> list[str]:
        return [
            sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--directory", str(self.folder),
            "--configfile", str(self.folder / "config.yaml"), "--cores", str(slots), "--nocolor", *arguments,
        ]  # fmt: skip

    def _environment(self) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        return {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1", **self.environment}

    def snakemake(self, *arguments: str, slots: int = 2, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run to the end; the output of both streams is in ``stdout``."""
        done = subprocess.run(
            self._command(*arguments, slots=slots),
            env=self._environment(),
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if check and done.returncode:
            logs = "\n".join(
                f"--- {p.name}\n{p.read_text()[-1500:]}"
                for p in sorted(self.results.glob("logs/**/*.log"))
                if p.stat().st_size
            )
            raise AssertionError(f"snakemake failed:\n{done.stdout[-6000:]}\n{logs[-6000:]}")
        return done

    def start(self, *arguments: str, slots: int = 2) -> subprocess.Popen[bytes]:
        """Start in a process group of its own, to be killed as a whole."""
        return subprocess.Popen(
            self._command(*arguments, slots=slots),
            env=self._environment(),
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def planned(self, *arguments: str) -> dict[str, int]:
        """Jobs per rule that a dry run would start."""
        output = self.snakemake("--dry-run", *arguments).stdout
        table = output.split("Job stats:")[-1] if "Job stats:" in output else ""
        jobs = {}
        for line in table.splitlines():
            if match := _JOB_LINE.match(line):
                jobs[match[1]] = int(match[2])
            elif jobs and not line.strip():
                break
        jobs.pop("total", None)
        jobs.pop("all", None)
        return jobs

    def labels(self) -> dict[str, int]:
        """Every label in the store, by the time of its last change (ns)."""
        return {
            p.relative_to(self.folder).as_posix(): p.stat().st_mtime_ns
            for p in (self.folder / "labels").glob("*/??/*.json")
            if not p.name.endswith(".cost.json")
        }

    def numbers(self) -> dict[str, bytes]:
        """Every result that is a number: all files but logs, costs and what is made of them."""
        skipped = ("logs/", "costs/", "report/")
        return {
            name: p.read_bytes()
            for p in sorted(self.results.rglob("*"))
            if p.is_file()
            and not (name := p.relative_to(self.results).as_posix()).startswith(skipped)
            and ".cost." not in name
        }


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to Snakemake and to every job it started."""
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    """Poll; an exhausted patience is a failed test."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def read_json(path: Path) -> Any:
    """A JSON file."""
    return json.loads(path.read_text())
