"""The draws of the bootstrap are Poisson, belong to texts, and give the intervals of statistics books."""

import math

import numpy as np
import pytest

from training.bootstrap import REPLICATES, interval, weights

DRAWN = [0, 0, 2, 0, 0, 1, 0, 0, 2, 1, 0, 1]


def totals(texts: list[str]) -> np.ndarray:
    return np.sum([weights(text) for text in texts], axis=0, dtype=np.float64)


def test_the_data_come_first_and_the_draws_never_change() -> None:
    assert weights("Rain fell.", 12).tolist() == [1, *DRAWN]
    assert weights("Rain fell.", 0).tolist() == [1]
    assert weights("Rain fell.")[:13].tolist() == [1, *DRAWN]
    assert len(weights("Rain fell.")) == 1 + REPLICATES


def test_one_text_has_one_draw() -> None:
    assert weights("Rain  fell.\n").tolist() == weights("Rain fell.").tolist()
    assert weights("Rain fell!").tolist() != weights("Rain fell.").tolist()
    assert len(weights("lone \ud800")) == 1 + REPLICATES


def test_draws_are_poisson() -> None:
    drawn = np.concatenate([weights(f"text {number}")[1:] for number in range(400)])
    assert drawn.mean() == pytest.approx(1, abs=0.01)
    assert drawn.var() == pytest.approx(1, abs=0.02)
    for times in range(4):
        assert (drawn == times).mean() == pytest.approx(math.exp(-1) / math.factorial(times), abs=0.005)
    columns = np.stack([weights(f"text {number}")[1:] for number in range(400)])
    assert abs(np.corrcoef(columns[:200].ravel(), columns[200:].ravel())[0, 1]) < 0.02


def test_the_interval_holds_the_middle_95_percent() -> None:
    replicates = np.arange(1001.0)
    items = np.arange(3.0, 1005.0)
    assert interval(np.concatenate([[500.0], replicates]), items) == pytest.approx((25.0, 975.0))
    undefined = np.concatenate([[500.0], replicates, np.full(50, np.nan)])
    assert interval(undefined, np.concatenate([items, np.zeros(50)])) == pytest.approx((25.0, 975.0))


def test_no_interval_without_replicates_or_from_a_single_text() -> None:
    assert interval(np.array([0.5]), np.array([10.0])) is None
    once = weights("Rain fell.").astype(float)
    assert interval(np.ones_like(once), once) is None
    assert interval(np.ones_like(once), 3 * once) is None  # three copies
    assert interval(np.ones_like(once), once + weights("Snow fell.")) is None  # two articles, both right
    many = totals([f"text {number}" for number in range(40)])
    assert interval(np.ones_like(many), many) == (1.0, 1.0)


def test_the_interval_of_a_share_is_that_of_the_normal_approximation() -> None:
    right, wrong = totals([f"right {number}" for number in range(240)]), totals([f"wrong {number}" for number in range(160)])
    found = interval(right / (right + wrong), right + wrong)
    assert found is not None
    spread = 1.96 * math.sqrt(0.6 * 0.4 / 400)
    assert found == (pytest.approx(0.6 - spread, abs=0.2 * spread), pytest.approx(0.6 + spread, abs=0.2 * spread))


def test_copies_of_a_text_add_no_certainty() -> None:
    def width(copies: int) -> float:
        right, wrong = (totals([f"{kind} {number}" for number in range(50)] * copies) for kind in ("right", "wrong"))
        bounds = interval(right / (right + wrong), right + wrong)
        assert bounds is not None
        return bounds[1] - bounds[0]

    assert width(4) == width(1)
