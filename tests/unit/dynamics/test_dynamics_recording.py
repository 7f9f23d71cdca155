"""Trajectories on disk, and runs that are killed and go on as if nothing had been."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ase.io
import numpy as np
import pytest
import xarray as xr
import zarr
from ase import Atoms
from ase.build import bulk

from ingot.dynamics import (
    Conditions,
    DynamicsError,
    ExtxyzTrajectory,
    Model,
    Recording,
    Schedule,
    Simulation,
    ThermodynamicsTable,
    conditions,
    frames_per_chunk,
    isoenthalpic_piston,
    record,
    recording,
    stochastic_cell_rescaling,
    thermodynamics,
    trajectory,
)
from ingot.dynamics.pair import lennard_jones
from ingot.dynamics.text_files import GrowingText
from ingot.dynamics.trajectory import ZarrTrajectory, read_trajectory, trajectory_to_ase
from ingot.files import read_json
from ingot.manifest import ManifestError
from ingot.units import FEMTOSECOND, GIGAPASCAL

CUTOFF, EVERY, STEPS, CHUNK = 7.0, 3, 60, 4
MODEL = Model(lennard_jones(0.0104, 3.4, CUTOFF), ("Ar",), CUTOFF)
BULK_MODULUS = 2.5 * GIGAPASCAL
PISTON = conditions(5.0, 150.0, 2.0, barostat=isoenthalpic_piston(800.0, BULK_MODULUS, 1200.0, axes="each"))


def crystal(seed: int = 1) -> Atoms:
    atoms = bulk("Ar", "fcc", a=5.3, cubic=True).repeat(2)
    atoms.rattle(0.05, seed=seed)
    return atoms


def run(
    folder: Path,
    steps: int = STEPS,
    held: Conditions = PISTON,
    replicas: int = 1,
    identity: dict[str, Any] | None = None,
    **options: Any,
) -> Simulation:
    """One recorded run in ``folder``: Zarr, extxyz and table of every replica."""
    start = crystal()
    simulation = Simulation(MODEL, [start] * replicas, temperature=150.0, seed=5, skin=0.3)
    extra = ("velocity", "forces")
    files = [
        [
            ZarrTrajectory(
                folder / f"{r}.zarr", start, CHUNK, options.get("precision", "float64"), extra, {"of": "us"}
            ),
            ExtxyzTrajectory(folder / f"{r}.extxyz", start),
            ThermodynamicsTable(folder / f"{r}.csv"),
        ]
        for r in range(replicas)
    ]
    to = Recording(files, folder / "checkpoint.safetensors", identity or {"seed": 5}, CHUNK)
    record(simulation, steps, held, EVERY, to)
    return simulation


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files of a run that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole")
    run(folder)
    return contents(folder)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


class Killed(BaseException):
    """Stands for a kill: nothing catches it."""


def killed_at(
    monkeypatch: pytest.MonkeyPatch, target: tuple[Any, str], call: int, doing: Callable[..., Any], **options: Any
) -> None:
    """Let ``target`` raise at its n-th call, before it does anything."""
    owner, name = target
    original, calls = getattr(owner, name), []

    def deadly(*arguments: Any, **named: Any) -> Any:
        calls.append(1)
        if len(calls) == call:
            raise Killed
        return original(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(owner, name, deadly)
        with pytest.raises(Killed):
            doing(**options)


KILLS: list[tuple[tuple[Any, str], int]] = [
    ((recording, "frame_of"), 1),  # while it runs
    ((recording, "frame_of"), 7),
    ((recording, "save_checkpoint"), 1),  # before there is anything
    ((recording, "save_checkpoint"), 2),  # between the trajectory and its checkpoint
    ((recording, "save_checkpoint"), 4),
    ((zarr.Group, "create_array"), 5),  # while the trajectory begins
    ((zarr.Array, "resize"), 1),  # between two arrays of one chunk
    ((zarr.Array, "resize"), 17),
    ((ZarrTrajectory, "_flush"), 2),  # before the chunk counts
    ((GrowingText, "append"), 3),  # between trajectory and table
    ((trajectory, "write_manifest"), 1),
]


@pytest.mark.parametrize(("target", "call"), KILLS, ids=[f"{name}-{call}" for (_, name), call in KILLS])
def test_a_run_killed_anywhere_goes_on_to_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: dict[str, bytes], target: tuple[Any, str], call: int
) -> None:
    killed_at(monkeypatch, target, call, run, folder=tmp_path)
    assert contents(tmp_path) != whole
    run(tmp_path)
    assert contents(tmp_path) == whole


@pytest.mark.parametrize(
    "held",
    [
        conditions(5.0, 150.0, rescaling_fs=80.0, barostat=stochastic_cell_rescaling(300.0, BULK_MODULUS)),
        conditions(5.0, 80.0, 20.0, density=Schedule.ramp(1.0, 1.7, 50 * 5.0 * FEMTOSECOND)),
    ],
    ids=["rescaling", "driven"],
)
def test_a_run_killed_twice_goes_on_in_any_ensemble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, held: Conditions
) -> None:
    simulation = run(tmp_path / "whole", held=held)
    assert simulation.tables.renewed > 2  # going on must make the same tables as before, not new ones
    for call in (9, 4):
        killed_at(monkeypatch, (recording, "frame_of"), call, run, folder=tmp_path / "cut", held=held)
    run(tmp_path / "cut", held=held)
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def test_a_run_killed_by_the_system_goes_on_to_the_same_bytes(tmp_path: Path, whole: dict[str, bytes]) -> None:
    """SIGKILL between a chunk of the trajectory and its checkpoint, in a process of its own."""
    program = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "import ingot.dynamics.recording as recording\n"
        "import test_dynamics_recording as test\n"
        "save, calls = recording.save_checkpoint, []\n"
        "def deadly(*arguments):\n"
        "    calls.append(1)\n"
        "    if len(calls) == 4:\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "    save(*arguments)\n"
        "recording.save_checkpoint = deadly\n"
        "test.run(Path(sys.argv[2]))\n"
    )
    folder = tmp_path / "killed"
    command = [sys.executable, "-c", program, str(Path(__file__).parent), str(folder)]
    done = subprocess.run(command, check=False, capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    assert read_trajectory(folder / "0.zarr").sizes["frame"] == 3 * CHUNK  # of which the checkpoint knows two chunks
    run(folder)
    assert contents(folder) == whole


def test_a_longer_run_continues_a_finished_one(tmp_path: Path, whole: dict[str, bytes]) -> None:
    """Also when the last chunk was not full."""
    for steps in (15, STEPS, STEPS):
        run(tmp_path, steps=steps)
    assert contents(tmp_path) == whole


def test_replicas_have_files_of_their_own_and_one_that_stops_ends_there(tmp_path: Path) -> None:
    held = [conditions(5.0), conditions(5.0, closest_angstrom=3.22)]
    run(tmp_path / "whole", held=held, replicas=2)  # type: ignore[arg-type]
    first, second = (read_trajectory(tmp_path / "whole" / f"{r}.zarr") for r in range(2))
    assert first["step"].values.tolist() == list(range(EVERY, STEPS + 1, EVERY))
    steps = second["step"].values
    assert 0 < steps[-1] < STEPS
    assert len(set(steps.tolist())) == len(steps)
    assert float(second["nearest"][-1]) < 3.22 <= float(second["nearest"][:-1].min())
    content = read_json(tmp_path / "whole" / "1.manifest.json")["content"]
    assert content["frames"] == len(steps)
    assert content["stopped"] == f"two atoms came to {float(second['nearest'][-1]):.2f} A of each other"
    run(tmp_path / "cut", steps=30, held=held, replicas=2)  # type: ignore[arg-type]
    run(tmp_path / "cut", held=held, replicas=2)  # type: ignore[arg-type]
    assert contents(tmp_path / "cut") == contents(tmp_path / "whole")


def test_a_trajectory_says_what_the_simulation_was(tmp_path: Path) -> None:
    simulation = run(tmp_path)
    found = read_trajectory(tmp_path / "0.zarr")
    now = thermodynamics(simulation)
    last = found.isel(frame=-1)
    assert isinstance(found, xr.Dataset)
    assert float(last["time"]) == 5.0 * STEPS
    assert np.array_equal(last["position"].values, simulation.structure().positions)
    assert np.array_equal(last["velocity"].values, simulation.velocities[0])
    assert np.array_equal(last["cell"].values, now.cell)
    assert float(last["temperature"]) == now.temperature
    assert np.array_equal(last["pressure"].values, now.pressure_gpa)
    virial = last["stress"].values[:3].sum()
    kinetic = 2 * now.kinetic_energy / now.volume
    assert (kinetic - virial) / GIGAPASCAL == pytest.approx(now.pressure_gpa.sum(), rel=1e-10)
    assert found["position"].attrs["units"] == "angstrom"
    assert found.attrs["of"] == "us"
    frames = list(trajectory_to_ase(found))
    assert len(frames) == STEPS // EVERY
    assert np.array_equal(frames[-1].positions, simulation.structure().positions)
    assert frames[-1].get_kinetic_energy() == pytest.approx(now.kinetic_energy, rel=1e-7)
    assert frames[-1].get_potential_energy() == now.potential_energy
    assert np.array_equal(frames[-1].get_forces(), np.asarray(simulation.state.forces[0]))
    text = ase.io.read(tmp_path / "0.extxyz", index=":")
    np.testing.assert_allclose([f.positions for f in text], found["position"].values, atol=1e-8)
    table = np.genfromtxt(tmp_path / "0.csv", delimiter=",", names=True)
    assert np.array_equal(table["conserved_energy_ev"], found["conserved_energy"].values)


def test_single_precision_is_a_choice(tmp_path: Path) -> None:
    run(tmp_path, precision="float32")
    found = read_trajectory(tmp_path / "0.zarr")
    assert found["position"].dtype == np.float32
    assert found["cell"].dtype == np.float64


def test_a_trajectory_of_a_killed_run_can_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed_at(monkeypatch, (zarr.Array, "resize"), 20, run, folder=tmp_path)
    found = read_trajectory(tmp_path / "0.zarr")
    assert found["step"].values.tolist() == list(range(EVERY, CHUNK * EVERY + 1, EVERY))
    assert np.isfinite(found["forces"].values).all()


def test_damage_does_not_pass(tmp_path: Path) -> None:
    with pytest.raises(DynamicsError, match="no trajectory at"):
        read_trajectory(tmp_path / "absent.zarr")
    zarr.create_group(tmp_path / "other.zarr")
    with pytest.raises(DynamicsError, match="not a trajectory: it holds nothing"):
        read_trajectory(tmp_path / "other.zarr")
    run(tmp_path)
    (tmp_path / "0.zarr" / "position" / "c" / "1" / "0" / "0").unlink()
    with pytest.raises(ManifestError, match="position/c/1/0/0 is missing"):
        read_trajectory(tmp_path / "0.zarr")
    with pytest.raises(DynamicsError, match="lacks 1 of its 5 chunks"):
        run(tmp_path, steps=STEPS + 3)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda folder: (folder / "checkpoint.safetensors").unlink(), "without the checkpoint"),
        (lambda folder: (folder / "checkpoint.safetensors").write_bytes(b"{}"), "cannot read the checkpoint"),
        (lambda folder: (folder / "0.csv").write_text("step\n"), "shorter than its checkpoint says"),
        (lambda folder: (folder / "0.extxyz").unlink(), "shorter than its checkpoint says"),
        (lambda folder: shutil.rmtree(folder / "0.zarr"), "missing, of which the checkpoint counts 5 frames"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(
    tmp_path: Path, damage: Callable[[Path], Any], message: str
) -> None:
    run(tmp_path, steps=15)
    damage(tmp_path)
    with pytest.raises(DynamicsError, match=message):
        run(tmp_path)


def test_another_run_in_the_same_place_is_refused_with_what_differs(tmp_path: Path) -> None:
    run(tmp_path, steps=15)
    with pytest.raises(DynamicsError, match=r"seed was 5, now it is 6\. Choose another output"):
        run(tmp_path, identity={"seed": 6})


def test_a_snapshot_needs_a_state_and_the_same_system() -> None:
    one, two = (Simulation(MODEL, crystal(), temperature=10.0) for _ in range(2))
    with pytest.raises(DynamicsError, match="before taking a snapshot"):
        one.snapshot()
    one.run(2, PISTON)
    other = Simulation(MODEL, bulk("Ar", "fcc", a=5.3))
    with pytest.raises(DynamicsError, match="1 replicas of 1 atoms"):
        other.resume(one.snapshot())
    two.resume(one.snapshot())
    for simulation in (one, two):
        simulation.run(30, PISTON)
    assert np.array_equal(one.velocities, two.velocities)


def test_chunks_are_bounded_by_memory() -> None:
    assert frames_per_chunk(1000, 10, 32) == 100
    assert frames_per_chunk(5, 10, 32) == 1
    assert frames_per_chunk(1000, 1, 10**7) == 1
