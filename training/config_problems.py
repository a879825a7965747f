"""What is wrong with a config, in sentences: a pydantic error -> dotted path, what is allowed, what was found, nearest known key.

In: a `ValidationError` and the model that raised it. Out: (path, sentence) pairs. Does not know which config it is, or YAML.
"""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Any, TypeAlias, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from training.yaml_text import KeyPath

Problem: TypeAlias = tuple[KeyPath, str]

_WORDING = (  # pydantic's words -> those of a YAML file
    ("(Input|Tuple) should", "must"),
    (r" after validation, not \d+", ""),
    ("a valid tuple", "a list"),
    (r"a valid dictionary or instance of (\w+)|a valid dictionary", "a mapping"),
)
_FOUND_CHARACTERS = 60  # a value longer than this is cut in a message


def describe_problems(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """Every problem of `error` once, in the order of the model's fields."""
    return [(_path(details), _sentence(details, model)) for details in error.errors() if not _is_echo(details)]


def known_keys(model: type[BaseModel], path: KeyPath) -> tuple[str, ...] | None:
    """Keys that may stand in the mapping at `path`; None where it takes any key (a label map), () where it is no mapping."""
    kind: Any = model
    for part in path:
        kind = _unwrap(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            if part not in kind.model_fields:
                return ()
            kind = kind.model_fields[str(part)].annotation
        elif get_origin(kind) in (tuple, dict):
            kind = get_args(kind)[0 if get_origin(kind) is tuple else 1]
        else:
            return ()
    kind = _unwrap(kind)
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return tuple(kind.model_fields)
    return None if get_origin(kind) is dict else ()


def unknown_key(key: str, known: Sequence[str]) -> str:
    """
    >>> unknown_key("sed", ["name", "seed"])
    "unknown key; did you mean 'seed'? Known here: name, seed"
    """
    near = get_close_matches(key, known, n=1, cutoff=0.6)
    return f"unknown key{f'; did you mean {near[0]!r}?' if near else '.'} Known here: {', '.join(known) or 'no keys'}"


def nearest(name: str, known: Sequence[str]) -> str:
    """` (did you mean 'sport'?)`, or "" where nothing known is near."""
    near = get_close_matches(name, known, n=1, cutoff=0.6)
    return f" (did you mean {near[0]!r}?)" if near else ""


def _unwrap(kind: Any) -> Any:
    """The type inside `Annotated[...]` and `... | None`."""
    while True:
        if get_origin(kind) is Annotated:
            kind = get_args(kind)[0]
        elif get_origin(kind) in (Union, UnionType):
            kind = next(part for part in get_args(kind) if part is not type(None))
        else:
            return kind


def _is_echo(details: ErrorDetails) -> bool:
    """pydantic calls a list too short when some of its items were wrong; those are reported themselves."""
    return details["type"] == "too_short" and len(details["input"]) >= details["ctx"]["min_length"]


def _path(details: ErrorDetails) -> KeyPath:
    return tuple(part for part in details["loc"] if part != "[key]")


def _sentence(details: ErrorDetails, model: type[BaseModel]) -> str:
    path, kind = _path(details), details["type"]
    if kind == "missing":
        return f"missing; give a value. {_description(model, path)}"
    found = repr(details["input"])
    found = found if len(found) <= _FOUND_CHARACTERS else f"{found[:_FOUND_CHARACTERS]}…"
    if kind == "extra_forbidden":
        return f"{unknown_key(str(path[-1]), known_keys(model, path[:-1]) or ())}; its value is {found}"
    if kind == "value_error":
        return str(details["ctx"]["error"])
    rule = details["msg"]
    for theirs, ours in _WORDING:
        rule = re.sub(theirs, ours, rule)
    hint = "; quote the value if it is text" if kind == "string_type" and details["input"] is not None else ""
    near = ""
    if kind == "literal_error" and isinstance(details["input"], str):
        allowed = [name.strip(" '") for name in details["ctx"]["expected"].replace(" or ", ", ").split(", ")]
        near = nearest(details["input"], allowed)
    return f"{rule}, found {found}{near}{hint}. {_description(model, path)}".rstrip()


def _description(model: type[BaseModel], path: KeyPath) -> str:
    """The sentence that documents the field at `path`; "" inside a list or a label map."""
    kind: Any = model
    description = ""
    for part in path:
        kind = _unwrap(kind)
        if isinstance(kind, type) and issubclass(kind, BaseModel) and part in kind.model_fields:
            field = kind.model_fields[str(part)]
            kind, description = field.annotation, field.description or ""
        elif get_origin(kind) in (tuple, dict):
            kind, description = get_args(kind)[0 if get_origin(kind) is tuple else 1], ""
        else:
            return ""
    return description
