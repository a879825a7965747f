"""Raw page text -> the article's sentences and title, each with its offsets in the raw text, and what was left out and why.

In: the text of a page, its title and language where known. Out: a `Page` whose spans all point into that very text.
Does not know models: clear boilerplate is removed here, doubtful sentences keep their score for the learned head.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import regex

from inference.errors import DataError
from inference.language import identify
from inference.lines import APPEAL_KINDS, Scored, score_lines, score_sentence
from inference.sentences import ends_with_full_stop, split_sentences
from inference.words import count_words, words

Span = tuple[int, int]

REMOVE_THRESHOLD = 0.7
"""Score from which a line or sentence is removed by rule. On the sample's dev part (134 boilerplate lines): precision 0.96, recall 0.97;
0.8 gains 0.01 of the one and loses 0.01 of the other."""
DOUBTFUL = 0.5
"""A line that scores less is more likely article than not: it may be the title."""
COPY_SLACK = 4
"""A copy of a title, with its spaces and marks, has at most this many times the characters of the title's words."""
LAST_TITLE_SCORE = 0.92
"""Where no such line comes before the body, the most that a title may score. Of 273 train and dev titles of the sample all are found; 265 without this."""
DOUBT_FLOOR = 0.05
"""Scores below it are written as 0.0: surely article."""
TITLE_WORDS, ASKING_TITLE_WORDS = 40, 15
"""A longer first line is no title; one that ends in a question or exclamation mark must be shorter yet, and prose must follow."""
SHORTEST_COPY = 12
"""Characters. A line that merely begins with a shorter title need not be a copy of it."""
AFTER_COPY = 0.9
"""Score of an unpunctuated rest of a line that begins with a copy of the title: the caption of the picture that carries it."""
LANGUAGE_LINES, LANGUAGE_CHARACTERS = 8, 250
"""The language is that of the longest lines, this much of each."""
DATELINE_LINES = 3
"""Datelines and bracketed bylines open one of the first lines that are kept."""
LONGEST_DATELINE = 200
"""Characters."""
DATELINE_REST_WORDS = 5
"""What follows a dateline on its line is a sentence."""

