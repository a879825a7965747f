"""The baselines that must be trained or searched for: what they say about every held-out article, kept in a file so that it is asked once.

In: what a checkpoint says about its training files, the data root, held-out articles. Out: by system, one `Answers` per article, read
from the file one at a time. The file is named by all that its content depends on; a damaged one is written again.
Does not know: scores, checkpoints' weights, the command line.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from inference.article import Article, open_whole, to_json
from inference.errors import CheckpointError, DataError
from inference.labels import STANCES
from training import yaml_text
from training.baselines import LEXRANK, lexrank_summary
from training.config import RunConfig
from training.config_problems import describe_problems
from training.corpus import digest, load_corpus
from training.linear import LINEAR, SHARED_WORDS, TARGET_ONLY, LinearStances, LinearTopics
from training.results import Answers
from training.sources import LoadedSource

COSTLY = (LINEAR, TARGET_ONLY, SHARED_WORDS, LEXRANK)

VERSION = 1
"""To be raised with every change of what these systems answer: files of another version are not read."""

PACKAGES = ("scikit-learn", "sumy")

BATCH_ARTICLES = 256
"""Held-out articles answered at a time."""

DIGITS = 6
"""Of a score, after the point."""

Progress = Callable[[str, int, int], None]
"""(what is being done, done, of how many)"""


@dataclass(frozen=True, slots=True)
class StoredAnswers:
    """What one of the systems says about each held-out article, in their order; read from the file whenever it is gone through."""

    path: Path
    system: str  # one of COSTLY
    topics: tuple[str, ...]
    articles: int

    def __iter__(self) -> Iterator[Answers]:
        with self.path.open("rb") as file:
            for line in islice(file, 1, 1 + self.articles):
                yield self._read(json.loads(line))

    def _read(self, row: Mapping[str, Any]) -> Answers:
        if self.system == LEXRANK:
            return Answers(summary=row["summary"])
        topic = dict(zip(self.topics, row["topic"], strict=True)) if self.system == LINEAR and row["topic"] else None
        return Answers(topic, tuple(dict(zip(STANCES, scores, strict=True)) for scores in row["stances"].get(self.system, ())))


def costly_baselines(
    info: Mapping[str, Any],
    data_root: Path | None,
    held_out: Iterable[Article],
    folder: Path,
    *,
    topics: Sequence[str],
    max_words: int,
    max_sentences: int | None,
    progress: Progress = lambda *_: None,
) -> dict[str, StoredAnswers]:
    """What each system of COSTLY says about the articles of `held_out`, one answer an article, in order.

    `info` is a checkpoint's own (`Checkpoint.info`), `topics` are its model's. The answers are read from a file in `folder`, where an
    earlier call left it for the same training articles, held-out articles and limits; else the training sources are read from
    `data_root` (`training_sources_of`), the models trained, and the file written. `held_out` is read through up to three times.

    Topics and summaries are given where the article has one to compare with, stances for every target of every article.

    Raises `CheckpointError` where `info` does not say what was trained on, and what `training_sources_of` raises.
    """
    total = sum(1 for _ in held_out)
    key = _key(training_digests(info), digest(held_out), topics, max_words, max_sentences)
    path = folder / f"baselines-{key[:16]}.jsonl"
    if _stored_articles(path, key) is None:
        systems = _Systems.train(training_sources_of(info, data_root), topics, max_words, max_sentences, progress)
        _write(path, key, systems.answer(held_out, total, progress))
    if _stored_articles(path, key) != total:
        raise DataError(f"{path}: the file does not hold what was just written. Look for held-out files that change meanwhile, and for a broken disk.")
    return {system: StoredAnswers(path, system, tuple(topics), total) for system in COSTLY}


def training_digests(info: Mapping[str, Any]) -> dict[str, str]:
    """Training source -> SHA-256 of its articles, as a checkpoint's `info` says."""
    sources = info.get("sources")
    if not isinstance(sources, Mapping) or not sources or not all(isinstance(one, Mapping) and "sha256" in one for one in sources.values()):
        raise CheckpointError("the checkpoint does not say which articles it was trained on. Evaluate without --baselines, or train it again.")
    return {name: str(one["sha256"]) for name, one in sources.items()}


