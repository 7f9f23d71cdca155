"""Active learning against frames at random times, with labels of a teacher: learning curves over several seeds.

    python performance/active_learning/compare.py -o comparison --seeds 3

Runs `config/teacher_small.yaml` in four ways, each in a folder of its own below the output (a run that was killed goes
on, and one of the same configuration whose curve is in the output's `curves.csv` is not run again): `novelty` ranks
candidates by novelty and spread, `uncertainty` by the spread alone, `unquenched` is the first without minima, `random`
takes frames at random times of trajectories that nothing stops. All have the same starts, courses, distance floor,
training and labelling cost, in labels of 32 atoms. The error is that of each iteration's ensemble on the same fixed
tests: crystal, vacancy and melt together, and each alone.
"""

import argparse
import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.ticker
import numpy as np
import pandas as pd
import yaml
from scipy.stats import t as student_t

mpl.use("Agg")
ROOT = Path(__file__).resolve().parents[2]
WAYS: dict[str, dict[str, Any]] = {
    "novelty": {},
    "uncertainty": {"selection": {"strategy": "uncertainty"}},
    "unquenched": {"exploration": {"quenches": None}},
    "random": {"exploration": {"stopping": False, "quenches": None}, "selection": {"strategy": "random"}},
}
COLORS = {"novelty": "#4477aa", "uncertainty": "#228833", "unquenched": "#ee6677", "random": "#999999"}
PAIRS = (
    ("novelty", "random"), ("uncertainty", "random"), ("unquenched", "random"), ("novelty", "uncertainty"),
)  # fmt: skip
FAMILIES = ("all", "test-crystal", "test-vacancy", "test-melt")


def configured(way: str, seed: int) -> str:
    """The configuration of one run. Starts and tests are drawn from the seed, so that all ways share them."""
    configuration = yaml.safe_load((ROOT / "config" / "teacher_small.yaml").read_text())
    configuration["run"] |= {"name": f"{way}-{seed}", "seed": seed, "label_store": "labels"}
    for section, values in WAYS[way].items():
        configuration["active_learning"][section] |= values
    return yaml.safe_dump(configuration, sort_keys=False)


def ran(folder: Path, way: str, seed: int, cores: int) -> Path:
    """The results of one run."""
    file = folder / f"{way}-{seed}.yaml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(configured(way, seed))
    results = folder / "results" / f"{way}-{seed}"
    if (ROOT / "resources").exists() and not (folder / "resources").exists():
        (folder / "resources").symlink_to(ROOT / "resources")
    command = [
        sys.executable, "-m", "snakemake", "-s", str(ROOT / "Snakefile"), "--directory", str(folder),
        "--configfile", str(file), "--cores", str(cores), "--quiet", "host", "progress", "reason", "rules",
    ]  # fmt: skip
    subprocess.run(command, check=True)
    return results


def curve(results: Path) -> pd.DataFrame:
    """Force error of each iteration's ensemble and of the last one by family, against the labels it was trained on.

    The teacher's cost is linear in the atoms: ``cost`` is the number of labels of 32 atoms that all of them are worth.
    """
    errors = pd.read_csv(results / "benchmarks" / "accuracy" / "errors.csv")
    structures = pd.read_csv(results / "benchmarks" / "accuracy" / "structures.csv")
    mine = errors[(errors["quantity"] == "force") & (errors["split"] == "test")]
    rows = []
    for name in mine["potential"].unique():
        own = structures[structures["potential"] == name]
        learned = own[own["split"].isin(["train", "validation"])]
        labels, cost = len(learned), float(learned["atoms"].sum()) / 32
        part = mine[mine["potential"] == name]
        for family in FAMILIES:
            chosen = part[part["grouping"] == "split"] if family == "all" else part[part["family"] == family]
            rows.append((labels, cost, family, float(chosen["rmse"].iloc[0])))
    return pd.DataFrame(rows, columns=["labels", "cost", "family", "rmse"])


def interval(logarithms: Any) -> tuple[float, float, float]:
    """Geometric mean between the ends of its 95 % interval over seeds (Student's t)."""
    values = np.asarray(logarithms)
    count = values.size
    half = float(student_t.ppf(0.975, count - 1)) * values.std(ddof=1) / np.sqrt(count) if count > 1 else np.nan
    return float(np.exp(values.mean() - half)), float(np.exp(values.mean())), float(np.exp(values.mean() + half))


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
    known = args.output / "curves.csv"
    before: dict[str, pd.DataFrame] = {}
    if known.exists():
        before = {str(digest): part for digest, part in pd.read_csv(known).groupby("configuration")}
    parts = []
    for seed in range(1, args.seeds + 1):
        for way in args.way or WAYS:
            digest = hashlib.sha256(configured(way, seed).encode()).hexdigest()
            part = before.get(digest)
            if part is None:
                part = curve(ran(args.output, way, seed, args.cores))
                before[digest] = part = part.assign(way=way, seed=seed, configuration=digest)
                pd.concat(before.values()).to_csv(known, index=False)
            parts.append(part)
    table = pd.concat(parts)
    table = table.assign(iteration=table.groupby(["way", "seed", "family"]).cumcount())
    figure, axes = plt.subplots(1, len(FAMILIES), figsize=(3 * len(FAMILIES), 3), layout="constrained")
    for place, family in zip(axes, FAMILIES, strict=True):
        for way in args.way or WAYS:
            part = table[(table["family"] == family) & (table["way"] == way)]
            cost = part.groupby("iteration")["cost"].mean()
            errors = np.array([interval(np.log(rmse)) for _, rmse in part.groupby("iteration")["rmse"]])
            bars = [errors[:, 1] - errors[:, 0], errors[:, 2] - errors[:, 1]]
            place.errorbar(cost, errors[:, 1], np.nan_to_num(bars), fmt="o-", color=COLORS[way], label=way, capsize=2)
            print(
                f"| {family} | {way} | " + " | ".join(f"{low:.3f} {m:.3f} {high:.3f}" for low, m, high in errors) + " |"
            )
        place.set(xlabel="cost (labels of 32 atoms)", ylabel="force RMSE (eV/Å)", title=family, yscale="log")
        place.yaxis.set_major_locator(mpl.ticker.FixedLocator((0.02, 0.03, 0.05, 0.1, 0.2, 0.3, 0.5)))
        place.yaxis.set_major_formatter(mpl.ticker.FormatStrFormatter("%g"))
        place.yaxis.set_minor_formatter(mpl.ticker.NullFormatter())
    axes[0].legend()
    if args.figure:
        figure.savefig(args.figure, dpi=130)
    last = table["iteration"].max()
    for family in FAMILIES:
        part = table[(table["family"] == family) & (table["iteration"] > 0)]
        errors = np.log(part.pivot(index=["seed", "iteration"], columns="way", values="rmse"))
        for first, second in PAIRS:
            if {first, second} <= set(errors):
                ratio = (errors[first] - errors[second]).dropna()
                end = interval(ratio.xs(last, level="iteration"))
                whole = interval(ratio.groupby("seed").mean())
                at_end, over = (f"{middle:.2f} [{low:.2f}, {high:.2f}]" for low, middle, high in (end, whole))
                print(f"{family}: {first} / {second} = {at_end} at the end, {over} over the curve (95 %, seeds paired)")


if __name__ == "__main__":
    main()
