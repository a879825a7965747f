"""Summaries against references, in any script.

In: summaries with their references. Out: ROUGE and chrF in 0 to 100. Does not know: articles, checkpoints, groups or tables.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.helpers import extract_all_char_ngrams

from inference.words import words
from training.metrics.sums import Sums

ROUGE_TYPES = ("rouge1", "rouge2", "rougeL")
CHRF_ORDER, CHRF_BETA = 6, 2


def rouge(summary: str, reference: str, types: tuple[str, ...] = ROUGE_TYPES) -> dict[str, float]:
    """ROUGE-1, -2 and -L F-measures (Lin 2004) in 0 to 100, over `inference.words.words`, without stemming.

    Also in `types`: rougeLsum, which takes each line as a sentence.

    The library is Google's rouge_score; its own tokenizer keeps a-z and 0-9 only, so that two identical Hindi texts score 0.
    Characters are the words of scripts that write no spaces.

    >>> rouge("नदी में बाढ़", "नदी में बाढ़")
    {'rouge1': 100.0, 'rouge2': 100.0, 'rougeL': 100.0}
    """
    scores = _rouge_scorer(types).score(reference, summary)
    return {name: 100.0 * float(scores[name].fmeasure) for name in types}


def chrf(summaries: Sequence[str], references: Sequence[str]) -> float | None:
    """Corpus chrF (Popović 2015; as sacrebleu's default: characters up to 6-grams, beta 2, no word n-grams) in 0 to 100.

    N-grams are counted over the whole list, so long texts weigh more than short ones; it is not the mean of sentence scores.

    >>> chrf(["Rain fell."], ["Rain fell."])
    100.0
    """
    if not references:
        return None
    counts = sum(chrf_counts(summary, reference) for summary, reference in zip(summaries, references, strict=True))
    return float(chrf_value(np.asarray(counts)))


def chrf_counts(summary: str, reference: str) -> NDArray[np.float64]:
    """[3, 6]: the character n-grams of the summary, of the reference, and those that match, for n = 1 to 6; white space is left out.

    `chrf` is made of their sums over the corpus. As sacrebleu has it, n-grams that are longer than the reference do not count.
    """
    counts = np.zeros((3, CHRF_ORDER))
    both = (extract_all_char_ngrams(text, CHRF_ORDER, False) for text in (summary, reference))
    for place, (found, wanted) in enumerate(zip(*both, strict=True)):
        counts[:, place] = found.total() if wanted else 0, wanted.total(), (found & wanted).total()
    return counts


def chrf_value(counts: NDArray[np.float64]) -> Sums:
    """chrF from summed `chrf_counts`, [3, 6, ...] -> [...]; n-grams that either side lacks are left out of the means."""
    found, wanted, matched = counts
    both = (found > 0) & (wanted > 0)
    precision, recall = (np.sum(np.divide(matched, whole, out=np.zeros_like(whole), where=both), axis=0) for whole in (found, wanted))
    orders, weighted = np.sum(both, axis=0), CHRF_BETA**2 * precision + recall
    f = np.divide((1 + CHRF_BETA**2) * precision * recall, weighted * orders, out=np.zeros_like(weighted), where=weighted > 0)
    return np.asarray(100 * f)


class _UnicodeTokenizer:
    """What rouge_score asks of a tokenizer: one method."""

    def tokenize(self, text: str) -> list[str]:
        return words(text)


@cache
def _rouge_scorer(types: tuple[str, ...]) -> Any:
    return RougeScorer(list(types), tokenizer=_UnicodeTokenizer())
