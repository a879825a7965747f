"""How sure the model was of its labels, and where it was sure and wrong.

In: gold labels with probabilities, one answer at a time. Out: a `Reliability` and the surest `Mistake`s of one task, for the report. Memory does
not grow with the answers. Does not know: groups, intervals, how the probabilities were made.
"""

from bisect import insort
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from training.metrics.confidence import BINS, RiskCoverage, calibration_error, confidence_counts
from training.metrics.labels import best_label
from training.results import Bin, Mistake, Reliability

MISTAKES = 10  # of a task


@dataclass(slots=True)
class Judgment:
    """Of one task: `add` answers as they come."""

    task: str
    temperature: float  # that the probabilities were made with; 1 = none
    _before: NDArray[np.float64] = field(default_factory=lambda: np.zeros((3, BINS)))
    _after: NDArray[np.float64] = field(default_factory=lambda: np.zeros((3, BINS)))
    _risk: RiskCoverage = field(default_factory=RiskCoverage)
    _mistakes: list[Mistake] = field(default_factory=list)  # the surest first, and of equally sure ones the first

    def add(self, gold: str, scores: Mapping[str, float], before: Mapping[str, float], mistake: Callable[[str, float], Mistake]) -> None:
        """Count one answer; `before` are the probabilities without the temperature, `mistake` makes one of a label and its probability."""
        first = best_label(before)
        self._before += confidence_counts(before[first], first == gold)
        predicted = best_label(scores)
        confidence = scores[predicted]
        self._after += confidence_counts(confidence, predicted == gold)
        self._risk.add(confidence, predicted == gold)
        if predicted != gold and (len(self._mistakes) < MISTAKES or confidence > self._mistakes[-1].confidence):
            insort(self._mistakes, mistake(predicted, confidence), key=lambda kept: -kept.confidence)
            del self._mistakes[MISTAKES:]

    @property
    def mistakes(self) -> tuple[Mistake, ...]:
        return tuple(self._mistakes)

    def reliability(self) -> Reliability:
        bins = tuple(Bin(int(n), float(confidence / n), float(right / n)) for n, confidence, right in self._after.T if n)
        ece_before, ece = (float(calibration_error(counts[..., None])[0]) for counts in (self._before, self._after))
        return Reliability(self.task, int(self._after[0].sum()), self.temperature, ece_before, ece, bins, self._risk.curve())
