"""Trivial systems on articles whose answers are plain to see."""

from collections import Counter

from inference.article import Article
from training.baselines import baseline_summaries, body_sentences, label_shares

TEXT = "The council met in Porthaven on Monday evening. It rejected the ferry plan by 19 votes. The mayor left early. A new vote comes in May."


def test_label_shares_put_the_majority_first() -> None:
    assert label_shares(Counter(["arts", "sport", "sport", "sport"])) == {"sport": 0.75, "arts": 0.25}
    assert next(iter(label_shares(Counter(["arts", "sport", "sport"])))) == "sport"


def test_leads_are_the_first_sentences() -> None:
    summaries = baseline_summaries(Article(TEXT, lang="en"), "The ferry plan was rejected.")
    assert list(summaries) == ["lead-1", "lead-2", "lead-3", "oracle"]
    assert summaries["lead-1"] == "The council met in Porthaven on Monday evening."
    assert summaries["lead-3"] == TEXT.removesuffix(" A new vote comes in May.")


def test_leads_respect_the_number_of_sentences() -> None:
    assert list(baseline_summaries(Article(TEXT, lang="en"), "The ferry plan was rejected.", max_sentences=1)) == ["lead-1", "oracle"]


def test_the_oracle_finds_the_sentence_of_the_reference() -> None:
    assert (
        baseline_summaries(Article(TEXT, lang="en"), "It rejected the ferry plan by 19 votes.", max_sentences=1)["oracle"]
        == "It rejected the ferry plan by 19 votes."
    )


def test_a_short_article_gives_what_it_has() -> None:
    summaries = baseline_summaries(Article("The council met in Porthaven on Monday evening.", lang="en"), "The council met.")
    assert summaries["lead-1"] == summaries["lead-3"] == "The council met in Porthaven on Monday evening."


def test_the_lead_begins_after_boilerplate() -> None:
    text = "Share this article\nSubscribe to our newsletter\n" + TEXT + "\nCopyright 2024 The Porthaven Post. All rights reserved."
    assert body_sentences(Article(text, lang="en"))[0] == "The council met in Porthaven on Monday evening."
    assert body_sentences(Article(text, lang="en"))[-1] == "A new vote comes in May."
