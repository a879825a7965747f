"""The check of a written summary: what it says that its article does not, and where the article says the rest.

In: a summary, and its article as an `ArticleText`. Out: a `Verdict`: supported numbers and names with their places in the article, and problems.
Does not know: models, scores, which summary is picked. It compares what is written: a number that the article has of something else, a name in
another's place and a false verb pass unseen.
"""

import unicodedata
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import regex

from inference.language import identify
from inference.negation import Passages
from inference.number_words import Mention, mentions, supported_values
from inference.sentences import ends_sentence
from inference.substance import Substance
from inference.substitution import Copies
from inference.support import Name, Source, find_names, novel_share
from inference.unfamiliar import Unfamiliar, is_common
from inference.words import count_words, words

Span = tuple[int, int]

# How well it tells: benchmarks/faithfulness.py. The numbers below were chosen with it on data/sample/{train,dev}.jsonl. The first summary of an article of
# 600 words takes 6 ms of one core, each further one 1 to 2 ms; the first of all in Arabic, Chinese, German, Hindi, Japanese or Korean loads that language's
# words (`inference.background`).

SMALL_NUMBER, NEIGHBORS = 12, 3
"""Small numbers recur: one of at most 12, in digits, is supported only where one of the three words on either side is alike. In one draw of swaps
94% of the numbers are noticed so, instead of 90% (92% in another draw), and no reference more is refused."""
SURE_LANGUAGE = 0.9
FEWEST_LETTERS = 20
"""Of a summary whose language is looked at. So 0 of 833 references are refused."""
FOREIGN_SHARE = 0.5
"""Of the letters: more in a script that the article has not is another language, however short the summary."""
REPEATED_WORDS, REPEATED_CHARACTERS = 3, 8
"""A sequence of so many words, or characters where a script puts no spaces, that the summary has more often than the article, or three times."""
TWICE_WORDS, TWICE_CHARACTERS = 4, 12
"""A sequence of so many that the summary has twice, however often the article has it. For repetition of any kind 0 of 273 references are refused, and 11 of
560 in the dev parts of four public sets."""
TIMES_IN_A_ROW = 3
"""Of one word, where words have spaces between them: "very very" and the Indonesian "anak-anak" are twice."""
REPEATING_SHARE, REPEATING_WORDS = 0.3, 8
"""One word that is more than this share of a summary of so many words; in references the most frequent is at most 0.22."""
MOST_ANCHORS = 100
"""Places of one number or word that are looked at."""

_SAME_FOR_IDENTIFIER = tuple(map(frozenset, (("id", "ms"), ("no", "nb", "nn", "da"), ("hr", "sr", "bs", "sl"), ("cs", "sk"), ("gl", "pt"), ("hi", "mr", "ne"))))
_BEFORE, _AFTER = regex.compile(r"[^\n]*$"), regex.compile(r"[^\n]*")
_NEAR = 60  # characters that hold NEIGHBORS words
_BETWEEN_PASSAGES = "\n\0"  # the line break ends a sentence; no search takes the other character for a space, so nothing is found across it
_LONGEST_QUOTED = 60  # characters of a text that a message shows
_UNREADABLE = regex.compile(r"[\uFFFD\p{Cc}\p{Cs}\p{Cn}]")  # what a decoder of bytes makes of half a character
_UNSPACED = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]")
_HANGUL = regex.compile(r"\p{Hangul}")


@dataclass(frozen=True, slots=True)
class Claim:
    """A number or a name that a summary says, and where the article says it."""

    kind: str  # "number" or "name"
    text: str  # as the summary has it
    place: str  # "text" or "title": what `start` and `end` point into
    start: int
    end: int  # text[start:end] is the supporting passage


