"""Potentials in and out: whole ensembles, single networks, NeuroChem directories."""

import jax
import numpy as np
import pytest
from ase.build import bulk

from ingot.cli.main import main
from ingot.potentials import AniArchitecture, Potential, load_potential


@pytest.fixture
def ensemble(tmp_path):
    architecture = AniArchitecture.evenly_spaced(("Al",), 5.0, 4, 4.0, 2, 3, (4,))
    members = [architecture.initial_parameters(seed) for seed in range(3)]
    parameters = jax.tree.map(lambda *leaves: np.stack(leaves), *members)
    Potential(architecture, parameters, {"Al": -1.0}).save(tmp_path / "all")
    return tmp_path / "all"


def _energies(potential):
    atoms = bulk("Al", a=4.1)
    atoms.calc = potential.calculator(dtype="float64")
    return atoms.get_potential_energy()


def test_chosen_members_are_a_potential_of_their_own(ensemble, tmp_path, capsys):
    assert main(["convert", str(ensemble), "-o", str(tmp_path / "two"), "--members", "2", "0"]) == 0
    assert "2 networks for Al" in capsys.readouterr().out
    for members in (["0"], ["2"]):
        assert main(["convert", str(ensemble), "-o", str(tmp_path / members[0]), "--members", *members]) == 0
    pair = _energies(load_potential(tmp_path / "two"))
    assert pair == pytest.approx(np.mean([_energies(load_potential(tmp_path / k)) for k in ("0", "2")]), abs=1e-9)
    assert main(["convert", str(ensemble), "-o", str(tmp_path / "x"), "--members", "3"]) == 1
    assert "the potential has 3, counted from 0" in capsys.readouterr().err


def test_the_published_ensemble_becomes_an_ordinary_potential(test_data, tmp_path):
    source = test_data("ani_al_model")
    assert main(["convert", str(source), "-o", str(tmp_path / "ani-al"), "--members", "0"]) == 0
    converted = load_potential(tmp_path / "ani-al")
    assert converted.members == 1
    original = load_potential(source)
    first = jax.tree.map(lambda leaf: np.asarray(leaf)[:1], original.parameters)
    for mine, theirs in zip(jax.tree.leaves(converted.parameters), jax.tree.leaves(first), strict=True):
        assert np.array_equal(mine, theirs)
