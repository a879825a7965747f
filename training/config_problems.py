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
    ("(Input|Tuple|String) should", "must"),
    (r" after validation, not \d+", ""),
    ("a valid tuple", "a list"),
    ("a valid dictionary or object to extract fields from", "a mapping"),
    (r"a valid dictionary or instance of (\w+)|a valid dictionary", "a mapping"),
)
_FOUND_CHARACTERS = 60  # a value longer than this is cut in a message


def describe_problems(error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """Every problem of `error` once, in the order of the model's fields."""
    return [_describe(details, model) for details in error.errors() if not _is_echo(details)]


def known_keys(model: type[BaseModel], path: KeyPath, value: Any = None) -> tuple[str, ...] | None:
    """Keys that may stand in the mapping at `path`; None where it takes any key (a label map), () where it is no mapping.

    `value` is the whole config: where models are told apart by their `type`, the one that it names counts, or else all of them.
    """
    kinds: list[Any] = [model]
    for part in (*path, None):
        kinds = _named(kinds, value.get("type") if isinstance(value, dict) else None)
        if part is not None:
            kinds, _ = _step(kinds, part)
            value = _item(value, part)
    if any(get_origin(kind) is dict for kind in kinds):
        return None
    return _keys(kinds)


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


def _step(kinds: Sequence[Any], part: str | int) -> tuple[list[Any], str]:
    """What may stand under the key or position `part` of one of `kinds`, and the sentence that documents the field, if it is one."""
    for kind in kinds:
        if _is_model(kind) and part in kind.model_fields:
            field = kind.model_fields[part]
            return _members(field.annotation), field.description or ""
        if get_origin(kind) in (tuple, dict):
            return _members(get_args(kind)[0 if get_origin(kind) is tuple else 1]), ""
    return [], ""


def _item(value: Any, part: str | int) -> Any:
    if isinstance(value, list) and isinstance(part, int) and part < len(value):
        return value[part]
    return value.get(part) if isinstance(value, dict) else None


def _members(kind: Any) -> list[Any]:
    """The types inside `Annotated[...]`, `... | None` and unions."""
    if get_origin(kind) is Annotated:
        return _members(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return [member for part in get_args(kind) if part is not type(None) for member in _members(part)]
    return [kind]


def _named(kinds: list[Any], name: Any) -> list[Any]:
    """Of several models, the one whose `type` can be `name`; all where none can."""
    if len(kinds) < 2:
        return kinds
    return [kind for kind in kinds if name in get_args(kind.model_fields["type"].annotation)] or kinds


def _keys(kinds: Sequence[Any]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for kind in kinds if _is_model(kind) for name in kind.model_fields))


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _is_echo(details: ErrorDetails) -> bool:
    """pydantic calls a list too short when some of its items were wrong; those are reported themselves."""
    return details["type"] == "too_short" and len(details["input"]) >= details["ctx"]["min_length"]


def _walk(location: KeyPath, model: type[BaseModel]) -> tuple[KeyPath, list[Any], str]:
    """The path of the YAML file that pydantic's `location` means, what may stand there, and the sentence that documents it.

    Where models are told apart by their `type`, pydantic puts its value between the path of the mapping and the key inside.
    """
    kinds: list[Any] = [model]
    path: list[str | int] = []
    description = ""
    for part in location:
        if len(kinds) > 1 and (named := _named(kinds, part)) != kinds:
            kinds = named
        elif part != "[key]":
            kinds, description = _step(kinds, part)
            path.append(part)
    return tuple(path), kinds, description


def _describe(details: ErrorDetails, model: type[BaseModel]) -> Problem:
    path, kinds, description = _walk(details["loc"], model)
    kind, value, rule = details["type"], details["input"], details["msg"]
    if kind in ("union_tag_invalid", "union_tag_not_found"):  # pydantic blames the mapping for its `type`
        path, description = (*path, "type"), _step(kinds, "type")[1]
        value = value.get("type")
        names = [repr(name) for member in kinds for name in get_args(member.model_fields["type"].annotation)]
        rule = f"must be {', '.join(names[:-1])} or {names[-1]}"
    if kind in ("missing", "union_tag_not_found"):
        return path, f"missing; give a value. {description}"
    found = repr(value)
    found = found if len(found) <= _FOUND_CHARACTERS else f"{found[:_FOUND_CHARACTERS]}…"
    if kind == "extra_forbidden":
        _, kinds, _ = _walk(details["loc"][:-1], model)
        return path, f"{unknown_key(str(path[-1]), _keys(kinds))}; its value is {found}"
    if kind == "value_error":
        return path, str(details["ctx"]["error"])
    for theirs, ours in _WORDING:
        rule = re.sub(theirs, ours, rule)
    hint = "; quote the value if it is text" if kind == "string_type" and value is not None else ""
    near = ""
    if kind in ("literal_error", "union_tag_invalid") and isinstance(value, str):
        near = nearest(value, re.findall(r"'([^']*)'", rule))
    return path, f"{rule}, found {found}{near}{hint}. {description}".rstrip()
