"""Active learning against frames at random times, with labels of a teacher: learning curves over several seeds.

    python performance/active_learning/compare.py -o comparison --seeds 3

Runs `config/teacher_small.yaml` three ways, each in a folder of its own below the output (a run that was killed goes
on): `novelty` ranks candidates by novelty and spread, `uncertainty` by the spread alone, `random` takes frames at
random times of trajectories that nothing stops. All have the same starts, distance floor, budget of labels and
training. The error is that of each iteration's ensemble on the same fixed tests: crystal, vacancy and melt together,
and each alone.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import yaml
from scipy.stats import t as student_t

mpl.use("Agg")
ROOT = Path(__file__).resolve().parents[2]
WAYS: dict[str, dict[str, Any]] = {
    "novelty": {},
    "uncertainty": {"selection": {"strategy": "uncertainty"}},
    "random": {"exploration": {"stopping": False}, "selection": {"strategy": "random"}},
}
COLORS = {"novelty": "#4477aa", "uncertainty": "#228833", "random": "#999999"}
FAMILIES = ("all", "test-crystal", "test-vacancy", "test-melt")


def ran(folder: Path, way: str, seed: int, cores: int) -> Path:
    """The results of one run."""
    configuration = yaml.safe_load((ROOT / "config" / "teacher_small.yaml").read_text())
    configuration["run"] |= {"name": f"{way}-{seed}", "seed": seed, "label_store": "labels"}
    for section, values in WAYS[way].items():
        configuration["active_learning"][section] |= values
    # The starts of the dynamics and the tests are drawn from the seed, so that all ways share them.
    file = folder / f"{way}-{seed}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(yaml.safe_dump(configuration, sort_keys=False))
    results = folder / "results" / f"{way}-{seed}"
    command = [
        sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--directory", str(folder),
        "--configfile", str(file), "--cores", str(cores), "--quiet", "all",
    ]  # fmt: skip
    subprocess.run(command, check=True)
    return results


def curve(results: Path) -> pd.DataFrame:
    """Force error of each iteration's ensemble and of the last one by family, against the labels it was trained on."""
    errors = pd.read_csv(results / "benchmarks" / "accuracy" / "errors.csv")
    structures = pd.read_csv(results / "benchmarks" / "accuracy" / "structures.csv")
    mine = errors[(errors["quantity"] == "force") & (errors["split"] == "test")]
    rows = []
    for name in mine["potential"].unique():
        own = structures[structures["potential"] == name]
        labels = int(own["split"].isin(["train", "validation"]).sum())
        part = mine[mine["potential"] == name]
        for family in FAMILIES:
            chosen = part[part["grouping"] == "split"] if family == "all" else part[part["family"] == family]
            rows.append((labels, family, float(chosen["rmse"].iloc[0])))
    return pd.DataFrame(rows, columns=["labels", "family", "rmse"])


def main() -> None:
    """Run everything, print the table, draw."""
    import matplotlib.pyplot as plt

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--way", choices=WAYS, action="append", help="these alone")
    args = parser.parse_args()
    parts = []
    for seed in range(1, args.seeds + 1):
        for way in args.way or WAYS:
            parts.append(curve(ran(args.output, way, seed, args.cores)).assign(way=way, seed=seed))
            pd.concat(parts).to_csv(args.output / "curves.csv", index=False)
    table = pd.concat(parts)
    figure, axes = plt.subplots(1, len(FAMILIES), figsize=(3 * len(FAMILIES), 3), layout="constrained")
    factor = float(student_t.ppf(0.975, args.seeds - 1)) / np.sqrt(args.seeds) if args.seeds > 1 else np.nan
    for place, family in zip(axes, FAMILIES, strict=True):
        for way, part in table[table["family"] == family].groupby("way"):
            by = part.groupby("labels")["rmse"].agg(["mean", "std", "size"])
            place.errorbar(by.index, by["mean"], factor * by["std"], fmt="o-", color=COLORS[way], label=way, capsize=2)
            print(f"| {family} | {way} | " + " | ".join(f"{n}: {m:.3f}" for n, m in by["mean"].items()) + " |")
        place.set(xlabel="labels", ylabel="force RMSE (eV/Å)", title=family, yscale="log")
    axes[0].legend()
    if args.figure:
        figure.savefig(args.figure, dpi=130)
    common = int(table.groupby(["way", "seed"])["labels"].max().min())
    print(f"with {common} labels:")
    for family in FAMILIES:
        wide = (
            table[table["family"] == family]
            .groupby(["seed", "way"])[["labels", "rmse"]]
            .apply(lambda part: float(np.exp(np.interp(common, part["labels"], np.log(part["rmse"])))))
            .unstack()
        )
        for way in [w for w in wide if w != "random" and "random" in wide]:
            ratio = np.log(wide[way] / wide["random"])
            error = factor * ratio.std()
            low, middle, high = np.exp([ratio.mean() - error, ratio.mean(), ratio.mean() + error])
            print(f"{family}: {way} / random = {middle:.2f} [{low:.2f}, {high:.2f}] (95 %, seeds paired)")


if __name__ == "__main__":
    main()
