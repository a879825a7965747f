"""ROUGE-1, -2, -L and -Lsum in any script, as a module of the `evaluate` library that loads by path and needs no network.

In: predicted and reference summaries. Out: mean F-measures, 0 to 1, of words in the sense of `inference.words` (no stemming). On English
they are those of rouge_score; its own tokenizer drops every letter but a to z. For rougeLsum, put each sentence on a line of its own.
"""

from collections.abc import Sequence
from statistics import fmean

import datasets
import evaluate

from training.metrics.summaries import ROUGE_TYPES, rouge

INPUTS = """predictions, references: one summary each, as text."""

CITATION = """Lin, Chin-Yew. 2004. ROUGE: A Package for Automatic Evaluation of Summaries. Text Summarization Branches Out, ACL."""


class MultilingualRouge(evaluate.Metric):  # type: ignore[misc]  # the library has no types
    """`evaluate.load("training/metrics/multilingual_rouge").compute(predictions=[...], references=[...])`."""

    def _info(self) -> evaluate.MetricInfo:
        texts = {name: datasets.Value("string") for name in ("predictions", "references")}
        return evaluate.MetricInfo(description=__doc__, citation=CITATION, inputs_description=INPUTS, features=datasets.Features(texts))

    def _compute(self, predictions: Sequence[str], references: Sequence[str]) -> dict[str, float | None]:
        types = (*ROUGE_TYPES, "rougeLsum")
        scores = [rouge(summary, reference, types) for summary, reference in zip(predictions, references, strict=True)]
        return {name: fmean(score[name] for score in scores) / 100 if scores else None for name in types}
