"""Tables of quantities, and the reference values."""

from dataclasses import asdict

import pytest

from ingot.benchmarks.errors import BenchmarkError
from ingot.benchmarks.reference import available_elements, parse_reference, reference_values
from ingot.benchmarks.tables import Quantity, failed, read_quantities, write_quantities, write_table


def test_round_trip_is_exact(tmp_path) -> None:
    rows = [
        Quantity("a0", "lattice constant", 4.0 + 1 / 3, "A", 1e-17 / 3, "fit", 'with, comma and "quotes"'),
        Quantity("tm", "melting point", 900.0, "K", status="bound", note="still solid"),
        failed("C44", "C44", "GPa", "no stress"),
    ]
    write_quantities(tmp_path / "quantities.csv", rows)
    assert read_quantities(tmp_path / "quantities.csv") == rows


def test_what_cannot_be_true_is_refused(tmp_path) -> None:
    with pytest.raises(BenchmarkError, match="did you mean 'failed'"):
        Quantity("a0", "a", None, "A", status="fail")  # type: ignore[arg-type]
    with pytest.raises(BenchmarkError, match="finite"):
        Quantity("a0", "a", float("nan"), "A")
    with pytest.raises(BenchmarkError, match="has no value"):
        Quantity("a0", "a", 1.0, "A", status="failed")
    with pytest.raises(BenchmarkError, match="twice"):
        write_quantities(tmp_path / "q.csv", [Quantity("a0", "a", 1.0, "A")] * 2)
    with pytest.raises(BenchmarkError, match="nan"):
        write_table(tmp_path / "t.csv", ("x",), [(float("nan"),)])
    with pytest.raises(BenchmarkError, match="a row of 2 values"):
        write_table(tmp_path / "t.csv", ("x",), [(1.0, 2.0)])
    assert not list(tmp_path.iterdir())


def test_every_reference_table_is_valid_and_cited() -> None:
    assert "Al" in available_elements()
    for element in available_elements():
        for entry in reference_values(element):
            assert entry.citation
            assert entry.status in ("read", "derived"), "recalled values must not stand beside results"
    assert reference_values("Xx") == []


def test_aluminium_is_mechanically_consistent() -> None:
    """B = (C11 + 2 C12)/3 holds within each source that gives all three."""
    for kind in ("experiment", "calculation"):
        values = {e.quantity: e.value for e in reference_values("Al") if e.kind == kind}
        assert (values["C11"] + 2 * values["C12"]) / 3 == pytest.approx(values["bulk_modulus"], abs=0.1)


def test_bad_reference_tables_are_explained() -> None:
    entry = asdict(reference_values("Al")[0])
    with pytest.raises(BenchmarkError, match="is for 'Al'"):
        parse_reference({"element": "Al", "entries": []}, "Li")
    with pytest.raises(BenchmarkError, match="accepted"):
        parse_reference({"element": "Al", "entries": [{**entry, "kind": "guess"}]}, "Al")
    with pytest.raises(BenchmarkError, match="unexpected keyword"):
        parse_reference({"element": "Al", "entries": [{**entry, "source": "x"}]}, "Al")
    with pytest.raises(BenchmarkError, match="two entries"):
        parse_reference({"element": "Al", "entries": [entry, entry]}, "Al")
    with pytest.raises(BenchmarkError, match="must be stated"):
        parse_reference({"element": "Al", "entries": [{**entry, "citation": ""}]}, "Al")
