"""The data contract: one article, one JSON object, every label optional.

In: JSON Lines files (plain, .gz, .xz) or plain dictionaries. Out: `Article` objects, or `DataError` as file:line.
Does not know: cleaning, models, or which topics a run uses (`training.sources` checks topics against the run's set).
"""

import gzip
import json
import lzma
import os
import tempfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

from inference.errors import DataError
from inference.labels import STANCES


@dataclass(frozen=True, slots=True)
class Stance:
    """A target and the stance the article takes toward it; `stance` is None where only the question is known."""

    target: str
    stance: str | None = None


@dataclass(frozen=True, slots=True)
class Article:
    """One news article with any subset of labels. `text` is kept exactly as it came."""

    text: str
    id: str = ""
    lang: str = ""  # ISO 639 code, "" = to be identified
    title: str = ""  # "" = to be found in the text
    topic: str | None = None
    stances: tuple[Stance, ...] = ()
    summary: str | None = None
    boilerplate: tuple[str, ...] | None = None  # lines of `text` that are not article; None = not annotated
    source: str = ""
    date: str = ""


_STRINGS = ("id", "lang", "title", "source", "date")
_OPTIONAL_STRINGS = ("topic", "summary")


def article_from_row(row: Mapping[str, Any], where: str) -> Article:
    """Check one row and build the article; `where` (file:line) opens every error. Unknown columns are left alone.

    >>> article_from_row({"text": "Rain fell.", "topic": "weather"}, "a.jsonl:1").topic
    'weather'
    """
    text = row.get("text")
    if not isinstance(text, str):
        found = f"it is {type(text).__name__}" if "text" in row else f"the row has {', '.join(sorted(row)) or 'no columns'}"
        raise DataError(f"{where}: 'text' must be a string; {found}. Name the column that holds the article text 'text', or map it.")
    values: dict[str, Any] = {"text": text}
    for name in (*_STRINGS, *_OPTIONAL_STRINGS):
        value = row.get(name)
        if value is None:
            continue
        if name == "id" and isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            hint = " (YAML and spreadsheets turn a bare `no` into False: quote it)" if value is False else ""
            raise DataError(f"{where}: '{name}' must be a string, found {value!r}{hint}.")
        values[name] = value
    for name in _OPTIONAL_STRINGS:
        if not values.get(name, "").strip():
            values[name] = None  # an empty label is no label
    values["stances"] = _read_stances(row.get("stances"), where)
    values["boilerplate"] = _read_boilerplate(row.get("boilerplate"), where)
    return Article(**values)


def article_to_row(article: Article) -> dict[str, Any]:
    """The JSON object of an article; empty fields are left out, so reading it back gives an equal article."""
    row: dict[str, Any] = {name: getattr(article, name) for name in ("id", "lang", "title", "text", "topic") if getattr(article, name)}
    if article.stances:
        row["stances"] = [{"target": s.target} | ({"stance": s.stance} if s.stance else {}) for s in article.stances]
    if article.summary:
        row["summary"] = article.summary
    if article.boilerplate is not None:
        row["boilerplate"] = list(article.boilerplate)
    return row | {name: getattr(article, name) for name in ("source", "date") if getattr(article, name)}


def read_articles(path: str | Path, on_error: Callable[[DataError], None] | None = None) -> Iterator[Article]:
    """Read a JSON Lines file (plain, .gz or .xz) one article at a time.

    A bad row raises `DataError` with file:line, or is handed to `on_error` and left out where one is given.
    Rows without an id get "line-N"; an id that was seen before is an error.
    """
    first_line: dict[str, int] = {}
    for number, row in read_json_rows(path, on_error):
        try:
            article = article_from_row(row, f"{path}:{number}")
            article = article if article.id else replace(article, id=f"line-{number}")
            if article.id in first_line:
                raise DataError(f"{path}:{number}: id {article.id!r} was used on line {first_line[article.id]}. Give every article its own id.")
        except DataError as error:
            if on_error is None:
                raise
            on_error(error)
            continue
        first_line[article.id] = number
        yield article


