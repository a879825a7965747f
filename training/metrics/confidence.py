"""How far confidences are from the truth.

In: confidences with whether the answers were right. Out: one number in 0 to 1. Does not know: labels, articles, groups or tables.
"""

from collections.abc import Sequence

import numpy as np

BINS = 15  # as in Guo et al. 2017, whose figures others compare with


def expected_calibration_error(confidences: Sequence[float], correct: Sequence[bool]) -> float | None:
    """Expected calibration error (Naeini et al. 2015; Guo et al. 2017): how far the mean confidence is from the share of right answers.

    Items fall into 15 equally wide bins by the confidence in their answer; the distances of the bins are averaged, weighted by items.

    >>> round(expected_calibration_error([0.9, 0.9, 0.5], [True, False, True]), 3)  # 2/3 of |0.5 - 0.9| and 1/3 of |1 - 0.5|
    0.433
    """
    if not len(confidences):
        return None
    shares = np.asarray(confidences, dtype=np.float64)
    bins = np.clip(np.ceil(shares * BINS) - 1, 0, BINS - 1).astype(np.int64)  # a bin holds its upper bound
    gaps = np.bincount(bins, weights=np.asarray(correct, dtype=np.float64) - shares)
    return float(np.abs(gaps).sum() / len(shares))
