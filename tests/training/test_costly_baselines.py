"""Costly baselines: trained on what the checkpoint was trained on, stored once, and never believed when the file is damaged."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from inference.article import Article, read_articles, write_articles
from inference.errors import CheckpointError, DataError
from training.config import RunConfig
from training.config_file import config_to_yaml
from training.corpus import load_corpus
from training.costly_baselines import COSTLY, StoredAnswers, costly_baselines, training_sources_of
from training.results import Answers

TOPICS = ("weather", "sport", "crime", "politics", "economy")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_config: Callable[..., RunConfig]) -> RunConfig:
    return tiny_config(tmp_path_factory.mktemp("costly") / "run")


@pytest.fixture(scope="module")
def info(trained: RunConfig) -> dict[str, Any]:
    """What a checkpoint of the run would say about its training articles."""
    digests = load_corpus(trained).digests
    portable = trained.model_copy(update={"data": trained.data.model_copy(update={"root": Path()})})
    return {"config": config_to_yaml(portable), "sources": {name: {"sha256": digest} for name, digest in digests.items()}}


@pytest.fixture(scope="module")
def held_out(tiny_corpus: Path) -> list[Article]:
    """Articles with all labels, the second without a topic, the third without a summary, the fourth without a target."""
    first, second, third, fourth, *rest = read_articles(tiny_corpus / "dev.jsonl")
    return [first, replace(second, topic=None), replace(third, summary=None), replace(fourth, stances=()), *rest]


@pytest.fixture
def answer(info: dict[str, Any], trained: RunConfig, tmp_path: Path) -> Callable[..., dict[str, StoredAnswers]]:
    def run(held_out: list[Article], data_root: Path | None = trained.data.root, **limits: Any) -> dict[str, StoredAnswers]:
        return costly_baselines(info, data_root, held_out, tmp_path, **{"topics": trained.data.topics, "max_words": 60, "max_sentences": 2} | limits)

    return run


def read(found: dict[str, StoredAnswers]) -> dict[str, list[Answers]]:
    return {system: list(answers) for system, answers in found.items()}


def test_every_system_answers_every_article(answer: Callable[..., dict[str, StoredAnswers]], held_out: list[Article], trained: RunConfig) -> None:
    found = read(answer(held_out))
    assert tuple(found) == COSTLY == ("TF-IDF linear", "target only", "shared words", "LexRank")
    linear, target_only, shared, lexrank = found.values()
    assert [one.topic is not None for one in linear] == [article.topic is not None for article in held_out]
    assert list(linear[0].topic or {}) == list(trained.data.topics)
    assert {one.topic is None for one in (*target_only, *shared, *lexrank)} == {True}
    for system in (linear, target_only, shared):
        assert [len(one.stances) for one in system] == [len(article.stances) for article in held_out]
        assert all(sum(scores.values()) == pytest.approx(1, abs=1e-5) for one in system for scores in one.stances)
    assert [one.summary is not None for one in lexrank] == [article.summary is not None for article in held_out]
    assert all(sentence.strip() in held_out[0].text for sentence in re.split(r"(?<=[.!?])", str(lexrank[0].summary)))
    assert lexrank[0].stances == ()


def test_answers_are_stored_once(answer: Callable[..., dict[str, StoredAnswers]], held_out: list[Article], tmp_path: Path) -> None:
    first = read(answer(held_out))
    (path,) = tmp_path.iterdir()
    before = path.stat().st_mtime_ns
    assert read(answer(held_out, tmp_path / "no such data")) == first  # nothing is read to train on again
    assert path.stat().st_mtime_ns == before


def test_other_questions_have_other_files(answer: Callable[..., dict[str, StoredAnswers]], held_out: list[Article], tmp_path: Path) -> None:
    answer(held_out[:1])
    answer(held_out[:1], max_sentences=1)
    answer([replace(held_out[0], summary="Another.")])
    assert len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data.replace(b'"stances"', b'"Stances"', 1),
        lambda data: data[: len(data) // 2],
        lambda data: b"".join(data.splitlines(keepends=True)[:-1]),
        lambda data: data.replace(b'"baselines": 1', b'"baselines": 0', 1),
        lambda data: b"",
        lambda data: b"\xff\x00",
    ],
    ids=["changed", "cut", "no end", "other version", "empty", "no text"],
)
def test_a_damaged_file_is_written_again(
    answer: Callable[..., dict[str, StoredAnswers]], held_out: list[Article], tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    first = read(answer(held_out[:2]))
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    assert damage(whole) != whole
    path.write_bytes(damage(whole))
    assert read(answer(held_out[:2])) == first
    assert path.read_bytes() == whole


def test_the_training_articles_are_read_again(info: dict[str, Any], trained: RunConfig) -> None:
    sources = training_sources_of(info, trained.data.root)
    assert [loaded.source.name for loaded in sources] == ["labeled", "topics"]
    assert [len(loaded.articles) for loaded in sources] == [18, 12]


def test_changed_training_files_are_refused(info: dict[str, Any], trained: RunConfig, tmp_path: Path) -> None:
    for path in trained.data.root.iterdir():
        articles = list(read_articles(path))
        write_articles(tmp_path / path.name, articles[1:] if path.name == "topics.jsonl" else articles)
    with pytest.raises(DataError, match=r"the training articles of topics are not those that the checkpoint was trained on \(their SHA-256 differs\)"):
        training_sources_of(info, tmp_path)


def test_a_checkpoint_that_does_not_say_what_it_read_is_refused(info: dict[str, Any], trained: RunConfig, held_out: list[Article], tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="does not say which articles it was trained on"):
        costly_baselines({"name": "tiny"}, None, held_out, tmp_path, topics=TOPICS, max_words=60, max_sentences=None)
    with pytest.raises(CheckpointError, match=r"config cannot be read by this version: .*nam: unknown key"):
        training_sources_of(info | {"config": info["config"].replace("name: tiny", "nam: tiny", 1)}, trained.data.root)
