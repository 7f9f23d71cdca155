"""A wrong configuration says which key, what is wrong, and the nearest name that exists."""

import pytest
import yaml

from ingot.config.base import ConfigurationError, validate
from ingot.config.document import reference_page, schema_text, undocumented_fields
from ingot.config.labels import AseSettings
from ingot.config.root import Configuration, load_configuration, read_configuration


def _minimal() -> dict:
    return {
        "run": {"name": "x", "title": "x"},
        "structures": {
            "elements": ["Al"],
            "volume_per_atom_angstrom3": 16.0,
            "families": [{"name": "fcc", "kind": "lattice", "parents": 3}],
        },
        "labels": {"method": "pyscf"},
    }


@pytest.mark.parametrize(
    ("section", "change", "message"),
    [
        ("training", {"epochz": 3}, "training.epochz: unknown key; did you mean 'epochs'?"),
        ("training", {"members": 0}, "training.members: .*greater than or equal to 1.*got 0"),
        ("training", {"learning_rate": "fast"}, "training.learning_rate: .*valid number.*got 'fast'"),
        ("labels", {"pyscf": {"smearing_width": 0.2}}, "did you mean 'smearing_width_ev'?"),
        ("labels", {"method": "psycf"}, "labels.method: Input should be 'pyscf', 'pyscf-molecule', 'orbital-free'"),
        (
            "structures",
            {"families": [{"name": "fcc", "kind": "lattice", "parent": 3}]},
            "families.0.parent: unknown key; did you mean 'parents'",
        ),
        ("structures", {"families": []}, "structures.families is empty"),
        ("structures", {"volume_per_atom_angstrom3": -1}, "needs a positive volume"),
        ("dataset", {"test_fraction": 0.9}, "dataset.test_fraction: .*less than 0.5"),
        ("active_learning", {"max_iterations": 1}, "start_families is empty"),
    ],
)  # fmt: skip
def test_each_mistake_is_named(section, change, message):
    values = _minimal()
    values[section] = {**values.get(section, {}), **change}
    with pytest.raises(ConfigurationError, match=message):
        load_configuration(values)


def test_every_mistake_is_listed_at_once():
    values = _minimal() | {"training": {"epochz": 3, "members": -1}, "trainin": {}}
    with pytest.raises(ConfigurationError) as error:
        load_configuration(values)
    assert str(error.value).count("\n") == 3
    assert "trainin: unknown key; did you mean 'training'?" in str(error.value)


def test_data_of_ones_own_replace_structures_and_labels():
    load_configuration({"run": {"name": "x", "title": "x"}, "data": {"file": "a.extxyz"}})
    with pytest.raises(ConfigurationError, match="either `data` or both"):
        load_configuration({"run": {"name": "x", "title": "x"}})
    with pytest.raises(ConfigurationError, match="leave out `structures`"):
        load_configuration(_minimal() | {"data": {"file": "a.extxyz"}})


def test_files_that_are_no_configuration(tmp_path):
    with pytest.raises(ConfigurationError, match="no configuration at"):
        read_configuration(tmp_path / "absent.yaml")
    (tmp_path / "broken.yaml").write_text("run: [1, 2")
    with pytest.raises(ConfigurationError, match="not valid YAML"):
        read_configuration(tmp_path / "broken.yaml")


def test_every_field_has_a_sentence_and_the_pages_say_it():
    assert undocumented_fields(Configuration) == []
    page, schema = reference_page(Configuration), schema_text(Configuration)
    for name in ("kpoint_length_angstrom", "threshold_errors", "volume_scale_range"):
        assert f"`{name}`" in page
        assert name in schema


def test_numbers_given_as_text_are_read_as_numbers():
    """`snakemake --config` hands nested values over as text."""
    values = yaml.safe_load(yaml.safe_dump(_minimal())) | {"training": {"epochs": "5"}}
    assert load_configuration(values).training.epochs == 5


def test_a_preset_fills_what_is_not_given():
    from ingot.config.labels import LabelSettings

    chosen = validate(LabelSettings, {"pyscf": {"preset": "production", "kpoint_length_angstrom": 30}}).model_dump()
    assert chosen["pyscf"]["basis"] == "TZV2P-MOLOPT-PBE-GTH"
    assert chosen["pyscf"]["kpoint_length_angstrom"] == 30
    assert "preset" not in chosen["pyscf"]  # resolved settings say what they are, not where they came from
    assert validate(LabelSettings, chosen).model_dump() == chosen
    with pytest.raises(ConfigurationError, match=r"pyscf\.preset"):
        validate(LabelSettings, {"pyscf": {"preset": "fast"}})


def test_a_number_in_an_engines_arguments_is_a_number_in_yaml_too():
    """YAML 1.1 takes 1e-8 for text; an engine would get it in quotes."""
    arguments = yaml.safe_load("{electrons: {conv_thr: 1e-8}, steps: [1E3, 2], name: 1e, file: e-8.upf}")
    values = AseSettings(calculator="any.Engine", arguments=arguments).arguments
    assert values == {"electrons": {"conv_thr": 1e-8}, "steps": [1000.0, 2], "name": "1e", "file": "e-8.upf"}
