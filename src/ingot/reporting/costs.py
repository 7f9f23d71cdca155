"""What each stage cost: from the benchmark files that Snakemake writes beside a run."""

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from ingot.reporting.run import Run

STAGES = {
    "structures": ("build_structures", "build_trajectory_starts", "run_trajectories"),
    "labels": ("label_structures",),
    "direct references": ("build_direct_structures", "label_direct", "build_direct_dataset", "benchmark_direct"),
    "data sets": ("build_dataset", "import_dataset", "split_dataset"),
    "training, in the loop": ("train_loop_member", "combine_loop_members"),
    "training, final": ("train_member", "combine_members"),
    "exploration and selection": ("explore", "explore_batch", "gather_exploration", "select_frames"),
    "learning curves": ("learning_point",),
    "audit": ("audit", "audit_page"),
    "benchmarks": (
        *("benchmark_accuracy", "benchmark_novelty", "benchmark_crystal", "benchmark_crystal_of_others"),
        *("benchmark_crystal_of_iteration",),
        *("benchmark_thermal", "benchmark_rdf", "benchmark_coexistence", "benchmark_coexistence_at"),
        *("benchmark_thermal_of_others", "benchmark_rdf_of_others", "benchmark_coexistence_of_others"),
    ),
}
"""The rules of each stage; a rule named nowhere is its own stage."""


@dataclass(frozen=True)
class StageCost:
    """Jobs of a stage: how many, their CPU and wall time in seconds (summed), and the largest memory in MB."""

    stage: str
    jobs: int
    cpu: float
    wall: float
    memory: float | None


def stage_costs(run: Run) -> list[StageCost]:
    """Cost of every stage that ran, in the order the data goes."""
    jobs = [(path.name.split(".")[0], row) for path in run.paths("costs/*.tsv") for row in _jobs(path)]
    stage_of = {rule: stage for stage, rules in STAGES.items() for rule in rules}
    order = [*STAGES, *sorted({rule for rule, _ in jobs} - set(stage_of))]
    result = []
    for stage in order:
        mine = [row for rule, row in jobs if stage_of.get(rule, rule) == stage]
        if mine:
            memory = [row["max_rss"] for row in mine if row["max_rss"] is not None]
            result.append(
                StageCost(
                    stage,
                    len(mine),
                    sum(row["cpu_time"] or row["s"] or 0.0 for row in mine),
                    sum(row["s"] or 0.0 for row in mine),
                    max(memory, default=None),
                )
            )
    return result


def cpu_seconds(run: Run, *patterns: str) -> float | None:
    """CPU seconds of the jobs whose cost files match; ``None`` where there are none."""
    rows = [row for pattern in patterns for path in run.paths(f"costs/{pattern}.tsv") for row in _jobs(path)]
    return sum(row["cpu_time"] or row["s"] or 0.0 for row in rows) if rows else None


def _jobs(path: Path) -> list[dict[str, float | None]]:
    # Snakemake writes NA or - for what it did not manage to measure (jobs shorter than its sampling interval).
    table = pd.read_csv(path, sep="\t", na_values=["NA", "-"])
    rows = []
    for _, row in table.iterrows():
        values = {name: row.get(name) for name in ("s", "max_rss", "cpu_time")}
        rows.append({k: None if v is None or pd.isna(v) else float(v) for k, v in values.items()})
    return rows
