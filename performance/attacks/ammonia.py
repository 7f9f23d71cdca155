"""Attacks on ammonia (Schwalbe-Koda, Tan and Gomez-Bombarelli, Nat. Commun. 12, 5104, 2021): an ensemble that knows the
molecule near its two minima learns the way between them.

    python performance/attacks/ammonia.py ammonia_138.xyz -o ammonia --figure docs/images/attacks-ammonia.png

The published geometries are labelled anew (`ingot label --method pyscf-molecule`). Those less than 0.3 eV above the
lowest are known at first: N stands at least 0.37 A above the hydrogens in all of them. The others are a test.
Each generation labels at most twenty structures, by attacks or by random displacements as large on average, and trains
anew. Errors are those along the inversion, which no generation is shown. What was labelled and trained is kept in the
folder, so that a run that was killed goes on.
"""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import matplotlib as mpl
import numpy as np
from ase import Atoms
from ase.io import read

from ingot.cli.main import main as ingot
from ingot.datasets import read_labelled
from ingot.files import digest
from ingot.potentials import Potential, load_potential
from ingot.potentials.calculator import PaddedEvaluator
from ingot.randomness import derive_seed, generator
from ingot.sampling import Attacking, Disagreement, SamplingError, attack
from ingot.structures import describe, write_structures

mpl.use("Agg")
METHOD = {"method": "pyscf-molecule", "pyscf_molecule": {"functional": "b3lyp", "basis": "def2-svp"}}
TRAINING = {
    "members": 5, "epochs": 400, "batch_size": 8, "learning_rate": 3e-3, "validation_interval": 20,
    "weight_decay": 0.03,
    "loss": {"energy": 30, "forces": 1, "stress": 0, "emphasis_ev_per_atom": 0.1},
    "architecture": {
        "radial": {"cutoff_angstrom": 4.0, "shifts": 16}, "first_shift_angstrom": 0.6, "hidden": [64, 48, 32],
        "angular": {"cutoff_angstrom": 3.0, "shifts": 4, "angles": 8, "zeta": 32},
    },
}  # fmt: skip
GENERATIONS, LABELS, ATTACKS = 4, 20, 60
KNOWN = 0.3
"""Geometries that the first ensemble is shown lie less than this above the lowest, eV: all near the minima."""
ATTACKING = Attacking(steps=60, temperature_kelvin=450.0)
"""Energies count per atom: for the whole molecule this is kT = 0.16 eV."""


def labelled(structures: list[Atoms], folder: Path) -> Path:
    """A file of labelled structures; labels that the folder's store holds are not computed."""
    identity = digest([atoms.info["structure_id"] for atoms in structures])
    path = folder / "labelled" / f"{identity}.extxyz"
    if not path.is_file():
        write_structures(folder / "asked" / f"{identity}.extxyz", structures)
        arguments = ["label", str(folder / "asked" / f"{identity}.extxyz"), "--settings", json.dumps(METHOD)]
        path.parent.mkdir(exist_ok=True)
        if ingot([*arguments, "--store", str(folder / "store"), "--workers", "1", "-o", str(path)]):
            raise SystemExit("labels failed")
    return path


def trained(paths: list[Path], seed: int, output: Path) -> Potential:
    """An ensemble; one that is there is not trained again."""
    if not (output / "potential.json").is_file():
        arguments = ["train", *map(str, paths), "--settings", json.dumps(TRAINING), "--seed", str(seed)]
        if ingot([*arguments, "--workers", "1", "-o", str(output)]):
            raise SystemExit("training failed")
    return load_potential(output)


def inversion(points: int = 13) -> list[Atoms]:
    """From one minimum through the plane to the other: heights of N, bonds that shorten from 1.021 to 1.004 A."""
    path = []
    for height in np.linspace(-0.40, 0.40, points):
        bond = 1.004 + 0.017 * min(1.0, abs(height) / 0.386)
        radius = np.sqrt(bond**2 - height**2)
        angles = 2 * np.pi * np.arange(3) / 3
        hydrogens = np.stack([radius * np.cos(angles), radius * np.sin(angles), np.zeros(3)], axis=1)
        path.append(describe(Atoms("NH3", [[0, 0, height], *hydrogens]), "inversion"))
    return path


