"""The networks that say how salient sentences are, as they are fitted on training articles."""

from collections.abc import Callable
from random import Random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from inference.analyzer import Analyzer
from inference.article import Article
from inference.checkpoint import load_checkpoint, save_checkpoint
from inference.cleaning import read_page
from inference.errors import CheckpointError
from inference.model import ArticleModel
from inference.salience import SalienceModel, hash_words, read_sentences
from training import salience_model
from training.salience_model import fit_salience

NAMES = ["Elbe", "Oder", "Rhine", "Danube", "Volga", "Rhone", "Tiber", "Thames", "Seine", "Ebro"]
ACTS = ["rose by two metres", "flooded a valley", "closed a road", "broke a dam", "fell at last"]
FILLERS = ["Nobody knows why that is so.", "It was a day like others.", "Many people came to look.", "Such things were said before.", "The band played on."]


def article(seed: int, *, summary: bool = True) -> tuple[Article, int]:
    """Five sentences, one of which names a river; that is what the reference repeats. Also its place."""
    random = Random(seed)
    name, act = random.choice(NAMES), random.choice(ACTS)
    sentences = random.sample(FILLERS, 4)
    place = random.randrange(5)
    sentences.insert(place, f"Today the river {name} {act}.")
    reference = f"River {name} {act}"
    text = " ".join(sentences)
    if summary:
        return Article(text, str(seed), lang="en", summary=reference), place
    return Article(text, str(seed), title=reference, lang="en"), place


def source(articles: list[Article], *, headlines: bool = False) -> Any:
    return SimpleNamespace(source=SimpleNamespace(headline_as_summary=headlines), articles=articles)


def picks(model: SalienceModel, articles: list[Article]) -> list[int]:
    return [int(model([read_sentences(read_page(one.text, "", "en"), 9)]).argmax()) for one in articles]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(salience_model, "EPOCHS", 20)


LEARNED = [article(seed) for seed in range(120)]
UNSEEN = [article(seed) for seed in range(500, 530)]


@pytest.mark.parametrize("headlines", [False, True])
def test_the_sentence_that_references_repeat_is_learned(quick: None, headlines: bool) -> None:
    model = SalienceModel(4096)
    fit_salience(model, [source([article(seed, summary=not headlines)[0] for seed in range(120)], headlines=headlines)], 1.0, 0.0, seed=1)
    right = [pick == place for pick, (_, place) in zip(picks(model, [one for one, _ in UNSEEN]), UNSEEN, strict=True)]
    assert sum(right) >= 28
    assert not any(buffer.requires_grad for buffer in model.buffers())
    assert not list(model.parameters())


def test_words_of_references_are_told_from_others(quick: None) -> None:
    model = SalienceModel(1 << 16)
    fit_salience(model, [source([one for one, _ in LEARNED])], 1.0, 0.0, seed=1)
    river, nobody = (float(model.repeated[int(hash_words([word])[0]) % model.buckets]) for word in ("river", "nobody"))
    assert river > 2 > -2 > nobody
    rare, frequent = (float(model.rarity[int(hash_words([word])[0]) % model.buckets]) for word in ("elbe", "river"))
    assert 0 <= frequent < 0.01 < rare < 1


def test_no_article_is_told_its_own_reference() -> None:
    """Of words that stand in one article alone, those that its reference has look in training like those that it has not."""
    own = Article("Zanzibar voted. A drummer played.", lang="en", summary="Zanzibar voted")
    references = salience_model._references([source([own, *(one for one, _ in LEARNED[:60])])], 1.0, seed=1)
    lessons = list(salience_model._lessons(references, 0.0, 1, lambda *_: None))
    model = SalienceModel(1 << 16)
    batches = salience_model._Batches(model, lessons, *salience_model._count(model, lessons))
    assert lessons[0].said.tolist() == [True, True, False, False, False]
    zanzibar, voted, _, drummer, _ = batches._without(lessons[0])
    assert zanzibar == voted == drummer
    batches.lessons = lessons[:1]
    ((found, _, _, _),) = batches
    assert found.features[:, -1].tolist() == pytest.approx(batches._without(lessons[0]).tolist())


