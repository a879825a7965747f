"""YAML text <-> plain values, read as YAML 1.2 has it, with the line of every value.

In: YAML text. Out: mappings, lists and scalars, and where each stands in the file. Does not know what a run config is.

PyYAML follows YAML 1.1, where a bare `no` (Norwegian) is False, `2e-5` is text, `010` is 8, `12:30` is 750 and `2024-05-01` a date.
Here `true` and `false` are the only booleans, numbers are decimal (`8_000_000` may be grouped), and the rest is text.
"""

import re
from typing import Any, TypeAlias

import yaml

from inference.errors import ConfigError

KeyPath: TypeAlias = tuple[str | int, ...]
"""Keys and list positions from the top, e.g. ("data", "train", 0, "path")."""

_PATTERNS: tuple[tuple[str, str, str], ...] = (  # tag, what a plain scalar must match, the characters that it can start with ("" = empty)
    ("bool", r"true|false", "tf"),
    ("null", r"~|null|", "~n\0"),
    ("int", r"[-+]?[0-9][0-9_]*", "-+0123456789"),
    ("float", r"[-+]?(?:\.[0-9]+|[0-9][0-9_]*(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan", "-+.0123456789"),
    ("merge", r"<<", "<"),
)


def _implicit_resolvers() -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for tag, pattern, starts in _PATTERNS:
        for start in starts:
            resolvers.setdefault("" if start == "\0" else start, []).append((f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$")))
    return resolvers


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = _implicit_resolvers()

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        return int(str(self.construct_scalar(node)).replace("_", ""))


class _Dumper(yaml.SafeDumper):
    yaml_implicit_resolvers = _Loader.yaml_implicit_resolvers


_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)


def parse(text: str, where: str) -> tuple[Any, dict[KeyPath, int], list[str]]:
    """Return (value, line of each path counted from 1, duplicate keys found as messages); broken YAML is a `ConfigError` at `where`:line.

    >>> parse("lang: no\\nrate: 2e-5", "run.yaml")
    ({'lang': 'no', 'rate': 2e-05}, {('lang',): 1, ('rate',): 2}, [])
    """
    lines: dict[KeyPath, int] = {}
    duplicates: list[str] = []
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None, lines, duplicates
        _find_lines(node, (), lines, duplicates, where, set())
        return loader.construct_document(node), lines, duplicates
    except yaml.MarkedYAMLError as error:
        line = f":{error.problem_mark.line + 1}" if error.problem_mark else ""
        raise ConfigError(f"{where}{line}: not valid YAML: {error.problem}. Check indentation, colons and quotes there.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{where}: not valid YAML: {error}.") from error


def parse_value(text: str) -> Any:
    """One value as it would read in a file: `parse_value("2e-5")` is the number 2e-05; broken YAML is a `ConfigError`."""
    return parse(text, repr(text))[0]


def dump(value: Any) -> str:
    """YAML text that `parse` reads back as the same value, keys in the order they have."""
    return str(yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120))


def _find_lines(node: yaml.Node, path: KeyPath, lines: dict[KeyPath, int], duplicates: list[str], where: str, seen: set[int]) -> None:
    if id(node) in seen:  # an alias: its first place counts, and a recursive one ends here
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            lines[*path, index] = item.start_mark.line + 1
            _find_lines(item, (*path, index), lines, duplicates, where, seen)
    elif isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            line, here = key.start_mark.line + 1, (*path, str(key.value))
            if here in lines:
                name = ".".join(map(str, here))
                duplicates.append(f"{where}:{line}: {name}: the key stands twice, first on line {lines[here]}. Keep one of them.")
            else:
                lines[here] = line
            _find_lines(value, here, lines, duplicates, where, seen)
