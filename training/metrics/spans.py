"""Characters taken out against characters that should have been.

In: character spans, or counts. Out: positions, or precision, recall and F1 in 0 to 1. Does not know: articles, groups or tables.
"""

from collections.abc import Sequence

Span = tuple[int, int]


def characters(text: str, spans: Sequence[Span]) -> set[int]:
    """The positions of `text` inside any of the spans, white space left out."""
    return {position for start, end in spans for position in range(start, end) if not text[position].isspace()}


def precision_recall(hits: int, predicted: int, gold: int) -> dict[str, float]:
    """Precision, recall and F1 from counts; what has a denominator of zero is left out.

    >>> precision_recall(hits=3, predicted=4, gold=6)
    {'precision': 0.75, 'recall': 0.5, 'f1': 0.6}
    """
    scores = {"precision": hits / predicted} if predicted else {}
    if gold:
        scores["recall"] = hits / gold
    if predicted or gold:
        scores["f1"] = 2 * hits / (predicted + gold)
    return scores
