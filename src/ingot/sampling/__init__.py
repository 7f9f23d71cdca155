"""Sampling: nonequilibrium dynamics that looks for what an ensemble does not know, and the choice of what to label."""

from ingot.sampling.attacks import Ascent, Attacked, Attacking, Disagreement, attack, attack_structures, climb
from ingot.sampling.courses import Course, CourseRanges, draw_course
from ingot.sampling.equilibrium import Equilibration, equilibrium_frames
from ingot.sampling.errors import SamplingError
from ingot.sampling.exploration import Driving, KnownEnergies, Trajectory, explore
from ingot.sampling.files import (
    gather,
    read_trajectories,
    write_attacks,
    write_frames,
    write_quenches,
    write_trajectories,
)
from ingot.sampling.quenches import Quenched, Quenching, quench_structures
from ingot.sampling.selection import Novelty, Scored, Verdict, draw_controls, judge, relative_costs, score_and_pick
from ingot.sampling.spread import MEASURES, Stop, Thresholds, spread_monitor, spreads

__all__ = [
    "MEASURES",
    "Ascent",
    "Attacked",
    "Attacking",
    "Course",
    "CourseRanges",
    "Disagreement",
    "Driving",
    "Equilibration",
    "KnownEnergies",
    "Novelty",
    "Quenched",
    "Quenching",
    "SamplingError",
    "Scored",
    "Stop",
    "Thresholds",
    "Trajectory",
    "Verdict",
    "attack",
    "attack_structures",
    "climb",
    "draw_controls",
    "draw_course",
    "equilibrium_frames",
    "explore",
    "gather",
    "judge",
    "quench_structures",
    "read_trajectories",
    "relative_costs",
    "score_and_pick",
    "spread_monitor",
    "spreads",
    "write_attacks",
    "write_frames",
    "write_quenches",
    "write_trajectories",
]