@dataclass(frozen=True, slots=True)
class Problem:
    """A reason not to show a summary; `message` is one plain sentence."""

    kind: str  # "number", "name", "negation", "language", "length", "repetition" or "substance"
    message: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the check found. A summary without problems passes."""

    claims: tuple[Claim, ...]  # those that are supported
    problems: tuple[Problem, ...]
    support: float  # 0 to 1: share of the summary's word bigrams that the article has


class ArticleText:
    """An article as summaries are checked against it: made once for all its candidates, what is looked up is kept.

    `spans` are those of `text` that are article, in order and apart from each other: what lies outside is boilerplate and supports nothing.
    """

    def __init__(self, text: str, title: str, spans: Sequence[Span]) -> None:
        self.passages = (title, *(text[start:end] for start, end in spans))
        self.source = Source(_BETWEEN_PASSAGES.join(self.passages))
        self._starts_in_text = (0, *(start for start, _ in spans))
        self._starts = [0]
        for passage in self.passages[:-1]:
            self._starts.append(self._starts[-1] + len(passage) + len(_BETWEEN_PASSAGES))
        self._numbers: dict[str, dict[str, list[Span]]] = {}
        self._negations: dict[str, Passages] = {}
        self._sequences: dict[int, Counter[tuple[str, ...]]] = {}

    @cached_property
    def words(self) -> list[set[str]]:
        """The words of each passage; the title is the first."""
        return [set(words(passage)) for passage in self.passages]

    @cached_property
    def scripts(self) -> Counter[str]:
        return _scripts(self.source.text)

    @cached_property
    def copies(self) -> Copies:
        return Copies(self.source)

    @cached_property
    def unfamiliar(self) -> Unfamiliar:
        return Unfamiliar(self.source)

    @cached_property
    def substance(self) -> Substance:
        return Substance(self.source)

    def numbers(self, lang: str) -> dict[str, list[Span]]:
        """The values of its numbers, with where they stand in `source`."""
        if lang not in self._numbers:
            found: dict[str, list[Span]] = {}
            for mention in mentions(self.source.text, lang):
                for value in supported_values(mention):
                    found.setdefault(value, []).append((mention.start, mention.start + len(mention.text)))
            self._numbers[lang] = found
        return self._numbers[lang]

    def negations(self, lang: str) -> Passages:
        if lang not in self._negations:
            self._negations[lang] = Passages(self.passages, lang)
        return self._negations[lang]

    def sequences(self, size: int) -> Counter[tuple[str, ...]]:
        """How often each sequence of so many words stands in it."""
        if size not in self._sequences:
            self._sequences[size] = Counter(_sequences(self.source.words, size))
        return self._sequences[size]

    def passage_of(self, place: int) -> int:
        """Index of the passage in which a place of `source` stands."""
        return bisect_right(self._starts, place) - 1

    def claim(self, kind: str, text: str, span: Span) -> Claim:
        """A claim that a span of `source` supports, with its place in the text or title."""
        index = self.passage_of(span[0])
        shift = self._starts_in_text[index] - self._starts[index]
        return Claim(kind, text, "text" if index else "title", span[0] + shift, span[1] + shift)


def check_summary(summary: str, source: ArticleText, *, lang: str, max_words: int | None) -> Verdict:
    """Check one summary of at most `max_words` words (None = any number) of an article in `lang` (ISO 639 code, "" = unknown).

    >>> text = "The council will spend 1,200 euros, said Mayor Orban."
    >>> verdict = check_summary("The council spends 1,300 euros, says Orban.", ArticleText(text, "", [(0, 53)]), lang="en", max_words=60)
    >>> verdict.problems
    (Problem(kind='number', message='It says 1,300, which the article does not.'),)
    >>> verdict.claims
    (Claim(kind='name', text='Orban', place='text', start=47, end=52),)
    """
    own = words(summary)
    if not own:
        return Verdict((), (Problem("length", "It says nothing."),), 0.0)
    lang = lang.lower().replace("_", "-").partition("-")[0]
    bag = set(own)
    likeness = [len(bag & passage) for passage in source.words]
    stated = mentions(summary, lang)
    claims: list[Claim] = []
    problems: list[Problem] = []
    _check_numbers(stated, summary, source, source.numbers(lang), likeness, claims, problems)
    numbers = {mention.text for mention in stated if mention.claimed}  # "May"
    _check_names([name for name in find_names(summary, source.source, lang) if name.text not in numbers], source, likeness, claims, problems)
    unfamiliar = source.unfamiliar.names_in(summary, lang)
    problems += (Problem("name", f"It names {_short(name)}, which the article does not.") for name in unfamiliar)
    replaced = [phrase for phrase in source.copies.replaced_in(summary) if not (is_common(phrase, lang) or any(name in phrase for name in unfamiliar))]
    problems += (Problem("name", f"It says {_short(phrase)}, where the article says something else.") for phrase in replaced)
    problems += (Problem("negation", f"It and the article differ in a negation: “{_short(flip)}”.") for flip in source.negations(lang).flips(summary))
    problems += _check_language(summary, source, lang)
    problems += _check_length(summary, max_words)
    problems += _check_repetition(summary, own, source)
    if not problems and (lacking := source.substance.missing_in(summary)):
        problems.append(Problem("substance", lacking))
    novel = novel_share(summary, source.source)
    return Verdict(tuple(dict.fromkeys(claims)), tuple(dict.fromkeys(problems)), 0.0 if novel is None else 1.0 - novel)


def _check_numbers(
    stated: Sequence[Mention],
    summary: str,
    source: ArticleText,
    known: dict[str, list[Span]],
    likeness: Sequence[int],
    claims: list[Claim],
    problems: list[Problem],
) -> None:
    for mention in stated:
        if not mention.claimed:
            continue
        readings = [reading for reading in mention.readings if all(value in known for value in reading)]
        spans = (_closest([_alike(value, known[value], summary, mention, source) for value in reading], source, likeness) for reading in sorted(readings))
        span = next((span for span in spans if span), None)
        if span:
            claims.append(source.claim("number", mention.text, span))
        else:
            problems.append(Problem("number", f"It says {_short(mention.text)}, which the article does not."))


def _check_names(names: Sequence[Name], source: ArticleText, likeness: Sequence[int], claims: list[Claim], problems: list[Problem]) -> None:
    for name in names:
        if not name.places:
            problems.append(Problem("name", f"It names {_short(name.text)}, which the article does not."))
            continue
        span = _closest(name.places, source, likeness)
        if span:
            claims.append(source.claim("name", name.text, span))
        else:  # no passage has all its words
            parts = zip(name.words, name.places, strict=True)
            claims += (source.claim("name", word, part) for word, places in parts if (part := _closest([places], source, likeness)))


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST_QUOTED else f"{text[: _LONGEST_QUOTED - 1].rstrip()}…"


def _alike(value: str, spans: Sequence[Span], summary: str, mention: Mention, source: ArticleText) -> Sequence[Span]:
    """The spans of a number that can support a mention of it: all, but of a small one those with a like word beside them."""
    if not (value.isdecimal() and len(value) <= 2 and int(value) <= SMALL_NUMBER and mention.text[0].isdecimal()):
        return spans
    around = _around(summary, mention.start, mention.start + len(mention.text))
    if not around:
        return spans
    return [span for span in spans[:MOST_ANCHORS] if not around.isdisjoint(_around(source.source.text, *span))]


def _around(text: str, start: int, end: int) -> set[str]:
    """What the words beside a number begin with."""
    before, after = _BEFORE.search(text, max(0, start - _NEAR), start), _AFTER.match(text, end, end + _NEAR)
    near = words(before.group() if before else "")[-NEIGHBORS:] + words(after.group() if after else "")[:NEIGHBORS]
    return {word[: 1 if _HANGUL.match(word) else 4] for word in near if not word.isdecimal()}


def _closest(groups: Sequence[Sequence[Span]], source: ArticleText, likeness: Sequence[int]) -> Span | None:
    """The span, inside one passage, that holds a place of each group: of several that in the passage most like the summary, then the shortest."""
    if not all(groups):
        return None
    best: tuple[int, int, int, int] | None = None
    for anchor in min(groups, key=len)[:MOST_ANCHORS]:
        passage = source.passage_of(anchor[0])
        chosen = [min(group[:MOST_ANCHORS], key=lambda span: abs(span[0] - anchor[0])) for group in groups]
        if all(source.passage_of(span[0]) == passage for span in chosen):
            start, end = min(span[0] for span in chosen), max(span[1] for span in chosen)
            found = (-likeness[passage], end - start, start, end)
            best = min(best, found) if best else found
    return best[2:] if best else None


def _check_language(summary: str, source: ArticleText, lang: str) -> list[Problem]:
    scripts = _scripts(summary)
    script, letters = scripts.most_common(1)[0] if scripts else ("", 0)
    if letters > FOREIGN_SHARE * scripts.total() and not source.scripts[script]:
        return [Problem("language", f"It is written in {script.capitalize()} letters, which the article does not use.")]
    if lang and scripts.total() >= FEWEST_LETTERS:
        found, confidence = identify(summary)
        same = next((group for group in _SAME_FOR_IDENTIFIER if lang in group), frozenset({lang}))
        if found and found not in same and confidence >= SURE_LANGUAGE:
            return [Problem("language", f"Its language seems to be {found!r}, and the article's is {lang!r}.")]
    return []


def _scripts(text: str) -> Counter[str]:
    """Letters by script, which is the first word of their name in Unicode."""
    scripts: Counter[str] = Counter()
    for character, count in Counter(unicodedata.normalize("NFKC", text)).items():
        if character.isalpha():
            scripts[unicodedata.name(character, "OTHER").split()[0]] += count
    return scripts


def _check_length(summary: str, max_words: int | None) -> list[Problem]:
    problems = []
    if _UNREADABLE.search(summary):
        problems.append(Problem("length", "It has characters that nobody can read."))
    length = count_words(summary)
    if max_words is not None and length > max_words:
        problems.append(Problem("length", f"It is {length} words long, and at most {max_words} were asked for."))
    if not ends_sentence(summary.strip()):
        problems.append(Problem("length", "It breaks off before the end of a sentence."))
    return problems


def _check_repetition(summary: str, own: Sequence[str], source: ArticleText) -> list[Problem]:
    unspaced = 2 * sum(bool(_UNSPACED.match(word)) for word in own) > len(own)
    size, longer = (REPEATED_CHARACTERS, TWICE_CHARACTERS) if unspaced else (REPEATED_WORDS, TWICE_WORDS)
    known = source.sequences(size)
    repeated = next((sequence for sequence, count in Counter(_sequences(own, size)).items() if count > min(2, max(1, known[sequence]))), None)
    repeated = repeated or next((sequence for sequence, count in Counter(_sequences(own, longer)).items() if count > 1), None)
    if repeated:
        return [Problem("repetition", f"It repeats “{_short(('' if unspaced else ' ').join(repeated))}”.")]
    stuttered = next((row[0] for row in _sequences(own, TIMES_IN_A_ROW) if len(set(row)) == 1 and row[0].isalpha()), None)
    if stuttered and not unspaced:
        return [Problem("repetition", f"It says “{_short(stuttered)}” {TIMES_IN_A_ROW} times in a row.")]
    word, count = Counter(own).most_common(1)[0]
    if len(own) >= REPEATING_WORDS and count > REPEATING_SHARE * len(own):
        return [Problem("repetition", f"It says “{_short(word)}” {count} times in {len(own)} words.")]
    return []


def _sequences(tokens: Sequence[str], size: int) -> Iterator[tuple[str, ...]]:
    return zip(*(tokens[start:] for start in range(size)), strict=False)
