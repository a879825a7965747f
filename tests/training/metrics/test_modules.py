"""Every folder of training/metrics loads by path without a network, and scores what was worked out by hand."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import evaluate
import pytest
from rouge_score.rouge_scorer import RougeScorer
from sacrebleu.metrics.chrf import CHRF
from sklearn.metrics import accuracy_score, f1_score

from training.metrics.confidence import expected_calibration_error
from training.metrics.labels import fnc1_score

METRICS = Path(__file__).parents[3] / "training" / "metrics"
MODULES = sorted(path.name for path in METRICS.iterdir() if (path / f"{path.name}.py").is_file())


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The library copies a module before it imports it: not into the user's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setattr(evaluate.config, "HF_MODULES_CACHE", folder / "modules")
        yield folder


@pytest.fixture
def score(cache: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """score(name, ...): the answer of a module, with every connection refused."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    return lambda name, **inputs: evaluate.load(str(METRICS / name), cache_dir=str(cache)).compute(**inputs)


def test_the_modules_are_all_tested() -> None:
    assert MODULES == ["chrf", "expected_calibration_error", "fnc1_score", "multilingual_rouge", "stance_f1", "topic_f1"]


def test_multilingual_rouge_is_one_for_identical_texts_in_every_script(score: Any, scripts: dict[str, str]) -> None:
    for script, text in scripts.items():
        assert score("multilingual_rouge", predictions=[text], references=[text]) == dict.fromkeys(("rouge1", "rouge2", "rougeL", "rougeLsum"), 1.0), script
    assert len(scripts) >= 20


def test_multilingual_rouge_equals_the_library_on_english(score: Any) -> None:
    references = ['The council rejected the ferry, 19 votes to 16.\nThe mayor called it "a costly toy" in Friday\'s session.', "It rained."]
    predictions = ["The mayor's party had 16 votes - too few.\nCouncil members rejected a new ferry on Friday.", "Rain fell, and it rained on."]
    library = RougeScorer(["rouge1", "rouge2", "rougeL", "rougeLsum"], use_stemmer=False)
    expected = [library.score(reference, prediction) for reference, prediction in zip(references, predictions, strict=True)]
    found = score("multilingual_rouge", predictions=predictions, references=references)
    assert found == {name: pytest.approx(sum(one[name].fmeasure for one in expected) / 2) for name in expected[0]}
    assert found["rougeL"] < found["rougeLsum"]  # the sentences come in another order


def test_chrf_equals_the_library(score: Any) -> None:
    predictions, references = ["Rain fell on the city.", "परिषद ने नौका रोकी।", "ab"], ["It rained on the city.", "परिषद ने नौका को रोका।", "The long one."]
    expected = CHRF().corpus_score(predictions, [references]).score
    assert score("chrf", predictions=predictions, references=references) == {"chrf": pytest.approx(expected)}


def test_topic_f1_equals_scikit_learn(score: Any) -> None:
    gold, predicted = ["sport", "sport", "arts", "health", "arts"], ["sport", "arts", "arts", "weather", "arts"]
    classes = sorted(set(gold))
    expected = {f"{average}_f1": f1_score(gold, predicted, labels=classes, average=average, zero_division=0.0) for average in ("macro", "weighted")}
    found = score("topic_f1", predictions=predicted, references=gold)
    assert found == {name: pytest.approx(value) for name, value in (expected | {"accuracy": accuracy_score(gold, predicted)}).items()}


def test_stance_f1_by_hand(score: Any) -> None:
    answers = {"predictions": ["favor", "unrelated", "neutral"], "references": ["favor", "neutral", "against"]}
    assert score("stance_f1", **answers) == {"macro_f1": pytest.approx(1 / 3), "f1_favor": 1.0, "f1_neutral": 0.0, "f1_against": 0.0}
    merged = score("stance_f1", **answers, merge_neutral=True)
    assert merged == {"macro_f1": pytest.approx(5 / 9), "f1_favor": 1.0, "f1_neutral_or_unrelated": pytest.approx(2 / 3), "f1_against": 0.0}


def test_calibration_error_by_hand(score: Any) -> None:
    # one bin of two: right once, 0.4 off; one bin of one: right, 0.5 off
    answers = {"predictions": ["a", "b", "c"], "references": ["a", "a", "c"], "confidences": [0.9, 0.9, 0.5]}
    assert score("expected_calibration_error", **answers) == {"expected_calibration_error": pytest.approx((2 * 0.4 + 0.5) / 3)}
    assert expected_calibration_error([1.0, 0.0], [True, False]) == 0.0
    assert expected_calibration_error([1.0, 1.0], [True, False]) == 0.5
    assert expected_calibration_error([], []) is None


@pytest.mark.parametrize(
    ("predicted", "expected"),
    [
        (["agree", "disagree", "discuss", "unrelated"], 1.0),
        (["disagree", "agree", "agree", "unrelated"], 1 / 3.25),  # three related pairs with the wrong stance, a quarter each
        (["unrelated"] * 4, 0.25 / 3.25),
        (["discuss"] * 4, 1.5 / 3.25),
    ],
)
def test_fnc1_score_by_hand(score: Any, predicted: list[str], expected: float) -> None:
    found = score("fnc1_score", predictions=predicted, references=["agree", "disagree", "discuss", "unrelated"])
    assert found == {"fnc1_score": pytest.approx(expected)}


def test_nothing_is_no_score(score: Any) -> None:
    assert fnc1_score([], []) is None
    for name in MODULES:
        inputs = {"predictions": [], "references": []} | ({"confidences": []} if "calibration" in name else {})
        assert set(score(name, **inputs).values()) <= {None}, name


def test_fnc1_names_and_ours_may_meet_and_others_are_refused() -> None:
    assert fnc1_score(["agree", "disagree", "discuss", "unrelated"], ["favor", "against", "neutral", "unrelated"]) == 1.0
    with pytest.raises(ValueError, match=r"^'for' is no stance\. Allowed are favor, against, neutral, unrelated and FNC-1's agree, disagree, discuss\.$"):
        fnc1_score(["agree"], ["for"])
