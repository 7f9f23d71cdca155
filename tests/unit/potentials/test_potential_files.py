"""Saving, loading, and refusing what was changed."""

import json

import jax
import numpy as np
import pytest

from ingot.potentials import AniArchitecture, Potential, PotentialError, architecture_from_json, load_potential


@pytest.fixture
def potential():
    architecture = AniArchitecture.evenly_spaced(("Al",), 5.0, 4, 4.0, 2, 3, (6,))
    members = [architecture.initial_parameters(seed) for seed in range(2)]
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *members)
    return Potential(architecture, stacked, {"Al": -3.0}, {"energy": 1.5, "forces": 2.0}, {"seed": 1})


def test_round_trip_is_exact_and_repeatable(potential, tmp_path):
    potential.save(tmp_path / "a")
    potential.save(tmp_path / "b")
    for name in ("potential.json", "parameters.safetensors"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    loaded = load_potential(tmp_path / "a")
    assert loaded.members == 2
    assert loaded.offsets == potential.offsets
    assert loaded.uncertainty_scale == potential.uncertainty_scale
    assert loaded.provenance == {"seed": 1}
    jax.tree.map(np.testing.assert_array_equal, loaded.parameters, potential.parameters)


@pytest.mark.parametrize("damage", ["flip", "truncate", "missing", "description", "kind", "members", "format"])
def test_damaged_potentials_are_refused(potential, tmp_path, damage):
    target = tmp_path / "p"
    potential.save(target)
    parameters, description = target / "parameters.safetensors", target / "potential.json"
    values = json.loads(description.read_text())
    if damage == "flip":
        data = bytearray(parameters.read_bytes())
        data[-1] ^= 1
        parameters.write_bytes(data)
    elif damage == "truncate":
        parameters.write_bytes(parameters.read_bytes()[:-16])
    elif damage == "missing":
        parameters.unlink()
    elif damage == "description":
        description.write_text(description.read_text()[:-40])
    else:
        values["architecture" if damage == "kind" else damage] = {"kind": "anj"} if damage == "kind" else 7
        description.write_text(json.dumps(values))
    with pytest.raises(PotentialError):
        load_potential(target)


def test_parameters_of_another_shape_are_refused(potential, tmp_path):
    potential.save(tmp_path / "p")
    description = tmp_path / "p" / "potential.json"
    values = json.loads(description.read_text())
    values["architecture"]["hidden"] = [7]
    description.write_text(json.dumps(values))
    with pytest.raises(PotentialError, match="does not fit"):
        load_potential(tmp_path / "p")


def test_errors_say_what_to_do(potential, tmp_path):
    with pytest.raises(PotentialError, match="no potential at"):
        load_potential(tmp_path)
    with pytest.raises(PotentialError, match="did you mean 'ani'"):
        architecture_from_json({"kind": "anni"})
    with pytest.raises(PotentialError, match="describes Al, not Cu"):
        potential.species_index(np.array([13, 29]))
    with pytest.raises(PotentialError, match="no energy offset for Al"):
        Potential(potential.architecture, potential.parameters, {})
