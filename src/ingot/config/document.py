"""The schema and the reference page, generated from the models so that they cannot drift."""

import json
import types
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MaxLen, MinLen
from pydantic import BaseModel
from pydantic.fields import FieldInfo

_SIGNS = {Gt: ("gt", ">"), Ge: ("ge", ">="), Lt: ("lt", "<"), Le: ("le", "<=")}


def schema_text(model: type[BaseModel]) -> str:
    """The JSON schema of the whole configuration."""
    return json.dumps(model.model_json_schema(), indent=1, sort_keys=True) + "\n"


def _type_name(annotation: Any) -> str:
    """A type as a user would say it."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(f"`{a}`" for a in arguments)
    if origin in (Union, types.UnionType):
        return " or ".join(_type_name(a) for a in arguments)
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return f"list of {_type_name(arguments[0])}"
        return "[" + ", ".join(_type_name(a) for a in arguments) + "]"
    if origin is dict:
        return f"mapping of {_type_name(arguments[0])} to {_type_name(arguments[1])}"
    if origin is not None and arguments:  # Annotated
        return _type_name(arguments[0])
    if annotation is type(None):
        return "nothing"
    names = {"str": "text", "int": "integer", "float": "number", "bool": "true or false"}
    name = getattr(annotation, "__name__", str(annotation))
    return names.get(name, f"section [{name}](#{name.lower()})" if _is_section(annotation) else name)


def _is_section(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _bounds(field: FieldInfo) -> str:
    parts = []
    for item in field.metadata:
        for kind, (attribute, sign) in _SIGNS.items():
            if isinstance(item, kind):
                parts.append(f"{sign} {getattr(item, attribute)}")
        if isinstance(item, MinLen):
            parts.append(f"at least {item.min_length}")
        if isinstance(item, MaxLen):
            parts.append(f"at most {item.max_length}")
    return ", ".join(parts)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel) or (isinstance(value, tuple) and any(isinstance(v, BaseModel) for v in value)):
        return "see there"
    return "nothing" if value is None else f"`{json.dumps(value)}`"


def _sections(annotation: Any) -> Iterator[type[BaseModel]]:
    """The sections that a field leads to."""
    if _is_section(annotation):
        yield annotation
    for argument in get_args(annotation):
        yield from _sections(argument)


def reference_page(model: type[BaseModel]) -> str:
    """The reference of the configuration in Markdown: one table per section, one row per key."""
    lines = [
        "# Configuration reference",
        "",
        "Generated from the models in `src/ingot/config` by `make docs`; do not edit.",
        "Lengths are in angstrom, energies in eV, temperatures in K unless the key names another unit.",
        "",
    ]
    waiting, done = [model], set()
    while waiting:
        section = waiting.pop(0)
        if section in done:
            continue
        done.add(section)
        lines += [f"## {section.__name__}", "", " ".join((section.__doc__ or "").split()), ""]
        lines += ["| key | type | bounds | default | meaning |", "|---|---|---|---|---|"]
        for name, field in section.model_fields.items():
            meaning = " ".join((field.description or "").split()).replace("|", "\\|")
            cells = (f"`{name}`", _type_name(field.annotation).replace("|", "\\|"), _bounds(field), _default(field))
            lines.append("| " + " | ".join((*cells, meaning)) + " |")
            waiting += list(_sections(field.annotation))
        lines.append("")
    return "\n".join(lines)


def undocumented_fields(model: type[BaseModel]) -> list[str]:
    """Fields without a sentence: a test keeps this empty."""
    waiting, done, missing = [model], set(), []
    while waiting:
        section = waiting.pop()
        if section in done:
            continue
        done.add(section)
        for name, field in section.model_fields.items():
            if not field.description:
                missing.append(f"{section.__name__}.{name}")
            waiting += list(_sections(field.annotation))
    return sorted(missing)
