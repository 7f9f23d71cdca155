"""Settings on the command line: JSON text, or the path of a JSON or YAML file."""

import json
from pathlib import Path
from typing import Any, TypeVar

import yaml

from ingot.config.base import ConfigurationError, Section, validate

S = TypeVar("S", bound=Section)


def parse_settings(model: type[S], text: str | None, option: str = "--settings") -> S:
    """A validated section from the text of an option (``None`` gives the defaults)."""
    values = {} if text is None else read_values(text, option)
    return validate(model, values)  # type: ignore[no-any-return]


def read_values(text: str, option: str) -> Any:
    """What the text of an option says, or the file that it names; raises :class:`ConfigurationError`."""
    if text.lstrip().startswith("{"):
        try:
            return json.loads(text)
        except json.JSONDecodeError as error:
            raise ConfigurationError(f"{option} is not valid JSON: {error}") from None
    path = Path(text)
    if not path.is_file():
        raise ConfigurationError(f"{option}: {text!r} is neither JSON nor an existing file")
    return yaml.safe_load(path.read_text())