_LINE = regex.compile(r"[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
_LETTER = regex.compile(r"\p{L}")
_WORDLIKE = regex.compile(r"[\p{L}\p{N}]")
_TITLE_TOKEN = regex.compile(r"[\p{L}\p{N}][\p{L}\p{M}\p{N}]*")
_CLOSING = regex.compile(r"[\p{P}\p{S}]*\s*")
_QUOTED_WHOLE = regex.compile(r"[\"“„«「『].*[\"”“»」』]")
_ASKING = regex.compile(r"[?!？！؟][\"”’»›」』]?$")
_SITE_NAME = regex.compile(r"\s+(?:[|｜–—·»-]|::)\s+")
_ROLE = regex.compile(
    r"\b(?:reporter|correspondent|editor|staff|desk|news|agency|newsroom|journalist|redaktion|rédaction|redacción|redação|redaksi|kontributor)\b"
    r"|기자|특파원|뉴스|통신|記者|特派員|取材班|记者|通讯员|корр|агентство|وكالة|مراسل|संवाददाता|एजेंसी|=",
    regex.I,
)
"""What the brackets of a byline hold, and the brackets of an insertion ("[The bill] would …") do not."""
_DATELINES = (
    regex.compile(r"\[([^\[\]\n]{2,80})\]\s*|【[^【】\n]{2,80}】\s*|〔([^〔〕\n]{2,80})〕\s*|[(（]([^()（）\n]{1,40}=[^()（）\n]{1,40})[)）]\s*"),
    regex.compile(r"[\p{Hangul}\s·,]{2,30}(?:기자|특파원|통신원)\s*=\s*"),
    regex.compile(
        r"(?:本报讯|本報訊|[（(]?(?:新华社|中新社|中新网|新華社)[\p{Han}\p{N}\s]{0,20}?[电電讯訊][）)]?)\s*(?:[（(][^（）()\n]{0,12}(?:记者|記者|通讯员)[^（）()\n]{1,30}[）)])?[\s:：,，]*"
    ),
    regex.compile(r"[\p{Lu}\p{Lo}][^\n.!?()（）]{1,50}[(（][\p{Lu}\p{Lo}][^()（）\n.!?]{1,30}[)）]\s*[—–-]{1,2}\s+"),  # OSLO, May 3 (Reuters) -
    regex.compile(r"\p{Lu}{3,}(?:[\s/-]\p{Lu}{2,})*(?:,\s[^\n.!?—–]{2,30})?(?:\.?\s*[—–]|\.?\s--?|\.)\s+"),  # OSLO —, INNSBRUCK.
)
_GERMAN_DATELINE = regex.compile(r"\p{Lu}\p{Ll}+(?:[ /-]\p{Lu}\p{Ll}+)?\.\s+(?=\p{Lu})")  # Mainz. Der Landtag


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of the article: `text[start:end]`."""

    start: int
    end: int
    line: int  # index of its line among the lines that were kept
    boilerplate: float  # rule score in [0, 1) of a doubtful sentence; 0.0 = surely article


@dataclass(frozen=True, slots=True)
class Removed:
    """A part of the page that is not article: `text[start:end]`."""

    start: int
    end: int
    kind: str  # navigation, share, …: the kinds of lexicon.json, or "title" (a copy of it), "dateline", "timestamp", "separator"
    score: float  # in [0, 1]


@dataclass(frozen=True, slots=True)
class Page:
    """What was read from a page. All spans are character offsets into `text`, which is as it came."""

    text: str
    lang: str  # ISO 639 code, "" = not identified
    title: str
    title_span: Span | None  # where the title stands in `text`, if there
    sentences: tuple[Sentence, ...]
    removed: tuple[Removed, ...]


@dataclass(slots=True)
class _Line:
    """A line, or what is left of it once a copy of the title is cut off its start."""

    start: int
    end: int
    scored: Scored
    caption: bool = False


def read_page(text: str, title: str = "", lang: str = "", *, remove_at: float = REMOVE_THRESHOLD) -> Page:
    """Find the article in the text of a page; parts that score `remove_at` or more are removed (above 1: none but copies of the title and datelines).

    Raises `DataError` for empty, blank or wordless text.

    >>> page = read_page("Home | World\\nBridge reopens after repairs\\nThe bridge over the Tarn reopened on Monday. Traffic was light.\\n© 2025 Tarn Post")
    >>> page.title, [page.text[s.start : s.end] for s in page.sentences]
    ('Bridge reopens after repairs', ['The bridge over the Tarn reopened on Monday.', 'Traffic was light.'])
    >>> [(page.text[part.start : part.end], part.kind) for part in page.removed]
    [('Home | World', 'navigation'), ('© 2025 Tarn Post', 'copyright')]
    """
    _check(text)
    lang = lang.lower().replace("_", "-").partition("-")[0]  # "en-US" speaks the phrases of "en"
    spans = _line_spans(text)
    lang = lang or _identify(text, spans)
    scored = score_lines([text[start:end] for start, end in spans], lang)
    if title.strip():
        title_span, title_words = _locate_title(text, title, spans)
    else:
        title_span = _find_title(text, spans, scored)
        title = text[slice(*title_span)] if title_span else ""
        title_words = words(title)
    removed: list[Removed] = []
    lines: list[_Line] = []
    for (start, end), score in zip(spans, scored, strict=True):
        if (start, end) != title_span:
            line = _without_title(text, _Line(start, end, score), title_words, removed)
            lines += [line] if line else []
    sentences = _read_lines(text, lines, lang, remove_at, removed) or _keep_best(text, lines, lang, removed)
    if not sentences:  # the title is all there is
        title, title_span, removed = "", None, []
        sentences = _keep_best(text, [_Line(start, end, score) for (start, end), score in zip(spans, scored, strict=True)], lang, removed)
    return Page(text, lang, title, title_span, tuple(sentences), tuple(sorted(removed, key=lambda part: part.start)))


def _check(text: str) -> None:
    if not _LETTER.search(text):
        found = "it is empty" if not text else "it is blank" if not text.strip() else f"it has no letters, only {text.strip()[:40]!r}"
        raise DataError(f"the text holds no article: {found}. Pass the words of an article.")


def _line_spans(text: str) -> list[Span]:
    """Spans of the lines that are not blank, trimmed."""
    trimmed = [(match.start(), match.group()) for match in _LINE.finditer(text) if match.group().strip()]
    return [(start + len(line) - len(line.lstrip()), start + len(line.rstrip())) for start, line in trimmed]


def _identify(text: str, spans: Sequence[Span]) -> str:
    """From the longest lines: a foreign menu would flip the answer."""
    longest = sorted(spans, key=lambda span: span[0] - span[1])[:LANGUAGE_LINES]
    return identify("\n".join(text[start : min(end, start + LANGUAGE_CHARACTERS)] for start, end in longest))[0]


def _locate_title(text: str, title: str, spans: Sequence[Span]) -> tuple[Span | None, list[str]]:
    """The line that is the given title, and its words; a title may end in the name of the site ("River rises | Coast Courier")."""
    for end in [len(title), *(match.start() for match in reversed(list(_SITE_NAME.finditer(title))))]:
        wanted = words(title[:end])
        for span in spans:
            if wanted and span[1] - span[0] <= COPY_SLACK * len(title) and words(text[slice(*span)]) == wanted:
                return span, wanted
    return None, words(title)


def _find_title(text: str, spans: Sequence[Span], scored: Sequence[Scored]) -> Span | None:
    """The first line that is not boilerplate, if it looks like a title; failing that, a doubtful line above the body that does."""
    likely = [index for index, score in enumerate(scored) if score.score < DOUBTFUL]
    if not likely:
        return None
    if len(likely) > 1 and _is_title(text, spans[likely[0]], spans[likely[1]]):
        return spans[likely[0]]
    doubtful = [index for index in range(likely[0]) if scored[index].score < LAST_TITLE_SCORE and _is_title(text, spans[index], spans[likely[0]])]
    return spans[min(doubtful, key=lambda index: scored[index].score)] if doubtful else None


def _is_title(text: str, span: Span, following: Span) -> bool:
    """Whether a line is short and unpunctuated, or quoted as a whole, or asks before prose follows."""
    line, after = text[slice(*span)], text[slice(*following)]
    if not ends_with_full_stop(line) or _QUOTED_WHOLE.fullmatch(line):
        return count_words(line) <= TITLE_WORDS
    asks = bool(_ASKING.search(line)) and count_words(line) <= ASKING_TITLE_WORDS
    return asks and ends_with_full_stop(after) and count_words(after) > ASKING_TITLE_WORDS


def _without_title(text: str, line: _Line, title: Sequence[str], removed: list[Removed]) -> _Line | None:
    """The line without the copy of the title (its words) that it is, or begins with."""
    length = _copy_length(text[line.start : line.end], title)
    if not length:
        return line
    removed.append(Removed(line.start, line.start + len(text[line.start : line.start + length].rstrip()), "title", 1.0))
    line.start += length
    line.caption = not ends_with_full_stop(text[line.start : line.end])
    return line if _WORDLIKE.search(text, line.start, line.end) else None


def _copy_length(line: str, title: Sequence[str]) -> int:
    """The length of the copy of a title that opens a line, 0 = none. Case, punctuation and white space may differ."""
    near = line[: COPY_SLACK * sum(map(len, title))]
    if not title or words(near)[: len(title)] != title:
        return 0
    ends = (match.end() for match in _TITLE_TOKEN.finditer(near))
    end = next((end for end in ends if words(near[:end]) == title), 0)
    after = _CLOSING.match(line, end) if end else None
    if not after:
        return 0
    if after.end() == len(line):
        return len(line)
    goes_on = not after.group() or (after.group().isspace() and line[after.end()].islower())  # the lead begins with the title's words
    return 0 if goes_on or sum(map(len, title)) < SHORTEST_COPY else after.end()


def _read_lines(text: str, lines: Sequence[_Line], lang: str, remove_at: float, removed: list[Removed]) -> list[Sentence]:
    """The sentences of the lines that are kept; what is not goes to `removed`."""
    sentences: list[Sentence] = []
    kept = 0
    for index, line in enumerate(lines):
        score, kind = (AFTER_COPY, "caption") if line.caption else (line.scored.score, line.scored.kind)
        if not _WORDLIKE.search(text, line.start, line.end):
            removed.append(Removed(line.start, line.end, "separator", 1.0))
        elif score >= remove_at:
            removed.append(Removed(line.start, line.end, kind, score))
        else:
            start = line.start if kept >= DATELINE_LINES else _cut_dateline(text, line.start, line.end, lang, removed)
            before = len(removed)
            near_appeal = any(
                near.scored.score >= DOUBTFUL and near.scored.kind in APPEAL_KINDS for near in lines[max(index - 1, 0) : index + 2] if near is not line
            )
            found = _read_sentences(text, _Line(start, line.end, line.scored), lang, near_appeal, remove_at, removed)
            whole = len(removed) == before  # else what made the line doubtful is gone
            sentences += [Sentence(first, last, kept, max(doubt, _doubt(score) * whole)) for first, last, doubt in found]
            kept += bool(found)
    return sentences


def _read_sentences(text: str, line: _Line, lang: str, near_appeal: bool, remove_at: float, removed: list[Removed]) -> list[tuple[int, int, float]]:
    """Spans of a kept line's sentences, each with its own doubt; an appeal or credit inside the line is removed."""
    found = []
    spans = [(line.start + start, line.start + end) for start, end in split_sentences(text[line.start : line.end], lang)]
    for start, end in spans:
        scored = score_sentence(text[start:end], lang, near_appeal) if line.scored.suspicious and len(spans) > 1 else None
        if not _WORDLIKE.search(text, start, end):
            removed.append(Removed(start, end, "separator", 1.0))
        elif scored and scored.score >= remove_at:
            removed.append(Removed(start, end, scored.kind, scored.score))
        else:
            found.append((start, end, _doubt(scored.score) if scored else 0.0))
    return found


def _keep_best(text: str, lines: Sequence[_Line], lang: str, removed: list[Removed]) -> list[Sentence]:
    """A page is never left empty: where all of it looks like boilerplate, the lines that do so least are its article."""
    worded = [line for line in lines if _WORDLIKE.search(text, line.start, line.end)]
    if not worded:
        return []
    limit = min(line.scored.score for line in worded) + 0.1
    best = [line for line in worded if line.scored.score <= limit]
    ends, starts = [line.end for line in best], [line.start for line in best]
    removed[:] = [part for part in removed if bisect_right(ends, part.start) == bisect_right(starts, part.start)]  # not inside a line of these
    return [
        Sentence(line.start + start, line.start + end, number, _doubt(line.scored.score))
        for number, line in enumerate(best)
        for start, end in split_sentences(text[line.start : line.end], lang)
    ]


def _doubt(score: float) -> float:
    return 0.0 if score < DOUBT_FLOOR else min(score, 0.999)


def _cut_dateline(text: str, start: int, end: int, lang: str, removed: list[Removed]) -> int:
    """Where the first sentence begins after a bracketed byline ("[Post Reporter Ann Bell]") and an agency's dateline ("OSLO (Reuters) - ")."""
    for pattern in (*_DATELINES, _GERMAN_DATELINE) if lang == "de" else _DATELINES:
        match = pattern.match(text, start, min(end, start + LONGEST_DATELINE))
        inside = match and next((group for group in match.groups() if group), None)
        if not match or (inside and not _ROLE.search(inside)) or count_words(text[match.end() : end]) < DATELINE_REST_WORDS:
            continue
        removed.append(Removed(start, start + len(text[start : match.end()].rstrip()), "dateline", 1.0))
        start = match.end()
    return start
