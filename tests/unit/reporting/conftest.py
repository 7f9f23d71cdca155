"""A synthetic run: small tables that obey the formats, made by the rooms' own writers where these are cheap."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ase.calculators.emt import EMT

from ingot.audit.rows import QUANTILES
from ingot.audit.table_files import COLUMNS as AUDIT_COLUMNS
from ingot.audit.table_files import write_table as write_audit_table
from ingot.benchmarks.accuracy import Comparison
from ingot.benchmarks.accuracy_tables import write_accuracy
from ingot.benchmarks.crystal import CrystalSettings, fcc_properties
from ingot.benchmarks.crystal_tables import write_crystal
from ingot.benchmarks.direct import ReferenceSettings, reference_cells
from ingot.benchmarks.direct_tables import write_direct
from ingot.benchmarks.evaluation import Evaluate, Point, evaluate_with
from ingot.benchmarks.learning_curve import COLUMNS as LEARNING_COLUMNS
from ingot.benchmarks.tables import Quantity, write_quantities, write_table
from ingot.files import write_json
from ingot.sampling.files import TRAJECTORY_COLUMNS

CONFIGURATION: dict[str, Any] = {
    "run": {
        "name": "synthetic",
        "title": "Aluminium from nothing, in minutes",
        "caveat": "Synthetic numbers: they test the page and say nothing about aluminium.",
        "seed": 1,
    },
    "labels": {"method": "pyscf", "pyscf": {"functional": "pbe", "basis": "gth-dzvp-molopt-sr"}},
    "active_learning": {
        "exploration": {"steps": 1000, "timestep_fs": 2.0},
        "selection": {"converged_early_stops": 0.1, "converged_novelty": 0.05},
    },
    "benchmarks": {"crystal": {"element": "Al"}, "direct": {"element": "Al"}},
}


def _comparisons(error: float, seed: int, final: bool) -> list[Comparison]:
    generator = np.random.default_rng(seed)
    result = []
    plan = [("initial", "train", 20), ("initial", "validation", 5), ("test", "test", 8)]
    plan += [("initial", "extrapolation", 3)]
    plan += [("iteration-0", "train" if final else "unseen", 6), ("control-0", "control", 6)]
    for origin, split, count in plan:
        factor = {"train": 0.6, "extrapolation": 2.0, "unseen": 2.2}.get(split, 1.0)
        for k in range(count):
            atoms = (1, 2, 4, 8)[k % 4]
            labels = generator.normal(size=(atoms, 3)) if atoms > 1 else np.zeros((1, 3))
            sigma = error * factor * generator.lognormal(sigma=0.4)
            energy = -56.0 + 0.1 * generator.normal()
            result.append(
                Comparison(
                    structure_id=f"{len(result):016x}",
                    origin=origin,
                    split=split,
                    family=("lattice", "strained", "rattled", "packing")[k % 4],
                    energy_label=energy,
                    energy=energy + 0.1 * sigma * generator.normal(),
                    energy_std=0.1 * sigma,
                    forces_label=labels,
                    forces=labels + sigma * generator.normal(size=labels.shape) * (atoms > 1),
                    forces_std=np.full(labels.shape, sigma) * (atoms > 1),
                    density=2.2 + 0.3 * (k % 5),
                    crystalline=0.25 * (k % 5) if origin == "iteration-0" else None,
                )
            )
    return result


def _member(scale: float) -> Evaluate:
    emt = evaluate_with(EMT())

    def evaluate(atoms: Any) -> Point:
        point = emt(atoms)
        assert point.stress is not None
        return Point(scale * point.energy, scale * point.stress)

    return evaluate


def _audit(folder: Path) -> None:
    constants = {"bandwidth": 0.015, "neighbors": 32, "cutoff_angstrom": 5.0}
    content = {"environments": 120, "entropy": 4.2, "diversity": 4.3, "largest_entropy": np.log(120)}
    summary = []
    for k, name in enumerate(("initial", "iteration-0")):
        grown = {"cumulative_environments": 120 * (k + 1), "cumulative_entropy": 4.2 + 0.5 * k}
        grown["cumulative_diversity"] = 4.3 + 0.5 * k
        summary.append({"grouping": "set", "group": name, "role": "training", "structures": 20} | content | grown)
    summary.append({"grouping": "set", "group": "test", "role": "test", "structures": 8} | content)
    quantiles = {f"delta_entropy_q{100 * q:02.0f}": 4 * q - 1 for q in QUANTILES}
    shared = {"environments": 60, "reference_environments": 120} | quantiles
    novelty = [{"set": "iteration-0", "share_above_0": 0.6, "share_above_1": 0.4} | shared]
    overlap = [
        {"set": "test", "up_to": name, "threshold": threshold, "overlap": 0.3 + 0.2 * k + 0.1 * threshold} | shared
        for k, name in enumerate(("initial", "iteration-0"))
        for threshold in (1e-5, 1.0)
    ]
    curve = [
        {"environments": n, "entropy": 0.9 * np.log(n), "standard_deviation": 0.05, "largest_entropy": np.log(n)}
        for n in (16, 32, 64, 128, 240)
    ]
    tables = {"summary": summary, "novelty": novelty, "overlap": overlap, "learning_curve": curve}
    for name, rows in tables.items():
        plain = [{k: float(v) if isinstance(v, np.floating) else v for k, v in row.items()} for row in rows]
        write_audit_table(folder / f"{name}.csv", AUDIT_COLUMNS[name], plain, constants)


def _melt(folder: Path) -> None:
    """g(r) with a peak, a density that wanders, a straight displacement."""
    r = np.linspace(0.05, 7.95, 80)
    g = np.where(r < 2.3, 0.0, 1 + 1.6 * np.exp(-(((r - 2.8) / 0.25) ** 2)) - 0.3 * np.exp(-(((r - 3.9) / 0.5) ** 2)))
    write_table(folder / "rdf.csv", ("distance_angstrom", "g", "error"), zip(r, g, 0.03 * g, strict=True))
    t = np.linspace(0.0, 9.0, 60)
    zero = np.zeros_like(t)
    columns = ("time_ps", "temperature_kelvin", "density_g_cm3", "pressure_gpa", "potential_energy_ev_per_atom")
    rows = zip(t, 1000 + zero, 2.3 + 0.02 * np.sin(3 * t), zero, zero - 55, strict=True)
    write_table(folder / "series.csv", columns, rows)
    write_table(folder / "msd.csv", ("time_ps", "msd_angstrom2"), zip(t[:30], 0.5 + 3 * t[:30], strict=True))
    condition = "1000 K, 0 GPa"
    rows = [
        Quantity("melt_density", "density of the melt", 2.3, "g/cm3", 0.01, "block error or drift", condition),
        Quantity("rdf_peak_position", "first peak of g(r)", 2.8, "A", 0.01, "block error", condition),
        Quantity("diffusion", "self-diffusion", 5.1, "1e-9 m2/s", 0.4, "directions and halves", condition),
    ]
    write_quantities(folder / "quantities.csv", rows)


def _coexistence(folder: Path) -> None:
    """Two runs that approach 900 K from both sides; both phases last."""
    t = np.linspace(0.0, 15.0, 100)
    header = ("run", "start_temperature_kelvin", "time_ps", "temperature_kelvin", "solid_fraction", "pressure_z_gpa",
              "pressure_x_gpa", "pressure_y_gpa", "volume_angstrom3_per_atom", "total_energy_ev_per_atom")  # fmt: skip
    rows: list[list[object]] = []
    for side, start in (("above", 1030.0), ("below", 840.0)):
        temperature = 900 + (start - 900) * np.exp(-t / 4) + 15 * np.sin(9 * t)
        solid = 0.5 + (0.1 if side == "below" else -0.1) * (1 - np.exp(-t / 4))
        rows += [
            [side, start, *values, 0.0, 0.0, 0.0, 17.5, -55.9] for values in zip(t, temperature, solid, strict=True)
        ]
    write_table(folder / "runs.csv", header, rows)
    z = np.linspace(1, 31, 16)
    slabs = [
        [side, moment, float(x), 0.1 + 0.6 * (abs(x - 16) < 7), 0.5, 18]
        for side in ("above", "below") for moment in ("start", "end") for x in z
    ]  # fmt: skip
    write_table(folder / "profile.csv", ("run", "moment", "z_angstrom", "order", "solid_fraction", "atoms"), slabs)
    label, note = "melting point by coexistence", "from 1030 K: two-phase; 288 atoms, 2 x 15 ps"
    rows_ = [
        Quantity("coexistence_temperature", label, 905.0, "K", 21.0, "runs from both sides", "0 GPa", note=note),
        Quantity("coexistence_temperature_above", "... begun above the guess", 911.0, "K", 15.0, "block", "0 GPa"),
        Quantity("melting_slope", "dT/dP of melting", 63.0, "K/GPa", 2.0, "block", "905 K, 0 GPa"),
    ]
    write_quantities(folder / "quantities.csv", rows_)
    pressed = Quantity("coexistence_temperature", label, 2210.0, "K", 40.0, "runs from both sides", "27 GPa")
    write_quantities(folder / "at-0" / "quantities.csv", [pressed])
    lost = Quantity("coexistence_temperature", label, 3500.0, "K", None, "", "60 GPa", "bound")
    write_quantities(folder / "at-1" / "quantities.csv", [lost])


def _loop(root: Path) -> None:
    """One iteration: trajectories, the decision, and the logs of two trainings of two networks."""
    reasons = ["end", "mean force spread", "mean force spread", "too close", "energy spread", "end"]
    rows = []
    for k, reason in enumerate(reasons):
        row = {"trajectory": k, "time_fs": 300.0 + 250 * k, "reason": reason, "early": str("spread" in reason).lower()}
        row |= {"candidate": f"{k:016x}", "candidate_time_fs": row["time_fs"],
                "temperature_start_kelvin": 300.0, "temperature_end_kelvin": 900.0,
                "temperature_amplitude_kelvin": 100.0, "temperature_period_fs": 2000.0}  # fmt: skip
        rows.append(",".join(str(row.get(name, "")) for name in TRAJECTORY_COLUMNS))
    folder = root / "iterations" / "0"
    (folder / "explore").mkdir(parents=True)
    (folder / "explore" / "trajectories.csv").write_text("\n".join([",".join(TRAJECTORY_COLUMNS), *rows]) + "\n")
    candidates = [
        {"structure_id": f"{k:016x}", "trajectory": k, "time_fs": 300.0, "reason": reason,
         "force_std_mean": 0.1 + 0.1 * k,
         "novelty_nats": 3.0 - 0.7 * k, "novel_fraction": 0.5, "picked": k if k < 2 else None, "duplicate": False}
        for k, reason in enumerate(reasons) if reason != "too close"
    ]  # fmt: skip
    decision = {"iteration": 0, "strategy": "novelty-uncertainty", "selected": ["0" * 16, "1".zfill(16)]}
    decision |= {"converged": False, "reason": "half of the trajectories stop early", "candidates": candidates}
    write_json(folder / "select" / "selection.json", decision | {"early_stop_fraction": 0.5, "novel_fraction": 0.4})
    names = [f"{part}_{what}" for part in ("train", "validation")
             for what in ("energy_rmse_mev_per_atom", "force_rmse_ev_per_angstrom")]  # fmt: skip
    for base in (root, folder):
        for member in range(2):
            log = [",".join(["epoch", "learning_rate", *names])]
            for epoch in range(10, 110, 10):
                decay = np.exp(-epoch / (40 + 10 * member))
                values = [1e-3, 50 * decay + 3, 1.5 * decay + 0.1, 60 * decay + 8, 1.6 * decay + 0.2]
                log.append(",".join(map(str, [epoch, *values])))
            target = base / "members" / str(member) / "log.csv"
            target.parent.mkdir(parents=True)
            target.write_text("\n".join(log) + "\n")
            cost = [f"{member},{epoch},{1.5 * epoch}" for epoch in range(10, 110, 10)]
            target.with_name("log.cost.csv").write_text("\n".join(["member,epoch,cpu_seconds", *cost]) + "\n")


def _curves(folder: Path) -> None:
    """Errors that fall with a power of the labels, twice as low with forces; two test sets, three folds."""
    rows = []
    for loss, factor in (("forces", 1.0), ("energies", 2.0)):
        for labels in (40, 160, 640):
            for fold in range(3):
                for name, harder in (("test-cold", 1.0), ("test-hot", 1.7)):
                    for quantity, unit, scale in (("energy", "eV/atom", 0.05), ("force", "eV/A", 2.0)):
                        rmse = scale * factor * harder * (1 + 0.1 * fold) * labels**-0.4
                        place = (loss, "random", labels, fold, name, quantity, unit, 50)
                        rows.append((*place, rmse, 0.7 * rmse, 0.5 * rmse, 4 * scale * harder, 0, 30.0))
    write_table(folder / "points.csv", LEARNING_COLUMNS, rows)


@pytest.fixture(scope="session")
def synthetic_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The results folder of a run that did everything."""
    root = tmp_path_factory.mktemp("results") / "synthetic"
    write_synthetic_run(root)
    return root


