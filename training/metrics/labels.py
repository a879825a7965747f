"""Predicted against gold labels: topics and stances.

In: gold and predicted labels. Out: dictionaries of metric -> value in 0 to 1. Where there is nothing to score the answer is None,
never zero. Does not know: articles, checkpoints, groups or tables.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from sklearn.metrics import accuracy_score, f1_score

MERGED_NEUTRAL = "neutral_or_unrelated"
"""The class that stands for neutral and unrelated where a source does not tell them apart."""


def best_label(scores: Mapping[str, float], among: Collection[str] | None = None) -> str:
    """The label with the highest score, the first of equals; with `among`, only those labels compete.

    >>> best_label({"sport": 0.6, "health": 0.3, "arts": 0.1}, among=["arts", "health"])
    'health'

    Raises `ValueError` where `among` holds none of the scored labels.
    """
    allowed = [label for label in scores if among is None or label in among]
    return max(allowed, key=scores.__getitem__)


def label_scores(gold: Sequence[str], predicted: Sequence[str]) -> dict[str, float] | None:
    """Accuracy, macro F1 and weighted F1 (scikit-learn).

    Both F1 averages run over the classes that occur in `gold`, plainly (macro) or by their number of gold items (weighted).
    A class that is only predicted has no F1 of its own, since it has nothing to find; it costs the class that it displaced its recall.

    >>> label_scores(["sport", "sport", "arts"], ["sport", "arts", "arts"])
    {'accuracy': 0.6666666666666666, 'macro_f1': 0.6666666666666666, 'weighted_f1': 0.6666666666666666}
    """
    if not gold:
        return None
    shares = Counter(gold)
    f1 = _f1_per_class(gold, predicted)
    return {
        "accuracy": float(accuracy_score(gold, predicted)),
        "macro_f1": sum(f1.values()) / len(f1),
        "weighted_f1": sum(f1[label] * count for label, count in shares.items()) / len(gold),
    }


def stance_scores(gold: Sequence[str], predicted: Sequence[str]) -> dict[str, float] | None:
    """F1 of every stance that occurs in `gold`, and their plain mean as macro F1.

    >>> stance_scores(["favor", "against"], ["favor", "unrelated"])
    {'macro_f1': 0.5, 'f1_against': 0.0, 'f1_favor': 1.0}
    """
    if not gold:
        return None
    f1 = _f1_per_class(gold, predicted)
    return {"macro_f1": sum(f1.values()) / len(f1), **{f"f1_{label}": value for label, value in f1.items()}}


def merge_neutral(scores: Mapping[str, float]) -> dict[str, float]:
    """Three stances out of four: neutral and unrelated become one class whose probability is their sum.

    >>> merge_neutral({"favor": 0.4, "against": 0.1, "neutral": 0.25, "unrelated": 0.25})
    {'favor': 0.4, 'against': 0.1, 'neutral_or_unrelated': 0.5}
    """
    merged: dict[str, float] = {}
    for label, score in scores.items():
        name = merged_stance(label)
        merged[name] = merged.get(name, 0.0) + score
    return merged


def merged_stance(stance: str) -> str:
    """The three-way name of a stance: neutral and unrelated share one."""
    return MERGED_NEUTRAL if stance in ("neutral", "unrelated") else stance


def _f1_per_class(gold: Sequence[str], predicted: Sequence[str]) -> dict[str, float]:
    """F1 of the classes that occur in `gold`, in alphabetical order; never predicted = 0."""
    classes = sorted(set(gold))
    values = f1_score(gold, predicted, labels=classes, average=None, zero_division=0.0)
    return {label: float(value) for label, value in zip(classes, values, strict=True)}
