"""What is read from one article, as plain data, and what can be asked.

In: nothing. Out: `Options`, `Limits`; `Analysis` and its parts. Does not know: how any of it is computed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from inference.cleaning import Removed
from inference.errors import DataError
from inference.faithfulness import Claim

EXTRACTIVE = "extractive"
ABSTRACTIVE = "abstractive"
AUTO = "auto"
METHODS = (AUTO, EXTRACTIVE, ABSTRACTIVE)


class Options(TypedDict, total=False):
    """What can be asked of an analysis; `Analyzer.analyze_many` says what each means and what is taken where it is left out."""

    targets: Sequence[str]
    max_words: int | None
    max_sentences: int | None
    method: str
    min_confidence: float


DEFAULTS = Options(targets=(), max_words=60, max_sentences=None, method=AUTO, min_confidence=0.0)


@dataclass(frozen=True, slots=True)
class Limits:
    """What the answers must keep to, checked."""

    max_words: int | None
    max_sentences: int | None
    min_confidence: float = 0.0
    method: str = EXTRACTIVE

    def __post_init__(self) -> None:
        for option, value in (("max_words", self.max_words), ("max_sentences", self.max_sentences)):
            if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
                raise DataError(f"{option} must be a whole number of at least 1, or None for no limit, found {value!r}.")
        if self.max_words is None and self.max_sentences is None:
            raise DataError("max_words and max_sentences are both None, so the summary would be the article. Give at least one.")
        if not isinstance(self.min_confidence, int | float) or isinstance(self.min_confidence, bool) or not 0 <= self.min_confidence <= 1:
            raise DataError(f"min_confidence must be a number from 0 (always answer) to 1, found {self.min_confidence!r}.")


@dataclass(frozen=True, slots=True)
class Topic:
    """The topic with the highest probability; `scores` has all of them, in the checkpoint's order."""

    name: str | None  # None = less sure than `min_confidence`
    confidence: float
    scores: dict[str, float]


@dataclass(frozen=True, slots=True)
class StanceResult:
    """The stance toward `target`; `scores` are the probabilities of favor, against, neutral and unrelated."""

    target: str
    stance: str | None  # None = less sure than `min_confidence`
    confidence: float
    scores: dict[str, float]


@dataclass(frozen=True, slots=True)
class SummarySentence:
    """`text` is exactly `article.text[start:end]`; `salience` its share of 1.0 over the article's sentences."""

    text: str
    start: int
    end: int
    salience: float


@dataclass(frozen=True, slots=True)
class Summary:
    """An extractive `text` joins `sentences`, in the article's order. An abstractive one has none, but `claims`: its numbers and names, each with
    the passage that supports it. `warnings` say why a written summary was refused, where one was asked for."""

    text: str
    sentences: tuple[SummarySentence, ...]
    method: str  # "extractive" or "abstractive"
    claims: tuple[Claim, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Analysis:
    """Everything read from one article. `warnings` are plain sentences; `removed` are spans of the raw text."""

    id: str
    lang: str
    title: str
    topic: Topic
    stances: tuple[StanceResult, ...]
    summary: Summary
    removed: tuple[Removed, ...]
    warnings: tuple[str, ...]
