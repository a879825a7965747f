"""Words put in the place of others inside copied text: how a wrong name shows where letters have no capitals.

In: a summary and its source. Out: the strange words. Does not know which of them are names: a synonym inside a copied sentence looks the same.
"""

from bisect import bisect_left
from collections import defaultdict
from functools import cached_property

import regex

from inference.sentences import split_sentences
from inference.support import Source
from inference.words import words

LONGEST_SPACED, LONGEST_UNSPACED = 4, 8
"""Words, or characters where a script puts no spaces, that are looked at between two copied pieces."""
COPIED_WORDS, COPIED_CHARACTERS = 3, 5
"""On each side. Of names swapped in the first two sentences of the Arabic, Chinese, Hindi, Japanese and Korean articles of the sample 50 of 59 are
found so, and 2 of 105 references are refused; at (2, 2) there are 13. Of names swapped in references, which copy less, 4 of 90 are found."""
OPENING_TIMES = 3
"""Where nothing stands before the strange word, this many times as much must be copied after it: Arabic sentences open with a verb."""
LEAST_UNSPACED = 2
"""Characters of a strange word: single ones are mostly particles and endings."""
LEAST_STEM = 3
"""Letters that a strange word shares with no word of the source, as its opening."""

_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー]")
_NAME_LETTER = regex.compile(r"[[\p{L}]--[\p{Hiragana}]]", regex.V1)


class Copies:
    """A source, indexed for many summaries."""

    def __init__(self, source: Source) -> None:
        self._cased = source.is_cased
        self._words = source.words
        self._text = source.text

    @cached_property
    def _pairs(self) -> dict[tuple[str, str], list[int]]:
        places: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        for place, pair in enumerate(zip(self._words, self._words[1:], strict=False)):
            if len(places[pair]) < 50:
                places[pair].append(place)
        return places

    @cached_property
    def _lines(self) -> list[int]:
        """The line of the source, which is a sentence of the article, that each of its words stands in."""
        return [number for number, line in enumerate(self._text.split("\n")) for _ in words(line)]

    @cached_property
    def _sorted(self) -> list[str]:
        return sorted(set(self._words))

    def replaced_in(self, summary: str) -> list[str]:
        """The strange words of `summary` that stand between copied ones, or open it before copied ones; none in scripts with capitals.

        >>> Copies(Source("وصل الوزير إلى مدينة حلب في صباح اليوم")).replaced_in("وصل الوزير إلى مدينة دمشق في صباح اليوم")
        ['دمشق']
        """
        if self._cased:
            return []
        return [found for start, end in split_sentences(summary) for found in self._replaced_in_sentence(words(summary[start:end]))]

    def _replaced_in_sentence(self, own: list[str]) -> list[str]:
        strange = [self._is_strange(own, place) for place in range(len(own))]
        found = []
        place = 0
        while place < len(own) - 1:
            if not strange[place]:
                place += 1
                continue
            end = place
            while end < len(own) and strange[end]:
                end += 1
            unspaced = bool(_UNSPACED.match(own[place]))
            if end < len(own) and end - place <= (LONGEST_UNSPACED if unspaced else LONGEST_SPACED) and self._replaces(own, place, end, unspaced):
                found.append(("" if unspaced else " ").join(own[place:end]))
            place = end
        return found

    def _replaces(self, own: list[str], start: int, end: int, unspaced: bool) -> bool:
        reach = LONGEST_UNSPACED if unspaced else LONGEST_SPACED
        copied = COPIED_CHARACTERS if unspaced else COPIED_WORDS
        if unspaced and end - start < LEAST_UNSPACED:
            return False
        left, right = own[max(0, start - copied) : start], own[end : end + (copied if start else OPENING_TIMES * copied)]
        if len(left) < min(start, copied) or len(right) < (copied if start else OPENING_TIMES * copied):
            return False
        for place in self._pairs.get((right[0], right[1]), ()):
            if self._words[place : place + len(right)] == right and self._has_before(left, place, reach):
                return True
        return False

    def _has_before(self, left: list[str], place: int, reach: int) -> bool:
        """Whether the words `left` end one to `reach` words before `place`, in the same sentence: between two sentences an "and" is no substitute."""
        if not left:
            return place > 0 and self._lines[place - 1] == self._lines[place]
        ends = (end for end in range(max(1, place - reach), place) if self._lines[end - 1] == self._lines[place])
        return any(self._words[max(0, end - len(left)) : end] == left for end in ends)

    def _is_strange(self, own: list[str], place: int) -> bool:
        word = own[place]
        if not _NAME_LETTER.match(word):
            return False
        if _UNSPACED.match(word):
            near = [pair for pair in ((place - 1, place), (place, place + 1)) if pair[0] >= 0 and pair[1] < len(own)]
            return all((own[first], own[second]) not in self._pairs for first, second in near)
        stem = word[:LEAST_STEM]
        at = bisect_left(self._sorted, stem)
        return at == len(self._sorted) or not self._sorted[at].startswith(stem)
