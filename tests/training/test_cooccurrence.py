import numpy as np
import pytest

from training.cooccurrence import cooccurrence_vectors

CLS, SEP, RAIN, SNOW, FELL, HEAVY, BANK, FUND, RATES, CUT = range(10)
VOCABULARY = 14  # the last four are never seen

WEATHER = [HEAVY, RAIN, FELL, HEAVY, SNOW, FELL]
MONEY = [CUT, BANK, RATES, CUT, FUND, RATES]
ROWS = np.array([[CLS, *WEATHER, SEP, *WEATHER, SEP], [CLS, *MONEY, SEP, *MONEY, SEP]] * 20, np.int32)


def nearness(vectors: np.ndarray, one: int, other: int) -> float:  # type: ignore[type-arg]
    return float(vectors[one] @ vectors[other] / np.linalg.norm(vectors[one]) / np.linalg.norm(vectors[other]))


def vectors(seed: int = 1) -> np.ndarray:  # type: ignore[type-arg]
    return cooccurrence_vectors(ROWS, VOCABULARY, 4, special=[CLS, SEP], seed=seed)


def test_tokens_in_the_same_company_are_near() -> None:
    found = vectors()
    assert found.shape == (VOCABULARY, 4)
    assert nearness(found, RAIN, SNOW) > 0.9
    assert nearness(found, BANK, FUND) > 0.9
    assert abs(nearness(found, RAIN, BANK)) < 0.1


def test_unseen_and_special_tokens_have_no_vector_and_the_rest_a_mean_square_of_one() -> None:
    found = vectors()
    assert not found[[CLS, SEP, 10, 11, 12, 13]].any()
    assert np.isclose((found[RAIN : CUT + 1] ** 2).mean(), 1.0, atol=1e-3)


def test_the_same_rows_give_the_same_vectors() -> None:
    assert (vectors() == vectors()).all()


def squared_lengths(rows: list[list[int]]) -> list[float]:
    """Of the vectors of six tokens, in four dimensions; token 6 is special."""
    found = cooccurrence_vectors(np.array(rows, np.int32), 7, 4, special=[6], seed=1)
    return [float(vector @ vector) for vector in found[:6]]


# Pairs that are met alone have log(sum of all contexts / context of the other) as mutual information, which is the squared length but for the scale.
# With 16 pairs against one, and contexts 16 ** 0.75 = 8 against 1: log(18 / 8) = 0.811 and log(18 / 1) = 2.890; unsmoothed, log(34 / 16) and log(34 / 1).
# The scale makes the sum over four vectors of four dimensions 16: 8 * 0.811 / 3.701 = 1.753 and 8 * 2.890 / 3.701 = 6.247.
OFTEN, SELDOM = 1.753, 6.247


@pytest.mark.parametrize("times", [1, 1000])
def test_context_counts_are_smoothed(times: int) -> None:
    """The lengths depend on shares alone, over many rows as over few."""
    found = squared_lengths([[0, 1]] * 16 * times + [[2, 3]] * times)
    assert found == pytest.approx([OFTEN, OFTEN, SELDOM, SELDOM, 0, 0], abs=0.001)


def test_tokens_at_a_distance_of_five_count_a_fifth_and_further_ones_not_at_all() -> None:
    five_apart, adjacent, six_apart = [0, 6, 6, 6, 6, 1, 6], [2, 3, 6, 6, 6, 6, 6], [4, 6, 6, 6, 6, 6, 5]
    found = squared_lengths([five_apart] * 160 + [adjacent] * 2 + [six_apart] * 160)
    assert found == pytest.approx([OFTEN, OFTEN, SELDOM, SELDOM, 0, 0], abs=0.001)


def test_pairs_that_weigh_less_than_one_are_left_out() -> None:
    """Four pairs at a distance of three weigh 4 / 3, two weigh 2 / 3; the two vectors left have 8 numbers with a mean square of 1."""
    found = squared_lengths([[0, 6, 6, 1]] * 4 + [[2, 6, 6, 3]] * 2)
    assert found == pytest.approx([4, 4, 0, 0, 0, 0], abs=0.001)
