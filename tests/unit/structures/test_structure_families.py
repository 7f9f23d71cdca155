"""Families: counts, parents, seeds, compositions; the settings and the command."""

import json
from collections import Counter

import numpy as np
import pytest

from ingot.cli.main import main
from ingot.config.base import ConfigurationError, validate
from ingot.config.structures import StructureSettings
from ingot.structures import Family, StructureError, build_structures, read_structures, structure_id

FCC = Family("fcc", "lattice", parents=3, children=2, volume_scale_range=(0.9, 1.1), strain_magnitude=0.03)
PACKING = Family("packing", "packing", parents=2, children=1, atoms=6, rattle_angstrom=0.05)
RATTLED = Family("hot", "rattled", parents=2, children=2, conventional=True, rattle_angstrom=0.2)
VACANCY = Family("vacancy", "vacancy", parents=2, children=1, conventional=True, repeat=(2, 1, 1))


def test_counts_parents_and_volumes():
    built = build_structures(["Al"], 16.6, [FCC, PACKING, RATTLED, VACANCY], seed=1)
    assert Counter(a.info["family"] for a in built) == {"fcc": 9, "packing": 4, "hot": 4, "vacancy": 2}
    assert Counter(a.info["parent"] for a in built)["fcc-001"] == 3
    perfect = [a for a in built if a.info["family"] == "fcc"][::3]
    assert [a.get_volume() / 16.6 for a in perfect] == pytest.approx([0.9, 1.0, 1.1], rel=1e-5)
    assert all(a.info["structure_id"] == structure_id(a) for a in built)
    assert [len(a) for a in built if a.info["family"] == "vacancy"] == [7, 7]


def test_a_structure_depends_on_its_own_name_only():
    alone = build_structures(["Al"], 16.6, [PACKING], seed=1)
    among = build_structures(["Al"], 16.6, [FCC, RATTLED, PACKING], seed=1)
    ids = [a.info["structure_id"] for a in alone]
    assert ids == [a.info["structure_id"] for a in among if a.info["family"] == "packing"]
    other_seed = build_structures(["Al"], 16.6, [PACKING], seed=2)
    other_stream = build_structures(["Al"], 16.6, [PACKING], seed=1, stream="test")
    for others in (other_seed, other_stream):
        assert not set(ids) & {a.info["structure_id"] for a in others}


def test_exact_duplicates_are_kept_once():
    twice = [Family("one", "lattice", parents=2), Family("two", "lattice", parents=1)]
    assert len(build_structures(["Al"], 16.6, twice, seed=1)) == 1


def test_compositions_are_kept_and_sites_are_random():
    family = Family(
        "alloy", "lattice", parents=6, conventional=True, repeat=(2, 2, 1), composition={"Al": 3, "Cu": 1},
        volume_scale_range=(0.9, 1.1),
    )  # fmt: skip
    built = build_structures(["Al", "Cu"], {"Al": 16.6, "Cu": 11.8}, [family], seed=3)
    assert all(Counter(a.symbols) == {"Al": 12, "Cu": 4} for a in built)
    assert len({tuple(a.numbers) for a in built}) > 3
    mean = np.mean([a.get_volume() / 16 for a in built])
    assert mean == pytest.approx(0.75 * 16.6 + 0.25 * 11.8, rel=1e-5)


def test_small_cells_have_the_composition_on_average():
    family = Family(
        "alloy", "lattice", parents=400, volume_scale_range=(0.5, 1.5), composition={"Al": 0.75, "Cu": 0.25}
    )
    built = build_structures(["Al", "Cu"], 15.0, [family], seed=3)
    assert np.mean([a.symbols[0] == "Cu" for a in built]) == pytest.approx(0.25, abs=0.07)


def test_wrong_elements_are_refused():
    family = Family("alloy", "lattice", parents=1, composition={"Alu": 1})
    with pytest.raises(StructureError, match="did you mean 'Al'"):
        build_structures(["Al"], 16.6, [family], seed=1)
    with pytest.raises(StructureError, match="no reference volume per atom for Cu"):
        build_structures(["Al", "Cu"], {"Al": 16.6}, [PACKING], seed=1)


SETTINGS = {
    "elements": ["Al"],
    "volume_per_atom_angstrom3": 16.6,
    "families": [
        {"name": "fcc", "kind": "lattice", "parents": 2, "volume_scale_range": [0.9, 1.1]},
        {"name": "gap", "kind": "vacancy", "parents": 1, "children": 1, "conventional": True, "role": "extrapolation"},
    ],
    "test_families": [{"name": "probe", "kind": "packing", "parents": 1, "atoms": 4}],
    "start_families": [{"name": "start", "kind": "packing", "parents": 1, "atoms": 4}],
}


def test_settings_know_the_extrapolation_families():
    assert validate(StructureSettings, SETTINGS).extrapolation_families == ("gap",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"elements": []}, "at least 1"),
        ({"families": [{"name": "a", "kind": "rattled", "parents": 1}]}, "consists of its children"),
        ({"families": [{"name": "a", "kind": "lattice", "parents": 1, "children": 1}]}, "all be the same"),
        (
            {"families": [{"name": "a", "kind": "latice", "parents": 1}]},
            "'packing', 'vacancy', 'stacking', 'surface' or 'hot'",
        ),
        ({"families": [{"name": "probe", "kind": "lattice", "parents": 1}]}, "used twice: probe"),
        (
            {"families": [{"name": "a", "kind": "lattice", "parents": 1, "rattle": 0.1}]},
            "families.0.rattle: unknown key",
        ),
        ({"volume_per_atom_angstrom3": {"Cu": 11.8}}, "missing: Al"),
        ({"volume_per_atom_angstrom3": -1.0}, "positive volume"),
    ],
)
def test_bad_settings_are_refused_with_help(change, message):
    with pytest.raises(ConfigurationError, match=message):
        validate(StructureSettings, {**SETTINGS, **change})


def test_the_command_writes_each_set_reproducibly(tmp_path, capsys):
    settings = json.dumps(SETTINGS)

    def build(name: str, output: str, seed: str = "4") -> list[str]:
        path = str(tmp_path / output)
        assert main(["structures", "--settings", settings, "--seed", seed, "--set", name, "-o", path]) == 0
        return [a.info["structure_id"] for a in read_structures(path)]

    assert len(build("initial", "a.extxyz")) == 3
    assert "fcc 2, gap 1" in capsys.readouterr().out
    build("initial", "b.extxyz")
    assert (tmp_path / "a.extxyz").read_bytes() == (tmp_path / "b.extxyz").read_bytes()
    assert build("starts-0", "s0.extxyz") != build("starts-1", "s1.extxyz")
    assert build("test", "t.extxyz") != build("test", "u.extxyz", seed="5")
    assert main(["structures", "--settings", settings, "--set", "tset", "-o", str(tmp_path / "x")]) == 1
    assert "must be initial, test or starts-N" in capsys.readouterr().err