@dataclass(frozen=True)
class Along:
    """The inversion by an ensemble, held against labels."""

    energies: np.ndarray
    """(members, points) relative to the first, eV."""
    barrier_error: float
    """eV."""
    force_rmse: float
    """eV/A."""
    rest_rmse: float
    """Of the forces of the other published geometries, eV/A."""


def along(potential: Potential, path: list[Atoms], rest: list[Atoms]) -> Along:
    """Energies and forces of all members along the path, and the error on what else is known."""
    evaluator = PaddedEvaluator(potential)
    found = [evaluator.evaluate(atoms, "all") for atoms in path]
    energies = np.array([one.energy for one in found]).T
    energies -= energies[:, :1]
    forces = np.array([one.forces for one in found])
    truth = np.array([atoms.get_forces() for atoms in path])
    reference = np.array([atoms.get_potential_energy() for atoms in path])
    top = len(path) // 2
    return Along(
        energies,
        float(energies.mean(axis=0)[top] - (reference[top] - reference[0])),
        float(np.sqrt(np.mean((forces.mean(axis=1) - truth) ** 2))),
        float(np.sqrt(np.mean([(evaluator.evaluate(a, "mean").forces[0] - a.get_forces()) ** 2 for a in rest]))),
    )


def deviation(potential: Potential, structures: list[Atoms]) -> np.ndarray:
    """sigma_F^2 of each structure."""
    evaluator = PaddedEvaluator(potential)
    return np.array([np.mean(np.var(evaluator.evaluate(atoms, "all").forces, axis=0, ddof=1)) for atoms in structures])


def distances(atoms: Atoms) -> np.ndarray:
    """N-H and H-H distances, each sorted: equal for structures that are alike."""
    d = atoms.get_all_distances()
    return np.concatenate([np.sort(d[0, 1:]), np.sort(d[np.triu_indices(4, 1)][3:])])


def farthest_apart(structures: list[Atoms], most: int, closest: float = 0.03) -> list[Atoms]:
    """At most so many, each as different as can be from those before it."""
    shapes = np.array([distances(atoms) for atoms in structures])
    taken, distance = [0], np.linalg.norm(shapes - shapes[0], axis=1)
    while len(taken) < most and distance.max() > closest:
        taken.append(int(distance.argmax()))
        distance = np.minimum(distance, np.linalg.norm(shapes - shapes[taken[-1]], axis=1))
    return [structures[k] for k in taken]


def found_by_attacks(potential: Potential, known: list[Atoms], seed: int) -> tuple[list[Atoms], float]:
    """What attacks ask for, and how far they went (root mean square over atoms, A)."""
    random = generator(seed, "attacked")
    ends, moved = [], []
    for number, start in enumerate(random.choice(len(known), ATTACKS)):
        bare = describe(Atoms(known[start].numbers, known[start].positions), "ammonia")
        around = Disagreement(potential, bare, ATTACKING.temperature_kelvin)
        try:
            ascent = attack(around, ATTACKING, derive_seed(seed, "attack", number))
        except SamplingError:
            continue
        point = ascent.points[ascent.best]
        ends.append(describe(around.structure(point), "attack"))
        moved.append(np.mean(point**2))
    uncertain = deviation(potential, ends) > np.quantile(deviation(potential, known), 0.8)
    kept = [atoms for atoms, high in zip(ends, uncertain, strict=True) if high] or ends
    return farthest_apart(kept, LABELS), float(np.sqrt(np.mean(moved)))


def found_at_random(known: list[Atoms], count: int, length: float, seed: int) -> list[Atoms]:
    """As many structures, displaced as far, in random directions."""
    random, found = generator(seed, "displaced"), []
    for start in random.choice(len(known), count):
        at = known[start]
        found.append(describe(Atoms(at.numbers, at.positions + random.normal(0, length, (4, 3))), "random"))
    return found


