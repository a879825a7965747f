"""Predicted against gold labels: topics and stances.

In: gold and predicted labels, or a confusion matrix of sums with bootstrap replicates. Out: metric -> value in 0 to 1; with replicates
if they came in. Where there is nothing to score the answer is None, never zero. Does not know: articles, checkpoints, groups or tables.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

import numpy as np

from inference.labels import STANCES
from training.metrics.sums import Sums, plain, ratio

Confusion = Mapping[tuple[str, str], Sums]  # (gold, predicted) -> number of items
Counts = tuple[Sums, Sums, Sums]  # of one class: hits, gold, predicted

FNC1_NAMES = {"agree": "favor", "disagree": "against", "discuss": "neutral"}

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


def count_pairs(gold: Sequence[str], predicted: Sequence[str]) -> dict[tuple[str, str], Sums]:
    """How often each pair of gold and predicted label occurs: the confusion matrix, without its zeros."""
    return {pair: np.array([float(count)]) for pair, count in Counter(zip(gold, predicted, strict=True)).items()}


def label_scores(gold: Sequence[str], predicted: Sequence[str]) -> dict[str, float] | None:
    """Accuracy, macro F1 and weighted F1, as scikit-learn has them.

    Both F1 averages run over the classes that occur in `gold`, plainly (macro) or by their number of gold items (weighted).
    A class that is only predicted has no F1 of its own, since it has nothing to find; it costs the class that it displaced its recall.

    >>> label_scores(["sport", "sport", "arts"], ["sport", "arts", "arts"])
    {'accuracy': 0.6666666666666666, 'macro_f1': 0.6666666666666666, 'weighted_f1': 0.6666666666666666}
    """
    return plain(label_values(count_pairs(gold, predicted))) if gold else None


def label_values(confusion: Confusion) -> dict[str, Sums]:
    """`label_scores` from a confusion matrix, with every replicate that it holds; a replicate without gold of a class leaves that class out."""
    counts = _counts_by_class(confusion)
    hits, gold, _ = (np.sum(column, axis=0) for column in zip(*counts.values(), strict=True))
    f1 = {label: _f1(*count) for label, count in counts.items()}
    return {
        "accuracy": ratio(hits, gold),
        "macro_f1": _mean([*f1.values()]),
        "weighted_f1": ratio(np.nansum([f1[label] * count[1] for label, count in counts.items()], axis=0), gold),
    }


def stance_scores(gold: Sequence[str], predicted: Sequence[str]) -> dict[str, float] | None:
    """F1 of every stance that occurs in `gold`, and their plain mean as macro F1.

    >>> stance_scores(["favor", "against"], ["favor", "unrelated"])
    {'macro_f1': 0.5, 'f1_against': 0.0, 'f1_favor': 1.0}
    """
    return plain(stance_values(count_pairs(gold, predicted))) if gold else None


def stance_values(confusion: Confusion) -> dict[str, Sums]:
    """`stance_scores` from a confusion matrix, with every replicate that it holds."""
    f1 = {label: _f1(*count) for label, count in _counts_by_class(confusion).items()}
    return {"macro_f1": _mean([*f1.values()]), **{f"f1_{label}": value for label, value in f1.items()}}


def fnc1_score(gold: Sequence[str], predicted: Sequence[str]) -> float | None:
    """The weighted score of the Fake News Challenge (FNC-1, 2017), as a share of what perfect answers would earn.

    A quarter of a point says whether article and claim are related at all; for a related pair the right stance earns the other three
    quarters. It is nearly a score of relatedness: read the F1 of each stance beside it. Stances may have FNC-1's names or this package's,
    also the one in gold and the other in predictions; any other name is a `ValueError`.

    >>> fnc1_score(["unrelated", "discuss", "disagree"], ["unrelated", "neutral", "neutral"])
    0.6666666666666666
    """
    unknown = sorted({*gold, *predicted} - {*STANCES, *FNC1_NAMES})
    if unknown:
        raise ValueError(f"{unknown[0]!r} is no stance. Allowed are {', '.join(STANCES)} and FNC-1's {', '.join(FNC1_NAMES)}.")
    ours = ([FNC1_NAMES.get(name, name) for name in names] for names in (gold, predicted))
    return float(fnc1_value(count_pairs(*ours))[0]) if gold else None


def fnc1_value(confusion: Confusion) -> Sums:
    """`fnc1_score` from a confusion matrix, with every replicate that it holds."""
    earned = np.sum([_fnc1_points(gold, predicted) * count for (gold, predicted), count in confusion.items()], axis=0)
    return ratio(earned, np.sum([_fnc1_points(gold, gold) * count for (gold, _), count in confusion.items()], axis=0))


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


def _fnc1_points(gold: str, predicted: str) -> float:
    if "unrelated" in (gold, predicted):
        return 0.25 if gold == predicted else 0.0
    return 1.0 if gold == predicted else 0.25


def _counts_by_class(confusion: Confusion) -> dict[str, Counts]:
    """Hits, gold and predicted items of each class that occurs in gold, in alphabetical order."""
    empty = np.zeros_like(next(iter(confusion.values())))
    counts = {}
    for label in sorted({gold for gold, _ in confusion}):
        gold = sum((count for (wanted, _), count in confusion.items() if wanted == label), start=empty)
        predicted = sum((count for (_, found), count in confusion.items() if found == label), start=empty)
        counts[label] = (confusion.get((label, label), empty), gold, predicted)
    return counts


def _f1(hits: Sums, gold: Sums, predicted: Sums) -> Sums:
    """F1 of one class: 0 where it is never predicted, undefined in a replicate without gold of it."""
    return np.where(gold > 0, ratio(2 * hits, gold + predicted), np.nan)


def _mean(values: Sequence[Sums]) -> Sums:
    """The mean over those that are defined."""
    return ratio(np.nansum(values, axis=0), np.sum(~np.isnan(values), axis=0))
