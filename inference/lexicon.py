"""What page boilerplate says, in some thirty languages: the phrases of `lexicon.json` and how they are found.

In: a line or sentence, and the page's language. Out: the phrases in it with their kinds. Does not know layout or scores.

`lexicon.json` is {kind: {language: {tier: [phrase, …]}}}. Tiers: "strong" phrases tell boilerplate wherever they stand, "weak" ones
only in a line made of little else ("Home", "Share"), "hint" ones are the we and you of an appeal, "word" ones what it is about
(readers, independence, money): several of them tell. In a phrase `#` is any number,
`word*` any word that begins so, `^` the start and `$` the end of the line; case, spacing of CJK and Hangul, and most punctuation do not count.
Grown from `data/sample/boilerplate.jsonl` (its train part) and from what news sites print; no phrase names a real outlet.
"""

import json
import unicodedata
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal, NamedTuple

import regex

Tier = Literal["strong", "weak", "hint", "word"]

_SYLLABIC = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}ー"
_TOKEN = regex.compile(
    rf"\p{{Nd}}+(?:[.,:/٫٬\-–]\p{{Nd}}+)*|[{_SYLLABIC}&&\p{{L}}]\p{{M}}*|[\p{{L}}--[{_SYLLABIC}]][[\p{{L}}\p{{M}}]--[{_SYLLABIC}]]*|[:=/(\[【©·・@€$£¥₽₹₩₦₺]",
    regex.V1,
)
_MARKS = {"=": ":", "/": ":", "【": "[", "・": "·"} | dict.fromkeys("$£¥₽₹₩₦₺", "€")
"""Punctuation that belongs to phrases ("Photo:", "(Photo"), one mark for the several a script uses; all money is €."""
_PUNCTUATION = frozenset(":([©·@€")
_ARABIC = str.maketrans({"أ": "ا", "إ": "ا", "آ": "ا", "ى": "ي", "ة": "ه", "ک": "ك", "ی": "ي", "ـ": "", "ؤ": "و", "ئ": "ي"})
_DROPPED_MARKS = regex.compile(r"[\u0307\u0591-\u05C7\u0610-\u061A\u064B-\u065F\u0670\u200B-\u200F\u202A-\u202E\u2060-\u2069\uFEFF\u00AD]")
_SYLLABLE = regex.compile(rf"[{_SYLLABIC}]", regex.V1)
_HAN_ONLY = regex.compile(r"^[\p{Han}\W]+$")
_VAGUE = frozenset({"hint", "word"})
"""Tiers that are everyday words: they count in their own language only."""
SHORT_SYLLABLES = 3
"""A phrase of up to this many characters also occurs by chance, across two words."""
_SHORTEST_STEM, _LONGEST_STEM = 2, 16


@dataclass(frozen=True, slots=True)
class Phrase:
    """One phrase: its tokens, which of them match by their beginning, and where in a line it must stand."""

    tokens: tuple[str, ...]
    stems: tuple[bool, ...]
    kind: str
    tier: Tier
    languages: frozenset[str]
    opens: bool
    closes: bool
    shared: bool  # Han only: Chinese and Japanese write it for different things
    syllabic: bool  # of single characters, as CJK, Hangul and Thai are tokenized

    @property
    def at_edge(self) -> bool:
        """Whether the phrase is bound to a line's start or end."""
        return self.opens or self.closes


class Tokens(NamedTuple):
    """The tokens of a line, and the places where one does not run on from the one before: spaces, marks, numbers, the line's ends."""

    words: list[str]
    breaks: set[int]


class Match(NamedTuple):
    """A phrase found at tokens[start:end]."""

    start: int
    end: int
    phrase: Phrase


def tokenize(text: str) -> Tokens:
    """The tokens that phrases are made of: folded words, "#" for numbers, single CJK characters and Hangul syllables, a few marks.

    >>> tokenize("© 2025 The Post | 사진=제공").words
    ['©', '#', 'the', 'post', '사', '진', ':', '제', '공']
    """
    text = unicodedata.normalize("NFKC", text.replace("ⓒ", "©").replace("(c)", "©").replace("(C)", "©")).casefold()
    text = _DROPPED_MARKS.sub("", text).translate(_ARABIC)
    found: list[str] = []
    breaks = {0}
    end = 0
    for match in _TOKEN.finditer(text):
        token = match.group()
        token = _MARKS.get(token, "#" if token[0].isdecimal() else token)
        alone = token == "#" or not is_word(token)
        if alone or match.start() > end:
            breaks.add(len(found))
        if alone:
            breaks.add(len(found) + 1)
        found.append(token)
        end = match.end()
    return Tokens(found, breaks | {len(found)})


