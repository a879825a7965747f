"""Characters taken out against characters that should have been, and sentences taken over.

In: character spans, counts, or texts. Out: positions, a number, or precision, recall and F1 in 0 to 1. Does not know: articles, groups or tables.
"""

from collections.abc import Sequence

from training.metrics.sums import Sums, ratio

Span = tuple[int, int]


def characters(text: str, spans: Sequence[Span]) -> set[int]:
    """The positions of `text` inside any of the spans, white space left out."""
    return {position for start, end in spans for position in range(start, end) if not text[position].isspace()}


def copied_sentences(sentences: Sequence[str], text: str) -> int:
    """How many of the sentences stand in the text character by character, white space aside.

    >>> copied_sentences(["Rain fell.", "Snow fell."], "On Monday:  Rain\\nfell.")
    1
    """
    flat = " ".join(text.split())
    return sum(" ".join(sentence.split()) in flat for sentence in sentences)


def precision_recall(hits: Sums, predicted: Sums, gold: Sums) -> dict[str, Sums]:
    """Precision, recall and F1 from counts, undefined (NaN) where the denominator is zero.

    >>> import numpy as np
    >>> precision_recall(hits=np.array([3.0]), predicted=np.array([4.0]), gold=np.array([6.0]))
    {'precision': array([0.75]), 'recall': array([0.5]), 'f1': array([0.6])}
    """
    return {"precision": ratio(hits, predicted), "recall": ratio(hits, gold), "f1": ratio(2 * hits, predicted + gold)}
