"""Hashed n-grams, and what a linear model over them says."""

import numpy as np
import pytest
import torch

from inference.cleaning import read_page
from inference.ngrams import (
    ARTICLE,
    FOUND,
    KINDS,
    NEAR,
    OPENING_CHARACTERS,
    TARGET,
    Bag,
    ChosenNgrams,
    NgramModel,
    article_words,
    character_ngrams,
    index_words,
    pair_bags,
    read_bags,
)
from inference.words import words

HASHES_OF_RAIN = [122017830, 569457963, 858365223, 1407738923, 1935810034, 3156635810, 3447538545]
HASHES_NEAR_RAIN = [2171291717, 3883478691]


def hashes(bag: Bag) -> set[int]:
    return set(bag.hashes.tolist())


def test_hashes_are_the_same_on_every_machine() -> None:
    """A checkpoint's weights lie under these numbers: another hash would make all of them noise."""
    assert character_ngrams(["rain"], ARTICLE, (3, 4)).hashes.tolist() == HASHES_OF_RAIN
    assert pair_bags(index_words(["heavy", "rain"]), ["rain"])[0].hashes.tolist() == HASHES_NEAR_RAIN


def test_no_n_gram_spans_two_words_and_order_of_words_is_not_seen() -> None:
    both = character_ngrams(["heavy", "rain"], ARTICLE, (3, 4))
    assert hashes(both) == hashes(character_ngrams(["heavy"], ARTICLE, (3, 4))) | hashes(character_ngrams(["rain"], ARTICLE, (3, 4)))
    assert hashes(both) == hashes(character_ngrams(["rain", "heavy"], ARTICLE, (3, 4)))


def test_the_ends_of_a_word_are_part_of_it() -> None:
    assert not hashes(character_ngrams(["ain"], ARTICLE, (3, 4))) <= hashes(character_ngrams(["rain"], ARTICLE, (3, 4)))
    assert len(hashes(character_ngrams(["a"], ARTICLE, (3, 4)))) == 1  # with both spaces
    assert len(hashes(character_ngrams([], ARTICLE, (3, 4)))) == 0


@pytest.mark.parametrize("text", ["大雨が降った", "ฝนตกหนัก", "ከባድ ዝናብ", "مطر غزير", "🌧️ x"])
def test_every_script_has_n_grams(text: str) -> None:
    bag = character_ngrams(words(text), ARTICLE, (3, 4))
    assert len(bag.hashes) > 0
    assert np.all(np.diff(bag.hashes.astype(np.int64)) > 0)


def test_order_matters_in_scripts_without_spaces() -> None:
    bags = [hashes(character_ngrams(words(text), ARTICLE, (3, 4))) for text in ("大雨", "雨大", "大 雨")]
    assert bags[0] != bags[1]
    assert bags[0] == bags[2]  # a space there is a matter of layout
    assert hashes(character_ngrams(["a", "b"], ARTICLE, (3, 4))) != hashes(character_ngrams(["ab"], ARTICLE, (3, 4)))


def test_repeated_n_grams_count_by_their_logarithm() -> None:
    bag = character_ngrams(["rain"] * 5, ARTICLE, (3, 4))
    assert bag.counts.tolist() == pytest.approx([1 + np.log(5)] * 7)


def test_the_words_near_a_target_are_those_around_its_fullest_mention() -> None:
    article = ["the", "old", "mayor", "resigned", "quietly", "after", "the", "new", "mayor", "of", "lund", "praised", "the", "shiny", "bridge"]
    near = hashes(pair_bags(index_words(article), ["mayor", "of", "lund"])[0])
    assert near >= hashes(pair_bags(index_words(["new", "mayor", "of", "lund", "praised", "the", "shiny", "bridge"]), ["mayor", "of", "lund"])[0])
    assert near.isdisjoint(hashes(pair_bags(index_words(["resigned", "mayor", "of", "lund"]), ["mayor", "of", "lund"])[0]))  # said of another mayor
    inflected = hashes(pair_bags(index_words(["mayors", "of", "lund", "praised", "the", "shiny", "bridge"]), ["mayor", "of", "lund"])[0])
    assert inflected & near  # the same first five letters


def test_an_inflected_target_is_found() -> None:
    near, found = pair_bags(index_words(["two", "bridges", "collapsed"]), ["bridge"])
    assert len(near.hashes) == 4  # either neighbor, and its side
    assert hashes(found) == hashes(pair_bags(index_words(["two", "bridge", "collapsed"]), ["bridge"])[1])


def test_a_target_that_is_not_named_has_no_words_near_it() -> None:
    near, found = pair_bags(index_words(["rain", "fell", "for", "days"]), ["bridge"])
    assert len(near.hashes) == 0
    assert hashes(found) != hashes(pair_bags(index_words(["the", "bridge", "fell", "for", "days"]), ["bridge"])[1])


def test_a_long_article_is_read_from_its_title_to_a_limit() -> None:
    sentence = "The council voted to rebuild the bridge over the river on Monday evening. "
    page = read_page(sentence * 200, "A vote on the bridge", "en")
    read = article_words(page, OPENING_CHARACTERS)
    assert read[:5] == ["a", "vote", "on", "the", "bridge"]
    assert OPENING_CHARACTERS - 100 < len(" ".join(read)) <= OPENING_CHARACTERS


