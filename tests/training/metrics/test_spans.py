"""Span scores worked out by hand."""

import numpy as np

from training.metrics.spans import characters, precision_recall
from training.metrics.sums import plain


def score(hits: int, removed: int, gold: int) -> dict[str, float]:
    return plain(precision_recall(np.array([float(hits)]), np.array([float(removed)]), np.array([float(gold)])))


def test_characters_leave_out_white_space() -> None:
    assert characters("ab cd\nef", [(0, 4), (3, 6)]) == {0, 1, 3, 4}


def test_precision_and_recall_by_hand() -> None:
    assert score(3, 4, 6) == {"precision": 0.75, "recall": 0.5, "f1": 0.6}


def test_what_cannot_be_computed_is_left_out() -> None:
    assert score(0, 0, 0) == {}
    assert score(0, 0, 5) == {"recall": 0.0, "f1": 0.0}
    assert score(0, 4, 0) == {"precision": 0.0, "f1": 0.0}
