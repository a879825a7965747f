"""Accuracy, macro F1 and weighted F1 of topics, as a module of the `evaluate` library that loads by path and needs no network.

In: predicted and gold labels, as names. Out: scores in 0 to 1, as scikit-learn has them over the classes that occur in gold: a class that
is only predicted has no F1 of its own.
"""

from collections.abc import Sequence

import datasets
import evaluate

from training.metrics.labels import label_scores

INPUTS = """predictions, references: one label each, by name."""

CITATION = """Pedregosa et al. 2011. Scikit-learn: Machine Learning in Python. JMLR 12."""


class TopicF1(evaluate.Metric):  # type: ignore[misc]  # the library has no types
    """`evaluate.load("training/metrics/topic_f1").compute(predictions=[...], references=[...])`."""

    def _info(self) -> evaluate.MetricInfo:
        texts = {name: datasets.Value("string") for name in ("predictions", "references")}
        return evaluate.MetricInfo(description=__doc__, citation=CITATION, inputs_description=INPUTS, features=datasets.Features(texts))

    def _compute(self, predictions: Sequence[str], references: Sequence[str]) -> dict[str, float | None]:
        return {**(label_scores(references, predictions) or {})}
