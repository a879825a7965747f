import math
from random import Random

import pytest

from inference.analyzer import Analyzer
from inference.article import Article, Stance
from inference.labels import STANCES
from training.calibration import LEAST_ITEMS, Calibration, calibrate, fit_temperature


def softmax(logits: list[float], temperature: float) -> list[float]:
    powers = [math.exp(logit / temperature) for logit in logits]
    return [power / sum(powers) for power in powers]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_that_labels_were_drawn_at_is_found(temperature: float) -> None:
    random = Random(1)
    logits = [[random.gauss(0, 2) for _ in range(4)] for _ in range(4000)]
    gold = [{random.choices(range(4), softmax(row, temperature))[0]} for row in logits]
    fitted = fit_temperature([softmax(row, 1.0) for row in logits], gold)
    assert fitted.temperature == pytest.approx(temperature, rel=0.1)
    assert fitted.n == 4000
    assert fitted.loss_before is not None
    assert fitted.loss_after is not None
    assert fitted.loss_after <= fitted.loss_before + 1e-6


def test_two_right_labels_count_as_one() -> None:
    scores = [[0.6, 0.3, 0.1]] * 100
    assert fit_temperature(scores, [{0, 1}] * 90 + [{2}] * 10).temperature == pytest.approx(1.0, abs=0.1)  # 0.9 is right 9 times in 10
    assert fit_temperature(scores, [{0, 1}] * 70 + [{2}] * 30).temperature > 2


def test_few_items_fit_nothing() -> None:
    assert fit_temperature([[0.9, 0.1]] * (LEAST_ITEMS - 1), [{1}] * (LEAST_ITEMS - 1)) == Calibration(1.0, LEAST_ITEMS - 1, None, None)


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
