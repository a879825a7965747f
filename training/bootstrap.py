"""Intervals by the Poisson bootstrap: how many times each article occurs in each replicate, and what the replicates say about a score.

In: an article's text, or a score with its replicates. Out: weights, or the bounds of an interval. Does not know: scores or reports.

A bootstrap replicate draws as many articles as there are, with replacement; an article then occurs about Poisson(1) times. Drawing that
number for each article by itself gives the same intervals while articles stream by: every sum is kept R times beside itself, and memory
does not grow with the articles (Chamandy, Muralidharan, Najmi and Naidu 2012, Estimating Uncertainty for Massive Data Streams).
"""

import hashlib
from math import exp, factorial

import numpy as np
from numpy.typing import NDArray

from training.metrics.sums import Sums

REPLICATES = 500
"""The bounds of a 95% interval are then the 13th values from both ends; other draws move them by about 3% of its width."""

LEVEL = 0.95

FEW = 30
"""Groups with fewer items are marked, and no difference holds there: at n = 30 one item moves an accuracy by 3 points."""

_THRESHOLDS = np.array([2**32 * sum(exp(-1) / factorial(k) for k in range(most + 1)) for most in range(12)]).astype(np.uint32)
"""2^32 times the probability of at most 0, 1, ... 11 occurrences; more than 12 come once in 10^10 draws."""


def weights(text: str, replicates: int = REPLICATES) -> NDArray[np.int64]:
    """[1 + replicates] how often an article occurs: once in the data, then in each replicate.

    The draws are made of the text's digest alone. So articles with the same text, white space aside, are drawn together, as what they are:
    one observation. And two checkpoints that read the same articles are compared replicate by replicate (a paired bootstrap).
    """
    digest = hashlib.shake_128(" ".join(text.split()).encode("utf-8", "surrogatepass")).digest(4 * replicates)
    drawn = np.ones(1 + replicates, dtype=np.int64)
    drawn[1:] = np.searchsorted(_THRESHOLDS, np.frombuffer(digest, dtype="<u4"), side="right")
    return drawn


def interval(values: Sums, items: Sums) -> tuple[float, float] | None:
    """The bounds that hold the middle 95% of a score's replicates; None without replicates, or where `items` are all of one text.

    None too where the score is the same in every replicate and items are few: that all of them agree says little about others.

    `items`: how many items the score is made of, with replicates. Replicates in which the score is undefined say nothing and are left out.
    """
    replicates = values[1:][~np.isnan(values[1:])]
    if not replicates.size or not np.any(items[1:] % items[0]):  # always a multiple of n: a single text, whose score never varies
        return None
    if items[0] < FEW and np.ptp(replicates) == 0:
        return None
    low, high = np.quantile(replicates, ((1 - LEVEL) / 2, (1 + LEVEL) / 2))
    return float(low), float(high)
