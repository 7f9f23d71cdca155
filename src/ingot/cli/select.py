"""``ingot select``: the frames worth a label, a random control, and whether the loop has converged."""

import argparse
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ase import Atoms


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Inputs, settings, outputs."""
    parser.add_argument("--candidates", required=True, metavar="FILE", help="candidates.extxyz of `ingot explore`")
    parser.add_argument("--controls", metavar="FILE", help="controls.extxyz of `ingot explore`")
    parser.add_argument("--trajectories", required=True, metavar="FILE", help="trajectories.csv of `ingot explore`")
    parser.add_argument("--attacks", metavar="FILE", help="attacks.csv of `ingot explore`")
    parser.add_argument("--quenches", metavar="FILE", help="quenches.csv of `ingot explore`")
    parser.add_argument("--dataset", nargs="+", required=True, metavar="DATA", help="all data, from the first on")
    parser.add_argument("--labels", help="JSON or a file: the section `labels`, whose method estimates costs")
    parser.add_argument("--previous", nargs="*", default=[], metavar="FILE", help="decisions of earlier iterations")
    parser.add_argument("--settings", help="JSON or a file: the section `active_learning.selection`")
    parser.add_argument("--iteration", type=int, default=0, help="number of the iteration (0)")
    parser.add_argument("--seed", type=int, default=1, help="seed of what is drawn at random (1)")
    parser.add_argument("--decision", required=True, metavar="FILE", help="write the decision and its reasons (JSON)")
    parser.add_argument("--control", metavar="FILE", help="write the random control")
    parser.add_argument("-o", "--output", required=True, metavar="FILE", help="write the selected structures")


def run(args: argparse.Namespace) -> int:
    """Select, judge and write."""
    from ingot.cli.settings import parse_settings
    from ingot.config.active_learning import SelectionSettings
    from ingot.datasets import read_frames
    from ingot.files import read_json, write_json
    from ingot.randomness import derive_seed
    from ingot.sampling import Novelty, draw_controls, judge, read_trajectories, score_and_pick
    from ingot.sampling.files import ATTACK_COLUMNS, QUENCH_COLUMNS, read_table
    from ingot.structures import write_structures

    settings = parse_settings(SelectionSettings, args.settings)
    seed = derive_seed(args.seed, "select", args.iteration)
    rows = {row["candidate"]: row for row in read_trajectories(args.trajectories)}
    early = [row["early"] == "true" for row in read_trajectories(args.trajectories)]
    candidates = _structures(args.candidates)
    for path, columns, reason in (
        (args.attacks, ATTACK_COLUMNS, "attack"),
        (args.quenches, QUENCH_COLUMNS, "quench"),
    ):
        if path:
            told = {"trajectory": "", "candidate_time_fs": "", "reason": reason}
            rows |= {row["candidate"]: row | told for row in read_table(path, columns)}
    missing = [a.info["structure_id"] for a in candidates if a.info["structure_id"] not in rows]
    if missing:
        from ingot.sampling import SamplingError

        raise SamplingError(f"{args.trajectories} does not list the candidates {missing}: are both of one exploration?")
    known = [frame for path in args.dataset for frame in read_frames(path)]
    scored = score_and_pick(
        candidates,
        [float(rows[a.info["structure_id"]]["force_std_mean"]) for a in candidates],
        known,
        settings.budget,
        settings.strategy,
        seed,
        Novelty(settings.bandwidth, settings.neighbors, settings.cutoff_angstrom, settings.overlap_threshold),
        _costs(args.labels, candidates, args.dataset[0]) if settings.cost_budget else None,
        settings.cost_budget or math.inf,
        [_source(rows[a.info["structure_id"]]["reason"]) for a in candidates],
    )
    before = sorted((read_json(path) for path in args.previous), key=lambda decision: int(decision["iteration"]))
    limits = (settings.converged_early_stops, settings.converged_novelty, settings.converged_iterations)
    verdict = judge(scored, early, *limits, before=[bool(decision["calm"]) for decision in before])
    picked = sorted((s for s in scored if s.pick is not None), key=lambda s: s.pick or 0)
    selected = [s.atoms for s in picked]
    ids = [str(atoms.info["structure_id"]) for atoms in selected]
    write_structures(args.output, selected)
    control = draw_controls(_structures(args.controls), settings.control, seed, ids) if args.controls else []
    if args.control:
        write_structures(args.control, control)
    table = [
        {
            "structure_id": s.atoms.info["structure_id"],
            "trajectory": _number(rows[s.atoms.info["structure_id"]]["trajectory"], int),
            "time_fs": _number(rows[s.atoms.info["structure_id"]]["candidate_time_fs"], float),
            "reason": rows[s.atoms.info["structure_id"]]["reason"],
            "force_std_mean": s.spread,
            "novelty_nats": s.novelty,
            "novel_fraction": s.novel_fraction,
            "picked": s.pick,
            "duplicate": s.duplicate,
        }
        for s in scored
    ]
    write_json(
        args.decision,
        {
            "iteration": args.iteration,
            "strategy": settings.strategy,
            "selected": ids,
            "control": [str(atoms.info["structure_id"]) for atoms in control],
            "converged": verdict.converged,
            "calm": verdict.calm,
            "reason": verdict.reason,
            "early_stop_fraction": verdict.early_stop_fraction,
            "novel_fraction": verdict.novel_fraction,
            "candidates": table,
        },
    )
    print(f"{len(ids)} of {len(candidates)} candidates selected; {verdict.reason}")
    return 0


def _costs(labels: str | None, candidates: "list[Atoms]", first: str) -> list[float]:
    from ingot.cli.settings import parse_settings
    from ingot.config.labels import LabelSettings
    from ingot.datasets import read_frames
    from ingot.labels import make_method
    from ingot.sampling import SamplingError, relative_costs

    if labels is None:
        raise SamplingError("cost_budget needs the label method that is paid for: give --labels")
    method = make_method(parse_settings(LabelSettings, labels).model_dump())
    return relative_costs(candidates, read_frames(first), method.estimated_cost)


def _source(reason: str) -> str:
    return reason if reason in {"attack", "quench"} else "dynamics"


def _number(text: str, kind: Callable[[str], float]) -> float | None:
    return kind(text) if text else None


def _structures(path: str) -> list:  # type: ignore[type-arg]
    """Structures of a file that may be empty."""
    from pathlib import Path

    from ingot.structures import read_structures

    return read_structures(path) if not Path(path).is_file() or Path(path).stat().st_size else []
