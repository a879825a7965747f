"""One temperature per task, fitted on dev, so that a confidence of 0.8 is right about 8 times in 10.

In: an analyzer whose answers are not calibrated yet, and dev articles with labels. Out: numbers that divide the logits (Guo et al.
2017, On Calibration of Modern Neural Networks, https://arxiv.org/abs/1706.04599). The best label stays the best.
Does not know: checkpoints, configs; `training.run` stores the numbers, `inference.analyzer` uses them.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar

from inference.analysis import EXTRACTIVE
from inference.analyzer import Analyzer
from inference.article import Article
from inference.labels import STANCES

LEAST_ITEMS = 50
"""Below this many labeled items a fit is noise, and the temperature stays 1."""

LIMITS = (0.2, 5.0)
"""Temperatures looked at: beyond them the model is broken rather than badly calibrated."""

SMALLEST = 1e-12


@dataclass(frozen=True, slots=True)
class Calibration:
    """A task's temperature, the dev items behind it, and their mean negative log-likelihood before and after; None where nothing was fitted."""

    temperature: float
    n: int
    loss_before: float | None
    loss_after: float | None


def calibrate(analyzer: Analyzer, articles: Sequence[Article], neutral_covers_unrelated: Collection[str] = ()) -> dict[str, Calibration]:
    """Fit the temperatures of "topic" and "stance". In the sources named, neutral and unrelated are one stance."""
    topics = analyzer.model.config.topics
    scores: dict[str, list[list[float]]] = {"topic": [], "stance": []}
    right: dict[str, list[set[int]]] = {"topic": [], "stance": []}
    either = {STANCES.index("neutral"), STANCES.index("unrelated")}
    refused: set[int] = set()
    # the report of the run counts those that are refused
    analyses = list(analyzer.analyze_many(articles, method=EXTRACTIVE, on_error=lambda article, error: refused.add(id(article))))
    read = [article for article in articles if id(article) not in refused]
    for article, analysis in zip(read, analyses, strict=True):
        if article.topic:
            scores["topic"].append([analysis.topic.scores[name] for name in topics])
            right["topic"].append({topics.index(article.topic)})
        for gold, result in zip(article.stances, analysis.stances, strict=True):
            if gold.stance:
                place = STANCES.index(gold.stance)
                merged = article.source in neutral_covers_unrelated and place in either
                scores["stance"].append([result.scores[name] for name in STANCES])
                right["stance"].append(either if merged else {place})
    return {task: fit_temperature(scores[task], right[task]) for task in scores}


def fit_temperature(scores: Sequence[Sequence[float]], right: Sequence[Collection[int]]) -> Calibration:
    """The temperature with the least negative log-likelihood of the right labels; `scores` are probabilities, [items, labels].

    An item may have several right labels, which count as one.

    >>> sure_but_half_wrong = fit_temperature([[0.99, 0.01]] * 100, [{0}] * 50 + [{1}] * 50)
    >>> sure_but_half_wrong.temperature
    5.0
    """
    if len(scores) < LEAST_ITEMS:
        return Calibration(1.0, len(scores), None, None)
    logits = np.log(np.clip(np.array(scores, dtype=float), SMALLEST, None))
    mask = np.zeros(logits.shape, dtype=bool)
    for row, labels in enumerate(right):
        mask[row, list(labels)] = True

    def loss(log_temperature: float) -> float:
        powers = np.exp(logits / math.exp(log_temperature))
        shares = (powers * mask).sum(1) / powers.sum(1)
        return float(-np.log(np.clip(shares, SMALLEST, None)).mean())

    found = minimize_scalar(loss, bounds=tuple(map(math.log, LIMITS)), method="bounded")
    temperature = round(float(np.exp(found.x)), 3)
    return Calibration(temperature, len(scores), loss(0.0), loss(math.log(temperature)))
