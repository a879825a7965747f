"""Raw page text -> the article's sentences, each with its offsets in the raw text.

In: the text of a page, its title and language where known. Out: a `Page`. Does not know models.
"""

from dataclasses import dataclass

import regex

from inference.errors import DataError
from inference.language import identify
from inference.sentences import split_sentences

REMOVE_THRESHOLD = 0.7

_LINE = regex.compile(r"[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
_LETTER = regex.compile(r"\p{L}")
_FINAL = regex.compile(r"[.!?…。！？।։።۔؟။។」』”\"’»)）]\s*$")


@dataclass(frozen=True, slots=True)
class Sentence:
    start: int
    end: int
    line: int
    boilerplate: float


@dataclass(frozen=True, slots=True)
class Removed:
    start: int
    end: int
    kind: str
    score: float


@dataclass(frozen=True, slots=True)
class Page:
    text: str
    lang: str
    title: str
    title_span: tuple[int, int] | None
    sentences: tuple[Sentence, ...]
    removed: tuple[Removed, ...]


def read_page(text: str, title: str = "", lang: str = "") -> Page:
    if not _LETTER.search(text):
        found = "it is empty" if not text else "it has no letters"
        raise DataError(f"The article text cannot be read: {found}. Pass the words of an article.")
    lines = [match.span() for match in _LINE.finditer(text) if match.group().strip()]
    prose = [span for span in lines if _FINAL.search(text[slice(*span)]) and span[1] - span[0] > 60]
    kept, removed = [], []
    for start, end in lines:
        if (start, end) in prose or not prose:
            kept.append((start, end))
        else:
            removed.append(Removed(start, end, "navigation", 0.9))
    lang = lang or identify(" ".join(text[slice(*span)] for span in kept))[0]
    sentences = [
        Sentence(start + first, start + last, index, 0.0) for index, (start, end) in enumerate(kept) for first, last in split_sentences(text[start:end], lang)
    ]
    return Page(text, lang, title, None, tuple(sentences), tuple(removed))
