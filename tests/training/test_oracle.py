import pytest

from inference.article import Article
from training.oracle import TEMPERATURE, oracle_sentences, rouge_gain, salience_targets

STORY = ["Rain fell on Monday.", "The river rose by two metres.", "Nobody was hurt."]


def test_gain_is_rouge_1_plus_rouge_2() -> None:
    # unigrams: 2 of 3 and 2 of 4 -> F 4/7; bigrams: "river rose" of 2 and of 3 -> F 2/5
    assert rouge_gain(["river", "rose", "fast"], ["the", "river", "rose", "today"]) == pytest.approx(4 / 7 + 2 / 5)
    assert rouge_gain(["river"], ["river"]) == 1.0  # one word has no pair
    assert rouge_gain(["a", "b"], ["a", "b"]) == 2.0
    assert rouge_gain(["a", "a", "a"], ["a"]) == pytest.approx(2 / 4)  # a repeated word counts once
    assert rouge_gain([], ["a"]) == rouge_gain(["a"], []) == rouge_gain(["b"], ["a"]) == 0.0


def test_greedy_picks_in_the_order_of_the_article() -> None:
    assert oracle_sentences(STORY, "Nobody was hurt. The river rose.", 3) == [1, 2]
    assert oracle_sentences(STORY, "Nobody was hurt. The river rose.", 1) == [2]
    assert oracle_sentences(STORY, "Snow", 3) == []
    assert oracle_sentences([], "Snow", 3) == []


def test_soft_targets_follow_the_scores() -> None:
    targets = salience_targets(STORY, "The river rose.")
    assert targets is not None
    assert sum(targets) == pytest.approx(1)
    assert max(targets) == targets[1] > 0.99
    assert targets[0] == pytest.approx(targets[2])
    both = salience_targets(["Rain fell.", "Rain fell.", "Snow."], "Rain fell.")
    assert both is not None
    assert both[0] == both[1] == pytest.approx(0.5, abs=0.01)


def test_the_temperature_is_the_score_difference_of_one_e() -> None:
    targets = salience_targets(["a b c d", "a x y z"], "a b c d")
    assert targets is not None
    score = rouge_gain(["a", "x", "y", "z"], ["a", "b", "c", "d"]) / 2
    assert targets[1] / targets[0] == pytest.approx(2.718281828 ** ((score - 1.0) / TEMPERATURE))


def test_a_reference_that_shares_no_word_teaches_nothing() -> None:
    assert salience_targets(STORY, "Snow!") is None
    assert salience_targets([], "Snow") is None
    assert salience_targets(STORY, "...") is None


def test_every_script_counts(one_a_language: list[Article]) -> None:
    for article in one_a_language:
        lines = [line for line in article.text.split("\n") if line.strip()]
        assert article.summary is not None
        targets = salience_targets([*lines, article.summary], article.summary)
        assert targets is not None
        assert targets[-1] == max(targets), article.lang
        assert oracle_sentences([*lines, article.summary], article.summary, 1) == [len(lines)], article.lang
