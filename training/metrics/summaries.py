"""Summaries against references, in any script.

In: summaries with their references. Out: ROUGE and chrF in 0 to 100. Does not know: articles, checkpoints, groups or tables.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.chrf import CHRF

from inference.words import words

ROUGE_TYPES = ("rouge1", "rouge2", "rougeL")


def rouge(summary: str, reference: str) -> dict[str, float]:
    """ROUGE-1, -2 and -L F-measures (Lin 2004) in 0 to 100, over `inference.words.words`, without stemming.

    The library is Google's rouge_score; its own tokenizer keeps a-z and 0-9 only, so that two identical Hindi texts score 0.
    Characters are the words of scripts that write no spaces.

    >>> rouge("नदी में बाढ़", "नदी में बाढ़")
    {'rouge1': 100.0, 'rouge2': 100.0, 'rougeL': 100.0}
    """
    scores = _rouge_scorer().score(reference, summary)
    return {name: 100.0 * float(scores[name].fmeasure) for name in ROUGE_TYPES}


def chrf(summaries: Sequence[str], references: Sequence[str]) -> float | None:
    """Corpus chrF (Popović 2015; sacrebleu: characters up to 6-grams, beta 2, no word n-grams) in 0 to 100.

    N-grams are counted over the whole list, so long texts weigh more than short ones; it is not the mean of sentence scores.

    >>> chrf(["Rain fell."], ["Rain fell."])
    100.0
    """
    if not references:
        return None
    return float(CHRF().corpus_score(list(summaries), [list(references)]).score)


class _UnicodeTokenizer:
    """What rouge_score asks of a tokenizer: one method."""

    def tokenize(self, text: str) -> list[str]:
        return words(text)


@cache
def _rouge_scorer() -> Any:
    return RougeScorer(list(ROUGE_TYPES), tokenizer=_UnicodeTokenizer())
