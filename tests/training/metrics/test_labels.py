"""Label scores worked out by hand."""

import pytest

from training.metrics.labels import best_label, label_scores, merge_neutral, stance_scores


def test_label_scores_by_hand() -> None:
    # a: precision 1/2, recall 1/2 -> 1/2; b: precision 1, recall 1/2 -> 2/3; c is only predicted
    scores = label_scores(["a", "a", "b", "b"], ["a", "c", "b", "a"])
    assert scores == {"accuracy": 0.5, "macro_f1": pytest.approx((1 / 2 + 2 / 3) / 2), "weighted_f1": pytest.approx((1 / 2 + 2 / 3) / 2)}


def test_weighted_f1_counts_gold_items() -> None:
    scores = label_scores(["a", "a", "a", "b"], ["a", "a", "a", "a"])
    assert scores == {"accuracy": 0.75, "macro_f1": pytest.approx(3 / 7), "weighted_f1": pytest.approx(3 / 4 * 6 / 7)}


def test_stance_scores_leave_out_classes_without_gold() -> None:
    scores = stance_scores(["favor", "favor", "against"], ["favor", "neutral", "against"])
    assert scores == {"macro_f1": pytest.approx((2 / 3 + 1) / 2), "f1_against": 1.0, "f1_favor": pytest.approx(2 / 3)}


def test_nothing_to_score_is_no_score() -> None:
    assert label_scores([], []) is None
    assert stance_scores([], []) is None


def test_a_label_that_is_never_found_scores_zero() -> None:
    assert stance_scores(["against"], ["favor"]) == {"macro_f1": 0.0, "f1_against": 0.0}


def test_best_label_among_the_labels_of_a_source() -> None:
    scores = {"sport": 0.6, "health": 0.3, "arts": 0.1}
    assert best_label(scores) == "sport"
    assert best_label(scores, among={"arts", "health"}) == "health"
    with pytest.raises(ValueError, match="empty"):
        best_label(scores, among={"weather"})


def test_merging_can_change_the_best_stance() -> None:
    scores = {"favor": 0.4, "against": 0.1, "neutral": 0.25, "unrelated": 0.25}
    assert best_label(scores) == "favor"
    assert best_label(merge_neutral(scores)) == "neutral_or_unrelated"
