"""``ingot compress``: what is kept keeps its labels."""

import csv
from pathlib import Path

import ase.io
import pytest
from ase.build import bulk
from ase.calculators.emt import EMT

from ingot.audit import compress
from ingot.cli.main import main


@pytest.fixture
def data(tmp_path: Path) -> Path:
    frames = []
    for k, scale in enumerate([0.02, 0.02, 0.3, 0.02, 0.02, 0.25, 0.02, 0.02]):
        atoms = bulk("Cu", cubic=True)
        atoms.rattle(scale, seed=k)
        atoms.calc = EMT()
        atoms.get_forces()
        frames.append(atoms)
    ase.io.write(tmp_path / "data.extxyz", frames)
    return tmp_path / "data.extxyz"


def test_keeps_the_order_the_labels_and_a_table(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = data.with_name("small.extxyz")
    assert main(["compress", str(data), "--fraction", "0.5", "-o", str(output)]) == 0
    assert "4 of 8 structures" in capsys.readouterr().out
    frames, kept = ase.io.read(data, ":"), ase.io.read(output, ":")
    order = compress(frames, 0.5)
    assert {2, 5} < set(order)
    for atoms, k in zip(kept, order, strict=True):
        assert atoms.get_potential_energy() == pytest.approx(frames[k].get_potential_energy())
        assert atoms.get_forces() == pytest.approx(frames[k].get_forces())
    with data.with_name("small.coverage.csv").open() as handle:
        rows = list(csv.DictReader(handle))
    assert rows[-1]["structures"] == "4"
    assert float(rows[-1]["covered"]) <= 1
    assert rows[-1]["method"] == "msc"


def test_given_structures_are_there_already(data: Path) -> None:
    odd = data.with_name("odd.extxyz")
    ase.io.write(odd, ase.io.read(data, ":5"))
    output = data.with_name("small.extxyz")
    assert main(["compress", str(data), "--count", "1", "--given", str(odd), "-o", str(output)]) == 0
    assert ase.io.read(output, "0").positions == pytest.approx(ase.io.read(data, "5").positions)


def test_errors_help(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = ["-o", str(data.with_name("small.extxyz"))]
    for arguments, said in (
        ([str(data), "--fraction", "2"], "--fraction"),
        ([str(data), "--count", "9"], "9 of 8"),
        ([str(data.with_name("none.xyz")), "--count", "1"], "no file"),
    ):
        assert main(["compress", *arguments, *output]) == 1
        assert said in capsys.readouterr().err
    assert main(["compress", str(data), "--count", "1", "-o", str(data.with_suffix(".zarr"))]) == 1
