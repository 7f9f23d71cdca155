"""What the stages of a run cost: from Snakemake's benchmark files, and as measured before."""

import csv
from pathlib import Path

from ingot.files import read_json

EXPECTED = Path(__file__).with_name("expected_costs.json")


def measured_cpu_seconds(folder: str | Path) -> dict[str, float]:
    """CPU seconds per rule, summed over its jobs, from ``costs/<rule>.<wildcards>.tsv`` (column ``cpu_time``)."""
    total: dict[str, float] = {}
    for path in sorted(Path(folder).glob("*.tsv")):
        with path.open() as handle:
            for row in csv.DictReader(handle, delimiter="\t"):
                value = row.get("cpu_time", "NA")
                seconds = float(row["s"]) if value in ("NA", "") else float(value)
                rule = path.name.split(".")[0]
                total[rule] = total.get(rule, 0.0) + seconds
    return total


def expected_cpu_minutes(run: str) -> dict[str, float]:
    """CPU minutes per stage of a named run as measured on the machine that `expected_costs.json` names."""
    return dict(read_json(EXPECTED)["runs"].get(run, {}))
