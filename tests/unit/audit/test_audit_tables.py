"""The tables of an audit, and the command that writes them."""

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from ingot.audit import AuditError, audit_tables, delta_entropy, describe, entropy
from ingot.audit.tables import COLUMNS, write_table
from ingot.cli.main import main
from ingot.structures import write_structures


def shaken(count: int, scale: float, seed: int, family: str, repeat: int = 1) -> list[Atoms]:
    frames = []
    for k in range(count):
        atoms = bulk("Al", cubic=True) * (repeat, repeat, repeat)
        atoms.rattle(scale, seed=seed + k)
        atoms.info.update(family=family, parent=f"{family}-{k // 2}", structure_id=f"{family}{k}")
        frames.append(atoms)
    return frames


CRYSTAL = shaken(6, 0.03, 0, "crystal")
MELT = shaken(4, 0.5, 50, "melt", 2)


def test_a_set_that_repeats_the_data_is_not_novel_and_a_new_one_is() -> None:
    sets = [describe("initial", CRYSTAL), describe("copies", CRYSTAL[:3]), describe("melts", MELT)]
    tables = audit_tables(sets)
    assert [row["set"] for row in tables["novelty"]] == ["copies", "melts"]
    copies, melts = tables["novelty"]
    assert copies["share_above_0"] == 0.0
    assert melts["share_above_0"] == 1.0
    assert melts["reference_environments"] == 4 * 9
    novelty = delta_entropy(sets[2].descriptors, np.concatenate([sets[0].descriptors, sets[1].descriptors]))
    assert melts["delta_entropy_q50"] == pytest.approx(np.median(novelty))


def test_summary_holds_each_set_and_the_data_as_it_grew() -> None:
    sets = [describe("initial", CRYSTAL), describe("melts", MELT)]
    rows = {(row["grouping"], row["group"]): row for row in audit_tables(sets, [describe("test", MELT[:1])])["summary"]}
    assert set(rows) == {
        ("set", "initial"),
        ("set", "melts"),
        ("set", "test"),
        ("family", "crystal"),
        ("family", "melt"),
    }
    everything = np.concatenate([part.descriptors for part in sets])
    grown = rows["set", "melts"]
    assert grown["cumulative_environments"] == len(everything) == 4 * 6 + 32 * 4
    assert grown["cumulative_entropy"] == pytest.approx(entropy(everything))
    assert grown["entropy"] == rows["family", "melt"]["entropy"] == pytest.approx(entropy(sets[1].descriptors))
    assert grown["largest_entropy"] == pytest.approx(math.log(128))
    assert rows["set", "test"]["role"] == "test"
    assert "cumulative_entropy" not in rows["set", "test"]


def test_tests_are_covered_as_the_data_grows() -> None:
    training = [describe("initial", CRYSTAL), describe("melts", MELT)]
    test = describe("held-out", [CRYSTAL[0], MELT[0]])
    rows = audit_tables(training, [test], thresholds=(1e-5,))["overlap"]
    assert [(row["up_to"], row["overlap"]) for row in rows] == [("initial", 4 / 36), ("melts", 1.0)]


def test_structures_carry_the_novelty_of_their_own_atoms() -> None:
    training = [describe("initial", CRYSTAL), describe("more", [MELT[0], CRYSTAL[2]])]
    rows = audit_tables(training)["structures"]
    assert [row["structure_id"] for row in rows][-2:] == ["melt0", "crystal2"]
    assert rows[0]["delta_entropy_mean"] is None  # nothing was there before
    novelty = delta_entropy(training[1].descriptors, training[0].descriptors)
    assert rows[-2]["delta_entropy_max"] == novelty[:32].max()
    assert rows[-2]["share_above_0"] == 1.0
    assert rows[-1]["share_above_0"] == 0.0


def test_sets_that_mean_nothing_are_refused() -> None:
    initial = describe("initial", CRYSTAL)
    with pytest.raises(AuditError, match="'empty' has no atoms"):
        describe("empty", [])
    with pytest.raises(AuditError, match="set 'bad': frame 0"):
        describe("bad", [Atoms("Al2", positions=np.zeros((2, 3)))])
    with pytest.raises(AuditError, match="no training set"):
        audit_tables([], [initial])
    with pytest.raises(AuditError, match="unique"):
        audit_tables([initial], [initial])
    with pytest.raises(AuditError, match="group"):
        audit_tables([initial], groups=("colour",))


def test_tables_are_read_back_bit_for_bit(tmp_path: Path) -> None:
    rows = audit_tables([describe("initial", CRYSTAL)])["learning_curve"]
    write_table(tmp_path / "curve.csv", "learning_curve", rows, {"neighbors": 32})
    with (tmp_path / "curve.csv").open() as handle:
        read = list(csv.DictReader(handle))
    assert [float(row["entropy"]) for row in read] == [row["entropy"] for row in rows]
    assert {row["neighbors"] for row in read} == {"32"}


def test_the_command_writes_every_table_and_the_same_bytes_for_any_threads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for atoms in (*CRYSTAL, *MELT):
        atoms.info.pop("structure_id", None)
    write_structures(tmp_path / "initial.extxyz", CRYSTAL)
    write_structures(tmp_path / "more.extxyz", MELT)
    arguments = [
        "audit",
        "--set",
        f"initial={tmp_path / 'initial.extxyz'}",
        "--set",
        f"more={tmp_path / 'more.extxyz'}",
    ]
    arguments += ["--test", f"melt={tmp_path / 'more.extxyz'}", "--settings", '{"neighbors": 16, "curve_repeats": 2}']
    assert main([*arguments, "-o", str(tmp_path / "one")]) == 0
    assert main([*arguments, "--threads", "3", "-o", str(tmp_path / "three")]) == 0
    assert "100.0 % above 0" in capsys.readouterr().out
    for table, columns in COLUMNS.items():
        text = (tmp_path / "one" / f"{table}.csv").read_text()
        expected = [*columns, "neighbors", "cutoff_angstrom", "bandwidth_per_angstrom"]
        assert text.splitlines()[0].split(",") == expected
        assert len(text.splitlines()) > 1
        assert text == (tmp_path / "three" / f"{table}.csv").read_text()


def test_the_command_explains_itself(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_structures(tmp_path / "a.extxyz", CRYSTAL)
    output = ["-o", str(tmp_path / "out")]
    assert main(["audit", *output]) == 1
    assert "no training set" in capsys.readouterr().err
    assert main(["audit", "--set", "=x", *output]) == 1
    assert "NAME=PATH" in capsys.readouterr().err
    assert main(["audit", str(tmp_path / "a.extxyz"), "--settings", '{"neighbours": 8}', *output]) == 1
    assert "neighbors" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
