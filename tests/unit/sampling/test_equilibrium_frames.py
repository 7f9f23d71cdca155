"""Frames of equilibrium dynamics: a crystal whose fluctuations are known."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from ingot.cli.main import main
from ingot.dynamics import Model
from ingot.dynamics.pair import lennard_jones
from ingot.neighbors import neighbor_table
from ingot.potentials import AniArchitecture, Potential
from ingot.sampling import Equilibration, SamplingError, equilibrium_frames
from ingot.structures import describe, read_structures
from ingot.units import BOLTZMANN

CUTOFF = 6.5
ARGON = Model(lennard_jones((0.0104,), 3.4, CUTOFF), ("Ar",), CUTOFF)
KELVIN = 4.0
HOW = Equilibration((KELVIN, KELVIN), settle_steps=400, frames=25, every=40, timestep_fs=8.0, friction_per_ps=3.0)


def crystal(edge: float, parent: str) -> Atoms:
    return describe(bulk("Ar", "fcc", a=edge, cubic=True).repeat(2), "crystal", parent)


def energy(atoms: Atoms) -> float:
    table = neighbor_table(atoms.positions, atoms.cell.array, atoms.pbc, CUTOFF, None)
    species = jnp.zeros(len(atoms), jnp.int32)
    return float(ARGON.evaluate(jnp.asarray(atoms.positions), jnp.asarray(atoms.cell.array), species, table).energy[0])


def test_potential_energy_of_a_cold_crystal_obeys_equipartition() -> None:
    """Half k T for each of the 3 N degrees of freedom (Langevin noise moves the centre of mass too: 3 of them lack)."""
    starts = [crystal(edge, f"p{k}") for k, edge in enumerate((5.25, 5.26, 5.27, 5.28))]
    found = equilibrium_frames(ARGON, starts, HOW, seed=3)
    assert (found.trajectories, found.stopped, len(found.frames)) == (4, 0, 100)
    rest = {start.info["parent"]: energy(start) for start in starts}
    excess = [energy(frame) - rest[frame.info["parent"]] for frame in found.frames]
    expected = 0.5 * BOLTZMANN * KELVIN * (3 * len(starts[0]) - 3)
    assert np.mean(excess) == pytest.approx(expected, rel=0.07)


def test_frames_keep_family_parent_and_order_and_depend_on_the_seed() -> None:
    short = Equilibration((20.0, 60.0), settle_steps=10, frames=2, every=10, timestep_fs=4.0)
    starts = [crystal(5.4, "late"), describe(bulk("Ar", "fcc", a=5.3, cubic=True), "small", "one")]
    frames = equilibrium_frames(ARGON, starts, short, seed=1).frames
    assert [f.info["parent"] for f in frames] == ["late", "late", "one", "one"]
    assert [len(f) for f in frames] == [32, 32, 4, 4]
    assert frames[2].info["family"] == "small"
    again = equilibrium_frames(ARGON, starts, short, seed=1).frames
    other = equilibrium_frames(ARGON, starts, short, seed=2).frames
    assert [f.info["structure_id"] for f in again] == [f.info["structure_id"] for f in frames]
    assert not {f.info["structure_id"] for f in other} & {f.info["structure_id"] for f in frames}


def test_trajectories_that_stop_are_counted_and_none_at_all_is_an_error() -> None:
    hopeless = Equilibration((20.0, 20.0), settle_steps=5, frames=2, every=5, closest_fraction=3.0)
    with pytest.raises(SamplingError, match="all 1 trajectories stopped"):
        equilibrium_frames(ARGON, [crystal(5.3, "p")], hopeless, seed=1)
    with pytest.raises(SamplingError, match="no starting"):
        equilibrium_frames(ARGON, [], HOW, seed=1)


def test_the_command_replaces_the_starts_of_driven_families(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    architecture = AniArchitecture.evenly_spaced(("Al",), 4.5, 4, 3.6, 2, 2, (6,))
    parameters = jax.tree.map(lambda leaf: leaf[None], architecture.initial_parameters(1))
    Potential(architecture, parameters, {"Al": 0.0}).save(tmp_path / "potential")
    family = {
        "kind": "lattice",
        "lattice": "fcc",
        "conventional": True,
        "parents": 2,
        "volume_scale_range": [0.95, 1.05],
    }
    dynamics = {"temperature_kelvin": [100, 300], "settle_steps": 4, "frames": 3, "every": 4}
    settings = {
        "elements": ["Al"],
        "volume_per_atom_angstrom3": 16.6,
        "families": [{**family, "name": "hot", "dynamics": dynamics}, {**family, "name": "cold"}],
        "dynamics_potential": str(tmp_path / "potential"),
    }
    text, starts, output = json.dumps(settings), str(tmp_path / "s.extxyz"), str(tmp_path / "o.extxyz")
    assert main(["structures", "--settings", text, "-o", starts]) == 0
    assert main(["trajectories", starts, "--settings", text, "-o", output]) == 0
    assert [a.info["family"] for a in read_structures(output)] == ["hot"] * 6 + ["cold"] * 2
    assert "hot: 6 frames of 2 trajectories" in capsys.readouterr().out
    assert (
        main(["trajectories", starts, "--settings", json.dumps({**settings, "dynamics_member": 1}), "-o", output]) == 1
    )
    assert "has 1 networks" in capsys.readouterr().err
    without = {k: v for k, v in settings.items() if k != "dynamics_potential"}
    assert main(["trajectories", starts, "--settings", json.dumps(without), "-o", output]) == 1
    assert "structures.dynamics_potential" in capsys.readouterr().err
