"""The whole configuration: one section per stage."""

import json
from pathlib import Path
from typing import Any

import yaml
from pydantic import Field, model_validator

from ingot.config.active_learning import ActiveLearningSettings
from ingot.config.audit import AuditSettings
from ingot.config.base import ConfigurationError, Section, validate
from ingot.config.benchmarks import BenchmarkSettings
from ingot.config.data import DataSettings
from ingot.config.dataset import DatasetSettings
from ingot.config.labels import LabelSettings
from ingot.config.learning_curves import LearningCurveSettings
from ingot.config.report import ReportSettings
from ingot.config.structures import StructureSettings
from ingot.config.training import TrainingSettings


class RunSettings(Section):
    """What the run is called and where its results go. Nothing here changes a number, but for the seed."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")
    """Name of the run: its results are in `<results>/<name>`."""

    title: str
    """One line for the top of the report."""

    caveat: str = ""
    """What a reader must know before using the numbers; printed beside the headline table."""

    seed: int = Field(1, ge=0)
    """The seed that every random stream of the run derives from."""

    results: str = "results"
    """Folder of all runs, relative to where Snakemake is started."""

    label_store: str = "labels"
    """Folder of the label store, shared by all runs; labels in it are never computed twice."""

    label_archives: tuple[str, ...] = ()
    """Folders of label archives (`ingot store export`) that are put into the store before anything is labelled."""


class LoopSettings(ActiveLearningSettings):
    """The active-learning loop. It has a training of its own, so that a change of the final one buys no label."""

    training: TrainingSettings = TrainingSettings()
    """How the loop's ensembles are trained; `training` at the top level is that of the final potential."""


class Configuration(Section):
    """One run, from structures to report. Sections left out are stages left out."""

    run: RunSettings
    """Names, seed and folders."""

    data: DataSettings | None = None
    """Labelled data of your own; then `structures`, `labels` and `active_learning` are left out."""

    structures: StructureSettings | None = None
    """What is built at the start, and the fixed independent test set."""

    labels: LabelSettings | None = None
    """The first-principles method."""

    dataset: DatasetSettings = DatasetSettings()
    """Splits."""

    training: TrainingSettings = TrainingSettings()
    """The final potential."""

    learning_curves: LearningCurveSettings | None = None
    """Errors against the number of labels, with and without forces, from the initial data."""

    active_learning: LoopSettings | None = None
    """The loop; left out, the potential is trained on the initial data alone."""

    audit: AuditSettings = AuditSettings()
    """The information-entropy audit."""

    benchmarks: BenchmarkSettings = BenchmarkSettings()
    """What the potential is put through."""

    report: ReportSettings = ReportSettings()
    """The page."""

    @model_validator(mode="after")
    def _sections_fit(self) -> "Configuration":
        if self.data is None and (self.structures is None or self.labels is None):
            raise ValueError("either `data` or both `structures` and `labels` must be given")
        if self.structures is not None and not self.structures.families:
            raise ValueError("structures.families is empty: nothing would be labelled or trained on")
        if self.active_learning is not None and self.structures is not None and not self.structures.start_families:
            raise ValueError("structures.start_families is empty: active_learning has nothing to start from")
        if self.data is not None and (self.structures is not None or self.active_learning is not None):
            raise ValueError("`data` brings labelled structures: leave out `structures` and `active_learning`")
        if self.benchmarks.direct is not None and self.labels is None:
            raise ValueError("benchmarks.direct asks the label method itself: it needs `labels`")
        return self


def load_configuration(values: dict[str, Any]) -> Configuration:
    """A validated configuration; raises :class:`ConfigurationError` with one line per problem."""
    return validate(Configuration, values)  # type: ignore[no-any-return]


def read_configuration(path: str | Path) -> Configuration:
    """A configuration from a YAML file."""
    path = Path(path)
    if not path.is_file():
        raise ConfigurationError(f"no configuration at {path}")
    try:
        values = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        raise ConfigurationError(f"{path} is not valid YAML: {error}") from None
    try:
        return load_configuration(values)
    except ConfigurationError as error:
        raise ConfigurationError(f"{path}: {error}") from None


def settings_json(configuration: Configuration, *path: str) -> str:
    """One slice of the configuration as canonical JSON, for a rule's parameters."""
    value: Any = configuration
    for key in path:
        value = getattr(value, key) if value is not None else None
    if isinstance(value, Section):
        value = value.model_dump(mode="json")
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def coexistence_json(configuration: Configuration, point: int | None = None) -> str:
    """The slice of `benchmarks.coexistence` for its own pressure, or for one point of the curve, as canonical JSON."""
    settings = configuration.benchmarks.coexistence
    if settings is None:
        return "{}"
    values = settings.model_dump(mode="json", exclude={"curve"})
    if point is not None:
        values |= settings.curve[point].model_dump(mode="json")
    return json.dumps(values, sort_keys=True, separators=(",", ":"))


def learning_point_json(configuration: Configuration, size: int) -> str:
    """The slice of `learning_curves` that one point depends on, as canonical JSON: another point changes nothing."""
    if configuration.learning_curves is None:
        return "{}"
    values = configuration.learning_curves.model_dump(mode="json", exclude={"losses", "selections"}) | {"sizes": [size]}
    return json.dumps(values, sort_keys=True, separators=(",", ":"))


def structures_json(configuration: Configuration, name: str) -> str:
    """The slice of `structures` that one set (initial, test, starts-N) is built from, as canonical JSON."""
    structures = configuration.structures
    if structures is None:
        return "{}"
    kept = {"initial": "families", "test": "test_families"}.get(name, "start_families")
    lists = {"families", "test_families", "start_families"} - {kept}
    return json.dumps(structures.model_dump(mode="json", exclude=lists), sort_keys=True, separators=(",", ":"))


def split_json(configuration: Configuration, name: str) -> str:
    """How a set is split: the initial one as set; what the loop acquires is for learning and has no test split."""
    dataset = configuration.dataset.model_dump(mode="json")
    if name != "initial":
        dataset |= {"test_fraction": 0.0, "extrapolation_families": []}
    elif configuration.structures is not None:
        dataset["extrapolation_families"] += configuration.structures.extrapolation_families
    return json.dumps(dataset, sort_keys=True, separators=(",", ":"))
