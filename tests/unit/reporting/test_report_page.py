"""The page of a synthetic run: what it says, what it leaves out, and that it says it again in the same bytes."""

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from ingot.benchmarks.tables import failed, read_quantities, write_quantities
from ingot.cli.main import main
from ingot.files import sha256
from ingot.reporting.html import Page
from ingot.reporting.page import build_page
from ingot.reporting.run import Run
from ingot.reporting.tables import comparison_table, density_table, learning_curve_table

FIGURES = {
    *("parity", "loss", "iterations", "learning", "learning-curves", "exploration", "calibration", "audit"),
    *("energy-volume", "crystal-quantities", "radial-distribution", "coexistence", "melting-curve"),
}


@pytest.fixture(scope="module")
def page(synthetic_run: Path) -> Page:
    return build_page(Run(synthetic_run), "svg")


def _text(page: Page) -> str:
    return re.sub(r"<[^>]+>", " ", page.html)


def test_the_page_is_self_contained(page: Page) -> None:
    assert "<script" not in page.html
    loaded = re.findall(r'(?:src|href)="([^"]+)"', page.html)
    outside = [x for x in loaded if not x.startswith(("data:", "#", "data/"))]
    assert outside == []
    assert "url(" not in page.html


def test_the_command_writes_the_same_bytes_again(page: Page, synthetic_run: Path, tmp_path: Path) -> None:
    assert main(["report", "--run", str(synthetic_run), "-o", str(tmp_path / "index.html")]) == 0
    assert (tmp_path / "index.html").read_text() == page.html
    assert {figure.name for figure in page.figures} == FIGURES
    for figure in page.figures:
        assert (tmp_path / "figures" / f"{figure.name}.svg").read_bytes() == figure.image
        assert len(pd.read_csv(tmp_path / "data" / f"{figure.name}.csv")) > 0


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--run", str(tmp_path / "nowhere"), "-o", str(tmp_path / "x.html")]) == 1
    assert "no results at" in capsys.readouterr().err


def test_numbers_of_the_headline_are_those_of_the_tables(page: Page, synthetic_run: Path) -> None:
    rows = {q.quantity: q for q in read_quantities(synthetic_run / "benchmarks/crystal/quantities.csv")}
    text = re.sub(r"<[^>]+>", "", page.html)
    for key, decimals in (("a0", 3), ("C44", 1)):
        assert f"{rows[key].value:.{decimals}f}" in text
    assert "Kamm &amp; Alers" in page.html
    assert "Synthetic numbers" in page.html
    assert "Melting point of this potential: 905 ± 21 K" in page.html


def test_smaller_tables_hold_what_was_measured(synthetic_run: Path) -> None:
    run = Run(synthetic_run)
    other = {q.quantity: q for q in read_quantities(synthetic_run / "benchmarks/compare/rival/crystal/quantities.csv")}
    own = {q.quantity: q for q in read_quantities(synthetic_run / "benchmarks/crystal/quantities.csv")}
    table = comparison_table(run)
    assert table is not None
    row = next(row for row in table.rows if row[0] == "C11")
    c11, rival = own["C11"].value, other["C11"].value
    assert c11 is not None
    assert rival is not None
    assert row[4:] == (rival, pytest.approx(c11 - rival))
    curves = learning_curve_table(run)
    assert curves is not None
    assert [row[:5] for row in curves.rows][:2] == [
        ("test-cold", "random", "energy", "meV/atom", 40.0),
        ("test-cold", "random", "energy", "meV/atom", 160.0),
    ]
    with_forces, spread, alone = curves.rows[0][5:8]
    assert with_forces == pytest.approx(1e3 * 0.05 * 1.1 * 40**-0.4)
    assert spread == pytest.approx(0.1 / 1.1 * float(str(with_forces)))
    assert alone == pytest.approx(2 * float(str(with_forces)))
    densities = density_table(run)
    assert densities is not None
    assert {row[1] for row in densities.rows} == {"2.0-2.5", "2.5-3.0", "3.0-3.5"}


def test_every_source_is_listed_with_its_checksum(page: Page, synthetic_run: Path) -> None:
    labels = "labels/initial/batch-0-of-1.json"
    for name in ("config.json", "benchmarks/accuracy/forces.csv", "audit/novelty.csv", labels):
        assert name in page.html
        assert sha256(synthetic_run / name) in page.html
    assert "costs/audit.tsv" not in page.html


def test_failed_labels_are_counted_and_named(page: Page) -> None:
    assert "1 of 10 labels" in page.html
    assert "not converged in 80 cycles" in page.html


def test_costs_are_summed_by_stage(page: Page) -> None:
    assert re.search(r"labels\s+1\s+4\.2 min", _text(page))
    assert re.search(r"my_own_rule\s+1\s+2\.0 s", _text(page))
    # What Snakemake could not measure counts with its wall time.
    assert re.search(r"audit\s+1\s+2\.0 s", _text(page))


@pytest.mark.parametrize(
    "gone",
    [
        {
            "audit": "Information in the data",
            "benchmarks/crystal": "Elastic moduli",
            "benchmarks/coexistence": "Melt and crystal side by side",
            "costs": 'id="cost"',
            "iterations": "Where the ensemble was sent",
        },
        {
            "benchmarks/accuracy": "Predicted against labelled",
            "benchmarks/direct": "benchmarks/direct/cells.csv",
            "benchmarks/rdf": "radial distribution function",
            "labels": "Labels that failed",
        },
    ],
)
def test_stages_that_did_not_run_leave_no_trace(page: Page, copied_run: Path, gone: dict[str, str]) -> None:
    for folder in gone:
        shutil.rmtree(copied_run / folder)
    html = build_page(Run(copied_run), "png").html
    for trace in gone.values():
        assert trace in page.html
        assert trace not in html
    others = {"audit": "Information in the data", "benchmarks/accuracy": "Predicted against labelled"}
    assert all(trace in html for folder, trace in others.items() if folder not in gone)


def test_failures_and_bounds_are_called_what_they_are(copied_run: Path) -> None:
    path = copied_run / "benchmarks/crystal/quantities.csv"
    rows = read_quantities(path)
    write_quantities(
        path, [failed("C44", "C44", "GPa", "no stress, no energy") if q.quantity == "C44" else q for q in rows]
    )
    path = copied_run / "benchmarks/coexistence/quantities.csv"
    rows = read_quantities(path)
    bound = replace(rows[0], status="bound", uncertainty=None, uncertainty_kind="", note="upper bound")
    write_quantities(path, [bound, *rows[1:]])
    html = build_page(Run(copied_run), "png").html
    assert "no stress, no energy" in html
    assert "failed: C44" in html
    assert "this is a bound and not a melting point" in html
    assert "Melting point of this potential" not in html
    assert '<span class="bound">bound</span>' in html


def test_an_empty_run_still_has_a_page(tmp_path: Path) -> None:
    html = build_page(Run(tmp_path), "svg").html
    assert "Provenance" in html
    assert 'id="headline"' not in html
