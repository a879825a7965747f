"""A Markdown file of which parts are generated: marked blocks, and keys of its YAML front matter. The rest stays byte for byte.

In: the text of the file, and what its generated parts are to say. Out: the text with these parts written anew, or a `ConfigError` that says
what to add where. Does not know: what the parts say.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from inference.errors import ConfigError
from training import yaml_text

_FRONT_MATTER = re.compile(r"\A---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)


def read_text(path: Path) -> str:
    """The text with the line ends that it has; `ConfigError` where it cannot be read."""
    try:
        return path.read_bytes().decode("utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}). Name a Markdown file, e.g. model_card.md.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: a card must be UTF-8 text ({error.reason} at byte {error.start}).") from error


def fill_block(text: str, name: str, content: str, path: Path) -> str:
    """`text` with `content`, which is whole lines, between `<!-- begin:card:NAME -->` and `<!-- end:card:NAME -->`.

    Raises `ConfigError` where a marker is missing or stands twice; `path` is where `text` is from.

    >>> fill_block("<!-- begin:card:run -->\\n<!-- end:card:run -->", "run", "12 minutes\\n", Path("card.md"))
    '<!-- begin:card:run -->\\n12 minutes\\n<!-- end:card:run -->'
    """
    begin, end = f"<!-- begin:card:{name} -->", f"<!-- end:card:{name} -->"
    for marker in (begin, end):
        if text.count(marker) != 1:
            found = "is missing" if marker not in text else f"stands {text.count(marker)} times"
            raise ConfigError(f"{path}: {marker} {found}. Put the lines {begin} and {end} once where the {name} shall stand; what they hold is generated.")
    head, _, rest = text.partition(begin)
    _, ended, tail = rest.partition(end)
    if not ended:
        raise ConfigError(f"{path}: {end} stands above {begin}. Put it below.")
    return f"{head}{begin}\n{content}{end}{tail}"


def replace_keys(text: str, generated: Mapping[str, str], path: Path) -> str:
    """`text` with the YAML of each generated key in its front matter, in place of what the key had; "" takes the key out.

    A key that is not there yet comes last. Comments above the next key are left to that. Raises `ConfigError` where there is no front matter,
    where it is no YAML mapping, or where a generated key shares a line with another.

    >>> replace_keys("---\\nlanguage: en\\nlicense: mit\\n---\\n# Model\\n", {"language": "language:\\n- de\\n- en\\n"}, Path("card.md"))
    '---\\nlanguage:\\n- de\\n- en\\nlicense: mit\\n---\\n# Model\\n'
    """
    match = _FRONT_MATTER.match(text)
    if match is None:
        raise ConfigError(
            f"{path}: has no front matter. Begin the file with a line ---, then what people must say, such as 'license: apache-2.0' and 'tags: [news]', "
            "a key a line, then another line ---."
        )
    front = match[1]
    before, _, repeated = _parse(front, path)
    if repeated:
        raise ConfigError("\n".join(repeated))
    for key, yaml in generated.items():
        front = _replace(front, key, yaml, path)
    after, _, _ = _parse(front, path)
    kept, left = ({key: value for key, value in values.items() if key not in generated} for values in (before, after))
    if kept != left:
        raise ConfigError(f"{path}: {', '.join(generated)} must not share a line of the front matter with other keys. Write a key a line.")
    return f"{text[: match.start(1)]}{front}{text[match.end(1) :]}"


def _parse(front: str, path: Path) -> tuple[dict[str, Any], dict[yaml_text.KeyPath, int], list[str]]:
    """The values of the front matter, the line of the file that each stands on, and what is wrong with keys that stand twice."""
    value, lines, repeated = yaml_text.parse(f"\n{front}", str(path))  # below the line ---
    if not isinstance(value, dict | None):
        raise ConfigError(f"{path}: the front matter must be a mapping, found {type(value).__name__}. Write a key a line, such as 'license: apache-2.0'.")
    return value or {}, lines, repeated


def _replace(front: str, key: str, yaml: str, path: Path) -> str:
    """`front` with the lines of one key replaced."""
    _, places, _ = _parse(front, path)
    lines = front.splitlines(keepends=True)
    if (key,) not in places:
        return "".join([*lines, yaml])
    start = places[key,] - 2  # counted from 0, and below ---
    end = min((line - 2 for place, line in places.items() if len(place) == 1 and line - 2 > start), default=len(lines))
    while end > start + 1 and (not lines[end - 1].strip() or lines[end - 1].startswith("#")):
        end -= 1
    lines[start:end] = [yaml]
    return "".join(lines)
