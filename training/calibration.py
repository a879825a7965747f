"""How much n-grams and words count beside the encoder, and one temperature, per task, fitted on dev: a confidence of 0.8 is right about 8 times in 10.

In: an analyzer, and dev articles with labels. Out: a factor of their logits and a number that divides the sum (temperature scaling, Guo et al.
2017, On Calibration of Modern Neural Networks, https://arxiv.org/abs/1706.04599; of two models, a linear opinion pool in log space, Genest and Zidek
1986, https://doi.org/10.1214/ss/1177013825). Does not know: checkpoints, configs; `training.dev` stores the numbers, `inference.analyzer` uses them.
"""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import logsumexp

from inference.analyzer import Analyzer
from inference.article import Article
from inference.labels import STANCES
from training.oracle import salience_targets

LEAST_ITEMS = 50
"""Below this many labeled items a fit is noise, and both numbers stay 1."""

ENCODER_LIMITS, BESIDE_LIMITS = (0.02, 5.0), (0.0, 20.0)
"""Factors looked at of the logits of either: 1 / temperature, and weight / temperature. Beyond them a model is broken rather than badly calibrated."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """A task's temperature and the weight of what answers beside the encoder, the dev items behind them, and their mean cross-entropy before and after.

    The losses are None where nothing was fitted; before, both numbers are 1.
    """

    temperature: float
    weight: float
    n: int
    loss_before: float | None
    loss_after: float | None


def calibrate(analyzer: Analyzer, articles: Sequence[Article], neutral_covers_unrelated: Collection[str] = ()) -> dict[str, Calibration]:
    """Fit the numbers of "topic", "stance" and "salience", on all sources alike. In the sources named, neutral and unrelated are one stance.

    What salience should be is known of articles with a summary (`training.oracle.salience_targets`).
    """
    topics = analyzer.model.config.topics
    logits: dict[str, list[NDArray[np.float64]]] = {"topic": [], "stance": []}
    right: dict[str, list[set[int]]] = {"topic": [], "stance": []}
    sources: dict[str, list[str]] = {"topic": [], "stance": [], "salience": []}
    salience: list[NDArray[np.float64]] = []
    shares: list[NDArray[np.float64]] = []
    either = {STANCES.index("neutral"), STANCES.index("unrelated")}
    refused: set[int] = set()
    # the report of the run counts those that are refused
    found = list(analyzer.logits(articles, on_error=lambda article, error: refused.add(id(article))))
    read = [article for article in articles if id(article) not in refused]
    for article, one in zip(read, found, strict=True):
        if article.topic:
            logits["topic"].append(one.topic.double().numpy())
            right["topic"].append({topics.index(article.topic)})
            sources["topic"].append(article.source)
        for gold, pair in zip(article.stances, one.stances.double().numpy(), strict=True):
            if gold.stance:
                place = STANCES.index(gold.stance)
                merged = article.source in neutral_covers_unrelated and place in either
                logits["stance"].append(pair)
                right["stance"].append(either if merged else {place})
                sources["stance"].append(article.source)
        wanted = salience_targets(one.sentences, article.summary) if article.summary else None
        if wanted is not None:
            salience.append(one.salience.double().numpy())
            shares.append(np.array(wanted))
            sources["salience"].append(article.source)
    labels = {task: fit_calibration(np.array(logits[task]), right[task], sources[task]) for task in logits}
    return labels | {"salience": fit_salience_calibration(salience, shares, sources["salience"])}


def fit_calibration(logits: NDArray[np.float64], right: Sequence[Collection[int]], sources: Sequence[str]) -> Calibration:
    """The numbers with the least cross-entropy of the right labels; `logits` are [items, 2, labels], the encoder's and the n-grams'.

    An item may have several right labels, which count as one. All sources count alike, as in the scores that pick the best step: a set with many
    pairs an article would else decide alone. Where the n-grams say nothing, all 0, their weight stays 1.

    >>> sure_but_half_wrong = np.array([[[4.0, 0.0], [0.0, 0.0]]] * 100)
    >>> fit_calibration(sure_but_half_wrong, [{0}] * 60 + [{1}] * 40, ["news"] * 100).temperature
    9.865
    """
    if len(logits) < LEAST_ITEMS:
        return Calibration(1.0, 1.0, len(logits), None, None)
    weights = _alike(sources)
    mask = np.zeros((len(logits), logits.shape[2]), dtype=bool)
    for row, labels in enumerate(right):
        mask[row, list(labels)] = True

    def loss(factors: NDArray[np.float64]) -> float:
        both = np.einsum("f,nfl->nl", factors, logits)
        return float(weights @ (logsumexp(both, axis=1) - logsumexp(np.where(mask, both, -np.inf), axis=1)))

    return _fit(loss, len(logits), bool(logits[:, 1].any()))


def fit_salience_calibration(logits: Sequence[NDArray[np.float64]], shares: Sequence[NDArray[np.float64]], sources: Sequence[str]) -> Calibration:
    """The numbers with the least cross-entropy of each article's sentences, whose `logits` are [2, N] and whose `shares` of salience [N] sum to 1.

    All sources count alike, and a weight of 1 stays where nothing is known, as in `fit_calibration`.

    >>> too_flat = [np.array([[1.0, 0.0], [0.0, 0.0]])] * 100
    >>> fit_salience_calibration(too_flat, [np.array([0.9, 0.1])] * 100, ["news"] * 100).temperature
    0.455
    """
    if len(logits) < LEAST_ITEMS:
        return Calibration(1.0, 1.0, len(logits), None, None)
    sizes = [len(one) for one in shares]
    starts = np.cumsum([0, *sizes[:-1]])
    weights = _alike(sources)
    flat, wanted = np.concatenate(logits, axis=1), np.concatenate(shares) * np.repeat(weights, sizes)

    def loss(factors: NDArray[np.float64]) -> float:
        both = factors @ flat
        return float(weights @ np.logaddexp.reduceat(both, starts) - wanted @ both)

    return _fit(loss, len(logits), bool(flat[1].any()))


def _alike(sources: Sequence[str]) -> NDArray[np.float64]:
    """Weights of items that sum to 1, and in each source to the same."""
    counts = Counter(sources)
    return np.array([1 / (len(counts) * counts[source]) for source in sources])


def _fit(loss: Callable[[NDArray[np.float64]], float], items: int, beside: bool) -> Calibration:
    # convex but for items with several right labels, and smooth: any start finds the one minimum
    encoder, other = minimize(loss, np.ones(2), method="L-BFGS-B", bounds=[ENCODER_LIMITS, BESIDE_LIMITS]).x
    temperature = round(float(1 / encoder), 3)
    weight = round(float(other / encoder), 3) if beside else 1.0
    return Calibration(temperature, weight, items, loss(np.ones(2)), loss(np.array([1.0, weight]) / temperature))
