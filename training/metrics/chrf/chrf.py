"""chrF over the corpus, as a module of the `evaluate` library that loads by path and needs no network.

In: predicted and reference texts. Out: `chrf` in 0 to 100, with the settings and the result of sacrebleu's default (characters up to
6-grams, beta 2, no word n-grams). N-grams are counted over all texts: it is not the mean of sentence scores.
"""

from collections.abc import Sequence

import datasets
import evaluate

from training.metrics.summaries import chrf

INPUTS = """predictions, references: one text each."""

CITATION = """Popović, Maja. 2015. chrF: character n-gram F-score for automatic MT evaluation. Proceedings of WMT."""


class Chrf(evaluate.Metric):  # type: ignore[misc]  # the library has no types
    """`evaluate.load("training/metrics/chrf").compute(predictions=[...], references=[...])`."""

    def _info(self) -> evaluate.MetricInfo:
        texts = {name: datasets.Value("string") for name in ("predictions", "references")}
        return evaluate.MetricInfo(description=__doc__, citation=CITATION, inputs_description=INPUTS, features=datasets.Features(texts))

    def _compute(self, predictions: Sequence[str], references: Sequence[str]) -> dict[str, float | None]:
        return {"chrf": chrf(predictions, references)}
