"""The linear models of n-grams, as they are fitted on training articles."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from inference.analyzer import Analyzer
from inference.article import Article, Stance
from inference.checkpoint import load_checkpoint, save_checkpoint
from inference.labels import STANCES
from inference.model import ArticleModel
from inference.ngrams import KINDS, NgramModel, read_bags
from training import ngram_models
from training.examples import source_labels
from training.ngram_models import fit_ngrams, fit_stances, fit_topics

TOPICS = ("weather", "sport", "arts")
RAIN = ["Heavy rain fell on the coast.", "Rain and strong wind are expected.", "The rain flooded a valley.", "Snow and rain will close roads."]
GOALS = ["The striker scored two goals.", "Their keeper saved a goal.", "A late goal won the match.", "The match ended without goals."]


def labelled(texts: list[str], topic: str) -> list[Article]:
    return [Article(text, lang="en", topic=topic) for text in texts]


def topic_scores(model: NgramModel, text: str) -> dict[str, float]:
    page_bags = read_bags(ngram_models.read_page(text, "", "en"), [])[0]
    return dict(zip(TOPICS, model([page_bags])[0].tolist(), strict=True))


def stance_of(model: NgramModel, text: str, target: str) -> str:
    _, (pair,) = read_bags(ngram_models.read_page(text, "", "en"), [target])
    return STANCES[int(model([pair])[0].argmax())]


def test_topics_are_learned_and_one_never_seen_stays_below() -> None:
    model = NgramModel(1, 4096, 3)
    fit_topics(model, [*labelled(RAIN, "weather"), *labelled(GOALS, "sport")], TOPICS, seed=1)
    scores = topic_scores(model, "It will rain on the coast.")
    assert max(scores, key=scores.__getitem__) == "weather"
    scores = topic_scores(model, "The goals of the match.")
    assert max(scores, key=scores.__getitem__) == "sport"
    assert scores["arts"] == ngram_models.ABSENT < scores["sport"]


def test_three_topics_are_told_apart() -> None:
    model = NgramModel(1, 4096, 3)
    paint = labelled(["A painter shows new pictures.", "The museum buys a picture.", "Paintings hang in the gallery."], "arts")
    fit_topics(model, [*labelled(RAIN, "weather"), *labelled(GOALS, "sport"), *paint], TOPICS, seed=1)
    for text, topic in (("Rain fell.", "weather"), ("A goal was scored.", "sport"), ("Pictures of a painter.", "arts")):
        scores = topic_scores(model, text)
        assert max(scores, key=scores.__getitem__) == topic


def test_a_task_without_two_labels_keeps_its_weights() -> None:
    topics, stances = NgramModel(1, 64, 3), NgramModel(len(KINDS), 64, 4)
    fit_topics(topics, labelled(RAIN, "weather"), TOPICS, seed=1)
    fit_topics(topics, [], TOPICS, seed=1)
    fit_stances(stances, [(Article(RAIN[0]), "rain", 0, 1.0)])
    assert not topics.weights.any()
    assert not stances.weights.any()


def pairs_about_a_bridge() -> list[tuple[Article, str, int, float]]:
    praised = [Article(f"{who} praised the bridge as a great success for the town.", lang="en") for who in ("Drivers", "Shops", "Schools", "The mayor")]
    attacked = [Article(f"{who} attacked the bridge as a terrible waste of money.", lang="en") for who in ("Drivers", "Shops", "Schools", "The mayor")]
    pairs = [(article, "the bridge", STANCES.index("favor"), 1.0) for article in praised]
    pairs += [(article, "the bridge", STANCES.index("against"), 1.0) for article in attacked]
    return pairs + [(article, "football in winter", STANCES.index("unrelated"), 1.0) for article in (*praised, *attacked)]


def test_stances_are_learned_from_what_stands_near_the_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ngram_models, "STANCE_STRENGTH", 10.0)  # four articles a side
    model = NgramModel(len(KINDS), 4096, 4)
    fit_stances(model, pairs_about_a_bridge())
    assert stance_of(model, "Farmers praised the bridge.", "the bridge") == "favor"
    assert stance_of(model, "Farmers attacked the bridge.", "the bridge") == "against"
    assert stance_of(model, "Farmers praised the bridge.", "football in winter") == "unrelated"


def test_two_stances_alone_are_told_apart() -> None:
    model = NgramModel(len(KINDS), 4096, 4)
    fit_stances(model, pairs_about_a_bridge()[:8])
    assert stance_of(model, "Farmers praised the bridge.", "the bridge") == "favor"
    assert stance_of(model, "Farmers attacked the bridge.", "the bridge") == "against"


def test_a_pair_counts_by_its_weight() -> None:
    article = Article("Drivers spoke about the bridge.", lang="en")
    pairs = [(article, "the bridge", STANCES.index("favor"), 1.0), (article, "the bridge", STANCES.index("against"), 9.0)]
    model = NgramModel(len(KINDS), 256, 4)
    fit_stances(model, pairs)
    assert stance_of(model, article.text, "the bridge") == "against"
    fit_stances(model, [(*pairs[0][:3], 9.0), (*pairs[1][:3], 1.0)])
    assert stance_of(model, article.text, "the bridge") == "favor"


def test_large_sources_do_not_speak_for_all_and_large_corpora_are_sampled(monkeypatch: pytest.MonkeyPatch, make_model: Callable[..., ArticleModel]) -> None:
    """The weights that the regression is given: a source of 16 pairs counts 4 times one of 1 pair, not 16 times."""
    seen: list[Any] = []
    monkeypatch.setattr(ngram_models, "fit_stances", lambda model, pairs, progress: seen.extend(pairs))
    large = [Article(f"Text {number}.", stances=(Stance("it", "favor"), Stance("that"))) for number in range(16)]
    small = [Article("Another text.", stances=(Stance("it", "against"),))]
    sources: Any = [SimpleNamespace(articles=large), SimpleNamespace(articles=small)]
    labels = [source_labels(articles, TOPICS, (), False) for articles in (large, small)]
    fit_ngrams(make_model(ngram_buckets=64), sources, labels, seed=1)
    assert len(seen) == 17  # a target without a stance teaches nothing
    assert sum(weight for *_, weight in seen[:16]) == pytest.approx(4 * seen[16][-1])
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
    models = [NgramModel(1, 512, 3) for _ in range(2)]
    for model in models:
        fit_topics(model, [*labelled(RAIN, "weather"), *labelled(GOALS, "sport")], TOPICS, seed=1)
    assert torch.equal(models[0].weights, models[1].weights)


def test_answers_join_encoder_and_n_grams_by_weight_and_temperature(make_model: Callable[..., ArticleModel], tokenizer: Any, tmp_path: Any) -> None:
    model = make_model(TOPICS, ngram_buckets=256, topic_ngram_weight=3.0, topic_temperature=2.0, stance_ngram_weight=0.5, stance_temperature=0.8)
    assert model.topic_ngrams is not None
    assert model.stance_ngrams is not None
    torch.manual_seed(3)
    model.topic_ngrams.weights.normal_()
    model.stance_ngrams.weights.normal_()
    article = Article("The council voted to rebuild the bridge.", lang="en", stances=(Stance("the bridge"), Stance("the council")))
    plain = Article("Rain fell on the coast.", lang="en")
    analyzer = Analyzer(model, tokenizer)
    logits = list(analyzer.logits([plain, article]))
    first, second = analyzer.analyze_many([plain, article])
    assert [one.topic.shape for one in logits] == [(2, 3), (2, 3)]
    assert [one.stances.shape for one in logits] == [(0, 2, 4), (2, 2, 4)]
    for one, analysis in zip(logits, (first, second), strict=True):
        expected = ((one.topic[0] + 3.0 * one.topic[1]) / 2.0).softmax(-1)
        assert [*analysis.topic.scores.values()] == pytest.approx(expected.tolist(), abs=1e-6)
    expected = ((logits[1].stances[:, 0] + 0.5 * logits[1].stances[:, 1]) / 0.8).softmax(-1)
    np.testing.assert_allclose([[*stance.scores.values()] for stance in second.stances], expected, atol=1e-6)
    loaded = load_checkpoint(save_checkpoint(tmp_path / "saved", model, tokenizer, {}))
    (again,) = Analyzer(loaded.model, loaded.tokenizer).analyze_many([article])
    assert again.topic.scores == pytest.approx(second.topic.scores, abs=1e-6)
