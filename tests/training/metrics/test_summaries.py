"""Summary scores worked out by hand, and beside the libraries."""

import pytest
from rouge_score.rouge_scorer import RougeScorer

from training.metrics.summaries import chrf, rouge


def test_rouge_by_hand() -> None:
    # 3 of 4 words shared; 1 of 3 bigrams; longest common subsequence "the cat slept"
    scores = rouge("the cat slept today", "the grey cat slept")
    assert scores == {"rouge1": pytest.approx(75.0), "rouge2": pytest.approx(100 / 3), "rougeL": pytest.approx(75.0)}


def test_identical_texts_score_full_in_every_script(scripts: dict[str, str]) -> None:
    for script, text in scripts.items():
        assert rouge(text, text) == {"rouge1": 100.0, "rouge2": 100.0, "rougeL": 100.0}, script
        assert chrf([text], [text]) == pytest.approx(100.0), script


def test_scripts_do_not_match_each_other(scripts: dict[str, str]) -> None:
    for script, text in scripts.items():
        other = "Rate 42" if script != "Latin" else "Совет"
        assert rouge(text, other) == {"rouge1": 0.0, "rouge2": 0.0, "rougeL": 0.0}, script


def test_rouge_equals_the_reference_library_on_english() -> None:
    reference = 'The council rejected the ferry, 19 votes to 16; the mayor called it "a costly toy" in Friday\'s session.'
    summary = "Council members rejected a new ferry on Friday. The mayor's party had 16 votes - too few."
    library = RougeScorer(["rouge1", "rouge2", "rougeL"], use_stemmer=False).score(reference, summary)
    assert rouge(summary, reference) == {name: pytest.approx(100 * score.fmeasure) for name, score in library.items()}
    assert 0 < rouge(summary, reference)["rouge2"] < 50


def test_chrf_is_one_score_for_the_corpus() -> None:
    short, long = "Rain.", "The river rose by two metres overnight."
    both = chrf([short, "x"], [short, long])
    assert both is not None
    assert both < 50  # the mean of the sentence scores would be 50


def test_nothing_to_score_is_no_score() -> None:
    assert chrf([], []) is None
