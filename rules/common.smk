# Requires: the configuration. Gives: CONFIG (validated), RUN (the results folder), and the functions
# that the rules share: settings slices, code digests, and the lists of sets and iterations.

import json
import os
import shutil
import sys
from pathlib import Path

import snakemake.benchmark
from snakemake.exceptions import WorkflowError

from ingot.config.root import (
    load_configuration,
    settings_json,
    split_json,
    structures_json,
)
from ingot.manifest import damaged_stores
from ingot.errors import IngotError
from ingot.provenance import code_digest

# CPU time is sampled, by default every half minute: too seldom for jobs of seconds.
snakemake.benchmark.benchmarked.__wrapped__.__defaults__ = (None, None, 1)

try:
    CONFIG = load_configuration(config)
except IngotError as error:
    raise WorkflowError(str(error)) from None

RUN = f"{CONFIG.run.results}/{CONFIG.run.name}"
STORE = CONFIG.run.label_store
SEED = CONFIG.run.seed
MEMBERS = range(CONFIG.training.members)
LOOP_MEMBERS = (
    range(CONFIG.active_learning.training.members)
    if CONFIG.active_learning
    else range(0)
)

# `ingot` is called by name; a virtual environment that is not activated still has it beside its python.
if shutil.which("ingot") is None:
    os.environ["PATH"] = (
        f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    )

if damage := damaged_stores(RUN):
    raise WorkflowError("\n".join(damage))


wildcard_constraints:
    set=r"[a-z]+(-[a-z0-9]+)?",
    batch=r"\d+",
    iteration=r"\d+",
    member=r"\d+",


def settings(*path):
    """One narrow slice of the configuration as JSON: what a rule reads, and what makes it run again."""
    return settings_json(CONFIG, *path)


def code(command):
    """Digest of the modules that one command uses, with all they import."""
    return code_digest(f"ingot.cli.{command}")


def store_of(name):
    """A data set, named by its manifest (Snakemake does not look inside folders)."""
    return f"{RUN}/datasets/{name}.manifest.json"


def store_folder(manifest):
    """The Zarr folder that a manifest describes."""
    return str(manifest).removesuffix(".manifest.json") + ".zarr"


def selection(iteration):
    """The decision of one iteration; asking for it makes Snakemake run up to there and look again."""
    with open(
        checkpoints.select_frames.get(iteration=iteration).output.decision
    ) as handle:
        return json.load(handle)


def acquired(iterations):
    """Names of the sets that these iterations added: none where nothing was worth a label."""
    return [f"iteration-{n}" for n in iterations if selection(n)["selected"]]


def finished_iterations():
    """Iterations up to the one that decided to stop, or the budget of them."""
    done = []
    limit = CONFIG.active_learning.max_iterations if CONFIG.active_learning else 0
    for n in range(limit):
        done.append(n)
        if selection(n)["converged"]:
            break
    return done


def training_sets(iteration=None):
    """What an iteration's ensemble is trained on; without an iteration, all there is."""
    iterations = finished_iterations() if iteration is None else range(int(iteration))
    return ["initial", *acquired(iterations)]
