import numpy as np

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
