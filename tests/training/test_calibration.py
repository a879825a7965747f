import math
from random import Random

import numpy as np
import pytest
from numpy.typing import NDArray

from inference.analyzer import Analyzer
from inference.article import Article, Stance
from inference.labels import STANCES
from training.calibration import LEAST_ITEMS, Calibration, calibrate, fit_calibration, fit_salience_calibration

ONE = ["one"]


def softmax(logits: list[float], temperature: float) -> list[float]:
    powers = [math.exp(logit / temperature) for logit in logits]
    return [power / sum(powers) for power in powers]


def alone(logits: list[list[float]]) -> NDArray[np.float64]:
    """Logits of an encoder without n-grams beside it."""
    return np.stack([np.array(logits), np.zeros((len(logits), len(logits[0])))], axis=1)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_labels_were_drawn_at_is_found(temperature: float) -> None:
    random = Random(1)
    logits = [[random.gauss(0, 2) for _ in range(4)] for _ in range(4000)]
    gold = [{random.choices(range(4), softmax(row, temperature))[0]} for row in logits]
    fitted = fit_calibration(alone(logits), gold, ONE * len(gold))
    assert fitted.temperature == pytest.approx(temperature, rel=0.1)
    assert (fitted.weight, fitted.n) == (1.0, 4000)
    assert fitted.loss_before is not None
    assert fitted.loss_after is not None
    assert fitted.loss_after <= fitted.loss_before + 1e-6


@pytest.mark.parametrize(("temperature", "weight"), [(2.0, 3.0), (0.8, 0.5)])
def test_the_weight_of_n_grams_that_labels_were_drawn_with_is_found(temperature: float, weight: float) -> None:
    random = np.random.default_rng(2)
    logits = random.normal(0, 2, size=(4000, 2, 4))
    sums = logits[:, 0] + weight * logits[:, 1]
    gold = [{Random(number).choices(range(4), softmax(row.tolist(), temperature))[0]} for number, row in enumerate(sums)]
    fitted = fit_calibration(logits, gold, ONE * len(gold))
    assert fitted.temperature == pytest.approx(temperature, rel=0.15)
    assert fitted.weight == pytest.approx(weight, rel=0.15)


def test_n_grams_that_say_nothing_of_use_get_no_weight() -> None:
    random = np.random.default_rng(3)
    logits = random.normal(0, 2, size=(4000, 2, 4))
    gold = [{Random(number).choices(range(4), softmax(row.tolist(), 1.0))[0]} for number, row in enumerate(logits[:, 0])]
    assert fit_calibration(logits, gold, ONE * len(gold)).weight < 0.05
    sums = logits[:, 0] - logits[:, 1]  # a model that knows better what is wrong is broken, not useful
    gold = [{Random(number).choices(range(4), softmax(row.tolist(), 1.0))[0]} for number, row in enumerate(sums)]
    assert fit_calibration(logits, gold, ONE * len(gold)).weight == 0


def test_two_right_labels_count_as_one() -> None:
    logits = alone([[math.log(0.6), math.log(0.3), math.log(0.1)]] * 100)
    assert fit_calibration(logits, [{0, 1}] * 90 + [{2}] * 10, ONE * 100).temperature == pytest.approx(1.0, abs=0.1)  # 0.9 is right 9 times in 10
    assert fit_calibration(logits, [{0, 1}] * 70 + [{2}] * 30, ONE * 100).temperature > 2


def test_sources_count_alike() -> None:
    """The n-grams are right in the small source, and the encoder in the large one: they are weighed as equals."""
    rows = np.zeros((300, 2, 2))
    rows[:, 0, 0] = rows[:, 1, 1] = 1.0
    fitted = fit_calibration(rows, [{0}] * 270 + [{1}] * 30, ["large"] * 270 + ["small"] * 30)
    assert fitted.weight == pytest.approx(1.0, abs=0.01)
    assert fit_calibration(rows, [{0}] * 270 + [{1}] * 30, ONE * 300).weight < 0.5


def test_few_items_fit_nothing() -> None:
    few = LEAST_ITEMS - 1
    assert fit_calibration(alone([[2.0, 0.0]] * few), [{1}] * few, ONE * few) == Calibration(1.0, 1.0, few, None, None)


def test_gold_labels_are_matched_to_their_answers(analyzer: Analyzer) -> None:
    topic = analyzer.model.config.topics[0]
    text = "The council voted to rebuild the bridge over the river on Monday evening, after a debate of two hours."
    stances = (Stance("the bridge", "favor"), Stance("the council"), Stance("the river", "neutral"))
    articles = [Article(text, lang="en", topic=topic, stances=stances, source="a"), Article(text, lang="en", source="b"), Article("…", topic=topic)]
    found = calibrate(analyzer, articles * 40)
    assert found["topic"].n == 40  # the wordless one gets no answer
    assert found["stance"].n == 80
    (analysis,) = analyzer.analyze_many(articles[:1])
    first, _, third = analysis.stances
    expected = -(math.log(first.scores["favor"]) + math.log(third.scores["neutral"])) / 2
    assert found["stance"].loss_before == pytest.approx(expected, abs=1e-4)
    merged = calibrate(analyzer, articles * 40, ["a"])["stance"].loss_before
    either = third.scores["neutral"] + third.scores[STANCES[3]]
    assert merged == pytest.approx(-(math.log(first.scores["favor"]) + math.log(either)) / 2, abs=1e-4)