def write_synthetic_run(root: Path) -> None:
    """Write every table."""
    write_json(root / "config.json", CONFIGURATION)
    architecture = {"kind": "ani", "species": ["Al"]}
    write_json(root / "potential" / "potential.json", {"architecture": architecture, "members": 4})
    before, after = _comparisons(0.25, 1, False), _comparisons(0.15, 2, True)
    write_accuracy(root / "benchmarks/accuracy", {"iteration-0": before, "potential": after}, 0.9, 20000)
    settings = CrystalSettings(points=7, curve_points=15)
    members = [_member(scale) for scale in (0.9, 1.0, 1.1)]
    crystal = fcc_properties(members[1], "Al", members, settings=settings)
    write_crystal(root / "benchmarks/crystal", crystal)
    write_crystal(root / "benchmarks/compare/rival/crystal", fcc_properties(_member(1.2), "Al", settings=settings))
    _curves(root / "benchmarks/learning_curves")
    cells = reference_cells("Al", ReferenceSettings(a_guess=4.0))
    energies = {cell.id: _member(1.03)(cell.atoms).energy for cell in cells}
    write_direct(root / "benchmarks/direct", cells, energies, {c.id: _member(1.0)(c.atoms).energy for c in cells})
    _audit(root / "audit")
    _loop(root)
    _melt(root / "benchmarks/rdf")
    _coexistence(root / "benchmarks/coexistence")
    label = {"structure_id": "0" * 16, "status": "failed", "reason": "not converged in 80 cycles", "sha256": None}
    good = [
        {"structure_id": f"{k:016x}", "status": "converged", "reason": None, "sha256": "0" * 64} for k in range(1, 10)
    ]
    write_json(root / "labels/initial/batch-0-of-1.json", {"method": "m", "settings": {}, "labels": [label, *good]})
    header = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
    (root / "costs").mkdir(parents=True)
    for name, seconds, cpu in (("label_structures.initial.0-of-1", 260, "250.1"), ("train_member.0", 80, "79"),
                               ("audit", 2, "NA"), ("my_own_rule", 3, "2")):  # fmt: skip
        row = f"{seconds}\t0:04:20\t812.4\t1\t1\t1\t0\t0\t98\t{cpu}\n"
        (root / "costs" / f"{name}.tsv").write_text(header + row)


@pytest.fixture
def copied_run(synthetic_run: Path, tmp_path: Path) -> Path:
    """A copy of the synthetic run that a test may damage."""
    return Path(shutil.copytree(synthetic_run, tmp_path / "run"))