def learn(folder: Path, first: Path, tests: tuple[list[Atoms], list[Atoms]], attacking: bool, seed: int) -> list[Along]:
    """The inversion after each generation."""
    own = folder / f"seed-{seed}"
    paths, result = [first], []
    for number in range(GENERATIONS + 1):
        name = f"{'attacks' if attacking else 'random'}-{number}" if number else "first"
        potential = trained(paths, seed, own / name)
        result.append(along(potential, *tests))
        if number == GENERATIONS:
            break
        known = [atoms for each in paths for atoms in read_labelled(each)]
        told = own / f"attacks-of-{number}.json"
        chosen, length = found_by_attacks(potential, known, derive_seed(seed, "generation", number))
        if attacking:
            told.write_text(json.dumps([len(chosen), length]))
        else:
            count, length = json.loads(told.read_text())
            chosen = found_at_random(known, count, length, derive_seed(seed, "generation", number))
        paths.append(labelled(chosen, folder))
    return result


def main() -> None:
    """Label, learn, print errors by generation, draw."""
    import matplotlib.pyplot as plt

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("geometries", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--figure", type=Path, required=True)
    parser.add_argument("--seeds", type=int, default=2)
    args = parser.parse_args()
    every = [describe(Atoms(a.numbers, a.positions), "ammonia") for a in read(args.geometries, ":")]
    energies = np.array([atoms.get_potential_energy() for atoms in read_labelled(labelled(every, args.output))])
    near = (energies - energies.min() < KNOWN).tolist()
    first = labelled([atoms for atoms, inside in zip(every, near, strict=True) if inside], args.output)
    rest = read_labelled(
        labelled([atoms for atoms, inside in zip(every, near, strict=True) if not inside], args.output)
    )
    print(f"{sum(near)} geometries are known at first, {len(rest)} are tested on")
    path = read_labelled(labelled(inversion(), args.output))
    heights = np.array([atoms.positions[0, 2] - atoms.positions[1:, 2].mean() for atoms in path])
    reference = np.array([atoms.get_potential_energy() for atoms in path])
    print(f"barrier by the labels: {reference[len(path) // 2] - reference[0]:.3f} eV")
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
    for attacking, color, label in ((True, "#4477aa", "attacks"), (False, "#999999", "random displacements")):
        runs = [learn(args.output, first, (path, rest), attacking, seed) for seed in range(args.seeds)]
        for quantity, place in (("force_rmse", axes[0]), ("rest_rmse", axes[1]), ("barrier_error", None)):
            values = np.abs([[getattr(one, quantity) for one in run] for run in runs])
            mean, deviation_ = values.mean(axis=0), values.std(axis=0, ddof=1)
            if place is not None:
                place.errorbar(range(GENERATIONS + 1), mean, deviation_, fmt="o-", color=color, label=label, capsize=2)
            cells = " | ".join(f"{m:.3f} ± {d:.3f}" for m, d in zip(mean, deviation_, strict=True))
            print(f"| {quantity} | {label} | {cells} |", flush=True)
        for number, shade in ((0, "#ccbb44"), (GENERATIONS, color)):
            if number or attacking:
                energies = runs[0][number].energies
                mean, spread = energies.mean(axis=0), energies.std(axis=0, ddof=1)
                name = f"{label}, generation {number}" if number else "before"
                axes[2].plot(heights, mean, color=shade, label=name)
                axes[2].fill_between(heights, mean - spread, mean + spread, color=shade, alpha=0.25, linewidth=0)
    axes[2].plot(heights, reference - reference[0], "k.", label="labels")
    axes[0].set(xlabel="generation", ylabel="force RMSE (eV/Å)", yscale="log", title="Along the inversion")
    axes[1].set(xlabel="generation", ylabel="force RMSE (eV/Å)", yscale="log", title="Other published geometries")
    axes[2].set(xlabel="height of N above the plane (Å)", ylabel="energy (eV)", title="The inversion")
    for place in axes:
        place.legend(fontsize=7)
    figure.savefig(args.figure, dpi=130)


if __name__ == "__main__":
    main()
