"""Floors under the scores of held-out files: an evaluation fails where the model sinks below one.

In: a JSON file of floors, the held-out files, a `Report` of them. Out: every floor beside what the report found, and a table of those that do
not hold. Does not know: how scores are made, the command line.

The file maps the SHA-256 of a held-out file to its path and its floors, so that a file that was changed cannot pass for the old one:

    {"07423ccb…": {"path": "data/sample/test.jsonl", "floors": {"summary.rouge1": 27.2, "topic.accuracy@lang=ja": 0.2}}}

A floor is for `TASK.METRIC` over all articles of the file, or over one group of them, on the scale of the report. Those of
configs/floors.json are the lower ends of the 95% intervals of one quickstart run, rounded down: room for other seeds and machines.
"""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from inference.errors import ConfigError, DataError
from training import yaml_text
from training.config_problems import describe_problems, nearest
from training.report_rows import LOWER_IS_BETTER, NEITHER_IS_BETTER
from training.results import GROUP_KINDS, MODEL, HeldOutFile, Report

_NAME = re.compile(r"(\w+)\.(\w+)(?:@(\w+)=(.+))?")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_FORM = "TASK.METRIC such as 'summary.rouge1', or TASK.METRIC@KIND=GROUP such as 'topic.accuracy@lang=ja'"


@dataclass(frozen=True, slots=True)
class Floors:
    """The floors of the held-out files that are evaluated: by file, then by the name of the score."""

    path: Path  # of the file of floors
    by_file: Mapping[HeldOutFile, Mapping[str, float]]
    max_words: Mapping[HeldOutFile, int]  # of a summary, that the floors were set for


@dataclass(frozen=True, slots=True)
class Floor:
    """A floor of a held-out file, and the model's score there."""

    path: str  # of the held-out file
    task: str
    metric: str
    group_kind: str  # one of `training.results.GROUP_KINDS`
    group: str
    floor: float
    found: float
    n: int  # items of the group

    @property
    def holds(self) -> bool:
        """Whether the score is not below the floor."""
        return self.found >= self.floor


class _Score(NamedTuple):
    task: str
    metric: str
    kind: str
    group: str


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    path: str = Field(min_length=1, description="The held-out file, as it is named to `evaluate`.")
    max_words: int = Field(default=60, ge=1, description="Words of a summary, at most, that the floors of summaries were set for.")
    floors: dict[str, float] = Field(description=f"Floors by {_FORM}.")

    @field_validator("floors")
    @classmethod
    def _named(cls, floors: dict[str, float]) -> dict[str, float]:
        if not floors:
            raise ValueError(f"has no floor; give at least one, by {_FORM}")
        for name, floor in floors.items():
            score = _parsed(name)
            least, most = (1, 100) if score.metric.startswith(("rouge", "chrf")) else (0, 1)
            if not least <= floor <= most or floor == 0:
                raise ValueError(f"{name!r}: a floor of this score lies above 0, from {least} to {most}, found {floor:g}; 0 could never sink")
            if score.metric in (*LOWER_IS_BETTER, *NEITHER_IS_BETTER):
                raise ValueError(f"{name!r}: more of {score.metric} is not better, so that a floor says nothing; remove it")
            if score.kind not in GROUP_KINDS:
                raise ValueError(f"{name!r}: {score.kind!r} is no kind of group{nearest(score.kind, GROUP_KINDS)}; allowed are {', '.join(GROUP_KINDS)}")
        return floors