def test_temperatures_divide_the_logits_and_change_no_answer(analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch) -> None:
    article = Article("The council voted to rebuild the bridge over the river on Monday evening.", lang="en", stances=(Stance("the bridge"),))
    (plain,) = analyzer.analyze_many([article])
    monkeypatch.setattr(analyzer.model.config, "topic_temperature", 4.0)
    monkeypatch.setattr(analyzer.model.config, "stance_temperature", 0.25)
    (tempered,) = analyzer.analyze_many([article])
    assert tempered.topic.name == plain.topic.name
    assert tempered.topic.confidence < plain.topic.confidence
    logits = [math.log(score) for score in plain.stances[0].scores.values()]
    assert list(tempered.stances[0].scores.values()) == pytest.approx(softmax(logits, 0.25), abs=1e-5)


@pytest.mark.parametrize(("temperature", "weight"), [(2.0, 3.0), (0.8, 0.5)])
def test_the_weight_of_words_that_shares_of_salience_were_made_with_is_found(temperature: float, weight: float) -> None:
    random = np.random.default_rng(4)
    logits = [random.normal(0, 2, size=(2, random.integers(2, 9))) for _ in range(400)]
    shares = [np.array(softmax((one[0] + weight * one[1]).tolist(), temperature)) for one in logits]
    fitted = fit_salience_calibration(logits, shares, ONE * 400)
    assert (fitted.temperature, fitted.weight, fitted.n) == (pytest.approx(temperature, rel=0.01), pytest.approx(weight, rel=0.01), 400)
    entropy = -sum(float(share @ np.log(share)) for share in shares) / 400
    assert fitted.loss_after == pytest.approx(entropy, abs=1e-3)
    assert fitted.loss_before is not None
    assert fitted.loss_before > entropy + 0.01


def test_few_articles_and_unfitted_words_fit_no_weight() -> None:
    one, share = np.array([[2.0, 0.0], [0.0, 0.0]]), np.array([0.7, 0.3])
    few = LEAST_ITEMS - 1
    assert fit_salience_calibration([one] * few, [share] * few, ONE * few) == Calibration(1.0, 1.0, few, None, None)
    fitted = fit_salience_calibration([one] * 60, [share] * 60, ONE * 60)
    assert fitted.weight == 1.0
    assert fitted.temperature == pytest.approx(2 / math.log(7 / 3), rel=0.01)


def test_sources_of_summaries_count_alike() -> None:
    """The words are right in the small source, the encoder in the large one."""
    one = np.array([[1.0, 0.0], [0.0, 1.0]])
    shares = [np.array([0.9, 0.1])] * 270 + [np.array([0.1, 0.9])] * 30
    assert fit_salience_calibration([one] * 300, shares, ["large"] * 270 + ["small"] * 30).weight == pytest.approx(1.0, abs=0.01)
    assert fit_salience_calibration([one] * 300, shares, ONE * 300).weight < 0.5
    mixed = [one] * 270 + [np.array([[0.0, 0.0, 0.0], [3.0, 0.0, 1.0]])] * 30
    wide = shares[:270] + [np.array([0.8, 0.1, 0.1])] * 30
    alike = fit_salience_calibration(mixed, wide, ["large"] * 270 + ["small"] * 30)
    expected = [float(np.log(np.exp(logits.sum(0)).sum()) - share @ logits.sum(0)) for logits, share in ((mixed[0], wide[0]), (mixed[-1], wide[-1]))]
    assert alike.loss_before == pytest.approx(sum(expected) / 2)


def test_summaries_are_matched_to_the_salience_of_their_sentences(analyzer: Analyzer) -> None:
    text = "The council voted to rebuild the bridge. Nobody was hurt by the storm. The mayor said that it would cost two million euros."
    articles = [Article(text, lang="en", summary="Nobody was hurt by the storm", source="a"), Article(text, lang="en", source="a")]
    found = calibrate(analyzer, articles * 60)["salience"]
    assert found.n == 60
    (logits,) = analyzer.logits(articles[:1])
    expected = -math.log(softmax(logits.salience.sum(0).tolist(), 1.0)[1])  # that sentence has nearly all of the salience
    assert found.loss_before == pytest.approx(expected, abs=0.05)


def test_each_task_knows_the_sources_of_its_items(analyzer: Analyzer, monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, list[str]] = {}
    monkeypatch.setattr("training.calibration.fit_calibration", lambda logits, right, sources: told.setdefault(f"{logits.shape[2]} labels", list(sources)))
    monkeypatch.setattr("training.calibration.fit_salience_calibration", lambda logits, shares, sources: told.setdefault("salience", list(sources)))
    text = "The council voted to rebuild the bridge. Nobody was hurt by the storm."
    topic = analyzer.model.config.topics[0]
    articles = [
        Article(text, topic=topic, stances=(Stance("the bridge", "favor"),), source="a"),
        Article(text, summary="Nobody was hurt", source="b"),
        Article(text, topic=topic, stances=(Stance("the bridge", "favor"), Stance("the storm", "neutral")), source="c"),
    ]
    calibrate(analyzer, articles)
    assert told == {f"{len(analyzer.model.config.topics)} labels": ["a", "c"], "4 labels": ["a", "c", "c"], "salience": ["b"]}
