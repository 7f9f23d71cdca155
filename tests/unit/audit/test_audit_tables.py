"""The tables of an audit, and the command that writes them."""

import csv
import math
from pathlib import Path

import ase.io
import numpy as np
import pytest
from ase import Atoms
from ase.build import bulk

from ingot.audit import (
    AuditError,
    Engine,
    Plan,
    Saturation,
    audit_sets,
    delta_entropy,
    describe,
    entropy,
    saturation,
)
from ingot.audit.table_files import COLUMNS, write_table
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
    tables = audit_sets(sets).tables
    assert [row["set"] for row in tables["novelty"]] == ["copies", "melts"]
    copies, melts = tables["novelty"]
    assert copies["share_above_0"] == 0.0
    assert melts["share_above_0"] == 1.0
    assert melts["reference_environments"] == 4 * 9
    novelty = delta_entropy(sets[2].descriptors, np.concatenate([sets[0].descriptors, sets[1].descriptors]))
    assert melts["delta_entropy_q50"] == pytest.approx(np.median(novelty))


def test_summary_holds_each_set_and_the_data_as_it_grew() -> None:
    sets = [describe("initial", CRYSTAL), describe("melts", MELT)]
    rows = {
        (row["grouping"], row["group"]): row for row in audit_sets(sets, [describe("test", MELT[:1])]).tables["summary"]
    }
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
    rows = audit_sets(training, [test], plan=Plan(thresholds=(1e-5,))).tables["overlap"]
    assert [(row["up_to"], row["overlap"]) for row in rows] == [("initial", 4 / 36), ("melts", 1.0)]


def test_compression_tells_what_every_share_covers() -> None:
    """Ten copies of one melt and ten different ones: eleven structures hold all that there is."""
    melts = shaken(11, 0.3, 7, "melt")
    copies = [melts[0].copy() for _ in range(9)]
    part = describe("melts", [*melts, *copies])
    rows = audit_sets([part], plan=Plan(compression=("msc", "random"))).tables["compression"]
    msc, random = ([row for row in rows if row["method"] == method] for method in ("msc", "random"))
    assert [row["structures"] for row in msc] == [1, 2, 4, 8, 14]
    assert [row["share"] for row in msc] == [0.05, 0.1, 0.2, 0.4, 0.7]
    assert msc[-1]["covered"] == 1.0 > random[-1]["covered"]  # type: ignore[operator]
    for better, worse in zip(msc[2:], random[2:], strict=True):
        assert better["diversity"] > worse["diversity"]  # type: ignore[operator]
    assert not audit_sets([part]).tables["compression"]


def test_structures_carry_the_novelty_of_their_own_atoms() -> None:
    training = [describe("initial", CRYSTAL), describe("more", [MELT[0], CRYSTAL[2]])]
    rows = audit_sets(training).tables["structures"]
    assert [row["structure_id"] for row in rows][-2:] == ["melt0", "crystal2"]
    assert "delta_entropy_mean" not in rows[0]  # nothing was there before
    novelty = delta_entropy(training[1].descriptors, training[0].descriptors)
    assert rows[-2]["delta_entropy_max"] == pytest.approx(novelty[:32].max())
    assert rows[-2]["share_above_0"] == 1.0
    assert rows[-1]["share_above_0"] == 0.0


def test_an_outlier_is_found_with_its_atom() -> None:
    odd = CRYSTAL[2].copy()
    odd.positions[1] += [0.6, 0.2, -0.1]
    part = describe("data", [*CRYSTAL[:4], odd, *MELT])
    listed = audit_sets([describe("other", CRYSTAL[4:]), part], plan=Plan(outliers=200)).tables["outliers"]
    x = np.concatenate([describe("other", CRYSTAL[4:]).descriptors, part.descriptors])
    assert len(listed) == len(x)
    values = [row["delta_entropy"] for row in listed]
    assert values == sorted(values, reverse=True)  # type: ignore[type-var]
    place = 2 * 4 + 4 * 4 + 1
    alone = delta_entropy(x[place : place + 1], np.delete(x, place, axis=0))[0]
    mine = [row for row in listed if row["structure_id"] == odd.info["structure_id"] and row["atom"] == 1]
    assert alone in [pytest.approx(row["delta_entropy"]) for row in mine]


