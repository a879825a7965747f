"""Expected calibration error of the answered label, as a module of the `evaluate` library that loads by path and needs no network.

In: predicted labels with their confidences, and gold labels. Out: `expected_calibration_error` in 0 to 1 (15 equally wide bins): how far
the confidences are from the share of right answers, on average.
"""

from collections.abc import Sequence

import datasets
import evaluate

from training.metrics.confidence import expected_calibration_error

INPUTS = """predictions, references: one label each. confidences: of each prediction, 0 to 1."""

CITATION = """Guo, Pleiss, Sun and Weinberger. 2017. On Calibration of Modern Neural Networks. ICML."""


class ExpectedCalibrationError(evaluate.Metric):  # type: ignore[misc]  # the library has no types
    """`evaluate.load("training/metrics/expected_calibration_error").compute(predictions=[...], references=[...], confidences=[...])`."""

    def _info(self) -> evaluate.MetricInfo:
        texts = {name: datasets.Value("string") for name in ("predictions", "references")}
        return evaluate.MetricInfo(
            description=__doc__, citation=CITATION, inputs_description=INPUTS, features=datasets.Features(texts | {"confidences": datasets.Value("float64")})
        )

    def _compute(self, predictions: Sequence[str], references: Sequence[str], confidences: Sequence[float]) -> dict[str, float | None]:
        correct = [prediction == reference for prediction, reference in zip(predictions, references, strict=True)]
        return {"expected_calibration_error": expected_calibration_error(confidences, correct)}
