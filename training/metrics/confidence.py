"""How far confidences are from the truth, and what is gained by leaving doubtful answers out.

In: confidences with whether the answers were right. Out: numbers in 0 to 1, and the points of two curves. Does not know: labels, articles, groups or tables.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from training.metrics.sums import Sums, ratio

BINS = 15  # as in Guo et al. 2017, whose figures others compare with

FINE_BINS = 1000
"""Of the risk-coverage curve: fine enough to order answers, and the same memory for a hundred articles and a hundred thousand."""

CURVE_POINTS = 50
"""Points that a curve is drawn by."""


def expected_calibration_error(confidences: Sequence[float], correct: Sequence[bool]) -> float | None:
    """Expected calibration error (Naeini et al. 2015; Guo et al. 2017): how far the mean confidence is from the share of right answers.

    Items fall into 15 equally wide bins by the confidence in their answer; the distances of the bins are averaged, weighted by items.

    >>> round(expected_calibration_error([0.9, 0.9, 0.5], [True, False, True]), 3)  # 2/3 of |0.5 - 0.9| and 1/3 of |1 - 0.5|
    0.433
    """
    if not len(confidences):
        return None
    pairs = zip(confidences, correct, strict=True)
    return float(calibration_error(np.sum([confidence_counts(confidence, right) for confidence, right in pairs], axis=0)[..., None])[0])


def confidence_counts(confidence: float, right: bool) -> NDArray[np.float64]:
    """[3, BINS]: in the bin of the confidence, 1 for the item, its confidence, and whether it is right; `calibration_error` is made of their sums."""
    counts = np.zeros((3, BINS))
    counts[:, bin_of(confidence, BINS)] = 1, confidence, right
    return counts


def calibration_error(counts: NDArray[np.float64]) -> Sums:
    """Expected calibration error from summed `confidence_counts` with their replicates, [3, BINS, R] -> [R]."""
    items, confidences, right = counts
    return ratio(np.abs(right - confidences).sum(0), items.sum(0))


def bin_of(confidence: float, bins: int) -> int:
    """The place of a confidence among equally wide bins, each of which holds its upper bound."""
    return int(min(max(np.ceil(confidence * bins) - 1, 0), bins - 1))


@dataclass(slots=True)
class RiskCoverage:
    """Answers counted by their confidence, for the risk-coverage curve (El-Yaniv and Wiener 2010)."""

    items: NDArray[np.int64] = field(default_factory=lambda: np.zeros(FINE_BINS, np.int64))
    wrong: NDArray[np.int64] = field(default_factory=lambda: np.zeros(FINE_BINS, np.int64))

    def add(self, confidence: float, right: bool) -> None:
        """Count one answer."""
        place = bin_of(confidence, FINE_BINS)
        self.items[place] += 1
        self.wrong[place] += not right

    def curve(self) -> tuple[tuple[float, float, float], ...]:
        """(share of answers given, share of those that are wrong, confidence from which they are given), from the surest answers alone to all.

        >>> answers = RiskCoverage()
        >>> for confidence, right in ((0.9, True), (0.8, True), (0.6, False), (0.4, True)):
        ...     answers.add(confidence, right)
        >>> answers.curve()
        ((0.25, 0.0, 0.899), (0.5, 0.0, 0.799), (0.75, 0.3333333333333333, 0.599), (1.0, 0.25, 0.399))
        """
        used = np.flatnonzero(self.items)[::-1]
        given, wrong = np.cumsum(self.items[used]), np.cumsum(self.wrong[used])
        kept = np.unique(np.linspace(0, len(used) - 1, CURVE_POINTS).round().astype(np.int64)) if len(used) else used
        return tuple((float(given[i] / given[-1]), float(wrong[i] / given[i]), float(used[i] / FINE_BINS)) for i in kept)


def uncalibrated(probabilities: ArrayLike, temperature: float) -> NDArray[np.float64]:
    """The probabilities that a softmax gave before its logits were divided by `temperature`.

    >>> uncalibrated([0.8, 0.2], 2.0).round(3).tolist()
    [0.941, 0.059]
    """
    powers = np.asarray(probabilities, np.float64) ** temperature
    return np.asarray(powers / powers.sum())
