"""Does a text say anything, and anything of its article? What a decoder makes of too little training often does not.

In: a summary and its source. Out: what is wrong, as a sentence. Does not know: whether what is said is true.
"""

from functools import cached_property

import regex

from inference.support import Source
from inference.words import words

# Chosen on the 273 references of data/sample/{train,dev}.jsonl, of which they refuse none; of 560 in the dev parts of four public sets, one.
FEWEST_CONTENT, ENOUGH_WORDS = 3, 10
"""A text of so many words has at least so many content words: 12 words of "he said that he is a" say nothing."""
LEAST_SHARED, COMPARED_CONTENT = 0.2, 5
"""Of the content words, where there are so many, those that the source has too. The least in a reference is 0.2."""
MOST_MARKS, ENOUGH_CHARACTERS = 0.15, 24
"""Punctuation marks and symbols among so many characters; references have at most 0.12."""
LEAST_LETTERS = 4
"""A word of so many letters is a content word, and stands in the source if a word there opens with the same four: it may be inflected."""
HANGUL_STEM = 2
"""Syllables: of a word and of its stem, in Korean."""

_MARK = regex.compile(r"[\p{P}\p{S}]")
_CHARACTER = regex.compile(r"\S")
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")
_HANGUL = regex.compile(r"\p{Hangul}")


class Substance:
    """A source, indexed for many summaries."""

    def __init__(self, source: Source) -> None:
        self._words = source.words

    @cached_property
    def _content(self) -> frozenset[str]:
        return frozenset(_content(self._words))

    def missing_in(self, summary: str) -> str:
        """What a summary lacks, or "" where it says something of the article.

        >>> Substance(Source("The council rebuilds the bridge.")).missing_in("A man has said that he is a man and so on.")
        'It says next to nothing.'
        """
        own = words(summary)
        content = set(_content(own))
        characters = len(_CHARACTER.findall(summary))
        if characters >= ENOUGH_CHARACTERS and len(_MARK.findall(summary)) > MOST_MARKS * characters:
            return "It is full of punctuation marks."
        if len(own) >= ENOUGH_WORDS and len(content) < FEWEST_CONTENT:
            return "It says next to nothing."
        if len(content) >= COMPARED_CONTENT and sum(word in self._content for word in content) < LEAST_SHARED * len(content):
            return "Hardly a word of it stands in the article."
        return ""


def _content(tokens: list[str]) -> list[str]:
    """What the content words open with; pairs of characters where a script puts no spaces."""
    found = []
    for place, word in enumerate(tokens):
        if _UNSPACED.match(word):
            if place + 1 < len(tokens) and _UNSPACED.match(tokens[place + 1]):
                found.append(word + tokens[place + 1])
        elif _HANGUL.match(word):
            if len(word) >= HANGUL_STEM:
                found.append(word[:HANGUL_STEM])
        elif len(word) >= LEAST_LETTERS:
            found.append(word[:LEAST_LETTERS])
    return found