def read_json_rows(path: str | Path, on_error: Callable[[DataError], None] | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield (line number from 1, JSON object) of a JSON Lines file; blank lines are passed over."""
    for number, line in enumerate(_read_lines(Path(path)), start=1):
        if not line.strip():
            continue
        try:
            yield number, _parse_object(line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line, f"{path}:{number}")
        except DataError as error:
            if on_error is None:
                raise
            on_error(error)


def write_articles(path: str | Path, articles: Iterable[Article]) -> int:
    """Write JSON Lines and return the number of rows; the file appears whole or not at all."""
    count = 0
    with open_whole(path) as file:
        for count, article in enumerate(articles, start=1):  # noqa: B007
            file.write(to_json(article_to_row(article)) + "\n")
    return count


def to_json(row: Mapping[str, Any]) -> str:
    """One line of JSON, readable in every script; lone surrogates, which UTF-8 cannot hold, are escaped."""
    line = json.dumps(row, ensure_ascii=False)
    try:
        line.encode()
    except UnicodeEncodeError:
        return json.dumps(row)
    return line


@contextmanager
def open_whole(path: str | Path) -> Iterator[IO[str]]:
    """Open a UTF-8 text file for writing that replaces `path` only when the block ends without an error."""
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with open(handle, "w", encoding="utf-8", newline="\n") as file:
            yield file
        os.chmod(temporary, 0o644)
        os.replace(temporary, target)
    except BaseException:
        os.unlink(temporary)
        raise


def _read_lines(path: Path) -> Iterator[bytes]:
    try:
        with _open_bytes(path) as file:
            yield from file
    except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise DataError(f"{path}: cannot be read ({reason}). Give a readable JSON Lines file (.jsonl, .jsonl.gz or .jsonl.xz).") from error


def _open_bytes(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return gzip.open(path, "rb")  # type: ignore[return-value]
    return lzma.open(path, "rb") if path.suffix == ".xz" else path.open("rb")


def _parse_object(line: bytes, where: str) -> dict[str, Any]:
    try:
        row = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError as error:
        found = f"byte 0x{line[error.start]:02x}"
        raise DataError(f"{where}: the file must be UTF-8, found {found}. Convert it, e.g. with `iconv -t UTF-8`.") from error
    except (ValueError, RecursionError) as error:  # ValueError: no JSON, or a number of thousands of digits
        found = line.decode("utf-8").strip()[:60]
        raise DataError(f"{where}: the line is not JSON ({error}); found {found!r}. Write one JSON object per line.") from error
    if not isinstance(row, dict):
        raise DataError(f"{where}: the line must be a JSON object, found {type(row).__name__}. Write one JSON object per line.")
    return row


def _read_stances(value: Any, where: str) -> tuple[Stance, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise DataError(f'{where}: \'stances\' must be a list of {{"target": …, "stance": …}}, found {type(value).__name__}.')
    stances = []
    for index, item in enumerate(value):
        at = f"{where}: stances[{index}]"
        if not isinstance(item, dict) or not isinstance(item.get("target"), str) or not item["target"].strip():
            raise DataError(f"{at} must have a non-empty string 'target', found {item!r}.")
        stance = item.get("stance")
        if stance is not None and stance not in STANCES:
            raise DataError(f"{at}: unknown stance {stance!r}. Allowed: {', '.join(STANCES)}. Map your own names with `labels: {{stance: {{…}}}}`.")
        stances.append(Stance(item["target"], stance))
    return tuple(stances)


def _read_boilerplate(value: Any, where: str) -> tuple[str, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(line, str) for line in value):
        raise DataError(f"{where}: 'boilerplate' must be a list of strings, found {value!r}.")
    return tuple(value)
