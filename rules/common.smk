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
    coexistence_json,
    learning_point_json,
    load_configuration,
    settings_json,
    split_json,
    structures_json,
)
from ingot.manifest import damaged_stores
from ingot.errors import IngotError
from ingot.provenance import code_digest, suite_digest

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


def priced_labels():
    """The label method where selection pays by its estimate of cost; otherwise no selection depends on it."""
    loop = CONFIG.active_learning
    return settings("labels") if loop and loop.selection.cost_budget else "{}"


def previous_decisions(wildcards):
    """Decisions of the iterations before, as many as convergence asks for."""
    last = int(wildcards.iteration)
    wanted = CONFIG.active_learning.selection.converged_iterations - 1
    return [
        f"{RUN}/iterations/{n}/select/selection.json"
        for n in range(max(0, last - wanted), last)
    ]


def training_sets(iteration=None):
    """What an iteration's ensemble is trained on; without an iteration, all there is."""
    iterations = finished_iterations() if iteration is None else range(int(iteration))
    return ["initial", *acquired(iterations)]


def batches(name):
    """How many jobs the labels of a set are dealt to."""
    return 1 if name.startswith("control") else CONFIG.labels.batches


def label_manifests(name):
    """The manifests of all label jobs of a set."""
    count = batches(name)
    return [f"{RUN}/labels/{name}/batch-{k}-of-{count}.json" for k in range(count)]


def label_files():
    """Files that the label method reads: an edit of a pseudopotential makes new labels."""
    if CONFIG.labels and CONFIG.labels.method == "orbital-free":
        return sorted(CONFIG.labels.orbital_free.pseudopotential.values())
    if CONFIG.labels and CONFIG.labels.method == "potential":
        return potential_files(CONFIG.labels.potential.path)
    return []


def fetched_files(folder):
    """Files of a download that a configuration names by its folder, `resources/NAME`; nothing for other folders."""
    download = known_downloads().get(folder.removeprefix("resources/").rstrip("/"))
    return (
        [f"{folder.rstrip('/')}/{file.path}" for file in download.files]
        if download
        else []
    )


def potential_files(path):
    """What a potential of others consists of: a download, a folder of ours or of NeuroChem, or a file."""
    if fetched := fetched_files(path):
        return fetched
    if not Path(path).is_dir():
        return [path]
    if (own := Path(path, "potential.json")).is_file():
        return [str(own)]
    return sorted(str(file) for file in Path(path).rglob("*") if file.is_file())


def begun_from(section):
    """Files of the potential that a training goes on from."""
    if not section or not section.start:
        return []
    if not Path(section.start).exists() and not fetched_files(section.start):
        raise WorkflowError(
            f"training.start: there is no potential at {section.start} yet; run the configuration that makes it first"
        )
    return potential_files(section.start)


def pinned_settings(name):
    """The cells of an equation of state or a strain are labelled with one k-point mesh and one FFT mesh."""
    return f"{RUN}/structures/{name}.labels.json" if name.startswith("direct-") else []


def data_inputs(kind):
    """Input functions for a training: manifests or splits of its sets."""

    def function(wildcards):
        sets = training_sets(getattr(wildcards, "iteration", None))
        if kind == "splits":
            return [f"{RUN}/datasets/{s}.splits.json" for s in sets]
        return [store_of(s) for s in sets]

    return function


def data_file(name):
    """The labelled file of a set, where the data are the user's."""
    return (
        CONFIG.data.file
        if name == "initial"
        else CONFIG.data.tests[name.removeprefix("test-")]
    )


def fixed_tests():
    """What every potential of the run is tested on: the independent test set, where there is one."""
    if CONFIG.data is not None:
        return [f"test-{name}" for name in CONFIG.data.tests]
    return ["test"] if CONFIG.structures and CONFIG.structures.test_families else []


def labelled_sets():
    """Every labelled set of the run: what was trained on, the controls of the selections, the fixed test."""
    controls = [
        f"control-{n}" for n in finished_iterations() if selection(n)["control"]
    ]
    return [*training_sets(), *controls, *fixed_tests()]


def split_sets():
    """The sets that are divided into training, validation and test."""
    return [s for s in labelled_sets() if s == "initial" or s.startswith("iteration-")]


def potentials():
    """Folders of the loop's ensembles by iteration, then of the final potential, by name."""
    loop = {
        f"iteration-{n}": f"{RUN}/iterations/{n}/potential"
        for n in finished_iterations()
    }
    return {**loop, "potential": f"{RUN}/potential"}


def named_stores(option, names):
    """Sets as `--option name=store` for a command."""
    return [f"--{option} {name}={RUN}/datasets/{name}.zarr" for name in names]


def within(folder, names):
    """The named files of a folder, as named inputs or outputs of a rule."""
    return {name: f"{folder}/{file}" for name, file in names.items()}
