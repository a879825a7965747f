"""The weighted score of the Fake News Challenge (FNC-1), as a module of the `evaluate` library that loads by path and needs no network.

In: predicted and gold stances, by this package's names or FNC-1's (agree, disagree, discuss, unrelated). Out: `fnc1_score` in 0 to 1, the
share of the points that perfect answers earn. It is nearly a score of relatedness: read the F1 of each stance beside it.
"""

from collections.abc import Sequence

import datasets
import evaluate

from training.metrics.labels import fnc1_score

INPUTS = """predictions, references: one stance each, by name."""

CITATION = """Pomerleau and Rao. 2017. Fake News Challenge Stage 1: Stance Detection. http://www.fakenewschallenge.org"""


class Fnc1Score(evaluate.Metric):  # type: ignore[misc]  # the library has no types
    """`evaluate.load("training/metrics/fnc1_score").compute(predictions=[...], references=[...])`."""

    def _info(self) -> evaluate.MetricInfo:
        texts = {name: datasets.Value("string") for name in ("predictions", "references")}
        return evaluate.MetricInfo(description=__doc__, citation=CITATION, inputs_description=INPUTS, features=datasets.Features(texts))

    def _compute(self, predictions: Sequence[str], references: Sequence[str]) -> dict[str, float | None]:
        return {"fnc1_score": fnc1_score(references, predictions)}
