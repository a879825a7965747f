"""Features of pairs whose overlap is plain to see."""

from math import log

import numpy as np
import pytest

from inference.article import Article
from training.pair_features import SHARED_NUMBERS, PairEncoder, read_pairs, word_ngrams

ARTICLES = [Article("The mayor denies the flood.", title="Flood"), Article("Cats sleep.")]


def test_words_and_pairs_of_words() -> None:
    assert word_ngrams(["a", "b", "c"]) == ["a", "b", "c", "a b", "b c"]
    assert word_ngrams([]) == []


def test_a_target_is_read_once() -> None:
    pairs = read_pairs(ARTICLES, [(0, "cats"), (1, "cats"), (1, "洪水")])
    assert pairs.article_words == [["flood", "the", "mayor", "denies", "the", "flood"], ["cats", "sleep"]]
    assert pairs.target_words == [["cats"], ["洪", "水"]]
    assert pairs.articles.tolist() == [0, 1, 1]
    assert pairs.targets.tolist() == [0, 0, 1]


def test_shared_numbers_say_how_much_is_found() -> None:
    encoder = PairEncoder()
    shared = encoder.fit_encode(read_pairs(ARTICLES, [(0, "the mayor sleeps"), (1, "the mayor sleeps")])).shared
    assert shared.shape == (2, SHARED_NUMBERS)
    assert shared[0, 0] > 0
    # two of three words and one of two pairs; "the" and "mayor" stand in one of two articles, "sleeps" in none
    known, unknown = log(3 / 2) + 1, log(3 / 1) + 1
    weighted = 2 * known / (2 * known + unknown)
    assert shared[0, 1:].tolist() == pytest.approx([2 / 3, 2 / 3, 1 / 2, weighted, weighted, 2 / 3, log(4)])
    assert shared[1].tolist() == pytest.approx([0, 0, 0, 0, 0, 0, 0, log(4)])


def test_scattered_words_are_no_run() -> None:
    article = Article("Rain fell on the old bridge.")
    shared = PairEncoder().fit_encode(read_pairs([article], [(0, "old bridge fell"), (0, "bridge old")])).shared
    assert shared[:, 6].tolist() == pytest.approx([2 / 3, 1 / 2])


def test_the_target_alone_says_nothing_of_the_article() -> None:
    features = PairEncoder().fit_encode(read_pairs(ARTICLES, [(0, "the flood"), (1, "the flood")]))
    assert (features.target[0] != features.target[1]).nnz == 0
    assert (features.both[0] != features.both[1]).nnz > 0


def test_other_pairs_are_encoded_as_the_same_pairs_were() -> None:
    encoder = PairEncoder()
    pairs = read_pairs(ARTICLES, [(0, "the flood"), (1, "no flood at all")])
    fitted, again = encoder.fit_encode(pairs), encoder.encode(pairs)
    assert (fitted.both != again.both).nnz == 0
    assert np.array_equal(fitted.shared, again.shared)
    alone = encoder.encode(read_pairs([ARTICLES[1]], [(0, "no flood at all")]))
    assert np.allclose(alone.both.toarray(), fitted.both[1].toarray())
