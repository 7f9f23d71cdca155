"""The fixture that makes runs of the tiny configuration."""

from collections.abc import Callable
from typing import Any

import pytest
import yaml
from workflow_run import TINY, Run, merge


@pytest.fixture(scope="module")
def make_run(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Run]:
    """A function that makes a run of the tiny configuration with changes."""

    def make(name: str = "run", **changes: Any) -> Run:
        folder = tmp_path_factory.mktemp(name)
        base = yaml.safe_load(TINY.read_text())
        (folder / "config.yaml").write_text(yaml.safe_dump(merge(base, changes), sort_keys=False))
        return Run(folder)

    return make
