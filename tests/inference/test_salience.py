"""Counts of words, and the networks that read how salient sentences are from them."""

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from inference.checkpoint import load_checkpoint, save_checkpoint
from inference.cleaning import Page, read_page
from inference.model import ArticleModel
from inference.salience import SENTENCE_FEATURES, WORD_FEATURES, SalienceModel, _said, hash_words, read_sentences

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
    assert features[:, 10] == pytest.approx([2 / 16, 3 / 34, 2 / 34, 1 / 15])  # capitals among the letters
    assert features[:, 11].tolist() == [0, 0, 2 / 4, 0]
    assert features[:, 12].tolist() == [0, 0, 1, 0]
    assert features[:, 13].tolist() == [0, 0, 0, 1]
    assert features[:, 14].tolist() == [0, 0, 0, 0]


def test_doubt_and_missing_full_stops_are_told() -> None:
    body = "The council voted on Monday to rebuild the old bridge over the river.\n\nThe mayor thanked the engineers for their work"
    read = page(f"{body}\n\nShare this article on Facebook or Twitter", "")
    features = read_sentences(read, 99).sentence_features
    assert features[:2, 14].tolist() == [0, 1]
    assert features[:, 15].tolist() == pytest.approx([sentence.boilerplate for sentence in read.sentences])
    sure, doubtful = (replace(read.sentences[0], boilerplate=value) for value in (0.0, 0.4))
    told = [read_sentences(replace(read, sentences=(one,)), 1).sentence_features[0, 15] for one in (sure, doubtful)]
    assert told == pytest.approx([0.0, 0.4])


def test_scripts_and_lengths_of_words_are_told() -> None:
    reading = read_sentences(page("東京 Rain fell.", ""), 9)
    assert reading.word_features[:, 12].tolist() == [1, 1, 0, 0]
    assert reading.word_features[:, 10] == pytest.approx(np.log([1, 1, 4, 4]))


def test_where_a_word_stands_counts_from_the_opening() -> None:
    spread, first = (column(TEXT, TITLE, number) for number in (3, 7))
    assert (spread["the"], spread["elbe"]) == (0.75, 0.25)
    assert (first["rain"], first["river"]) == (0, pytest.approx(math.log(6), abs=1e-4))


def test_a_word_twice_in_capitals_is_one_that_always_has_them() -> None:
    twice = column("He saw the Elbe and the Elbe again, near the elbe.", "", 8)
    assert twice["elbe"] == pytest.approx(2 / 3, abs=1e-4)


def test_how_much_of_what_a_summary_says_a_sentence_has() -> None:
    """Two sentences, "rain fell" and "rain stopped then": the numbers by hand."""
    model = SalienceModel(1 << 16)
    found = model.lay_out([read_sentences(page("Rain fell. Rain stopped then.", ""), 9)])
    said = _said(found, torch.tensor([0.8, 0.5, 0.1, 0.2]))
    expected, first, second = 1.6, 0.8 + 0.5, 0.8 + 0.1 + 0.2
    reference = 1.3 * expected + 1
    rows = [
        [first / 4, 4 * first / 2, 8 * first / (2 + reference), 8 * first / (2 + expected), 3 * first / expected, 0.4, 20 * 0.4 / (2 + reference), 0.8],
        [second / 4, 4 * second / 3, 8 * second / (3 + reference), 8 * second / (3 + expected), 3 * second / expected, 0.1, 2 / (3 + reference), 0.8],
    ]
    assert said[:, :8].numpy() == pytest.approx(np.array(rows), rel=1e-5)
    assert said[0, 8:].tolist() == [0.0] * 8
    assert said[1, 8:].numpy() == pytest.approx(np.array(rows[1]) - np.array(rows[0]), abs=1e-5)


def test_numbers_of_an_article_that_words_and_the_model_have() -> None:
    model = fitted(1 << 16)
    reading = read_sentences(page(), 99)
    found = model.lay_out([reading])
    places = torch.from_numpy(model.buckets_of(reading))
    assert torch.equal(found.features[:, -1], model.repeated[places])
    assert torch.equal(found.features[:, -3], model.rarity[places])
    assert torch.allclose(found.features[:, -2], model.rarity[places] * torch.from_numpy(reading.word_features[:, 2]))
    before = model([reading])
    model.repeated.neg_()
    assert not torch.allclose(model([reading]), before)


def test_what_is_far_from_the_training_articles_is_as_far() -> None:
    model = fitted()
    model.word_scale.fill_(1e-3)
    far = model([read_sentences(page(), 99)])
    model.word_scale.fill_(1e-6)
    assert far.isfinite().all()
    values = model.lay_out([read_sentences(page(), 99)]).features
    near = ((values - model.word_mean) / model.word_scale).abs()
    assert bool((near[values.abs() > 1e-4] > 5).all())
    assert float((model([read_sentences(page(), 99)]) - far).abs().max()) < 0.5


def test_networks_stay_as_they_are_where_all_that_can_learn_does(make_model: Callable[..., ArticleModel], tokenizer: Any, tmp_path: Any) -> None:
    """After loading too: transformers makes new parameters then, and those would be trained."""
    saved = save_checkpoint(tmp_path / "saved", make_model(word_buckets=64), tokenizer, {})
    loaded = load_checkpoint(saved).model
    assert loaded.word_salience is not None
    assert not list(loaded.word_salience.parameters())
    assert {name for name, _ in loaded.word_salience.named_buffers()} >= {"word_network.weight_0", "sentence_network.bias_2", "rarity"}


def test_what_a_sentence_shares_with_its_article_is_weighed_by_rarity() -> None:
    model = SalienceModel(1 << 16)
    model.rarity.fill_(0.5)
    model.rarity[model.buckets_of(read_sentences(page("Rain."), 1))] = 1.0
    plain = model.lay_out([read_sentences(page("Rain fell. Rain stopped then.", "Then rain"), 9)]).sentence_features[:, SENTENCE_FEATURES:]
    recurring, spread, in_lead, in_title, lead_covered, title_covered, cosine, rarity, new = plain.T.tolist()
    assert recurring == pytest.approx([1 / 1.5, 1 / 2])
    assert spread == pytest.approx([math.log(2) / 1.5, math.log(2) / 2])
    whole = math.sqrt(4 + 3 * 0.25)  # "rain" twice with a rarity of 1, three words once with a half
    assert cosine == pytest.approx([(2 + 0.25) / (whole * math.sqrt(1.25)), (2 + 0.5) / (whole * math.sqrt(1.5))])
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
