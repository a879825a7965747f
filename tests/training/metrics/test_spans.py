"""Span scores worked out by hand."""

from training.metrics.spans import characters, precision_recall


def test_characters_leave_out_white_space() -> None:
    assert characters("ab cd\nef", [(0, 4), (3, 6)]) == {0, 1, 3, 4}


def test_what_cannot_be_computed_is_left_out() -> None:
    assert precision_recall(0, 0, 0) == {}
    assert precision_recall(hits=0, predicted=0, gold=5) == {"recall": 0.0, "f1": 0.0}
    assert precision_recall(hits=0, predicted=4, gold=0) == {"precision": 0.0, "f1": 0.0}
