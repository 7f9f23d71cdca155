"""What every section of the configuration shares: it is frozen, typed, and refuses unknown keys."""

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from ingot.errors import IngotError, near_name


class ConfigurationError(IngotError):
    """The configuration is not valid; the message lists every problem with its key."""


class Section(BaseModel):
    """A section: every field has a type, bounds, a unit in its name where it has one, and a sentence."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)


def _fields_at(model: type[BaseModel], location: tuple[Any, ...]) -> list[str]:
    """Names of the fields of the model that ``location`` leads into."""
    current: Any = model
    for key in location:
        if isinstance(key, int):
            continue
        fields = getattr(current, "model_fields", None)
        if not fields or key not in fields:
            return []
        current = next(_sections_in(fields[key].annotation), None)
    return list(getattr(current, "model_fields", {}) or {})


def _sections_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The sections that a type is or holds: itself, members of a union, items of a list."""
    if hasattr(annotation, "model_fields"):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _sections_in(argument)


def validate(model: type[BaseModel], values: Any) -> Any:
    """``model`` filled with ``values``, or a :class:`ConfigurationError` that helps.

    The message has one line per problem: the key, what is wrong, the value seen,
    and for an unknown key the nearest one that exists.
    """
    try:
        return model.model_validate(values)
    except ValidationError as error:
        lines = []
        for problem in error.errors():
            location = problem["loc"]
            key = ".".join(map(str, location)) or "(top level)"
            if problem["type"] == "extra_forbidden":
                accepted = _fields_at(model, location[:-1])
                hint = near_name(str(location[-1]), accepted) or f"; accepted: {', '.join(accepted)}"
                lines.append(f"  {key}: unknown key{hint}")
            else:
                seen = "" if problem["type"] == "missing" else f" (got {problem['input']!r})"
                lines.append(f"  {key}: {problem['msg']}{seen}")
        raise ConfigurationError("the configuration is not valid:\n" + "\n".join(lines)) from None
