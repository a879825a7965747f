"""Negation flips: where a summary follows its source word for word, and one of the two negates what the other does not.

In: a summary and the passages of its source, in one language. Out: the words of each flip. Does not know grammar: in about thirty languages
negation is told by the words and word forms of `negation.json`, by language:

    {"words": "not no", "harmless": "not only|no doubt", "excuses": "refus* without", "forms": ["ha(\\p{L}+)"], "side": "before"}

`words` negate. `harmless` phrases hold such words and do not. `excuses` are not negation, but say a like thing ("refused to approve" for
"did not approve"): a negation beside one is no flip. `forms` are negated forms of words, their groups what is left without it. `side` says where the negation
stands: before what it negates, after it, or both. `transparent` words are passed over. "*" stands for any ending; "_" for a space.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import regex

from inference.words import words

RUN_WORDS, RUN_CHARACTERS = 3, 6
"""Words that the two must have in common around a negation; characters in scripts without spaces. In the sample 1 of 273 references is refused, and 86% of
negations put into the first two sentences of an article are noticed."""
NEAR = 2
"""Words. A negation of the other text this near to the common words may stand for the same."""
STEM, END_STEM, HANGUL_STEM = 5, 4, 2
"""Letters of a word that are compared, so that "approve" and "approved" are the same; in Swahili, which inflects at the start, the last ones."""

_HANGUL = regex.compile(r"\p{Hangul}")
_NEAR = 40  # characters
_BEFORE, _AFTER = regex.compile(r"(?:\S{1,20}+\s*+){0,2}$"), regex.compile(r"\s*+(?:\S{1,20}+\s*+){0,2}")


_Places = dict[tuple[str, ...], list[int]]


class _Tokens(NamedTuple):
    """The words of a text that are no negation, and the places between them where one stands."""

    keys: list[str]
    negated: dict[int, str]  # negations by i, between keys[i - 1] and keys[i], each with the words around it as they stand in the text
    excused: set[int]  # where one, or something like it, stands


@dataclass(frozen=True, slots=True)
class _Language:
    pattern: regex.Pattern[str]
    transparent: frozenset[str]
    side: str
    strip: regex.Pattern[str] | None
    from_end: bool
    run: int


class Passages:
    """A source, read once for many summaries in its language."""

    def __init__(self, passages: Iterable[str], lang: str) -> None:
        self.language = _language(lang)
        self.tokens = _Tokens([], {}, set())
        self.places: _Places = defaultdict(list)
        if self.language:
            for passage in passages:
                _read(passage, self.language, self.tokens)
                self.tokens.keys.append("")  # no run crosses it
            run = self.language.run
            for start, window in enumerate(_windows(self.tokens.keys, run)):
                self.places[window].append(start)

    def flips(self, summary: str) -> list[str]:
        """Each negation that only one of the two texts has, with the words around it as they stand in that text.

        >>> Passages(["The council will raise taxes this year."], "en").flips("The council will not raise taxes.")
        ['council will not raise taxes.']
        """
        if not self.language:
            return []
        own = _Tokens([], {}, set())
        _read(summary, self.language, own)
        run = self.language.run
        places: _Places = defaultdict(list)
        for start, window in enumerate(_windows(own.keys, run)):
            places[window].append(start)
        added = [gap for gap in sorted(own.negated) if self._flipped(own, gap, self.tokens, self.places)]
        dropped = [gap for gap in sorted(self.tokens.negated) if self._flipped(self.tokens, gap, own, places, self.places)]
        shown = [tokens.negated[gap] for tokens, gaps in ((own, added), (self.tokens, dropped)) for gap in _apart(gaps)]
        return list(dict.fromkeys(shown))

    def _flipped(self, mine: _Tokens, gap: int, other: _Tokens, places: _Places, own_places: _Places | None = None) -> bool:
        """Whether the other text has the words around the negation at `gap`, and nowhere a negation by them.

        With `own_places`, those of `mine`: nor must they stand there elsewhere without a negation.
        """
        assert self.language
        run = self.language.run
        met = False
        for start in range(max(0, gap - run), min(gap, len(mine.keys) - run) + 1):
            window = tuple(mine.keys[start : start + run])
            if "" in window or not _telling(gap - start, start + run - gap, self.language.side):
                continue
            if any(_negated_near(other, place, run) for place in places.get(window, ())):
                return False
            if window in places:
                met = True
                if own_places and any(not _negated_near(mine, place, run) for place in own_places[window]):
                    return False
        return met


def _apart(gaps: Sequence[int]) -> list[int]:
    """Without those that belong to the one before: "ne … pas"."""
    return [gap for before, gap in zip([-NEAR, *gaps], gaps, strict=False) if gap - before >= NEAR]


def _negated_near(tokens: _Tokens, place: int, run: int) -> bool:
    return any(gap in tokens.excused for gap in range(place - NEAR, place + run + NEAR + 1))


def _telling(left: int, right: int, side: str) -> bool:
    """Whether enough of the common words stand on the side of the negation where what it negates is."""
    if side == "before":
        return right >= 2 or (right >= 1 and left >= 1)
    return left >= 2 or (side == "both" and right >= 1)


def _read(text: str, language: _Language, tokens: _Tokens) -> None:
    """Append the words and negations of one passage."""
    end = 0
    for match in language.pattern.finditer(text):
        if match["harmless"]:
            continue
        _append(text[end : match.start()], language, tokens)
        if match["excuse"]:
            tokens.excused.add(len(tokens.keys))
            _append(match.group(), language, tokens)
        else:
            _append("".join(group for group in match.groups()[2:-1] if group), language, tokens)
            tokens.negated[len(tokens.keys)] = _around(text, match.start(), match.end())
            tokens.excused.add(len(tokens.keys))
        end = match.end()
    _append(text[end:], language, tokens)


def _append(text: str, language: _Language, tokens: _Tokens) -> None:
    for word in words(text):
        if word not in language.transparent:
            tokens.keys.append(_stem(word, language))


def _around(text: str, start: int, end: int) -> str:
    before, after = _BEFORE.search(text, max(0, start - _NEAR), start), _AFTER.match(text, end, end + _NEAR)
    return f"{before.group() if before else ''}{text[start:end]}{after.group() if after else ''}".strip()


def _stem(word: str, language: _Language) -> str:
    if language.strip:
        word = language.strip.sub("", word) or word
    if language.from_end:
        return word[-END_STEM:]
    return word[: HANGUL_STEM if _HANGUL.match(word) else STEM]


def _windows(keys: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    return zip(*(keys[start:] for start in range(size)), strict=False)


@cache
def _language(lang: str) -> _Language | None:
    entry = _entries().get(lang)
    if not entry:
        return None
    unspaced = bool(entry.get("unspaced"))
    harmless = "|".join(regex.escape(phrase) for phrase in sorted(entry.get("harmless", "").split("|"), key=len, reverse=True) if phrase)
    forms = "|".join(entry.get("forms", ()))
    listed = "|".join(_wild(word) for word in sorted(entry["words"].split(), key=len, reverse=True))
    excuses = "|".join(_wild(word) for word in sorted(entry.get("excuses", "").split(), key=len, reverse=True)) or r"(?!)"
    alternatives = f"(?P<harmless>{harmless or '(?!)'})|(?P<negation>{listed}{'|' + forms if forms else ''})|(?P<excuse>{excuses})"
    pattern = alternatives if unspaced else rf"(?<![\p{{L}}\p{{M}}\p{{N}}])(?:{alternatives})(?:(?![\p{{L}}\p{{M}}\p{{N}}-])|(?<=['’]))"
    return _Language(
        regex.compile(pattern, regex.IGNORECASE),
        frozenset(entry.get("transparent", "").split()),
        entry["side"],
        regex.compile(entry["strip"]) if "strip" in entry else None,
        entry.get("stem") == "end",
        RUN_CHARACTERS if unspaced else RUN_WORDS,
    )


def _wild(word: str) -> str:
    return regex.escape(word).replace(r"\*", r"[\p{L}\p{M}]*").replace("_", " ")


@cache
def _entries() -> dict[str, dict[str, Any]]:
    return json.loads(files("inference").joinpath("negation.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]