def test_what_other_articles_say_of_a_word_is_counted_without_its_own() -> None:
    """In 512 buckets too, where words of one article share some."""
    references = salience_model._references([source([one for one, _ in LEARNED[:60]])], 1.0, seed=1)
    lessons = list(salience_model._lessons(references, 0.0, 1, lambda *_: None))
    for buckets in (1 << 16, 16):
        model = SalienceModel(buckets)
        seen, repeated = salience_model._count(model, lessons)
        assert seen.max() <= 60
        others = salience_model._count(model, lessons[1:])
        batches = salience_model._Batches(model, lessons, seen, repeated)
        places = model.buckets_of(lessons[0].reading)
        expected = salience_model._log_odds(others[0][places], others[1][places], batches.share)
        assert batches._without(lessons[0]).tolist() == pytest.approx(expected.tolist())
    assert salience_model._log_odds(*map(np.array, ([0.0], [0.0])), 0.2).tolist() == pytest.approx([np.log(0.2 / 0.8)])


def test_a_headline_is_taken_out_of_its_article() -> None:
    headed = Article("River Elbe rose.\nThe band played on. Nobody knows why.", title="River Elbe rose", lang="en")
    ((body, headline, _),) = salience_model._references([source([headed], headlines=True)], 1.0, seed=1)
    assert (headline, body.title) == ("River Elbe rose", "")
    assert "Elbe" not in body.text or "River Elbe rose\n" not in body.text
    opening = Article("River Elbe rose\nThe band played on. Nobody knows why the Elbe rose.", title="River Elbe rose", lang="en")
    ((body, _, _),) = salience_model._references([source([opening], headlines=True)], 0.5, seed=1)
    assert body.text == "The band played on. Nobody knows why the Elbe rose."


def test_headlines_count_by_their_weight() -> None:
    headlines = source([article(seed, summary=False)[0] for seed in range(4)], headlines=True)
    assert {weight for *_, weight in salience_model._references([headlines], 0.5, seed=1)} == {0.25}


def test_titles_are_hidden_from_a_share_of_the_articles() -> None:
    titled = [Article(one.text, one.id, title="River Elbe", lang="en", summary=one.summary) for one, _ in LEARNED]
    references = salience_model._references([source(titled)], 1.0, seed=1)
    for share, least, most in ((0.0, 120, 120), (0.5, 45, 75), (1.0, 0, 0)):
        lessons = list(salience_model._lessons(references, share, 1, lambda *_: None))
        assert least <= sum(bool(lesson.reading.sentence_features[0, 16]) for lesson in lessons) <= most


def test_fewer_than_enough_articles_teach_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(salience_model, "EPOCHS", 1)
    for count, expected in ((salience_model.FEWEST - 1, 0.0), (salience_model.FEWEST, 1.0)):
        fit_salience(model := SalienceModel(512), [source([one for one, _ in LEARNED[:count]])], 1.0, 0.0, seed=1)
        assert float(model.fitted) == expected


def test_long_articles_are_read_to_a_limit_and_large_corpora_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(salience_model, "MOST_SENTENCES", 3)
    monkeypatch.setattr(salience_model, "MOST_ARTICLES", 20)
    references = salience_model._references([source([one for one, _ in LEARNED])], 1.0, seed=1)
    assert len(references) == 20
    places = [int(one.id) for one, _, _ in references]
    assert places == sorted(places)
    assert places[-1] > 40
    assert all(len(lesson.salience) == len(lesson.reading.sentence_features) == 3 for lesson in salience_model._lessons(references, 0.0, 1, lambda *_: None))
    single = [(Article("Rain fell on the river Elbe.", lang="en"), "Rain fell", 1.0)]
    assert list(salience_model._lessons(single, 0.0, 1, lambda *_: None)) == []


