"""The sample corpus: what its README promises."""

from collections import Counter
from pathlib import Path

import pytest

from inference.article import Article, read_articles, read_json_rows
from inference.labels import IPTC_TOPICS

FOLDER = Path(__file__).parents[1] / "data" / "sample"
LANGUAGES = {"ar", "de", "en", "es", "fr", "hi", "id", "ja", "ko", "pt", "ru", "sw", "zh"}
SIZES = {"train": 17, "dev": 4, "test": 5}
"""Articles a language."""


@pytest.fixture(scope="module")
def parts() -> dict[str, list[Article]]:
    return {part: list(read_articles(FOLDER / f"{part}.jsonl")) for part in SIZES}


@pytest.mark.parametrize("part", SIZES)
def test_every_language_and_topic_is_in_every_part(parts: dict[str, list[Article]], part: str) -> None:
    assert Counter(article.lang for article in parts[part]) == dict.fromkeys(LANGUAGES, SIZES[part])
    assert {article.topic for article in parts[part]} == set(IPTC_TOPICS)
    assert sum(bool(article.boilerplate) for article in parts[part]) >= len(LANGUAGES)


def test_no_article_stands_in_two_parts(parts: dict[str, list[Article]]) -> None:
    ids = [article.id for articles in parts.values() for article in articles]
    texts = {article.text for articles in parts.values() for article in articles}
    assert len(ids) == len(set(ids)) == len(texts) == 338


def test_every_article_has_all_labels_and_its_boilerplate_lines(parts: dict[str, list[Article]]) -> None:
    for articles in parts.values():
        for article in articles:
            assert article.title
            assert article.summary
            assert 1 <= len(article.stances) <= 3
            assert article.boilerplate is not None
            assert set(article.boilerplate) <= set(article.text.split("\n"))


def test_boilerplate_lines_are_split_within_every_language_and_kind() -> None:
    rows = [row for _, row in read_json_rows(FOLDER / "boilerplate.jsonl")]
    assert {row["lang"] for row in rows} == LANGUAGES
    by_split = Counter(row["split"] for row in rows)
    assert by_split == {"train": 624, "test": 156}
    kinds = {row["kind"] for row in rows}
    assert len(kinds) == 12
    for split in by_split:
        assert {(row["lang"], row["kind"]) for row in rows if row["split"] == split} == {(lang, kind) for lang in LANGUAGES for kind in kinds}