def is_word(token: str) -> bool:
    """Whether a token is a word or number, not a mark."""
    return token not in _PUNCTUATION


def find_phrases(tokens: Tokens, lang: str = "") -> list[Match]:
    """All phrases in the tokens of one line or sentence of a page in `lang`.

    Pages mix languages in their menus, so every language's phrases are looked for; the page's own language is asked for where a phrase is only a hint,
    stands at a line's edge ("Di …", "Von …"), or is written alike in Chinese and Japanese.

    >>> [match.phrase.kind for match in find_phrases(tokenize("Share this page"), "en") if match.phrase.tier == "strong"]
    ['share']
    """
    exact, stems = _index()
    worded = [index for index, token in enumerate(tokens.words) if is_word(token)] or [0, len(tokens.words)]
    matches: list[Match] = []
    for start, token in enumerate(tokens.words):
        candidates = exact.get(token, ())
        for length in range(_SHORTEST_STEM, min(len(token), _LONGEST_STEM) + 1):
            if token[:length] in stems:
                candidates = (*candidates, *stems[token[:length]])
        for phrase in candidates:
            match = Match(start, start + len(phrase.tokens), phrase)
            if _fits(match, tokens.words) and _is_placed(match, tokens, worded[0], worded[-1]) and _is_spoken(phrase, lang):
                matches.append(match)
    return matches


def _fits(match: Match, found: list[str]) -> bool:
    """Whether the phrase's tokens stand there."""
    start, end, phrase = match
    if phrase.tokens == tuple(found[start:end]):
        return True
    if end > len(found) or not any(phrase.stems):
        return False
    there = zip(phrase.tokens, phrase.stems, found[start:end], strict=True)
    return all(token == expected or (stem and token.startswith(expected)) for expected, stem, token in there)


def _is_placed(match: Match, tokens: Tokens, first: int, last: int) -> bool:
    """Whether the phrase stands where it must: at an edge; one of CJK, Hangul or Thai not inside a longer word if it is weak or short."""
    start, end, phrase = match
    if (phrase.opens and start > first) or (phrase.closes and end <= last):
        return False
    if not phrase.syllabic or phrase.tier == "word":
        return True
    if phrase.tier == "weak":
        return start in tokens.breaks and (end in tokens.breaks or phrase.stems[-1])
    return start in tokens.breaks or len(phrase.tokens) > SHORT_SYLLABLES


def _is_spoken(phrase: Phrase, lang: str) -> bool:
    """Whether the phrase counts in a page of this language."""
    if not lang or lang in phrase.languages or not (phrase.tier in _VAGUE or phrase.opens or phrase.closes or phrase.shared):
        return True
    return phrase.tier not in _VAGUE and "en" in phrase.languages


@cache
def _index() -> tuple[dict[str, tuple[Phrase, ...]], dict[str, tuple[Phrase, ...]]]:
    """Phrases by their first token: matched whole, and matched by its beginning."""
    exact: dict[str, list[Phrase]] = {}
    stems: dict[str, list[Phrase]] = {}
    for phrase in _read_phrases():
        (stems if phrase.stems[0] else exact).setdefault(phrase.tokens[0], []).append(phrase)
    return {first: tuple(found) for first, found in exact.items()}, {first: tuple(found) for first, found in stems.items()}


def _read_phrases() -> list[Phrase]:
    entries = json.loads(files("inference").joinpath("lexicon.json").read_text(encoding="utf-8"))
    languages: dict[tuple[str, str, Tier], set[str]] = {}
    for kind, by_language in entries.items():
        for language, tiers in by_language.items():
            for tier, phrases in tiers.items():
                for written in phrases:
                    languages.setdefault((written, kind, tier), set()).add(language)
    return [_parse(written, kind, tier, frozenset(spoken)) for (written, kind, tier), spoken in languages.items()]


def _parse(written: str, kind: str, tier: Tier, languages: frozenset[str]) -> Phrase:
    tokens: list[str] = []
    stems: list[bool] = []
    for part in written.removeprefix("^").removesuffix("$").replace("#", "0").split():
        found = tokenize(part).words
        tokens += found
        stems += [part.endswith("*") and index == len(found) - 1 for index in range(len(found))]
    return Phrase(
        tuple(tokens),
        tuple(stems),
        kind,
        tier,
        languages,
        opens=written.startswith("^"),
        closes=written.endswith("$"),
        shared=bool(_HAN_ONLY.match(written)),
        syllabic=bool(_SYLLABLE.search(written)),
    )
