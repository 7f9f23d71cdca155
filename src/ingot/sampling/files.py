"""What an exploration leaves behind: frames with their spreads, and a table of trajectories."""

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ase import Atoms
from ase.io.extxyz import write_extxyz

from ingot.files import write_atomically
from ingot.sampling.attacks import Attacked
from ingot.sampling.errors import SamplingError
from ingot.sampling.exploration import Trajectory
from ingot.sampling.quenches import Quenched
from ingot.sampling.spread import MEASURES
from ingot.structures.files import parse_comment
from ingot.units import FEMTOSECOND

TRAJECTORY_COLUMNS = (
    "trajectory", "start", "atoms", "steps", "time_fs", "reason", "early", "volume_start_angstrom3",
    "density_lowest", "density_highest", "temperature_start_kelvin", "temperature_end_kelvin",
    "temperature_amplitude_kelvin", "temperature_period_fs", "density_end", "density_amplitude", "density_period_fs",
    *MEASURES, "candidate", "candidate_time_fs", "control", "control_time_fs",
    *(f"control_{name}" for name in MEASURES),
)  # fmt: skip
"""One row per trajectory: its course (densities relative to the start), its end, and the frames it gave."""


def write_frames(path: str | Path, frames: Sequence[Atoms]) -> None:
    """Frames as extended XYZ with all of their ``info``; an empty file when there are none."""
    text = io.StringIO()
    for frame in frames:
        write_extxyz(text, frame, write_results=False)
    write_atomically(path, text.getvalue())


def trajectory_row(trajectory: Trajectory) -> dict[str, Any]:
    """The row of one trajectory."""

    course, control = trajectory.course, trajectory.control
    row: dict[str, Any] = {
        "trajectory": trajectory.number,
        "start": trajectory.start,
        "atoms": trajectory.atoms,
        "steps": trajectory.steps,
        "time_fs": trajectory.steps * trajectory.timestep_fs,
        "reason": trajectory.reason,
        "early": str(trajectory.early).lower(),
        "volume_start_angstrom3": trajectory.volume_start,
        "density_lowest": course.lowest_density,
        "density_highest": course.highest_density,
        "temperature_start_kelvin": float(course.temperature.start),
        "temperature_end_kelvin": float(course.temperature.end),
        "temperature_amplitude_kelvin": float(course.temperature.amplitude),
        "temperature_period_fs": float(course.temperature.period) / FEMTOSECOND,
        "density_end": float(course.density.end),
        "density_amplitude": float(course.density.amplitude),
        "density_period_fs": float(course.density.period) / FEMTOSECOND,
        "candidate": trajectory.candidate.info["structure_id"] if trajectory.candidate else None,
        "candidate_time_fs": trajectory.candidate.info["time_fs"] if trajectory.candidate else None,
        "control": control.info["structure_id"] if control else None,
        "control_time_fs": control.info["time_fs"] if control else None,
    }
    row |= dict(zip(MEASURES, trajectory.measures, strict=True))
    row |= {f"control_{name}": control.info[name] if control else None for name in MEASURES}
    return row


def write_trajectories(path: str | Path, trajectories: Sequence[Trajectory]) -> None:
    """The table of trajectories; what is not a number is an empty cell."""
    rows = ({key: _cell(value) for key, value in trajectory_row(trajectory).items()} for trajectory in trajectories)
    _write_rows(Path(path), TRAJECTORY_COLUMNS, rows)


ATTACK_COLUMNS = (
    "attack", "start", "steps", "best_step", "score_start", "score_best", "displacement_rms_angstrom",
    *(f"start_{name}" for name in MEASURES), *MEASURES, "candidate",
)  # fmt: skip
"""One row per attack; scores are ln(sigma_F^2 / (eV/A)^2) - (<E> - <E_0>) / N k T, E_0 that of the start."""


def write_attacks(path: str | Path, attacks: Sequence[Attacked]) -> None:
    """The table of attacks; only its header where there were none."""
    rows = []
    for one in attacks:
        values = one.ascent.values
        row: dict[str, Any] = {
            "attack": one.number,
            "start": one.start,
            "steps": len(values) - 1,
            "best_step": one.ascent.best,
            "score_start": float(values[0]),
            "score_best": float(values[one.ascent.best]),
            "displacement_rms_angstrom": one.displacement,
            "candidate": one.candidate.info["structure_id"] if one.candidate else None,
        }
        row |= {f"start_{name}": value for name, value in zip(MEASURES, one.start_measures, strict=True)}
        row |= dict(zip(MEASURES, one.measures, strict=True))
        rows.append({key: _cell(value) for key, value in row.items()})
    _write_rows(Path(path), ATTACK_COLUMNS, rows)


QUENCH_COLUMNS = (
    "quench", "trajectory", "start", "start_time_fs", "steps",
    "energy_start_ev_per_atom", "energy_ev_per_atom", "largest_force_ev_per_angstrom", *MEASURES, "candidate",
)  # fmt: skip
"""One row per quench; it begins at that time of that trajectory. Energies are the mean of the members."""


