"""Overlap of texts: near-duplicates planted in five scripts are found, other articles of the same language are not."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import pytest

from benchmarks.duplicates import cut, edit, wrap
from inference.article import Article, read_articles, read_json_rows
from training.duplicates import SAMPLED, Finder, Match, Signatures, from_bytes, letters, overlaps, repeats, shingles, sign, to_bytes

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
LANGUAGES = ("en", "ru", "ar", "hi", "zh")

Change = Callable[[str, list[str], list[str]], tuple[str, str]]

CHANGES: dict[str, Change] = {
    "case, spaces and punctuation": lambda text, others, lines: (text, "\n" + text.upper().replace(" ", "  ").replace(".", "…").replace("。", "!")),
    "a tenth of the words replaced": lambda text, others, lines: (text, edit(text, others, Random(1))),
    "a paragraph more": lambda text, others, lines: (text, f"{text}\n{others[0]}"),
    "the second half only": lambda text, others, lines: (text, text[len(text) // 2 :]),
    "the first half only": lambda text, others, lines: (text, cut(text, 0.5)),
    "the whole, where two fifths were signed": lambda text, others, lines: (cut(text, 0.4), text),
    "other boilerplate": lambda text, others, lines: (wrap(text, lines[:30], Random(2)), wrap(text, lines[30:], Random(3))),
}


@pytest.fixture(scope="module")
def long_articles() -> list[Article]:
    """Two articles a language, in five scripts, of 700 letters and more."""
    articles = [article for name in ("train", "dev") for article in read_articles(SAMPLE / f"{name}.jsonl")]
    by_language = {lang: [article for article in articles if article.lang == lang and len(letters(article.text)) > 700] for lang in LANGUAGES}
    return [article for group in by_language.values() for article in group[:2]]


@pytest.fixture(scope="module")
def page_lines() -> dict[str, list[str]]:
    lines: dict[str, list[str]] = {}
    for _, row in read_json_rows(SAMPLE / "boilerplate.jsonl"):
        lines.setdefault(row["lang"], []).append(row["line"])
    return lines


def signed(texts: list[str]) -> Signatures:
    return sign((f"news/{number}", text) for number, text in enumerate(texts))


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("with_texts", [True, False], ids=["texts", "signatures"])
def test_planted_near_duplicates_are_found_and_nothing_else(
    change: str, with_texts: bool, sample: list[Article], long_articles: list[Article], page_lines: dict[str, list[str]]
) -> None:
    for article in long_articles:
        others = [other.text for other in sample if other.lang == article.lang and other.id != article.id]
        before, after = CHANGES[change](article.text, others, page_lines[article.lang])
        texts = [*others[1:], before]
        matches = Finder(signed(texts), texts if with_texts else None).find(after)
        assert [match.row for match in matches] == [len(texts) - 1], article.id
        assert matches[0].certain == (with_texts or change == "case, spaces and punctuation")


def test_unrelated_articles_of_a_language_do_not_overlap(sample: list[Article]) -> None:
    texts = [article.text for article in sample]
    signatures = signed(texts)
    assert list(repeats(signatures, texts)) == []
    finder = Finder(signatures)
    assert [[match.row for match in finder.find(text)] for text in texts] == [[number] for number in range(len(texts))]


def test_a_standing_line_or_a_quotation_is_no_overlap(long_articles: list[Article]) -> None:
    first, second = (article.text for article in long_articles[:2])
    line = "Follow us for more news from the region and send your story ideas to the editors."
    texts = [f"{first}\n{line}", line, f"As we wrote: {first[:80]}"]
    assert Finder(signed(texts), texts).find(f"{second}\n{line}") == []
    assert Finder(signed(texts)).find(f"{second}\n{line}") == []


@pytest.mark.parametrize(
    ("shared", "size", "other", "expected"),
    [
        (400, 1000, 1000, True),
        (399, 1000, 1000, False),
        (100, 100, 5000, True),  # a paragraph of a long article
        (99, 99, 5000, False),
        (30, 60, 60, True),  # a sentence with a few words changed
        (29, 40, 40, False),
        (60, 60, 200, False),
    ],
)
def test_what_counts_as_overlap(shared: int, size: int, other: int, expected: bool) -> None:
    assert overlaps(shared, size, other) is expected
    assert overlaps(shared, other, size) is expected


def test_short_texts_must_be_equal() -> None:
    texts = ["Story number 1", "Story number 12", "雨が降った。", "", "…", "Story number 13, and some more words that make it a sentence."]
    finder = Finder(signed(texts), texts)
    assert finder.find("STORY NUMBER 1!") == [Match(0, 1.0, True)]
    assert finder.find("雨が降った") == [Match(2, 1.0, True)]
    assert finder.find("Story number 14") == []
    assert finder.find("") == finder.find("—") == []  # texts without letters have nothing in common
    assert list(repeats(signed(["", "", "!", "a", "A."]), ["", "", "!", "a", "A."])) == [(4, Match(3, 1.0, True))]


def test_similarity_is_the_part_of_the_shorter_text_that_is_shared() -> None:
    text = "".join(chr(0x4E00 + number) for number in range(300))  # 300 different Han characters count as 600 letters
    found = Finder(signed([text]), [text]).find(text[:120] + "".join(chr(0x6000 + number) for number in range(80)))
    assert len(shingles(letters(text))) == 600 - 12 + 1
    assert found == [Match(0, pytest.approx((240 - 11) / (400 - 11), abs=0.01), True)]


def test_repeats_name_the_most_similar_earlier_text(long_articles: list[Article]) -> None:
    first, second = (article.text for article in long_articles[:2])
    texts = [first, second, first.upper(), first[: len(first) // 2], f"{first[: len(first) // 2]}\n{second}", first]
    found = list(repeats(signed(texts), texts))
    assert found[0] == (2, Match(0, 1.0, True))
    assert [(row, match.row) for row, match in found] == [(2, 0), (3, 0), (4, 1), (5, 0)]
    assert all(match.similarity == 1.0 for _, match in found[1:])
    unseen = list(repeats(signed(texts), iter(texts), compare=False))  # by the signatures alone
    assert [(row, match.row) for row, match in unseen] == [(2, 0), (3, 0), (4, 1), (5, 0)]
    assert [match.certain for _, match in unseen] == [True, False, False, True]


def test_signatures_are_compact_and_come_back(sample: list[Article]) -> None:
    named = [(f"sample/{article.id} 中\ud800", article.text) for article in sample] + [("short", "Rain.")]
    signatures = sign(named)
    data = to_bytes(signatures)
    assert len(data) / len(named) < 100
    back = from_bytes(data)
    assert back is not None
    assert back.names == tuple(name for name, _ in named)
    for ours, theirs in ((signatures.hashes, back.hashes), (signatures.sizes, back.sizes), (signatures.digests, back.digests)):
        assert ours.dtype == theirs.dtype
        assert np.array_equal(ours, theirs)
    chosen = back.take([3, 0])
    assert chosen.names == (named[3][0], named[0][0])
    assert [match.row for match in Finder(chosen).find(named[0][1])] == [1]
    assert from_bytes(to_bytes(sign([]))) is not None
    assert Finder(sign([])).find("Rain fell.") == []


def test_the_hashes_never_change() -> None:
    """Checkpoints carry them: another value here needs another number in the recipe."""
    signatures = sign([("a", "The river rose by two meters on Monday. 雨が降った。 बाढ़ आई।")])
    assert (int(signatures.sizes[0]), int(signatures.digests[0])) == (36, 7104462365971723149)
    assert signatures.hashes[0, :3].tolist() == [13927703, 192010062, 227708841]
    assert signatures.hashes.shape == (1, SAMPLED)


def test_signatures_of_another_version_are_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    data = to_bytes(sign([("a", "The river rose.")]))
    monkeypatch.setattr("training.duplicates._RECIPE", (2, 12, 20))
    assert from_bytes(data) is None
