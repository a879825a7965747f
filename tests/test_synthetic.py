"""The synthetic corpus: what its README promises."""

import zlib
from collections import Counter
from pathlib import Path

import pytest

from inference.article import Article, read_articles
from inference.labels import IPTC_TOPICS, STANCES

FOLDER = Path(__file__).parents[1] / "data" / "synthetic"


@pytest.fixture(scope="module")
def parts() -> dict[str, list[Article]]:
    return {part: list(read_articles(FOLDER / f"{part}.jsonl")) for part in ("train", "dev")}


def test_every_article_has_all_labels_and_its_boilerplate_lines(parts: dict[str, list[Article]]) -> None:
    for article in (article for articles in parts.values() for article in articles):
        assert article.title, article.id
        assert article.summary, article.id
        assert article.topic in IPTC_TOPICS, article.id
        assert 3 <= len(article.stances) <= 7, article.id
        assert {stance.stance for stance in article.stances} <= set(STANCES), article.id
        assert article.boilerplate is not None, article.id
        assert set(article.boilerplate) <= set(article.text.split("\n")), article.id


def test_no_article_stands_there_twice(parts: dict[str, list[Article]]) -> None:
    articles = [article for articles in parts.values() for article in articles]
    assert (
        len({article.id for article in articles})
        == len({article.text for article in articles})
        == len({article.title for article in articles})
        == len(articles)
    )


def test_the_parts_are_fixed_by_id(parts: dict[str, list[Article]]) -> None:
    for part, articles in parts.items():
        assert {zlib.crc32(str(article.id).encode()) % 10 == 0 for article in articles} == {part == "dev"}


def test_the_order_of_targets_is_that_of_a_checksum(parts: dict[str, list[Article]]) -> None:
    """As they were written, unrelated targets mostly stood last."""
    for article in (article for articles in parts.values() for article in articles):
        keys = [zlib.crc32(f"{article.id}:{stance.target}".encode()) for stance in article.stances]
        assert keys == sorted(keys), article.id


def test_languages_have_nearly_every_topic_in_train_and_most_have_articles_in_dev(parts: dict[str, list[Article]]) -> None:
    languages = {article.lang for article in parts["train"]}
    assert len(languages) == 42
    assert len(languages & {article.lang for article in parts["dev"]}) == len({article.lang for article in parts["dev"]}) == 41
    missing = Counter((lang, topic) for lang in languages for topic in IPTC_TOPICS)
    missing.subtract((article.lang, article.topic) for article in parts["train"])
    assert sum(count > 0 for count in missing.values()) == 25


def test_the_readme_counts_what_is_there(parts: dict[str, list[Article]]) -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    languages = {article.lang for article in parts["train"]}
    pairs = sum(len(article.stances) for articles in parts.values() for article in articles)
    assert f"{sum(map(len, parts.values())):,} fictional news items in {len(languages)} languages" in readme
    assert f"{pairs:,} stances" in readme
    stances = Counter(stance.stance for articles in parts.values() for article in articles for stance in article.stances)
    assert ", ".join(f"{stance} {stances[stance]:,}" for stance in STANCES) in readme
    topics = Counter(article.topic for articles in parts.values() for article in articles)
    assert ", ".join(f"{topic} {count}" for topic, count in topics.most_common()) in readme
    for part, articles in parts.items():
        assert f"| `{part}.jsonl` | {len(articles):,} |" in readme
    counts = Counter(article.lang for articles in parts.values() for article in articles)
    assert ", ".join(f"{lang} {count}" for lang, count in sorted(counts.items())) in readme
