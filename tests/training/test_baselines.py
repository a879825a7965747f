"""Trivial systems on articles whose answers are plain to see."""

from collections import Counter

import pytest

from inference.article import Article
from training.baselines import LEXRANK_SENTENCES, baseline_summaries, body_spans, label_shares, lexrank_salience, lexrank_summary

TEXT = "The council met in Porthaven on Monday evening. It rejected the ferry plan by 19 votes. The mayor left early. A new vote comes in May."


def test_label_shares_put_the_majority_first() -> None:
    assert label_shares(Counter(["arts", "sport", "sport", "sport"])) == {"sport": 0.75, "arts": 0.25}
    assert next(iter(label_shares(Counter(["arts", "sport", "sport"])))) == "sport"


def test_leads_are_the_first_sentences() -> None:
    summaries = baseline_summaries(Article(TEXT, lang="en"), "The ferry plan was rejected.")
    assert list(summaries) == ["lead-1", "lead-2", "lead-3", "oracle"]
    assert summaries["lead-1"] == ("The council met in Porthaven on Monday evening.", (0,))
    assert summaries["lead-3"].text == TEXT.removesuffix(" A new vote comes in May.")
    assert [TEXT[start : start + 3] for start in summaries["lead-3"].starts] == ["The", "It ", "The"]


def test_leads_respect_the_number_of_sentences() -> None:
    assert list(baseline_summaries(Article(TEXT, lang="en"), "The ferry plan was rejected.", max_sentences=1)) == ["lead-1", "oracle"]


def test_the_oracle_finds_the_sentence_of_the_reference() -> None:
    sentence = "It rejected the ferry plan by 19 votes."
    assert baseline_summaries(Article(TEXT, lang="en"), sentence, max_sentences=1)["oracle"] == (sentence, (TEXT.index(sentence),))


def test_a_short_article_gives_what_it_has() -> None:
    summaries = baseline_summaries(Article("The council met in Porthaven on Monday evening.", lang="en"), "The council met.")
    assert summaries["lead-1"] == summaries["lead-3"] == ("The council met in Porthaven on Monday evening.", (0,))


def test_the_lead_begins_after_boilerplate() -> None:
    text = "Share this article\nSubscribe to our newsletter\n" + TEXT + "\nCopyright 2024 The Porthaven Post. All rights reserved."
    sentences = [text[start:end] for start, end in body_spans(Article(text, lang="en"))]
    assert sentences[0] == "The council met in Porthaven on Monday evening."
    assert sentences[-1] == "A new vote comes in May."


RIVER = "The river rose by two metres. The mayor spoke. The river rose again by one metre. Schools near the river closed."


def test_lexrank_prefers_what_many_others_take_up() -> None:
    flood, *others = ["Rain flooded bridge, school and harbor.", "The bridge closed.", "A school moved.", "Harbor cranes stopped.", "Cats sleep.", "Dogs bark."]
    salience = lexrank_salience([*others, flood])
    assert sum(salience) == pytest.approx(1)
    assert salience[-1] > max(salience[:-1])
    assert salience[3] == pytest.approx(salience[4])  # neither is taken up


def test_lexrank_reads_scripts_without_spaces() -> None:
    salience = lexrank_salience(["桥关闭。", "学校搬迁。", "港口停工。", "猫睡觉。", "狗吃肉。", "桥、学校、港口受灾。"])
    assert salience[-1] > max(salience[:-1])


@pytest.mark.parametrize("sentences", [["Rain fell."], ["Rain fell.", "Cats sleep."], ["Rain fell.", "Rain fell."], ["…", "!"]])
def test_sentences_with_nothing_to_tell_them_apart_share_alike(sentences: list[str]) -> None:
    assert lexrank_salience(sentences) == pytest.approx([1 / len(sentences)] * len(sentences))


def test_lexrank_reads_so_many_sentences() -> None:
    salience = lexrank_salience(["The river rose.", "The river fell."] * 60)
    assert len(salience) == 120
    assert min(salience[:LEXRANK_SENTENCES]) > 0
    assert set(salience[LEXRANK_SENTENCES:]) == {0.0}


def test_lexrank_keeps_to_the_limits() -> None:
    article = Article(RIVER, lang="en")
    assert lexrank_summary(article, max_words=7, max_sentences=1) == "The river rose by two metres."
    assert lexrank_summary(article, max_words=3, max_sentences=1) == "The mayor spoke."
    assert lexrank_summary(Article("After days of rain, the river rose by two metres.", lang="en"), max_words=7, max_sentences=None) == "After days of rain"
    assert lexrank_summary(article, max_words=60, max_sentences=None) == RIVER.replace(" The river rose again by one metre.", "")  # says what was said