class _Floors(BaseModel):
    """The whole file, under a key of its own so that its problems have paths."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    files: dict[str, _File]

    @field_validator("files")
    @classmethod
    def _digests(cls, files: dict[str, _File]) -> dict[str, _File]:
        for digest in files:
            if not _DIGEST.fullmatch(digest):
                raise ValueError(f"{digest!r} is no SHA-256; write 64 digits of 0-9 and a-f, as `sha256sum FILE` and report.json have them")
        return files


def read_floors(path: Path, files: Sequence[HeldOutFile]) -> Floors:
    """The floors that the file at `path` has for held-out files; to be called before anything is evaluated, since this is where most can be wrong.

    Raises `ConfigError` where the file of floors is wrong or has nothing for any of the held-out files, and `DataError` where a held-out file
    is no longer the one that the floors were set for.
    """
    entries = _read(path)
    listed = {file: entry.floors for file in files if (entry := _entry(file, entries, path)) is not None}
    if not listed:
        evaluated = ", ".join(f"{file.path} ({file.sha256})" for file in files) or "no file"
        known = ", ".join(entry.path for entry in entries.values()) or "no file"
        raise ConfigError(f"{path}: has floors for {known}, and none for what is evaluated: {evaluated}. Evaluate such a file, or add floors for this one.")
    for file, floors in listed.items():
        pooled = [name for name in floors if len(files) > 1 and _parsed(name).kind != "source"]
        if pooled:
            raise ConfigError(
                f"{path}: {file.path}: {pooled[0]}: {len(files)} files are evaluated together. Evaluate this one alone, "
                "or set its floors by source (TASK.METRIC@source=NAME)."
            )
    return Floors(path, listed, {file: entries[file.sha256].max_words for file in listed})


def check_floors(report: Report, floors: Floors) -> tuple[Floor, ...]:
    """Every floor beside what the report found, in the order of the file; `Floor.holds` says which ones hold.

    Raises `ConfigError` where the report lacks a score that has a floor, and `DataError` where held-out articles were not scored: those that
    are left may be the easy ones.
    """
    articles = sum(file.articles for file in report.files)
    if report.articles != articles:
        raise DataError(
            f"{floors.path}: floors are for whole files, and {report.articles:,} of {articles:,} held-out articles were scored; the report's notes say why. "
            "Evaluate a checkpoint that was not trained on the others, or remove articles that cannot be read and set the floors anew."
        )
    for file, words in floors.max_words.items():
        if words != report.max_words and any(_parsed(name).task == "summary" for name in floors.by_file[file]):
            raise ConfigError(
                f"{floors.path}: {file.path}: the floors are for summaries of at most {words} words, found {report.max_words}. Leave out --max-words."
            )
    return tuple(_floor(report, file, name, least, floors.path) for file, by_name in floors.by_file.items() for name, least in by_name.items())


def floors_table(floors: Sequence[Floor]) -> Table:
    """The floors that do not hold: task, metric, group, n, floor and what was found. Nothing is printed here."""
    table = Table(title="Below the floor", title_justify="left", title_style="bold red", box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("file", overflow="fold")
    for header in ("task", "metric", "group"):
        table.add_column(header)
    for header in ("n", "floor", "found"):
        table.add_column(header, justify="right")
    for floor in floors:
        if not floor.holds:
            group = floor.group if floor.group_kind == "overall" else f"{floor.group_kind} {floor.group}"
            cells = (floor.path, floor.task, floor.metric, group, f"{floor.n:,}", f"{floor.floor:g}", f"{floor.found:.4f}")
            table.add_row(*(Text(cell) for cell in cells))
    return table


def _read(path: Path) -> Mapping[str, _File]:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise ConfigError(f"{path}: cannot be read ({reason}). Give a JSON file of floors, e.g. configs/floors.json.") from error
    value, lines, problems = yaml_text.parse(text, str(path))  # JSON is YAML; this reader knows the line of every value and finds keys that stand twice
    try:
        floors = _Floors.model_validate({"files": value})
    except ValidationError as error:
        for where, sentence in describe_problems(error, _Floors):
            place = where[1:]  # without "files"
            line = next((f":{lines[place[:length]]}" for length in range(len(place), 0, -1) if place[:length] in lines), "")
            problems.append(": ".join([f"{path}{line}", *map(str, place), sentence.rstrip(".") + "."]))
    if problems:
        raise ConfigError("\n".join(problems))
    return floors.files


def _entry(file: HeldOutFile, files: Mapping[str, _File], path: Path) -> _File | None:
    """The floors of a held-out file, None where it has none; a listed path with another digest is an error."""
    if file.sha256 in files:
        return files[file.sha256]
    for digest, entry in files.items():
        if _same_path(file.path, entry.path):
            raise DataError(
                f"{file.path}: the file is not the one that {path} has floors for: its SHA-256 is {file.sha256}, there it is {digest}. "
                "Restore the file; or, where it was changed on purpose, set floors for it under its new digest."
            )
    return None


def _same_path(found: str, listed: str) -> bool:
    """Whether one path names the other's file, which may be given from another folder: `/home/me/broadsheet/data/test.jsonl`, `data/test.jsonl`."""
    parts, end = (PurePath(os.path.normpath(path)).parts for path in (os.path.abspath(found), listed))
    return parts[-len(end) :] == end


def _parsed(name: str) -> _Score:
    """The parts of a score's name; `ValueError` where it is none."""
    match = _NAME.fullmatch(name)
    if match is None:
        raise ValueError(f"{name!r} is no name of a score; write {_FORM}")
    return _Score(match[1], match[2], match[3] or "overall", match[4] or "all")


def _floor(report: Report, file: HeldOutFile, name: str, floor: float, path: Path) -> Floor:
    """A floor beside the model's score of that name."""
    task, metric, kind, group = _parsed(name)
    where = f"{path}: {file.path}: {name}"
    rows = {(row.group_kind, row.group): row for row in report.rows if row.system == MODEL and row.task == task}
    if not rows:
        scored = [*dict.fromkeys(row.task for row in report.rows)]
        raise ConfigError(f"{where}: the report has no scores of {task}{nearest(task, scored)}; it has {', '.join(scored)}. Remove the floor.")
    if (kind, group) not in rows:
        known = [found for found_kind, found in rows if found_kind == kind]
        raise ConfigError(f"{where}: {task} has no {kind} {group!r}{nearest(group, known)}; it has {', '.join(known) or 'none'}. Correct or remove the floor.")
    row = rows[kind, group]
    if metric not in row.scores:
        near = nearest(metric, [*row.scores])
        raise ConfigError(f"{where}: the report has no {metric} of {task}{near}; it has {', '.join(row.scores)}. Correct or remove the floor.")
    return Floor(file.path, task, metric, kind, group, floor, row.scores[metric], row.n)