def test_what_is_always_alike_in_training_shows_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(salience_model, "EPOCHS", 1)
    fit_salience(model := SalienceModel(4096), [source([one for one, _ in LEARNED])], 1.0, 0.0, seed=1)
    assert float(model.word_scale[12]) == float(model.sentence_scale[13]) == 1e4  # no unspaced script, no question
    assert 0.1 < float(model.word_scale[6]) < 1
    features = model.lay_out([read_sentences(read_page(one.text, "", "en"), 9) for one, _ in LEARNED]).features
    standard = (features - model.word_mean) / model.word_scale
    assert float(standard[:, 6].mean().abs()) < 0.01
    assert float(standard[:, 6].std()) == pytest.approx(1.0, abs=0.01)


def test_articles_teach_by_their_weight(quick: None) -> None:
    """Two sources that want different sentences: the heavier one, by its headlines' weight, decides."""
    rivers = source([one for one, _ in LEARNED])
    bands = source([Article(one.text, title=next(f for f in FILLERS if f in one.text), lang="en") for one, _ in LEARNED], headlines=True)
    asked = read_sentences(read_page("It was a day like others. Today the river Tiber closed a road.", "", "en"), 9)
    picked, rivers_said = [], []
    for weight in (0.02, 50.0):
        fit_salience(model := SalienceModel(4096), [rivers, bands], weight, 0.0, seed=1)
        said = model.word_logits(model.lay_out([asked])).sigmoid()
        rivers_said.append(float(said[asked.hashes.tolist().index(int(hash_words(["river"])[0]))]))
        picked.append(sum(pick == place for pick, (_, place) in zip(picks(model, [one for one, _ in UNSEEN]), UNSEEN, strict=True)))
    assert picked[0] >= 27
    assert picked[1] <= 10
    assert rivers_said[0] > rivers_said[1] + 0.1  # 0.68 and 0.47; without weights in the words' loss 0.33 and 0.41


def test_the_first_network_says_which_words_a_reference_has(quick: None) -> None:
    fit_salience(model := SalienceModel(4096), [source([one for one, _ in LEARNED])], 1.0, 0.0, seed=1)
    reading = read_sentences(read_page("It was a day like others. Today the river Tiber closed a road.", "", "en"), 9)
    probability = model.word_logits(model.lay_out([reading])).sigmoid()
    words = ["it", "was", "a", "day", "like", "others", "today", "the", "river", "tiber", "closed", "road"]
    said = dict(zip(words, probability.tolist(), strict=True))
    assert min(said["river"], said["tiber"], said["closed"]) > 0.8
    assert max(said["day"], said["others"], said["today"]) < 0.2


def test_headlines_teach_nothing_where_they_are_no_summaries() -> None:
    for one in (source([article(seed, summary=False)[0] for seed in range(60)]), source([], headlines=True)):
        fit_salience(model := SalienceModel(512), [one], 1.0, 0.0, seed=1)
        assert float(model.fitted) == 0
    fit_salience(model := SalienceModel(512), [source([article(seed, summary=False)[0] for seed in range(60)], headlines=True)], 0.0, 0.0, seed=1)
    assert float(model.fitted) == 0


def test_the_same_seed_fits_the_same_and_leaves_the_generator_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(salience_model, "EPOCHS", 1)
    one, other, another = (SalienceModel(512) for _ in range(3))
    articles = [one for one, _ in LEARNED[:60]]
    state = torch.get_rng_state()
    fit_salience(one, [source(articles)], 1.0, 0.0, seed=1)
    assert torch.equal(torch.get_rng_state(), state)
    fit_salience(other, [source(articles)], 1.0, 0.0, seed=1)
    fit_salience(another, [source(articles)], 1.0, 0.0, seed=2)
    assert all(torch.equal(a, b) for a, b in zip(one.state_dict().values(), other.state_dict().values(), strict=True))
    assert not torch.equal(one.word_network.weight_0, another.word_network.weight_0)


