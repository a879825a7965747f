"""What `evaluate` is asked to score on: article files, read from disk each time, and config sources, which are kept in memory.

In: paths of article files and configs, what the checkpoint says about its training sources. Out: `HeldOut` articles without those that overlap
with the checkpoint's training articles, the files' digests, and notes for the report. Does not know: models, scores, the command line.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from inference.article import Article, read_articles
from inference.checkpoint import Checkpoint
from inference.errors import ConfigError, DataError
from training.config import RunConfig, load_config
from training.corpus import digest
from training.evaluation import HeldOut
from training.leakage import Overlap, check_held_out
from training.results import HeldOutFile
from training.rows import source_file
from training.sources import load_source

CONFIG_SUFFIXES = (".yaml", ".yml")
ARTICLE_SUFFIXES = (".jsonl", ".jsonl.gz", ".jsonl.xz")
SPLITS = ("dev", "held_out")


@dataclass(frozen=True, slots=True)
class Articles:
    """Articles of several parts, each read anew whenever this is iterated, without the rows of `left_out`."""

    parts: tuple[Callable[[], Iterable[Article]], ...]
    left_out: frozenset[int] = frozenset()

    def __iter__(self) -> Iterator[Article]:
        rows = (article for part in self.parts for article in part())
        return (article for row, article in enumerate(rows) if row not in self.left_out)


@dataclass(slots=True)
class _Reading:
    """What is known about the sources that were named so far."""

    paths: set[Path] = field(default_factory=set)
    parts: list[Callable[[], Iterable[Article]]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)
    files: list[HeldOutFile] = field(default_factory=list)
    topic_labels: dict[str, Sequence[str]] = field(default_factory=dict)
    neutral_covers_unrelated: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class HeldOutSources:
    """The articles to evaluate on, and what a report says about where they come from."""

    articles: HeldOut
    files: tuple[HeldOutFile, ...]
    overlaps: tuple[Overlap, ...]
    notes: tuple[str, ...]
    split: str  # of the configs; "" where only files were named


def read_held_out(
    paths: Sequence[str], checkpoints: Sequence[Checkpoint], *, split: str, overrides: Sequence[str], data_root: Path | None, allow_overlap: bool
) -> HeldOutSources:
    """The articles of files and configs, checked against the training articles of every checkpoint.

    Of a config, `split` names what is read: dev or held_out. What the first checkpoint was trained on says which topics a file named like one
    of its sources uses. Raises `ConfigError` and `DataError`, also where articles overlap with training articles and `allow_overlap` is not given.
    """
    configs = [path for path in paths if path.endswith(CONFIG_SUFFIXES)]
    if not configs and (overrides or data_root or split != SPLITS[0]):
        raise ConfigError("--set, --data-root and --split are about a config, and none is evaluated. Name one, e.g. configs/news.yaml, or leave them out.")
    reading = _Reading()
    for path in paths:
        if path in configs:
            _add_config(load_config(path, overrides, data_root), split, reading)
        elif path.endswith(ARTICLE_SUFFIXES):
            _add_file(Path(path), checkpoints[0], reading)
        else:
            raise DataError(f"{path}: a held-out file must end in one of {', '.join((*ARTICLE_SUFFIXES, *CONFIG_SUFFIXES))}.")
    articles = Articles(tuple(reading.parts))
    checks = [check_held_out(articles, checkpoint.folder, allow_overlap=allow_overlap) for checkpoint in checkpoints]
    kept = replace(articles, left_out=frozenset().union(*(check.left_out for check in checks)))
    notes = dict.fromkeys((*reading.notes, *(note for check in checks for note in check.notes)))
    return HeldOutSources(
        HeldOut(kept, reading.topic_labels, reading.neutral_covers_unrelated, checks[0].copies),
        tuple(reading.files),
        tuple(dict.fromkeys(overlap for check in checks for overlap in check.overlaps)),
        tuple(notes),
        split if configs else "",
    )


def held_out_file(path: str | Path, articles: int) -> HeldOutFile:
    """The record of a file for the report; the digest is that of its bytes as they lie on disk."""
    with Path(path).open("rb") as file:
        return HeldOutFile(str(path), hashlib.file_digest(file, "sha256").hexdigest(), articles)


def _add_file(path: Path, checkpoint: Checkpoint, reading: _Reading) -> None:
    if path.resolve() in reading.paths:
        raise DataError(f"{path}: the file is named twice. Name each file once.")
    reading.paths.add(path.resolve())
    name = path.name.partition(".jsonl")[0]
    if name in reading.names:
        name = str(path).partition(".jsonl")[0]  # dev.jsonl of two folders
    reading.names.add(name)
    part = partial(_read_file, path, name)
    reading.parts.append(part)
    count = sum(1 for _ in part())
    if not count:
        raise DataError(f"{path}: the file has no article. Leave it out, or give one with a JSON object per line.")
    reading.files.append(held_out_file(path, count))
    trained_on = checkpoint.info.get("sources", {})
    if name in trained_on:
        reading.topic_labels[name] = trained_on[name]["topic_labels"]
        rule = ""
        if trained_on[name]["neutral_covers_unrelated"]:
            reading.neutral_covers_unrelated.append(name)
            rule = ", and its neutral covers unrelated"
        reading.notes.append(f"{path} is read as more of the training source {name!r}: the topics of that source compete{rule}. Rename it where it is not.")


def _read_file(path: Path, name: str) -> Iterator[Article]:
    return (replace(article, source=name) for article in read_articles(path))


def _add_config(config: RunConfig, split: str, reading: _Reading) -> None:
    sources = config.data.dev if split == "dev" else config.data.held_out
    if not sources:
        raise ConfigError("data.held_out names no source. Add some, or leave out --split.")
    if split == "dev":
        reading.notes.append("dev articles chose the checkpoint's weights and temperatures: expect a little less on others.")
    for source in sources:
        if source.name in reading.names:
            raise DataError(f"two held-out sources are named {source.name!r}. Give each a name of its own.")
        loaded = load_source(source, config.data.root, config.data.topics, config.seed)
        reading.names.add(source.name)
        reading.parts.append(partial(iter, loaded.articles))
        reading.topic_labels[source.name] = loaded.topic_labels
        reading.notes.extend(f"source {source.name!r}: left out {count:,}: {reason}." for reason, count in loaded.dropped.items())
        if source.neutral_covers_unrelated:
            reading.neutral_covers_unrelated.append(source.name)
        if source.path is not None:
            reading.files.append(held_out_file(source_file(source, config.data.root), len(loaded.articles)))
        elif source.hub is not None:  # not one file: the digest is that of its articles
            reading.files.append(HeldOutFile(f"{source.hub.id}[{source.hub.split}]", digest(loaded.articles), len(loaded.articles)))
