"""``ingot plan``: which stages a configuration will run and about how long, and what they took in the end."""

import argparse

STAGES = {
    "structures": ("build_structures",),
    "labels": ("import_labels", "label_structures"),
    "datasets": ("build_dataset", "import_dataset", "split_dataset"),
    "train": ("train_member", "train_loop_member", "combine_members", "combine_loop_members"),
    "active learning": ("explore", "select_frames"),
    "audit": ("audit",),
    "benchmarks": (
        "benchmark_accuracy",
        "benchmark_crystal",
        "build_direct_structures",
        "benchmark_direct",
        "benchmark_rdf",
        "benchmark_thermal",
        "benchmark_coexistence",
        "benchmark_coexistence_at",
    ),
    "report": ("report",),
}
"""The rules of each stage, in the order the data goes."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The configuration."""
    parser.add_argument("config", nargs="?", default="config/config.yaml", help="the configuration of the run")
    parser.add_argument("--finished", action="store_true", help="after the run: the cost of each stage and the page")


def run(args: argparse.Namespace) -> int:
    """Print one line per stage."""
    from pathlib import Path

    from ingot.config.root import read_configuration
    from ingot.costs import expected_cpu_minutes, measured_cpu_seconds

    configuration = read_configuration(args.config)
    results = Path(configuration.run.results) / configuration.run.name
    if args.finished:
        measured = measured_cpu_seconds(results / "costs")
        for stage, rules in STAGES.items():
            seconds = sum(measured.get(rule, 0.0) for rule in rules)
            if seconds:
                print(f"  {stage:<16} {seconds / 60:6.1f} CPU-min")
        print(f"  {'in all':<16} {sum(measured.values()) / 60:6.1f} CPU-min\n")
        print(f"report: {(results / 'report' / 'index.html').resolve()}")
        return 0
    present = {
        "structures": configuration.structures is not None,
        "labels": configuration.labels is not None,
        "datasets": True,
        "train": True,
        "active learning": configuration.active_learning is not None,
        "audit": True,
        "benchmarks": True,
        "report": True,
    }
    expected = expected_cpu_minutes(configuration.run.name)
    print(f"{configuration.run.title}\n")
    for stage, runs in present.items():
        if runs:
            cost = f"about {expected[stage]:5.1f} CPU-min" if stage in expected else "cost not measured yet"
            print(f"  {stage:<16} {cost}")
    if expected:
        total = sum(expected.values())
        print(f"  {'in all':<16} about {total:5.1f} CPU-min, half of that in minutes by the clock on two idle cores")
    print("\nWhat is finished already is not run again. Stop with Ctrl-C; the same command goes on where it stopped.\n")
    return 0
