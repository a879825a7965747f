"""YAML file -> a run config of any kind, or one error that lists all that is wrong with it.

In: the kind of config, a YAML file, `a.b=value` overrides, a data root. Out: a frozen config, or one `ConfigError`; a config as YAML.
Does not know: what the sections of a config mean.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from inference.errors import ConfigError
from training import yaml_text
from training.config_problems import Problem, describe_problems, known_keys, unknown_key
from training.yaml_text import KeyPath

Config = TypeVar("Config", bound=BaseModel)

EXTENDS = "extends"
"""The key of a file that begins from another."""


def read_config(kind: type[Config], path: str | Path, overrides: Sequence[str] = (), data_root: Path | None = None) -> Config:
    """Read a run from YAML; `overrides` are `a.b=value` (a list item by its position: `data.train.0.path=x.csv`), `data_root` replaces data.root.

    A file may begin from another: `extends: news.yaml`, a path from its own folder. Its own values then replace those of the other, mapping by mapping and
    key by key; a list is replaced as a whole, and `null` stands for no value where the key may have none.

    Every problem of the file and of the overrides stands in one `ConfigError`, a line each.
    """
    value, places, messages = _parse(Path(path), kind, ())
    set_by: dict[KeyPath, str] = {}
    for override in overrides:
        problem = _apply(kind, value, override, set_by)
        if problem:
            messages.append(f"--set {override}: {problem}.")
    if data_root is not None and isinstance(value.get("data"), dict):
        value["data"]["root"] = str(data_root)
    problems: list[Problem] = []
    try:
        config = kind.model_validate(value)
    except ValidationError as error:
        problems = describe_problems(error, kind)
    messages += [f"{_where(str(path), found_at, places, set_by)}: {'.'.join(map(str, found_at))}: {text.rstrip('.')}." for found_at, text in problems]
    if messages:
        raise ConfigError(f"{path} has {len(messages)} problem{'s' if len(messages) > 1 else ''}:\n" + "\n".join(f"  {message}" for message in messages))
    return config


def _parse(path: Path, kind: type[BaseModel], extended_by: tuple[Path, ...]) -> tuple[dict[str, Any], dict[KeyPath, str], list[str]]:
    """The values of a file and of those that it extends, the file:line of each, and what is wrong with the files as YAML."""
    value, lines, messages = yaml_text.parse(_read(path), str(path))
    if not isinstance(value, dict):
        found = "nothing" if value is None else type(value).__name__
        raise ConfigError(f"{path}: a config must be a mapping with the keys {', '.join(kind.model_fields)}, found {found}.")
    places = {at: f"{path}:{line}" for at, line in lines.items()}
    if EXTENDS not in value:
        return value, places, messages
    name = value.pop(EXTENDS)
    if not isinstance(name, str) or not name.strip():
        raise ConfigError(f"{places[EXTENDS,]}: {EXTENDS} must name another config, as a path from this one's folder, found {name!r}.")
    other = path.parent / name
    if other.resolve() in (one.resolve() for one in (path, *extended_by)):
        raise ConfigError(f"{places[EXTENDS,]}: {EXTENDS}: {name} begins from this config itself. Name another one.")
    base, base_places, base_messages = _parse(other, kind, (path, *extended_by))
    return _merge(base, value, base_places, places, ()), base_places | places, base_messages + messages


def _merge(base: dict[str, Any], own: dict[str, Any], base_places: dict[KeyPath, str], places: dict[KeyPath, str], at: KeyPath) -> dict[str, Any]:
    """`own` over `base`; what it replaces has no place in `base_places` any more."""
    merged = dict(base)
    for key, value in own.items():
        here = (*at, key)
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            merged[key] = _merge(base[key], value, base_places, places, here)
        else:
            merged[key] = value
            for place in [place for place in base_places if place[: len(here)] == here]:
                del base_places[place]
    return merged


def config_to_yaml(config: BaseModel) -> str:
    """The whole config with every default written out; `read_config` reads it back as an equal config."""
    return yaml_text.dump(config.model_dump(mode="json"))


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: a config must be UTF-8 text ({error.reason} at byte {error.start}).") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}). Give the path of a YAML config, e.g. configs/quickstart.yaml.") from error


def _apply(kind: type[BaseModel], value: dict[str, Any], override: str, set_by: dict[KeyPath, str]) -> str:
    """Set one `a.b=value` in `value`; return what is wrong with it, or ""."""
    dotted, equals, text = override.partition("=")
    if not equals or not dotted.strip():
        return "must look like training.tokens=1000000"
    path: KeyPath = tuple(int(part) if part.isdecimal() else part for part in dotted.strip().split("."))
    place: Any = value
    for depth, part in enumerate(path):
        at = ".".join(map(str, path[:depth])) or "the config"
        if isinstance(place, list):
            if not isinstance(part, int) or part >= len(place):
                return f"{at} is a list of {len(place)}; give a position from 0 to {len(place) - 1}, found {part!r}"
        elif isinstance(place, dict):
            part = str(part)  # a label map may have numbers for keys
            known = known_keys(kind, path[:depth], value)
            if known is not None and part not in known:
                return f"in {at}, {part!r} is an {unknown_key(part, known)}"
        else:
            return f"{at} is {place!r}, not a mapping; it has no {part!r}"
        if depth == len(path) - 1:
            try:
                place[part] = yaml_text.parse_value(text)
            except ConfigError as error:
                return str(error).rstrip(".")
            for stale in [one for one in set_by if one[: len(path)] == path]:
                del set_by[stale]
            set_by[path] = override
        elif isinstance(place, dict) and place.get(part) is None:
            place[part] = {}
        place = place[part]
    return ""


def _where(path: str, found_at: KeyPath, places: dict[KeyPath, str], set_by: dict[KeyPath, str]) -> str:
    """The override or the file:line that a problem comes from; a missing key is at the mapping that lacks it."""
    longest_first = [found_at[:length] for length in range(len(found_at), 0, -1)]
    overrides = [f"--set {set_by[at]}" for at in longest_first if at in set_by]  # what an override sets replaces all that the file has below it
    return next(iter(overrides + [places[at] for at in longest_first if at in places]), path)
