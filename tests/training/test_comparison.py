import numpy as np
import pytest

from training.comparison import compare
from training.results import Difference, Report, Row


def report(*rows: Row) -> Report:
    return Report(rows, (), 10, 60, None, 1.0, {}, ())


def row(score: float, replicates: list[float], group: str = "all", system: str = "model", kind: str = "overall") -> Row:
    scores = {"accuracy": score, "words": 20.0}
    values = np.array(replicates)
    return Row("topic", kind, group, system, 40, scores, {"accuracy": (0.0, 1.0), "words": (1.0, 2.0)}, {"accuracy": values, "words": values})


def test_a_difference_is_taken_replicate_by_replicate() -> None:
    draws = np.linspace(0.3, 0.9, 201)
    (found,) = compare(report(row(0.62, (draws + 0.02).tolist())), report(row(0.6, draws.tolist())))
    assert (found.task, found.group_kind, found.group, found.metric) == ("topic", "overall", "all", "accuracy")
    assert (found.n, found.first, found.second) == (40, 0.62, 0.6)
    assert found.interval == pytest.approx((0.02, 0.02))  # the scores vary by 0.6, their difference not at all
    assert found.holds


def test_a_difference_that_may_be_chance_does_not_hold() -> None:
    noise = np.random.default_rng(1).normal(0.01, 0.05, 500)
    (found,) = compare(report(row(0.61, (0.6 + noise).tolist())), report(row(0.6, [0.6] * 500)))
    low, high = found.interval
    assert low == pytest.approx(0.01 - 1.96 * 0.05, abs=0.02)
    assert high == pytest.approx(0.01 + 1.96 * 0.05, abs=0.02)
    assert not found.holds


def test_only_the_models_and_what_both_have_are_compared() -> None:
    first = report(row(0.6, [0.5, 0.7]), row(0.9, [0.9], system="lead-1"), row(0.5, [0.5, 0.6], "fr", kind="lang"), row(0.5, [0.5], "Latin", kind="script"))
    second = report(row(0.6, [0.5, 0.7]), row(0.8, [0.9], system="lead-1"), row(0.5, [0.5], "Latin", kind="script"))
    assert [(found.group_kind, found.group, found.metric) for found in compare(first, second)] == [("overall", "all", "accuracy")]


def test_groups_of_which_one_refused_an_article_are_not_compared() -> None:
    draws = [0.5, 0.6, 0.7]
    fewer = Row("topic", "overall", "all", "model", 39, {"accuracy": 0.9}, {"accuracy": (0.8, 1.0)}, {"accuracy": np.array([0.9, 0.9, 0.9])})
    assert compare(report(row(0.6, draws)), report(fewer)) == ()


def test_nothing_holds_among_few() -> None:
    sure = (0.1, 0.2)
    assert Difference("topic", "overall", "all", "accuracy", 30, 0.6, 0.4, sure).holds
    assert not Difference("topic", "overall", "all", "accuracy", 29, 0.6, 0.4, sure).holds
    assert not Difference("topic", "overall", "all", "accuracy", 99, 0.6, 0.4, (float("nan"), float("nan"))).holds
