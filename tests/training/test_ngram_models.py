"""The linear models of n-grams, as they are fitted on training articles."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from inference.analyzer import Analyzer
from inference.article import Article, Stance
from inference.checkpoint import load_checkpoint, save_checkpoint
from inference.cleaning import read_page
from inference.errors import CheckpointError
from inference.labels import STANCES
from inference.model import ArticleModel
from inference.ngrams import ARTICLE, KINDS, TOPIC_ORDERS, ChosenNgrams, NgramModel, character_ngrams, read_bags
from training import ngram_models
from training.examples import SourceLabels, source_labels
from training.ngram_models import Pair, fit_ngrams, fit_stances, fit_topics

TOPICS = ("weather", "sport", "arts")
RAIN = ["Heavy rain fell on the coast.", "Rain and strong wind are expected.", "The rain flooded a valley.", "Snow and rain will close roads."]
GOALS = ["The striker scored two goals.", "Their keeper saved a goal.", "A late goal won the match.", "The match ended without goals."]


ALL = SourceLabels((0, 1, 2), (1.0,) * 4, False)
"""Of a source that uses all topics and whose neutral is neutral."""


def labelled(texts: list[str], topic: str, labels: SourceLabels = ALL) -> list[tuple[Article, SourceLabels]]:
    return [(Article(text, lang="en", topic=topic), labels) for text in texts]


def topic_scores(model: NgramModel, text: str) -> dict[str, float]:
    page_bags = read_bags(read_page(text, "", "en"), [])[0]
    return dict(zip(TOPICS, model([page_bags])[0].tolist(), strict=True))


def stance_logits(model: NgramModel, text: str, target: str) -> dict[str, float]:
    _, (pair,) = read_bags(read_page(text, "", "en"), [target])
    return dict(zip(STANCES, model([pair])[0].tolist(), strict=True))


def stance_of(model: NgramModel, text: str, target: str) -> str:
    logits = stance_logits(model, text, target)
    return max(logits, key=logits.__getitem__)


def pair(text: str, target: str, stance: str, weight: float = 1.0, merged: bool = False) -> Pair:
    return Pair(Article(text, lang="en"), target, STANCES.index(stance), weight, merged)


def test_topics_are_learned_and_one_never_seen_stays_below() -> None:
    model = ChosenNgrams(4096, 3)
    fit_topics(model, [*labelled(RAIN, "weather"), *labelled(GOALS, "sport")], TOPICS, seed=1)
    scores = topic_scores(model, "It will rain on the coast.")
    assert max(scores, key=scores.__getitem__) == "weather"
    scores = topic_scores(model, "The goals of the match.")
    assert max(scores, key=scores.__getitem__) == "sport"
    assert scores["arts"] == ngram_models.ABSENT < scores["sport"]


def test_three_topics_are_told_apart() -> None:
    model = ChosenNgrams(4096, 3)
    paint = labelled(["A painter shows new pictures.", "The museum buys a picture.", "Paintings hang in the gallery."], "arts")
    fit_topics(model, [*labelled(RAIN, "weather"), *labelled(GOALS, "sport"), *paint], TOPICS, seed=1)
    for text, topic in (("Rain fell.", "weather"), ("A goal was scored.", "sport"), ("Pictures of a painter.", "arts")):
        scores = topic_scores(model, text)
        assert max(scores, key=scores.__getitem__) == topic


def test_articles_of_a_source_without_a_topic_do_not_speak_against_it() -> None:
    """Storms under "sport" in a source that has no "weather" leave the plane of "weather" where it was."""
    known = [*labelled(RAIN, "weather"), *labelled(GOALS, "sport")]
    storms = ["Rain stopped the match.", "Rain and wind stopped the race.", "The race was lost to rain."]
    alone, silent, speaking = (ChosenNgrams(4096, 3) for _ in range(3))
    fit_topics(alone, known, TOPICS, seed=1)
    fit_topics(silent, [*known, *labelled(storms, "sport", SourceLabels((1, 2), (1.0,) * 4, False))], TOPICS, seed=1)
    fit_topics(speaking, [*known, *labelled(storms, "sport")], TOPICS, seed=1)
    of_rain = [topic_scores(model, "Heavy rain and wind.")["weather"] for model in (alone, silent, speaking)]
    assert of_rain[1] == pytest.approx(of_rain[0], abs=0.1)  # only the rarity of words has changed
    assert of_rain[2] < of_rain[1] - 0.2


def test_a_task_without_two_labels_or_without_a_loss_keeps_its_weights(make_model: Callable[..., ArticleModel]) -> None:
    topics, stances = ChosenNgrams(64, 3), NgramModel(len(KINDS), 64, 4)
    fit_topics(topics, labelled(RAIN, "weather"), TOPICS, seed=1)
    fit_topics(topics, [], TOPICS, seed=1)
    fit_stances(stances, [pair(RAIN[0], "rain", "favor")])
    assert not topics.weights.any()
    assert not stances.weights.any()
    model = make_model(TOPICS, ngram_buckets=64)
    assert model.topic_ngrams is not None
    articles = [article for article, _ in [*labelled(RAIN, "weather"), *labelled(GOALS, "sport")]]
    sources: Any = [SimpleNamespace(articles=articles)]
    model.loss_weights = {"topic": 0.0, "stance": 1.0}
    fit_ngrams(model, sources, [ALL], seed=1)
    assert not model.topic_ngrams.weights.any()
    model.loss_weights = {"topic": 1.0, "stance": 1.0}
    fit_ngrams(model, sources, [ALL], seed=1)
    assert model.topic_ngrams.weights.any()


def pairs_about_a_bridge() -> list[Pair]:
    """The same words on both sides: only what stands next to the bridge tells them apart."""
    texts = [f"{who} praised the bridge over the river and attacked the tunnel." for who in ("Drivers", "Shops", "Schools", "The mayor")]
    swapped = [text.replace("bridge", "X").replace("tunnel", "bridge").replace("X", "tunnel") for text in texts]
    pairs = [pair(text, "the bridge", "favor") for text in texts] + [pair(text, "the bridge", "against") for text in swapped]
    return pairs + [pair(text, "football in winter", "unrelated") for text in (*texts, *swapped)]


def test_stances_are_learned_from_what_stands_near_the_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ngram_models, "STANCE_STRENGTH", 10.0)  # four articles a side
    model = NgramModel(len(KINDS), 4096, 4)
    fit_stances(model, pairs_about_a_bridge())
    assert stance_of(model, "Farmers praised the bridge and attacked the tunnel.", "the bridge") == "favor"
    assert stance_of(model, "Farmers praised the tunnel and attacked the bridge.", "the bridge") == "against"
    assert stance_of(model, "Farmers praised the bridge.", "football in winter") == "unrelated"
    logits = stance_logits(model, "Farmers praised the bridge.", "the bridge")
    assert logits["neutral"] < min(logits[name] for name in ("favor", "against")) - 0.5  # no pair has it


def test_two_stances_alone_are_told_apart_as_surely_as_the_regression_is(monkeypatch: pytest.MonkeyPatch) -> None:
    fitted: list[tuple[LogisticRegression, Any]] = []
    fit = LogisticRegression.fit
    monkeypatch.setattr(LogisticRegression, "fit", lambda self, rows, gold, **options: fitted.append((fit(self, rows, gold, **options), rows)) or self)
    model = NgramModel(len(KINDS), 4096, 4)
    pairs = pairs_about_a_bridge()[:8]
    fit_stances(model, pairs)
    ((regression, rows),) = fitted
    found = [stance_logits(model, one.article.text, one.target) for one in pairs]
    np.testing.assert_allclose([one["against"] - one["favor"] for one in found], regression.decision_function(rows), atol=1e-4)
    assert stance_of(model, pairs[0].article.text, "the bridge") == "favor"


def test_the_words_of_a_target_are_learned(monkeypatch: pytest.MonkeyPatch) -> None:
    """Claims that say which side they take, about articles that do not name them."""
    monkeypatch.setattr(ngram_models, "STANCE_STRENGTH", 10.0)
    model = NgramModel(len(KINDS), 4096, 4)
    fit_stances(model, [pair(text, target, stance) for text in RAIN for target, stance in (("golden plans", "favor"), ("ruinous plans", "against"))])
    assert stance_of(model, GOALS[0], "golden plans") == "favor"
    assert stance_of(model, GOALS[0], "ruinous plans") == "against"


def test_what_is_fitted_is_what_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """The logits of the training pairs are those of the regression on the rows that it was given."""
    seen: dict[str, Any] = {}
    fit = LogisticRegression.fit

    def keep(self: LogisticRegression, rows: Any, gold: Any, **options: Any) -> LogisticRegression:
        seen["expected"] = lambda: self.decision_function(rows)
        fitted: LogisticRegression = fit(self, rows, gold, **options)
        return fitted

    monkeypatch.setattr(LogisticRegression, "fit", keep)
    model = NgramModel(len(KINDS), 4096, 4)
    pairs = pairs_about_a_bridge()
    fit_stances(model, pairs)
    found = np.array([[*stance_logits(model, one.article.text, one.target).values()] for one in pairs])
    found = found[:, [place for place, name in enumerate(STANCES) if name != "neutral"]]
    expected = seen["expected"]()
    np.testing.assert_allclose(found - found.mean(1, keepdims=True), expected - expected.mean(1, keepdims=True), atol=1e-4)


def test_rarity_is_the_inverse_document_frequency() -> None:
    model = ChosenNgrams(4096, 3)
    fit_topics(model, [*labelled(["xyz rain"] * 3, "weather"), *labelled(["xyz goal"], "sport")], TOPICS, seed=1)
    rows = {word: next(model.numbered([character_ngrams([word], ARTICLE, TOPIC_ORDERS)])).hashes for word in ("xyz", "rain", "goal", "quay")}
    assert [len(rows[word]) for word in rows] == [10, 14, 14, 0]  # of two to five characters, the spaces around the word among them
    for word, articles in (("xyz", 4), ("rain", 3), ("goal", 1)):
        np.testing.assert_allclose(model.rarity[rows[word].astype(np.int64)], np.log(5 / (1 + articles)) + 1, rtol=1e-5)


def test_where_there_is_room_for_few_n_grams_the_most_telling_are_kept() -> None:
    """Words of all articles say nothing of the topic, and one rain in sport says little."""
    weather = labelled([f"{place} has wind today" for place in ("Lund", "Oslo", "Cork", "Bari")], "weather")
    model = ChosenNgrams(12, 3)
    fit_topics(model, [*weather, *labelled([f"{place} has goals today" for place in ("Lund", "Oslo", "Cork", "Bari")], "sport")], TOPICS, seed=1)
    known = set(model.hashes.numpy().view(np.uint32).tolist())
    said = {word: len(known & set(character_ngrams([word], ARTICLE, TOPIC_ORDERS).hashes.tolist())) for word in ("wind", "goals", "today", "has", "lund")}
    assert said["wind"] + said["goals"] == 12
    assert said["today"] == said["has"] == said["lund"] == 0
    scores = topic_scores(model, "Wind in Rome.")
    assert scores["weather"] > scores["sport"]


def test_neutral_that_covers_unrelated_does_not_teach_neutral() -> None:
    """A target that an article does not deal with stays unrelated, though another source calls such pairs neutral."""
    texts = [f"Rain fell on the {place} for days." for place in ("coast", "hills", "town", "valley", "island", "plain")]
    pairs = [pair(text, "the harbor tax", "unrelated") for text in texts[:3]]
    pairs += [pair(f"{text} The council discussed the harbor tax at length.", "the harbor tax", "neutral") for text in texts[:3]]
    honest, misled, alone = (NgramModel(len(KINDS), 4096, 4) for _ in range(3))
    others = texts[3:]
    fit_stances(honest, pairs + [pair(text, "a new stadium", "neutral", weight=3.0, merged=True) for text in others])
    fit_stances(misled, pairs + [pair(text, "a new stadium", "neutral", weight=3.0) for text in others])
    logits = [stance_logits(model, "Rain fell on the dunes for days.", "a new stadium") for model in (honest, misled)]
    assert logits[0]["unrelated"] > logits[0]["neutral"]
    assert logits[1]["unrelated"] < logits[1]["neutral"]
    pairs_of_one = [pair(texts[0], "rain", "favor"), *(pair(text, "a new stadium", "neutral", merged=True) for text in others)]
    fit_stances(alone, pairs_of_one)  # nothing says which of the two it is
    even = stance_logits(alone, texts[4], "a new stadium")
    assert even["neutral"] == pytest.approx(even["unrelated"], abs=1e-3)


def test_a_pair_counts_by_its_weight() -> None:
    text, target = "Drivers spoke about the bridge.", "the bridge"
    model = NgramModel(len(KINDS), 256, 4)
    fit_stances(model, [pair(text, target, "favor", 1.0), pair(text, target, "against", 9.0)])
    assert stance_of(model, text, target) == "against"
    fit_stances(model, [pair(text, target, "favor", 9.0), pair(text, target, "against", 1.0)])
    assert stance_of(model, text, target) == "favor"


def test_large_sources_do_not_speak_for_all_and_large_corpora_are_sampled(monkeypatch: pytest.MonkeyPatch, make_model: Callable[..., ArticleModel]) -> None:
    """The weights that the regression is given: a source of 16 pairs counts 4 times one of 1 pair, not 16 times; a rare stance counts more."""
    seen: list[Pair] = []
    monkeypatch.setattr(ngram_models, "fit_stances", lambda model, pairs, progress: seen.extend(pairs))
    large = [Article(f"Text {number}.", stances=(Stance("it", "neutral" if number < 12 else "against"), Stance("that"))) for number in range(16)]
    small = [Article("Another text.", stances=(Stance("it", "against"),))]
    sources: Any = [SimpleNamespace(articles=large), SimpleNamespace(articles=small)]
    labels = [source_labels(articles, TOPICS, (), one) for articles, one in ((large, True), (small, False))]
    fit_ngrams(make_model(ngram_buckets=64), sources, labels, seed=1)
    assert len(seen) == 17  # a target without a stance teaches nothing
    assert sum(one.weight for one in seen[:16]) == pytest.approx(4 * seen[16].weight)
    assert seen[15].weight == pytest.approx(3**0.75 * seen[0].weight)
    assert [one.merged for one in (seen[0], seen[15], seen[16])] == [True, False, False]
    monkeypatch.setattr(ngram_models, "MOST_PAIRS", 5)
    seen.clear()
    fit_ngrams(make_model(ngram_buckets=64), sources, labels, seed=1)
    assert len(seen) == 5


def test_a_model_without_n_grams_is_left_alone(make_model: Callable[..., ArticleModel]) -> None:
    model = make_model()
    fit_ngrams(model, [], [], seed=1)
    assert model.topic_ngrams is None
    assert not any("ngrams" in name for name in model.state_dict())


def test_fitting_twice_gives_the_same_numbers() -> None:
    models = [ChosenNgrams(512, 3) for _ in range(2)]
    for model in models:
        fit_topics(model, [*labelled(RAIN, "weather"), *labelled(GOALS, "sport")], TOPICS, seed=1)
    assert torch.equal(models[0].weights, models[1].weights)


def test_answers_join_encoder_and_n_grams_by_weight_and_temperature(make_model: Callable[..., ArticleModel], tokenizer: Any, tmp_path: Any) -> None:
    model = make_model(TOPICS, ngram_buckets=256, topic_ngram_weight=3.0, topic_temperature=2.0, stance_ngram_weight=0.5, stance_temperature=0.8)
    assert model.topic_ngrams is not None
    assert model.stance_ngrams is not None
    torch.manual_seed(3)
    article = Article("The council voted to rebuild the bridge.", lang="en", stances=(Stance("the bridge"), Stance("the council")))
    plain = Article("Rain fell on the coast.", lang="en")
    ((of_article,), _), ((of_plain,), _) = (read_bags(read_page(one.text, "", "en"), []) for one in (article, plain))
    model.topic_ngrams.choose(np.union1d(of_article.hashes, of_plain.hashes))
    model.topic_ngrams.learn(np.random.default_rng(3).normal(size=(384, 3)), np.zeros(3))
    model.stance_ngrams.weights.normal_()
    analyzer = Analyzer(model, tokenizer)
    logits = list(analyzer.logits([plain, article]))
    first, second = analyzer.analyze_many([plain, article])
    assert [one.topic.shape for one in logits] == [(2, 3), (2, 3)]
    assert logits[0].topic[1].abs().max() > 0.1
    assert [one.stances.shape for one in logits] == [(0, 2, 4), (2, 2, 4)]
    for one, analysis in zip(logits, (first, second), strict=True):
        expected = ((one.topic[0] + 3.0 * one.topic[1]) / 2.0).softmax(-1)
        assert [*analysis.topic.scores.values()] == pytest.approx(expected.tolist(), abs=1e-6)
    expected = ((logits[1].stances[:, 0] + 0.5 * logits[1].stances[:, 1]) / 0.8).softmax(-1)
    np.testing.assert_allclose([[*stance.scores.values()] for stance in second.stances], expected, atol=1e-6)
    loaded = load_checkpoint(save_checkpoint(tmp_path / "saved", model, tokenizer, {}))
    (again,) = Analyzer(loaded.model, loaded.tokenizer).analyze_many([article])
    assert again.topic.scores == pytest.approx(second.topic.scores, abs=1e-6)


def test_broken_n_grams_are_refused(make_model: Callable[..., ArticleModel], tokenizer: Any) -> None:
    model = make_model(TOPICS, ngram_buckets=64)
    assert model.topic_ngrams is not None
    model.topic_ngrams.bias.fill_(float("nan"))
    with pytest.raises(CheckpointError, match=r"^the model answers with infinite or undefined numbers: its weights are broken\. Load another checkpoint\.$"):
        next(Analyzer(model, tokenizer).analyze_many([Article("Rain fell on the coast.", lang="en")]))


def test_one_bucket_is_enough_to_answer(make_model: Callable[..., ArticleModel], tokenizer: Any) -> None:
    model = make_model(TOPICS, ngram_buckets=1)
    (analysis,) = Analyzer(model, tokenizer).analyze_many([Article("Rain fell on the coast.", lang="en", stances=(Stance("rain"),))])
    assert len(analysis.stances) == 1