def test_a_large_source_does_not_drown_a_small_one() -> None:
    weights = {
        weight
        for _, _, weight in salience_model._references(
            [source([one for one, _ in LEARNED[:100]]), source([one for one, _ in UNSEEN[:25]])],
            1.0,
            seed=1,
        )
    }
    assert weights == {0.1, 0.2}


def test_an_article_that_is_its_headline_and_nothing_else_is_passed_over() -> None:
    bare = Article("River Elbe rose", title="River Elbe rose", lang="en")
    found = salience_model._references([source([bare], headlines=True)], 1.0, seed=1)
    assert len(found) == 1
    assert list(salience_model._lessons(found, 0.0, 1, lambda *_: None)) == []


def test_a_checkpoint_answers_with_what_it_was_fitted_to(make_model: Callable[..., ArticleModel], tokenizer: Any, tmp_path: Any, quick: None) -> None:
    """Through save and load, and into the summary: with the words alone, the river is what is said."""
    model = make_model(word_buckets=4096, salience_word_weight=1000.0)
    assert model.word_salience is not None
    fit_salience(model.word_salience, [source([one for one, _ in LEARNED])], 1.0, 0.0, seed=1)
    loaded = load_checkpoint(save_checkpoint(tmp_path / "fitted", model, tokenizer, {}))
    analyzer = Analyzer(loaded.model, loaded.tokenizer)
    said = [analysis.summary.text for analysis in analyzer.analyze_many([one for one, _ in UNSEEN], max_sentences=1)]
    assert sum("river" in text for text in said) >= 28


def test_words_and_encoder_are_weighed_and_divided_by_the_temperature(make_model: Callable[..., ArticleModel], tokenizer: Any) -> None:
    model = make_model(word_buckets=256, salience_word_weight=3.0, salience_temperature=2.0)
    assert model.word_salience is not None
    fit_salience(model.word_salience, [source([one for one, _ in LEARNED[:60]])], 1.0, 0.0, seed=1)
    analyzer, asked = Analyzer(model, tokenizer), UNSEEN[0][0]
    (found,) = analyzer.logits([asked])
    (analysis,) = analyzer.analyze_many([asked], max_words=200)
    expected = ((found.salience[0] + 3.0 * found.salience[1]) / 2.0).softmax(-1)
    assert [sentence.salience for sentence in analysis.summary.sentences] == pytest.approx(expected.tolist(), abs=1e-5)
    assert found.sentences == tuple(sentence.text for sentence in analysis.summary.sentences)
    assert float(found.salience[1].std()) > 0.1


def test_a_checkpoint_without_such_a_model_answers_with_its_encoder(make_model: Callable[..., ArticleModel], tokenizer: Any) -> None:
    (found,) = Analyzer(make_model(), tokenizer).logits([UNSEEN[0][0]])
    assert found.salience[1].tolist() == [0.0] * 5
    assert len(found.sentences) == 5
    assert len(set(found.salience[0].tolist())) > 1


def test_only_what_the_windows_hold_is_read(make_model: Callable[..., ArticleModel], tokenizer: Any) -> None:
    model = make_model(word_buckets=256, window_tokens=32, max_windows=2)
    analyzer = Analyzer(model, tokenizer)
    long = Article(" ".join(one.text for one, _ in LEARNED), lang="en")
    (found,) = analyzer.logits([long])
    assert 1 < len(found.sentences) < 20
    assert found.salience.shape == (2, len(found.sentences))
    assert long.text.startswith(" ".join(found.sentences))


def test_broken_words_are_refused(make_model: Callable[..., ArticleModel], tokenizer: Any) -> None:
    model = make_model(word_buckets=64)
    assert model.word_salience is not None
    model.word_salience.fitted.fill_(float("nan"))
    with pytest.raises(CheckpointError, match="infinite or undefined numbers"):
        list(Analyzer(model, tokenizer).analyze_many([UNSEEN[0][0]]))