def write_quenches(path: str | Path, quenches: Sequence[Quenched]) -> None:
    """The table of quenches; only its header where there were none."""
    rows = []
    for one in quenches:
        row: dict[str, Any] = {
            "quench": one.number,
            "trajectory": one.trajectory,
            "start": one.start,
            "start_time_fs": one.start_time_fs,
            "steps": one.steps,
            "energy_start_ev_per_atom": one.energy_start,
            "energy_ev_per_atom": one.energy,
            "largest_force_ev_per_angstrom": one.largest_force,
            "candidate": one.candidate.info["structure_id"] if one.candidate else None,
        }
        row |= dict(zip(MEASURES, one.measures, strict=True))
        rows.append({key: _cell(value) for key, value in row.items()})
    _write_rows(Path(path), QUENCH_COLUMNS, rows)


TABLES = {
    "trajectory": ("trajectories.csv", TRAJECTORY_COLUMNS),
    "attack": ("attacks.csv", ATTACK_COLUMNS),
    "quench": ("quenches.csv", QUENCH_COLUMNS),
}
"""The tables of an exploration by what a row numbers, in the order in which their candidates stand in the file."""


def gather(folders: Sequence[str | Path], output: str | Path) -> str:
    """Put what the batches of one exploration left together, as one job would have left it; gives a line on it.

    Raises :class:`SamplingError` when a folder is not of an exploration or two hold the same trajectory.
    """
    found: dict[str, list[_Row]] = {what: [] for what in TABLES}
    for folder in map(Path, folders):
        tables = {what: read_table(folder / name, columns) for what, (name, columns) in TABLES.items()}
        every = [(what, row) for what, rows in tables.items() for row in rows]
        candidates = _frames_of([row for _, row in every], "candidate", folder / "candidates.extxyz")
        controls = _frames_of([row for _, row in every], "control", folder / "controls.extxyz")
        for (what, row), candidate, control in zip(every, candidates, controls, strict=True):
            found[what].append(_Row(int(row[what]), row, candidate, control))
    target = Path(output)
    for what, (name, columns) in TABLES.items():
        rows = found[what]
        rows.sort(key=lambda row: row.number)
        if len({row.number for row in rows}) < len(rows):
            both = ", ".join(map(str, folders))
            raise SamplingError(f"{both} hold one {what} twice: are they batches of one exploration?")
        _write_rows(target / name, columns, [row.cells for row in rows])
    ordered = [row for what in TABLES for row in found[what]]
    write_atomically(target / "candidates.extxyz", "".join(row.candidate for row in ordered))
    write_atomically(target / "controls.extxyz", "".join(row.control for row in ordered))
    count = sum(bool(row.candidate) for row in ordered)
    return f"{len(found['trajectory'])} trajectories of {len(folders)} batches, {count} candidates"


@dataclass(frozen=True)
class _Row:
    """A row of a table with the frames that belong to it, as they stand in their files (empty where there is none)."""

    number: int
    cells: dict[str, str]
    candidate: str
    control: str


def _frames_of(rows: Sequence[dict[str, str]], key: str, path: Path) -> list[str]:
    """The frames that rows name by structure id, as text; files hold them in the order of the rows."""
    if not path.is_file():
        raise SamplingError(f"no frames at {path}; `ingot explore` writes them")
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    found, first = [], 0
    for row in rows:
        last = first
        if row.get(key):
            last = first + 2 + int(lines[first]) if first < len(lines) else first
            named = parse_comment(lines[first + 1])["structure_id"] if last > first else "the end of the file"
            if named != row[key]:
                raise SamplingError(f"{path} has {named} where its table names {row[key]}: explore again")
        found.append("".join(lines[first:last]))
        first = last
    return found


def _write_rows(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(path, text.getvalue())


def _cell(value: Any) -> Any:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return ""
    return repr(value) if isinstance(value, float) else value


def read_trajectories(path: str | Path) -> list[dict[str, str]]:
    """The rows of a table of trajectories, as text. Raises :class:`SamplingError` when it is not one."""
    return read_table(path, TRAJECTORY_COLUMNS)


def read_table(path: str | Path, columns: Sequence[str]) -> list[dict[str, str]]:
    """The rows of a table that an exploration left, as text. Raises :class:`SamplingError` when it lacks columns."""
    path = Path(path)
    if not path.is_file():
        raise SamplingError(f"no table at {path}; `ingot explore` writes it beside its candidates")
    with path.open(newline="", encoding="utf-8") as handle:
        reader = csv.DictReader(handle)
        missing = [name for name in columns if name not in (reader.fieldnames or ())]
        if missing:
            raise SamplingError(f"{path} is not a table of `ingot explore`: it lacks {', '.join(missing)}")
        return list(reader)
