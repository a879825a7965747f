"""The groups of held-out articles that get scores of their own: by language, script, source, length and topic.

In: an article, and its language where the article names none. Out: names of groups. Does not know: scores, models.
"""

from collections import Counter
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import regex

from inference.article import Article
from inference.words import count_words

LENGTHS = ((100, "up to 100 words"), (300, "101 to 300 words"), (1000, "301 to 1,000 words"))
"""Posts and single sentences; briefs; articles. What is longer is a feature or a debate."""

LONGEST = "over 1,000 words"

SCRIPT_LETTERS = 1000
"""Letters looked at: a quotation in another script at the opening does not name the article's."""

KANA_SHARE = 0.1
"""Kana for every Han character that make a text Japanese: headlines have few, Chinese articles quote a name at most."""

_SCRIPTS = (
    *("Latin", "Cyrillic", "Greek", "Armenian", "Georgian", "Hebrew", "Arabic", "Devanagari", "Bengali", "Gurmukhi", "Gujarati", "Oriya", "Tamil"),
    *("Telugu", "Kannada", "Malayalam", "Sinhala", "Thai", "Lao", "Tibetan", "Myanmar", "Khmer", "Ethiopic", "Hangul", "Mongolian", "Tifinagh", "Syriac"),
    *("Thaana", "Nko", "Cherokee", "Han"),
)
_KANA = regex.compile(r"[\p{Hiragana}\p{Katakana}]")
_LETTER = regex.compile(r"\p{L}")


class Group(NamedTuple):
    kind: str  # one of `training.results.GROUP_KINDS`
    name: str


EVERYTHING = Group("overall", "all")


def groups_of(article: Article, lang: str) -> Iterator[Group]:
    """The groups that an article belongs to; `lang` is used where the article names no language.

    >>> [group.name for group in groups_of(Article("大雨。", topic="weather", source="daily"), "zh")]
    ['all', 'zh', 'Han', 'daily', 'up to 100 words', 'weather']
    """
    yield EVERYTHING
    yield Group("lang", article.lang or lang)
    yield Group("script", script_of(article.text))
    yield Group("source", article.source)
    yield Group("length", length_class(article.text))
    if article.topic:
        yield Group("topic", article.topic)


def length_class(text: str) -> str:
    """The length of a text in words (`inference.words.count_words`), as one of four classes."""
    words = count_words(text)
    return next((name for most, name in LENGTHS if words <= most), LONGEST)


def script_of(text: str) -> str:
    """The script of most letters, by its name in Unicode; Han with kana is Japanese.

    >>> script_of("日米首脳が会談へ"), script_of("The 東京 talks"), script_of("2024")
    ('Japanese', 'Latin', 'none')
    """
    letters = _LETTER.findall(text)[:SCRIPT_LETTERS]
    counts = Counter(map(_script, letters))
    if counts["Japanese"] > KANA_SHARE * counts["Han"]:
        counts["Japanese"] += counts.pop("Han", 0)
    return counts.most_common(1)[0][0] if counts else "none"


def sort_key(group: Group) -> tuple[int, str]:
    """Lengths from short to long, other names by alphabet."""
    lengths = [*(name for _, name in LENGTHS), LONGEST]
    return (lengths.index(group.name) if group.kind == "length" else 0, group.name)


@cache
def _script(letter: str) -> str:
    if _KANA.match(letter):
        return "Japanese"
    return next((name for name in _SCRIPTS if regex.match(rf"\p{{Script={name}}}", letter)), "other")
