"""Counts of words, and the networks that read how salient sentences are from them."""

import math

import numpy as np
import pytest
import torch

from inference.cleaning import Page, read_page
from inference.salience import SENTENCE_FEATURES, WORD_FEATURES, SalienceModel, hash_words, read_sentences

TEXT = 'Rain fell on Monday. The River Elbe rose by 12 metres, as rain fell. "Nobody was hurt," said the mayor of Dresden. Is the bridge safe?'
TITLE = "Elbe rises"
KNOWN = {
    int(hash_words([word])[0]): word
    for word in ["rain", "fell", "on", "monday", "the", "river", "elbe", "rose", "by", "12", "metres", "as", "nobody", "was", "hurt"]
}


def page(text: str = TEXT, title: str = TITLE) -> Page:
    return read_page(text, title, "en")


def fitted(buckets: int = 512) -> SalienceModel:
    """Networks with numbers of their own, as if they had been fitted."""
    model = SalienceModel(buckets)
    with torch.random.fork_rng():
        torch.manual_seed(5)
        for tensor in (*model.word_network.buffers(), *model.sentence_network.buffers(), model.rarity, model.repeated):
            tensor.uniform_(-0.5, 0.5)
    model.rarity.abs_()
    model.fitted.fill_(1)
    return model


def column(text: str, title: str, number: int) -> dict[str, float]:
    """One number of each word."""
    reading = read_sentences(page(text, title), 99)
    return {KNOWN[hashed]: round(float(row[number]), 4) for hashed, row in zip(reading.hashes.tolist(), reading.word_features, strict=True) if hashed in KNOWN}


def test_words_are_counted_once_each_in_the_order_of_their_first_place() -> None:
    reading = read_sentences(page(), 99)
    assert reading.hashes[:4].tolist() == hash_words(["rain", "fell", "on", "monday"]).tolist()
    assert len(set(reading.hashes.tolist())) == len(reading.hashes)
    assert reading.word_features.shape == (len(reading.hashes), WORD_FEATURES)
    assert reading.sentence_features.shape == (4, SENTENCE_FEATURES)
    assert reading.words[:12].tolist() == [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
    assert np.bincount(reading.sentences).tolist() == [4, 10, 8, 4]


def test_a_word_is_told_by_how_often_and_where_it_stands() -> None:
    occurrences, spread, share = (column(TEXT, TITLE, number) for number in (0, 1, 2))
    assert occurrences["rain"] == pytest.approx(math.log(2), abs=1e-4)
    assert occurrences["elbe"] == 0
    assert occurrences["the"] == pytest.approx(math.log(3), abs=1e-4)
    assert spread["the"] == pytest.approx(math.log(3), abs=1e-4)
    assert share["rain"] == pytest.approx(2 / 26, abs=1e-4)
    sentence, lead, place = (column(TEXT, TITLE, number) for number in (4, 5, 6))
    assert (sentence["rain"], sentence["river"], sentence["nobody"]) == (0, pytest.approx(math.log(2), abs=1e-4), pytest.approx(math.log(3), abs=1e-4))
    assert (lead["rain"], lead["river"]) == (1, 0)
    assert (place["rain"], place["fell"], place["elbe"]) == (0, 0.25, 0.2)


def test_capitals_inside_a_sentence_digits_and_the_title_are_told() -> None:
    capitals, digits, in_title = (column(TEXT, TITLE, number) for number in (8, 11, 15))
    assert (capitals["elbe"], capitals["monday"], capitals["rain"], capitals["rose"]) == (1, 1, 0, 0)  # the first word of a text always has one
    assert (digits["12"], digits["elbe"]) == (1, 0)
    assert [word for word, value in in_title.items() if value] == ["elbe"]
    assert not any(column(TEXT, "", 16).values())


def test_a_sentence_is_told_by_its_place_and_its_look() -> None:
    features = read_sentences(page(), 99).sentence_features
    assert features[:, 0].tolist() == [1, 0, 0, 0]
    assert features[:, 4] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert features[:, 6] == pytest.approx(np.log1p([4, 10, 8, 4]))
    assert features[:, 7] == pytest.approx(np.array([4, 10, 8, 4]) / 6)
    assert features[:, 8] == pytest.approx([1 / 3, 1 / 9, 0, 0])  # "rain fell" stands twice
    assert features[:, 9] == pytest.approx([0, 2 / 8, 0, 0])
    assert features[:, 12].tolist() == [0, 0, 1, 0]
    assert features[:, 13].tolist() == [0, 0, 0, 1]
    assert features[:, 14].tolist() == [0, 0, 0, 0]


def test_what_a_sentence_shares_with_its_article_is_weighed_by_rarity() -> None:
    model = SalienceModel(1 << 16)
    model.rarity.fill_(0.5)
    model.rarity[model.buckets_of(read_sentences(page("Rain."), 1))] = 1.0
    plain = model.lay_out([read_sentences(page("Rain fell. Rain stopped then.", "Then rain"), 9)]).sentence_features[:, SENTENCE_FEATURES:]
    recurring, _, in_lead, in_title, lead_covered, title_covered, _, rarity, new = plain.T.tolist()
    assert recurring == pytest.approx([1 / 1.5, 1 / 2])
    assert in_lead == pytest.approx([1, 1 / 2])
    assert in_title == pytest.approx([1 / 1.5, 1.5 / 2])
    assert lead_covered == pytest.approx([1, 1 / 1.5])
    assert title_covered == pytest.approx([1 / 1.5, 1])
    assert rarity == pytest.approx([1.5 / 2, 2 / 3])
    assert new == pytest.approx([1, 1 / 2])


def test_nothing_is_said_before_it_is_fitted() -> None:
    assert SalienceModel(64)([read_sentences(page(), 99)]).tolist() == [0, 0, 0, 0]
    assert len(set(fitted()([read_sentences(page(), 99)]).tolist())) == 4


@pytest.mark.parametrize("text", ["Rain fell.", "東京で会談した。首相が述べた。", "नदी में बाढ़ आई। दो लोग घायल हुए।", "!!! ... Rain. ???"])
def test_articles_beside_each_other_do_not_change_each_other(text: str) -> None:
    model = fitted()
    readings = [read_sentences(page(one), 99) for one in (TEXT, text, f"{text} {TEXT}")]
    alone = torch.cat([model([reading]) for reading in readings])
    assert alone.isfinite().all()
    assert torch.allclose(model(readings), alone, atol=1e-5)


def test_only_the_sentences_that_are_held_are_read() -> None:
    model, two = fitted(), read_sentences(page(), 2)
    assert len(model([two])) == 2
    shorter = TEXT[: TEXT.index('"')].strip()
    assert torch.equal(model([two]), model([read_sentences(page(shorter), 9)]))
