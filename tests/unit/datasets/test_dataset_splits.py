"""Splits: siblings never part, and every family is everywhere it can be."""

import numpy as np
import pytest
from ase.build import bulk
from hypothesis import given, settings
from hypothesis import strategies as st

from ingot.datasets import DatasetError, read_splits, split_by_parent
from ingot.files import write_json


def _frames(families):
    frames = []
    for family, parents in families.items():
        for parent, children in enumerate(parents):
            for child in range(children):
                atoms = bulk("Al")
                atoms.info.update(family=family, parent=f"{family}-{parent}", structure_id=f"{family}.{parent}.{child}")
                frames.append(atoms)
    return frames


@settings(max_examples=40, deadline=None)
@given(
    parents=st.dictionaries(
        st.sampled_from(["fcc", "bcc", "packing"]), st.lists(st.integers(1, 4), min_size=3, max_size=12), min_size=1
    ),
    seed=st.integers(0, 10**6),
)
def test_siblings_stay_together_and_families_are_in_every_split(parents, seed):
    frames = _frames(parents)
    splits = split_by_parent(frames, seed, 0.15, 0.15)
    assert sorted(i for ids in splits.values() for i in ids) == sorted(a.info["structure_id"] for a in frames)
    where = {i: name for name, ids in splits.items() for i in ids}
    for atoms in frames:
        siblings = [b for b in frames if b.info["parent"] == atoms.info["parent"]]
        assert len({where[b.info["structure_id"]] for b in siblings}) == 1
    for family in parents:
        found = {where[a.info["structure_id"]] for a in frames if a.info["family"] == family}
        assert found == {"train", "validation", "test"}


def test_a_family_is_held_out_whole_and_small_families_train():
    frames = _frames({"fcc": [1, 1, 1, 1], "vacancy": [2, 2, 2], "bcc": [3]})
    splits = split_by_parent(frames, 0, 0.2, 0.2, ["vacancy"])
    assert {i.split(".")[0] for i in splits["extrapolation"]} == {"vacancy"}
    assert len(splits["extrapolation"]) == 6
    assert {i for i in splits["train"] if i.startswith("bcc")} == {"bcc.0.0", "bcc.0.1", "bcc.0.2"}
    with pytest.raises(DatasetError, match="cannot hold out"):
        split_by_parent(frames, 0, 0.2, 0.2, ["surface"])


def test_adding_a_family_moves_no_other():
    before = split_by_parent(_frames({"fcc": [1] * 9}), 3, 0.2, 0.2)
    after = split_by_parent(_frames({"fcc": [1] * 9, "bcc": [1] * 5}), 3, 0.2, 0.2)
    for name, ids in before.items():
        assert set(ids) == {i for i in after[name] if i.startswith("fcc")}


def test_an_id_in_two_splits_is_refused(tmp_path):
    empty = {"train": [], "validation": [], "test": [], "extrapolation": []}
    write_json(tmp_path / "a.json", {**empty, "train": ["x"]})
    write_json(tmp_path / "b.json", {**empty, "test": ["x"]})
    assert read_splits([tmp_path / "a.json"])["train"] == {"x"}
    with pytest.raises(DatasetError, match="both 'train' and 'test'"):
        read_splits([tmp_path / "a.json", tmp_path / "b.json"])


def test_the_share_of_a_split_follows_its_fraction():
    splits = split_by_parent(_frames({"packing": [1] * 200}), 7, 0.1, 0.2)
    assert (len(splits["validation"]), len(splits["test"])) == (20, 40)
    other = split_by_parent(_frames({"packing": [1] * 200}), 8, 0.1, 0.2)
    overlap = len(np.intersect1d(splits["test"], other["test"]))
    assert overlap < 20  # another seed draws another split
