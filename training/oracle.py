"""Reference summary -> which sentences of the article say it: greedy picks, and soft targets for the salience head.

In: the sentences of an article and a reference. Out: indices, or a distribution over the sentences.
Words are those of `inference.words`, so every script counts. Does not know: the model, articles, files.
"""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

from inference.words import words

TEMPERATURE = 0.04
"""Of the soft targets: a sentence that scores 0.04 below the best gets 1/e of its weight. Between a hard pick and a flat target."""


def oracle_sentences(sentences: Sequence[str], reference: str, max_sentences: int) -> list[int]:
    """Add, one at a time, the sentence that raises ROUGE-1 + ROUGE-2 F of the selection most, until none does (Nallapati et al. 2017).

    >>> oracle_sentences(["Rain fell.", "The river rose by two metres.", "Nobody was hurt."], "River rose two metres, nobody hurt", 3)
    [1, 2]
    """
    target = words(reference)
    split = [words(sentence) for sentence in sentences]
    chosen: list[int] = []
    best = 0.0
    while len(chosen) < min(max_sentences, len(sentences)):
        scores = {i: rouge_gain([word for j in sorted([*chosen, i]) for word in split[j]], target) for i in range(len(split)) if i not in chosen}
        index = max(scores, key=scores.__getitem__)
        if scores[index] <= best:
            break
        best = scores[index]
        chosen.append(index)
    return sorted(chosen)


def salience_targets(sentences: Sequence[str], reference: str) -> list[float] | None:
    """A distribution over the sentences: softmax of each one's ROUGE-1 + ROUGE-2 F over TEMPERATURE; None where none shares a word.

    >>> [round(p, 2) for p in salience_targets(["Rain fell.", "The river rose."], "The river rose") or []]
    [0.0, 1.0]
    """
    target = words(reference)
    scores = [rouge_gain(words(sentence), target) / 2 for sentence in sentences]
    highest = max(scores, default=0.0)
    if highest == 0.0:
        return None
    weights = [math.exp((score - highest) / TEMPERATURE) for score in scores]
    return [weight / sum(weights) for weight in weights]


def rouge_gain(candidate: Sequence[str], reference: Sequence[str]) -> float:
    """ROUGE-1 F + ROUGE-2 F of two word lists, 0 to 2."""
    return _overlap_f(Counter(candidate), Counter(reference)) + _overlap_f(_bigrams(candidate), _bigrams(reference))


def _bigrams(items: Sequence[str]) -> Counter[str]:
    return Counter(f"{a} {b}" for a, b in pairwise(items))


def _overlap_f(candidate: Counter[str], reference: Counter[str]) -> float:
    shared = (candidate & reference).total()
    return 2 * shared / (candidate.total() + reference.total()) if shared else 0.0
