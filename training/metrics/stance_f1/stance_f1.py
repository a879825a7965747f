"""F1 of every stance, and their mean, as a module of the `evaluate` library that loads by path and needs no network.

In: predicted and gold stances, as names. Out: `macro_f1` and `f1_<stance>` of the stances that occur in gold, in 0 to 1. With
`merge_neutral=True`, neutral and unrelated are one class, for data that does not tell them apart.
"""

from collections.abc import Sequence

import datasets
import evaluate

from training.metrics.labels import merged_stance, stance_scores

INPUTS = """predictions, references: one stance each: favor, against, neutral or unrelated. merge_neutral: whether the last two are one."""

CITATION = """Pedregosa et al. 2011. Scikit-learn: Machine Learning in Python. JMLR 12."""


class StanceF1(evaluate.Metric):  # type: ignore[misc]  # the library has no types
    """`evaluate.load("training/metrics/stance_f1").compute(predictions=[...], references=[...], merge_neutral=False)`."""

    def _info(self) -> evaluate.MetricInfo:
        texts = {name: datasets.Value("string") for name in ("predictions", "references")}
        return evaluate.MetricInfo(description=__doc__, citation=CITATION, inputs_description=INPUTS, features=datasets.Features(texts))

    def _compute(self, predictions: Sequence[str], references: Sequence[str], merge_neutral: bool = False) -> dict[str, float | None]:
        if merge_neutral:
            predictions, references = [merged_stance(name) for name in predictions], [merged_stance(name) for name in references]
        return {**(stance_scores(references, predictions) or {})}