def training_sources_of(info: Mapping[str, Any], data_root: Path | None) -> list[LoadedSource]:
    """Read again what a checkpoint was trained on, from the config that it carries; relative paths start at `data_root`, or here.

    Dev and held-out sources of the config are read as well, since training articles that overlap them were left out.

    Raises `CheckpointError` for a config that this version cannot read, `DataError` where a source cannot be read or is not what it was.
    """
    digests = training_digests(info)
    value, _, problems = yaml_text.parse(str(info.get("config", "")), "the checkpoint's config")
    try:
        config = RunConfig.model_validate(value)
    except ValidationError as error:
        problems += [f"{'.'.join(map(str, at))}: {text.rstrip('.')}." for at, text in describe_problems(error, RunConfig)]
    if problems:
        raise CheckpointError(f"the checkpoint's config cannot be read by this version: {' '.join(problems)} Evaluate without --baselines, or train it again.")
    if data_root is not None:
        config = config.model_copy(update={"data": config.data.model_copy(update={"root": data_root})})
    corpus = load_corpus(config)
    changed = [name for name in {**digests, **corpus.digests} if digests.get(name) != corpus.digests.get(name)]
    if changed:
        raise DataError(
            f"{config.data.root}: the training articles of {', '.join(changed)} are not those that the checkpoint was trained on "
            "(their SHA-256 differs). Restore the files, its dev and held-out ones too, or evaluate without --baselines."
        )
    return list(corpus.train)


@dataclass(frozen=True, slots=True)
class _Systems:
    """The trained systems; None where the training articles have no such label."""

    topics: LinearTopics | None
    stances: LinearStances | None
    names: tuple[str, ...]  # of the topics
    max_words: int
    max_sentences: int | None

    @classmethod
    def train(cls, train: Sequence[LoadedSource], topics: Sequence[str], max_words: int, max_sentences: int | None, progress: Progress) -> "_Systems":
        articles = [article for loaded in train for article in loaded.articles]
        progress("training baselines", 0, 2)
        by_topic = LinearTopics(topics).fit(articles) if any(article.topic for article in articles) else None
        progress("training baselines", 1, 2)
        by_stance = LinearStances().fit(articles) if any(pair.stance for article in articles for pair in article.stances) else None
        progress("training baselines", 2, 2)
        return cls(by_topic, by_stance, tuple(topics), max_words, max_sentences)

    def answer(self, held_out: Iterable[Article], total: int, progress: Progress) -> Iterator[dict[str, Any]]:
        """A row of the file for each article."""
        rest, done = iter(held_out), 0
        while batch := list(islice(rest, BATCH_ARTICLES)):
            yield from self._answer_batch(batch)
            done += len(batch)
            progress("asking baselines", done, total)

    def _answer_batch(self, batch: Sequence[Article]) -> Iterator[dict[str, Any]]:
        with_topic = [article for article in batch if article.topic]
        topics = iter(self.topics.scores(with_topic) if self.topics else [])
        stances = self.stances.scores(batch) if self.stances else {}
        for place, article in enumerate(batch):
            topic = next(topics) if self.topics and article.topic else None
            yield {
                "topic": None if topic is None else _rounded(topic, self.names),
                "stances": {system: [_rounded(scores, STANCES) for scores in found[place]] for system, found in stances.items()},
                "summary": lexrank_summary(article, max_words=self.max_words, max_sentences=self.max_sentences) if article.summary else None,
            }


def _rounded(scores: Mapping[str, float], names: Sequence[str]) -> list[float]:
    return [round(scores[name], DIGITS) for name in names]


def _key(train: Mapping[str, str], held_out: str, topics: Sequence[str], max_words: int, max_sentences: int | None) -> str:
    """SHA-256 over everything that the answers depend on."""
    packages = {name: version(name) for name in PACKAGES}
    parts = [VERSION, packages, list(train.items()), held_out, list(topics), max_words, max_sentences]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _write(path: Path, key: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """A first line with the key, a line per article, a last line with the digest of all before it; the file appears whole or not at all."""
    count, total = 0, hashlib.sha256(_first_line(key))
    with open_whole(path) as file:
        file.write(_first_line(key).decode())
        for row in rows:
            line = to_json(row) + "\n"
            total.update(line.encode())
            file.write(line)
            count += 1
        file.write(_last_line(count, total.hexdigest()).decode())


def _stored_articles(path: Path, key: str) -> int | None:
    """How many articles the file has answers for; None where there is no such file, or it is not byte for byte what was written."""
    if not path.is_file():
        return None
    total, first, last, lines = hashlib.sha256(), b"", b"", 0
    with path.open("rb") as file:
        for lines, line in enumerate(file, start=1):  # noqa: B007
            total.update(last)
            first, last = first or line, line
    articles = lines - 2
    return articles if first == _first_line(key) and last == _last_line(articles, total.hexdigest()) else None


def _first_line(key: str) -> bytes:
    return to_json({"baselines": VERSION, "key": key}).encode() + b"\n"


def _last_line(articles: int, digest_of_lines: str) -> bytes:
    return to_json({"articles": articles, "sha256": digest_of_lines}).encode() + b"\n"