def test_a_target_is_found_far_behind_the_opening() -> None:
    opening = "The council voted to rebuild the bridge over the river on Monday evening. " * 60
    page = read_page(opening + "Only then was the harbor tax praised by the mayor.", "", "en")
    _, ((_, _, near, _),) = read_bags(page, ["harbor tax"])
    assert len(near.hashes) > 0
    assert "harbor" not in article_words(page, OPENING_CHARACTERS)


def test_a_page_is_read_for_both_models() -> None:
    page = read_page("The council voted to rebuild the bridge. Drivers welcomed the bridge.", "", "en")
    article, pairs = read_bags(page, ["the bridge", "the council"])
    assert [bag.kind for bag in article] == [ARTICLE]
    assert [[bag.kind for bag in pair] for pair in pairs] == [[ARTICLE, TARGET, NEAR, FOUND]] * 2


def test_logits_are_the_sum_of_what_each_bag_says() -> None:
    model = NgramModel(len(KINDS), 64, 3)
    torch.manual_seed(0)
    model.weights.normal_()
    model.rarity.uniform_(1, 5)
    model.bias.normal_()
    page = read_page("The council voted to rebuild the bridge.", "", "en")
    _, (pair, other) = read_bags(page, ["the bridge", "the council"])
    together = model([pair, other, []])
    expected = model.bias.clone()
    for bag in pair:
        values = bag.counts * model.rarity.numpy()[bag.kind * 64 + bag.hashes % 64]
        expected += torch.from_numpy(values / np.linalg.norm(values)) @ model.weights[bag.kind * 64 + bag.hashes.astype(np.int64) % 64]
    torch.testing.assert_close(together[0], expected)
    torch.testing.assert_close(together[1], model([other])[0])  # no item changes another
    torch.testing.assert_close(together[2], model.bias)
    assert model([]).shape == (0, 3)


def test_topics_and_stances_are_read_in_n_grams_of_their_lengths() -> None:
    article, ((opening, target, *_),) = read_bags(read_page("Rain.", "", "en"), ["rain"])
    assert [bag.hashes.tolist() for bag in article] == [character_ngrams(["rain"], ARTICLE, (2, 3, 4, 5)).hashes.tolist()]
    assert opening.hashes.tolist() == target.hashes.tolist() == HASHES_OF_RAIN


def test_chosen_n_grams_say_what_was_learned_and_others_are_not_seen() -> None:
    model = ChosenNgrams(4, 2)
    model.choose(np.array([5, 7, 2**32 - 9], dtype=np.uint32))
    assert model([[Bag(ARTICLE, np.array([5], dtype=np.uint32), np.ones(1, dtype=np.float32))]]).tolist() == [[0, 0]]
    weights = np.array([[1.27, 0.0], [-0.5, 2.54], [0.01, -0.02], [0.0, 0.0]])
    model.learn(weights, np.array([0.25, -1.0]))
    model.rarity[:3] = torch.tensor([3.0, 4.0, 1.0])
    bag = Bag(ARTICLE, np.array([5, 6, 7, 2**32 - 1], dtype=np.uint32), np.array([1.0, 8.0, 1.0, 9.0], dtype=np.float32))
    last = Bag(ARTICLE, np.array([2**32 - 9], dtype=np.uint32), np.full(1, 2.0, dtype=np.float32))
    unknown = Bag(ARTICLE, np.array([8], dtype=np.uint32), np.ones(1, dtype=np.float32))
    # 3 and 4 over their length 5; what is not known has no part in the length
    expected = [[0.6 * 1.27 - 0.8 * 0.5 + 0.25, 0.8 * 2.54 - 1.0], [0.26, -1.02], [0.25, -1.0], [0.25, -1.0]]
    np.testing.assert_allclose(model([[bag], [last], [unknown], []]), expected, atol=1e-6)


def test_learned_weights_are_kept_to_one_part_in_254_of_the_largest_of_a_label() -> None:
    model = ChosenNgrams(50, 2)
    model.choose(np.arange(50, dtype=np.uint32))
    weights = np.random.default_rng(1).normal(size=(50, 2)) * [1.0, 100.0]
    model.learn(weights, np.zeros(2))
    said = model([[Bag(ARTICLE, np.array([row], dtype=np.uint32), np.ones(1, dtype=np.float32))] for row in range(50)])
    assert np.all(np.abs(said.numpy() - weights) <= np.abs(weights).max(axis=0) / 253)


def test_n_grams_are_forgotten_when_others_are_chosen() -> None:
    model = ChosenNgrams(4, 2)
    model.choose(np.array([5, 7], dtype=np.uint32))
    model.choose(np.array([6], dtype=np.uint32))
    (known,) = model.numbered([Bag(ARTICLE, np.array([5, 6, 7], dtype=np.uint32), np.array([1.0, 2.0, 3.0], dtype=np.float32))])
    assert known.hashes.tolist() == [0]
    assert known.counts.tolist() == [2.0]


def test_kinds_share_no_weights() -> None:
    model = NgramModel(len(KINDS), 16, 2)
    for kind in KINDS:
        places = model.places(Bag(kind, np.arange(100, dtype=np.uint32), np.ones(100, dtype=np.float32)))
        assert set(places.tolist()) == set(range(kind * 16, kind * 16 + 16))