@pytest.mark.parametrize("exact", [10_000, 60])
def test_the_farthest_come_first_where_sums_cannot_tell_them_apart(exact: int) -> None:
    """Melts of one atom's surroundings each: every kernel sum is 1 to the last digit, and only distances differ."""
    part = describe("melts", shaken(12, 0.9, 50, "melt"))
    audited = audit_sets([describe("crystal", CRYSTAL), part], plan=Plan(outliers=5, exact_environments=exact))
    x = np.concatenate([describe("crystal", CRYSTAL).descriptors, part.descriptors])
    alone = np.array([delta_entropy(x[k : k + 1], np.delete(x, k, axis=0))[0] for k in range(len(x))])
    assert (alone > 40).sum() > 5
    listed = audited.tables["outliers"]
    ids = [label["structure_id"] for label in describe("crystal", CRYSTAL).labels + part.labels]
    if exact > len(x):
        assert [row["delta_entropy"] for row in listed] == pytest.approx(sorted(alone, reverse=True)[:5])
    for row in listed:
        place = 4 * ids.index(row["structure_id"]) + row["atom"]  # type: ignore[arg-type, operator]
        assert row["delta_entropy"] == pytest.approx(alone[place])


def test_the_matrix_of_overlaps_is_that_of_pairs() -> None:
    sets = [describe("initial", CRYSTAL), describe("melts", MELT), describe("copies", CRYSTAL[:3])]
    rows = audit_sets(sets[:2], sets[2:]).tables["overlap_matrix"]
    shares = {(row["set"], row["reference"], row["threshold"]): row["overlap"] for row in rows}
    assert len(shares) == 9 * 2
    assert all(shares[name, name, 1e-5] == 1.0 for name in ("initial", "melts", "copies"))
    assert shares["copies", "initial", 1e-5] == 1.0
    assert shares["copies", "melts", 1e-5] == 0.0
    novelty = delta_entropy(sets[0].descriptors, sets[2].descriptors)
    assert shares["initial", "copies", 1.0] == np.mean(novelty < 1)
    assert shares["melts", "initial", 1.0] == 0.0


def test_single_precision_counts_the_same_copies() -> None:
    far = [atoms.copy() for atoms in MELT]
    sets = [describe("initial", [*CRYSTAL, *far]), describe("copies", [far[1], CRYSTAL[0]]), describe("new", MELT[3:])]
    double, single = (audit_sets(sets, plan=Plan(engine=Engine(p))).tables for p in ("float64", "float32"))  # type: ignore[arg-type]
    for name in ("novelty", "overlap_matrix"):
        for a, b in zip(double[name], single[name], strict=True):
            shares = [key for key in a if str(key).startswith(("share", "overlap"))]
            assert [a[key] for key in shares] == [b[key] for key in shares]


def test_trajectories_frame_by_frame() -> None:
    hot = [atoms.copy() for atoms in MELT]
    for atoms in hot:
        atoms.set_velocities(np.random.default_rng(0).normal(0, 0.02, atoms.positions.shape))
    training = [describe("initial", CRYSTAL), describe("melts", MELT[:2])]
    audited = audit_sets(training, (), [describe("run", hot)])
    rows = audited.tables["trajectories"]
    assert [row["frame"] for row in rows] == [0, 1, 2, 3]
    assert [row["share_above_0"] for row in rows] == [0.0, 0.0, 1.0, 1.0]
    assert rows[2]["temperature_K"] == pytest.approx(hot[2].get_temperature())
    known = np.concatenate([part.descriptors for part in training])
    np.testing.assert_allclose(
        audited.novelty["run"], delta_entropy(describe("run", hot).descriptors, known), atol=1e-9
    )
    (row,) = (row for row in audited.tables["summary"] if row["role"] == "trajectory")
    assert row["temperature_K"] == pytest.approx(np.mean([atoms.get_temperature() for atoms in hot]))


def test_of_large_sets_whole_structures_are_drawn() -> None:
    """Novelty is that of a sample, against everything; entropies are still those of all."""
    sets = [describe("initial", shaken(40, 0.03, 0, "crystal")), describe("more", shaken(40, 0.2, 90, "hot"))]
    some, all_of = (audit_sets(sets, plan=Plan(exact_environments=n)) for n in (100, 10_000))
    drawn = some.rows["more"]
    assert 50 <= len(drawn.descriptors) < 60
    exact = dict(zip([label["structure_id"] for label in sets[1].labels], range(40), strict=True))
    for k, label in enumerate(drawn.labels):
        number = exact[label["structure_id"]]
        assert drawn.number[k] == number
        mine = all_of.novelty["more"][sets[1].structure == number]
        np.testing.assert_allclose(some.novelty["more"][drawn.structure == k], mine, atol=1e-9)
    for a, b in zip(some.tables["summary"], all_of.tables["summary"], strict=True):
        assert a["entropy"] == pytest.approx(b["entropy"])  # exact: these are small


