"""``ingot simulate``: settings to ensembles, files, going on, and what is refused."""

import json
from pathlib import Path

import ase.io
import jax
import numpy as np
import pytest
from ase.build import bulk

from ingot.cli.main import main
from ingot.config.base import ConfigurationError, validate
from ingot.config.document import undocumented_fields
from ingot.config.simulation import SimulationSettings
from ingot.dynamics.trajectory import read_trajectory
from ingot.files import read_json
from ingot.potentials import AniArchitecture, Potential


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small untrained ensemble and a crystal."""
    root = tmp_path_factory.mktemp("simulate")
    architecture = AniArchitecture.evenly_spaced(("Al",), 4.5, 4, 3.6, 2, 2, (6,))
    members = [architecture.initial_parameters(seed) for seed in range(2)]
    parameters = jax.tree.map(lambda *leaves: np.stack(leaves), *members)
    Potential(architecture, parameters, {"Al": -1.0}).save(root / "potential")
    atoms = bulk("Al", "fcc", a=4.1, cubic=True)
    atoms.rattle(0.1, seed=3)
    atoms.info["structure_id"] = "of the start only"
    ase.io.write(root / "start.extxyz", atoms)
    return root


def simulate(folder: Path, output: Path, *options: str, start: Path | None = None, **settings: object) -> int:
    values = {"every": 4, "checkpoint_steps": 8, "timestep_fs": 1.0, "steps": 24, **settings}
    arguments = [str(start or folder / "start.extxyz"), "--potential", str(folder / "potential")]
    return main(["simulate", *arguments, "--settings", json.dumps(values), *options, "-o", str(output)])


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize("suffix", ["zarr", "extxyz"])
def test_more_steps_continue_a_run_and_the_same_again_changes_nothing(
    folder: Path, tmp_path: Path, suffix: str
) -> None:
    cut, whole = tmp_path / "cut", tmp_path / "whole"
    for steps in (12, 24, 24):
        assert simulate(folder, cut / f"md.{suffix}", steps=steps) == 0
    assert simulate(folder, whole / f"md.{suffix}") == 0
    assert contents(cut) == contents(whole)


def test_a_trajectory_says_where_it_comes_from(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "md.zarr"
    assert simulate(folder, out, "--seed", "4", ensemble="npt", axes="each", save_velocities=True) == 0
    trajectory = read_trajectory(out)
    assert trajectory["step"].values.tolist() == [4, 8, 12, 16, 20, 24]
    about = trajectory.attrs["settings"]
    assert (about["ensemble"], about["seed"], len(about["potential"])) == ("npt", 4, 16)
    assert trajectory.attrs["versions"]["jax"]
    assert trajectory["position"].dtype == np.float32
    assert "velocity" in trajectory
    assert "forces" not in trajectory
    assert read_json(tmp_path / "md.manifest.json")["content"] == {"atoms": 4, "frames": 6, "stopped": ""}
    assert len(set(trajectory["volume"].values.tolist())) == 6


def test_other_settings_in_the_same_place_are_refused(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "md.zarr"
    assert simulate(folder, out, steps=8) == 0
    assert simulate(folder, out, friction_per_ps=5.0) == 1
    assert "friction_per_ps was 2.0, now it is 5.0. Choose another output" in capsys.readouterr().err
    assert simulate(folder, out, "--repeat", "1", "1", "2") == 1
    assert "structure was" in capsys.readouterr().err
    (tmp_path / "md.checkpoint.safetensors").unlink()
    assert simulate(folder, out) == 1
    assert "md.zarr exists, without the checkpoint" in capsys.readouterr().err


def test_several_temperatures_and_replicas_run_side_by_side(folder: Path, tmp_path: Path) -> None:
    hot = ["--temperature", "100", "--temperature", "900", "--replicas", "2"]
    assert simulate(folder, tmp_path / "md.zarr", *hot, thermostat="rescaling", temperature_relaxation_fs=20.0) == 0
    runs = [read_trajectory(tmp_path / f"md-{r}.zarr") for r in range(4)]
    means = [float(run["temperature"].mean()) for run in runs]
    assert max(means[:2]) < 0.5 * min(means[2:])
    assert len({run["position"].values.tobytes() for run in runs}) == 4


def test_temperature_and_density_follow_their_ramps(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "md.zarr"
    ramp = {"temperature_kelvin": 10.0, "temperature_end_kelvin": 2000.0, "friction_per_ps": 200.0}
    assert simulate(folder, out, **ramp, density_end=0.8, steps=80) == 0
    trajectory = read_trajectory(out)
    first, last = (float(trajectory["volume"][k]) for k in (0, -1))
    start = 4.1**3
    assert last / start == pytest.approx(1 / 0.8, rel=1e-9)
    assert first / start == pytest.approx(1 / (1 - 0.2 * 4 / 80), rel=1e-9)
    temperature = trajectory["temperature"].values
    assert temperature[-5:].mean() > 4 * temperature[:5].mean()
    # The ramp spans the run: a longer run is another one, unless its duration is stated.
    assert simulate(folder, out, **ramp, density_end=0.8, steps=120) == 1


def test_a_run_begins_where_another_ended(folder: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.zarr", tmp_path / "second.zarr"
    exact = {"ensemble": "nve", "precision": "float64", "save_velocities": True, "temperature_kelvin": 300.0}
    assert simulate(folder, first, **exact) == 0
    assert simulate(folder, second, start=first, keep_velocities=True, **exact) == 0
    energies = [read_trajectory(path)["conserved_energy"].values for path in (first, second)]
    assert energies[1][0] == pytest.approx(energies[0][-1], abs=1e-5)


def test_one_network_runs_alone(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for member in (None, 0, 1):
        assert simulate(folder, tmp_path / f"{member}.zarr", member=member) == 0
    energies = [float(read_trajectory(tmp_path / f"{m}.zarr")["potential_energy"][-1]) for m in (None, 0, 1)]
    assert len(set(energies)) == 3
    assert simulate(folder, tmp_path / "2.zarr", member=2) == 1
    assert "member is 2, the potential has 2 networks" in capsys.readouterr().err


def test_atoms_too_close_end_the_run_with_a_reason(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "md.zarr"
    for _ in range(2):  # the second time there is nothing left to do, and the reason is the same
        assert simulate(folder, out, temperature_kelvin=3000.0, closest_angstrom=2.4, steps=400) == 1
        assert "two atoms came to 2." in capsys.readouterr().err
    trajectory = read_trajectory(out)
    assert trajectory["step"][-1] < 400
    assert float(trajectory["nearest"][-1]) < 2.4
    assert "two atoms came to" in read_json(tmp_path / "md.manifest.json")["content"]["stopped"]


def test_frames_do_not_inherit_what_was_said_of_the_start(folder: Path, tmp_path: Path) -> None:
    assert simulate(folder, tmp_path / "md.extxyz") == 0
    frames = ase.io.read(tmp_path / "md.extxyz", index=":")
    assert [frame.info["step"] for frame in frames] == [4, 8, 12, 16, 20, 24]
    assert "structure_id" not in frames[-1].info


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ensemble": "npt", "density_end": 0.9}, "nve or nvt, not npt"),
        ({"ensemble": "nve", "temperature_end_kelvin": 900.0}, "needs a thermostat: nvt or npt, not nve"),
        ({"density_amplitude": -0.5, "density_end": 0.4}, "falls to zero"),
        ({"temperature_kelvin": []}, "at least 1 item"),
        ({"ensemble": "nph", "temperature_amplitude_kelvin": 10.0}, "not nph"),
        ({"thermostats": "rescaling"}, "did you mean 'thermostat'"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        validate(SimulationSettings, settings)


@pytest.mark.parametrize(
    ("options", "settings", "message"),
    [
        (["--steps", "0"], {}, "steps: Input should be greater than or equal to 1"),
        (["--replicas", "0"], {}, "at least one replica, got 0"),
        ([], {"keep_velocities": True}, "has no velocities"),
        ([], {"ensemble": "nph", "bulk_modulus_gpa": 0.0}, "bulk_modulus_gpa"),
    ],
)
def test_wrong_use_is_explained(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str],
    settings: dict[str, object], message: str,
) -> None:  # fmt: skip
    assert simulate(folder, tmp_path / "md.zarr", *options, **settings) == 1
    assert message in capsys.readouterr().err
    assert not (tmp_path / "md.zarr").exists()


def test_an_output_of_another_kind_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert simulate(folder, folder / "md.traj") == 1
    assert "ends in .zarr or .extxyz, not '.traj'" in capsys.readouterr().err


def test_every_setting_has_a_sentence() -> None:
    assert undocumented_fields(SimulationSettings) == []
