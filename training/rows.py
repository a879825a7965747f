"""Rows of a data file or a Hub data set, as dictionaries with the place of each.

In: a `Source` and the data root. Out: (where, row) one at a time: "train.csv:12" for a file, "owner/name[train]:12" for the Hub.
Does not know: articles, labels, or which columns a run uses.
"""

import csv
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeAlias

from inference.article import read_json_rows
from inference.errors import DataError
from training.config import HubData, Source

Row: TypeAlias = dict[str, Any]

_CELL_CHARACTERS = 2**31 - 1  # the csv module stops at 131,072 characters, which long articles have


def read_rows(source: Source, root: Path) -> Iterator[tuple[str, Row]]:
    """Yield (where, row) of a source; class numbers come as their names, CSV cells as text, empty ones as None.

    JSON Lines are read here: `datasets` stops at a column that is null in the first rows. So is CSV: type guessing
    would turn the text "NA" into nothing and the id "007" into 7.
    """
    if source.hub is not None:
        return _hub_rows(source.hub)
    path = source_file(source, root)
    if not path.is_file():
        raise DataError(_no_file(path, source))
    if path.suffix == ".csv":
        return _csv_rows(path)
    if path.suffix == ".parquet":
        return _parquet_rows(path)
    return ((f"{path}:{number}", row) for number, row in read_json_rows(path))


def source_file(source: Source, root: Path) -> Path:
    """Where the file of a source lies: its own root wins over the run's."""
    if source.path is None:
        raise ValueError(f"source {source.name!r} has neither a path nor a hub id")
    return (source.root or root) / source.path


def _no_file(path: Path, source: Source) -> str:
    if not path.parent.is_dir():
        found = f"the folder {path.parent} does not exist"
    else:
        names = sorted(file.name for file in path.parent.iterdir() if file.is_file())
        near = get_close_matches(path.name, names, n=1)
        found = f"did you mean {near[0]!r}?" if near else f"{path.parent} has {', '.join(names[:8]) or 'no files'}"
    return f"{path}: no such file ({found}). Correct the path of source {source.name!r}, or name the folder it starts from with data.root or --data-root."


def _csv_rows(path: Path) -> Iterator[tuple[str, Row]]:
    csv.field_size_limit(_CELL_CHARACTERS)
    last_line = 0
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            names: list[str] | None = None
            for cells in reader:
                where = f"{path}:{last_line + 1}"  # a quoted cell may hold line breaks: a row is named by its first line
                last_line = reader.line_num
                if names is None:
                    names = _check_header(cells, where)
                elif cells:
                    if len(cells) != len(names):
                        raise DataError(f"{where}: the row has {len(cells)} cells, the header has {len(names)}. Quote cells that hold a comma or line break.")
                    yield where, {name: cell or None for name, cell in zip(names, cells, strict=True)}
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: after line {last_line}: the file must be UTF-8 ({error.reason}). Convert it, e.g. with `iconv -t UTF-8`.") from error
    except csv.Error as error:
        raise DataError(f"{path}:{last_line + 1}: not valid CSV: {error}. Check the quotes of the row.") from error
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from error


def _check_header(names: list[str], where: str) -> list[str]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"{where}: the header names {', '.join(map(repr, twice))} twice. Give every column its own name.")
    return names


def _parquet_rows(path: Path) -> Iterator[tuple[str, Row]]:
    import datasets  # takes seconds to import, and a run of JSON Lines does not need it

    try:
        rows = datasets.load_dataset("parquet", data_files={"train": str(path.absolute())}, split="train", streaming=True)
        names = _class_names(rows.features)
        for number, row in enumerate(rows, start=1):
            yield f"{path}:{number}", _named(row, names)
    except (OSError, ValueError, RuntimeError) as error:
        raise DataError(f"{path}: cannot be read as Parquet ({_first_line(error)}).") from error


def _hub_rows(hub: HubData) -> Iterator[tuple[str, Row]]:
    import datasets

    where = f"{hub.id}[{hub.split}]"
    try:
        rows = datasets.load_dataset(hub.id, hub.config, split=hub.split, revision=hub.revision)
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        raise DataError(
            f"{where}: the Hub data set {hub.id!r} cannot be loaded ({_first_line(error)}). Check its id, config, split and revision at "
            f"https://huggingface.co/datasets/{hub.id}; without a network, load it once where there is one, or give its files as 'path'."
        ) from error
    names = _class_names(rows.features)
    for number, row in enumerate(rows, start=1):
        yield f"{where}:{number}", _named(row, names)


def _class_names(features: Any) -> dict[str, list[str]]:
    """The label names of the columns that hold class numbers."""
    return {column: list(feature.names) for column, feature in (features or {}).items() if hasattr(feature, "int2str")}


def _named(row: Row, names: dict[str, list[str]]) -> Row:
    """Class numbers as names; -1 is how data sets say that a row has no label."""
    named = {column: None if row[column] in (None, -1) else labels[row[column]] for column, labels in names.items()}
    return row | named


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