def test_information_gap_of_a_saturating_curve() -> None:
    limit = Saturation(5.0, 4.0, 0.05)
    curve = [(n, float(limit.entropy(float(n))), 0.01) for n in (16, 32, 64, 128, 256, 512)]
    found = saturation(curve)
    assert found is not None
    assert found.limit == pytest.approx(5.0, abs=0.02)
    assert saturation(curve[:4]) is None
    different = [(n, float(np.log(n)), 0.0) for n in (16, 32, 64, 128, 256, 512)]
    assert saturation(different) is None or saturation(different).limit > np.log(512)  # type: ignore[union-attr]


def test_sets_that_mean_nothing_are_refused() -> None:
    initial = describe("initial", CRYSTAL)
    with pytest.raises(AuditError, match="'empty' has no atoms"):
        describe("empty", [])
    with pytest.raises(AuditError, match="set 'bad': frame 0"):
        describe("bad", [Atoms("Al2", positions=np.zeros((2, 3)))])
    with pytest.raises(AuditError, match="no training set"):
        audit_sets([], [initial])
    with pytest.raises(AuditError, match="unique"):
        audit_sets([initial], [initial])
    with pytest.raises(AuditError, match="group"):
        audit_sets([initial], plan=Plan(groups=("colour",)))


def test_tables_are_read_back_bit_for_bit(tmp_path: Path) -> None:
    rows = audit_sets([describe("initial", CRYSTAL)]).tables["learning_curve"]
    write_table(tmp_path / "curve.csv", COLUMNS["learning_curve"], rows, {"neighbors": 32})
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
    hot = [atoms.copy() for atoms in MELT]
    for atoms in hot:
        atoms.set_velocities(np.full(atoms.positions.shape, 0.01))
    ase.io.write(tmp_path / "run.extxyz", hot)
    arguments += ["--trajectory", str(tmp_path / "run.extxyz")]
    settings = '{"neighbors": 16, "curve_repeats": 2, "compression": ["msc", "farthest"]}'
    arguments += ["--test", f"melt={tmp_path / 'more.extxyz'}", "--settings", settings]
    assert main([*arguments, "-o", str(tmp_path / "one")]) == 0
    assert main([*arguments, "--threads", "3", "-o", str(tmp_path / "three")]) == 0
    assert "100.0 % above 0" in capsys.readouterr().out
    for table, columns in COLUMNS.items():
        text = (tmp_path / "one" / f"{table}.csv").read_text()
        expected = [*columns, "neighbors", "cutoff_angstrom", "bandwidth_per_angstrom"]
        assert text.splitlines()[0].split(",") == expected
        assert len(text.splitlines()) > 1
        assert text == (tmp_path / "three" / f"{table}.csv").read_text()
    coloured = ase.io.read(tmp_path / "one" / "structures" / "run.extxyz", ":")
    assert len(coloured) == len(MELT)
    assert coloured[0].arrays["delta_entropy"].shape == (32,)
    novel = ase.io.read(tmp_path / "one" / "most-novel" / "more.extxyz", ":")
    medians = [atoms.info["delta_entropy_median"] for atoms in novel]
    assert medians == sorted(medians, reverse=True)
    page = (tmp_path / "one" / "index.html").read_text()
    assert "Overlap between sets" in page
    assert "structures/run.extxyz" in page
    assert page == (tmp_path / "three" / "index.html").read_text()
    (tmp_path / "one" / "index.html").unlink()
    assert main(["audit", "--redraw", "-o", str(tmp_path / "one")]) == 0
    assert (tmp_path / "one" / "index.html").read_text() == page


def test_groups_by_any_label(tmp_path: Path) -> None:
    frames = [atoms.copy() for atoms in CRYSTAL]
    for k, atoms in enumerate(frames):
        atoms.info = {"source": "a" if k < 2 else "b"}
    ase.io.write(tmp_path / "data.extxyz", frames)
    command = ["audit", str(tmp_path / "data.extxyz"), "-o", str(tmp_path / "out")]
    assert main([*command, "--group", "source"]) == 0
    with (tmp_path / "out" / "summary.csv").open() as handle:
        groups = {row["group"]: row for row in csv.DictReader(handle) if row["grouping"] == "source"}
    assert groups["a"]["environments"] == "8"
    assert float(groups["b"]["entropy"]) == pytest.approx(entropy(describe("b", frames[2:]).descriptors), abs=1e-5)
    assert main([*command, "--group", "colour"]) == 1


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
