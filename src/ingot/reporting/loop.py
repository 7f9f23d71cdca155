"""The active-learning loop, iteration by iteration: what its tables say about what was found, added and learned."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from ingot.reporting.costs import cpu_seconds
from ingot.reporting.run import Run

DISCARDED = ("too close", "blown up")
"""Ends of trajectories that leave no frame."""


@dataclass(frozen=True)
class Iteration:
    """One iteration that decided something."""

    run: Run
    number: int

    @cached_property
    def decision(self) -> dict[str, Any]:
        """What was selected and why the loop went on or ended."""
        found: dict[str, Any] = self.run.json("iterations", str(self.number), "select", "selection.json")
        return found

    @cached_property
    def trajectories(self) -> pd.DataFrame | None:
        """The dynamics, one row each."""
        return self.run.table("iterations", str(self.number), "explore", "trajectories.csv")

    @cached_property
    def candidates(self) -> pd.DataFrame:
        """Candidates with their scores; those picked have a place in ``picked``."""
        return pd.DataFrame(self.decision["candidates"])

    @property
    def discarded(self) -> int:
        """Trajectories that came to a bad end: atoms too close, or numbers that are not finite."""
        return 0 if self.trajectories is None else int(self.trajectories["reason"].isin(DISCARDED).sum())

    @property
    def diverged(self) -> list[int]:
        """Members of the ensemble that explored whose training diverged."""
        potential = self.run.json("iterations", str(self.number), "potential", "potential.json") or {}
        return list(potential.get("provenance", {}).get("diverged_members", []))

    @cached_property
    def labels(self) -> dict[str, tuple[int, int]]:
        """Labels asked for and failed, by ``iteration`` and ``control``."""
        counts = {}
        for what in ("iteration", "control"):
            rows = self.run.label_rows(f"{what}-{self.number}").values()
            counts[what] = (len(rows), sum(row["status"] != "converged" for row in rows))
        return counts

    @property
    def cost(self) -> dict[str, float | None]:
        """CPU seconds of this iteration's stages, as far as they were measured."""
        n = self.number
        return {
            "training": cpu_seconds(self.run, f"train_loop_member.{n}.*", f"combine_members.{n}"),
            "exploring": cpu_seconds(self.run, f"explore.{n}", f"explore.{n}.*", f"select_frames.{n}"),
            "labelling": cpu_seconds(self.run, f"label_structures.iteration-{n}.*", f"label_structures.control-{n}.*"),
        }

    @cached_property
    def added(self) -> pd.DataFrame:
        """The labelled structures: ``density`` (g/cm3), ``crystalline`` (share), ``temperature`` (K), ``reason``.

        The temperature is that of the thermostat at that frame of the trajectory; attacks and quenches have none.
        """
        table = self.run.table("benchmarks", "accuracy", "structures.csv")
        if table is None or not self.decision["selected"]:
            return pd.DataFrame(columns=["structure_id", "density", "crystalline", "temperature", "reason"])
        mine = table[
            (table["origin"] == f"iteration-{self.number}") & (table["potential"] == table["potential"].iloc[-1])
        ]
        told = {one["structure_id"]: one["reason"] for one in self.decision["candidates"]}
        stopped = {} if self.trajectories is None else _temperatures(self.trajectories, self.run.configuration)
        ids = mine["structure_id"].astype(str)
        return pd.DataFrame(
            {
                "structure_id": ids,
                "density": mine["density_g_per_cm3"],
                "crystalline": mine["crystalline_fraction"],
                "temperature": [stopped.get(identity, np.nan) for identity in ids],
                "reason": [told.get(identity, "") for identity in ids],
            }
        )


def iterations(run: Run) -> list[Iteration]:
    """All iterations, in order."""
    return [Iteration(run, number) for number in run.iterations()]


def _temperatures(trajectories: pd.DataFrame, configuration: dict[str, Any]) -> dict[str, float]:
    """Temperature of the course when each trajectory gave its candidate, by the candidate's id."""
    exploration = (configuration.get("active_learning") or {}).get("exploration") or {}
    if "steps" not in exploration:
        return {}
    duration = float(exploration["steps"]) * float(exploration["timestep_fs"])
    t = trajectories["candidate_time_fs"]
    ramp = trajectories["temperature_start_kelvin"] + (t / duration).clip(0, 1) * (
        trajectories["temperature_end_kelvin"] - trajectories["temperature_start_kelvin"]
    )
    wave = np.sin(np.pi * t / trajectories["temperature_period_fs"]) ** 2
    values = ramp + trajectories["temperature_amplitude_kelvin"] * wave
    return dict(zip(trajectories["candidate"].astype(str), values, strict=True))
