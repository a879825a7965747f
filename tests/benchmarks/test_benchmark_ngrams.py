import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks import ngrams
from benchmarks.release_blocks import ngrams_block
from inference.analyzer import Logits
from inference.article import Article, Stance
from inference.checkpoint import save_checkpoint
from inference.model import ArticleModel

TOPICS = ("weather", "sport")


def logits(encoder: int, of_ngrams: int, stances: list[tuple[int, int]]) -> Logits:
    """Both sure of one label each, the n-grams a little less."""
    topic = torch.zeros(2, 2)
    topic[0, encoder], topic[1, of_ngrams] = 1.0, 0.8
    rows = torch.zeros(len(stances), 2, 4)
    for row, (one, other) in zip(rows, stances, strict=True):
        row[0, one], row[1, other] = 1.0, 0.8
    return Logits(topic, rows, torch.tensor([[1.0, 0.0], [0.0, 0.8]]), ("Rain fell.", "A goal was scored."))


def test_each_system_is_scored_by_what_it_says() -> None:
    articles = [Article("a", topic="weather", source="one"), Article("b", topic="sport", source="one"), Article("c", topic="sport", source="two"), Article("d")]
    said = [logits(0, 1, []), logits(0, 1, []), logits(0, 1, []), logits(0, 0, [])]
    light, heavy = (ngrams.topic_accuracy(articles, said, TOPICS, weight, 1.0) for weight in (1.0, 2.0))
    assert light["encoder"] == light["both"] == {"one": 0.5, "two": 0.0}
    assert light["beside"] == heavy["both"] == {"one": 0.5, "two": 1.0}


def test_stances_are_scored_by_source_and_three_ways_where_a_source_is() -> None:
    article = Article("a", source="one", stances=(Stance("x", "favor"), Stance("y"), Stance("z", "neutral")))
    other = Article("b", source="two", stances=(Stance("x", "unrelated"),))
    said = [logits(0, 0, [(0, 1), (0, 0), (3, 2)]), logits(0, 0, [(2, 1)])]
    plain, merged = (ngrams.stance_macro_f1([article, other], said, sources, weight=2.0, temperature=1.0) for sources in ((), ("one", "two")))
    assert plain["encoder"] == {"one": 0.5, "two": 0.0}
    assert merged["encoder"] == {"one": 1.0, "two": 1.0}
    assert plain["beside"] == {"one": 0.5, "two": 0.0}


def test_the_temperature_is_that_of_users() -> None:
    """Three ways, two halves of a neutral together can pass a favor that is ahead of each: how far, the temperature says."""
    article = Article("a", source="one", stances=(Stance("x", "favor"),))
    rows = torch.zeros(1, 2, 4)
    rows[0, 0] = torch.tensor([1.0, -9.0, 0.8, 0.8])
    said = [Logits(torch.zeros(2, 2), rows, torch.zeros(2, 1), ("Rain fell.",))]
    soft, sharp = (ngrams.stance_macro_f1([article], said, ["one"], 1.0, temperature)["both"]["one"] for temperature in (1.0, 0.2))
    assert (soft, sharp) == (0.0, 1.0)


def test_the_block_has_means_and_sets(tmp_path: Path) -> None:
    scores = {
        "topic_accuracy": {"encoder": {"a": 0.5, "b": 0.7}, "beside": {"a": 0.6, "b": 0.8}, "both": {"a": 0.7, "b": 0.9}},
        "best_sentence_rouge1": {"encoder": {"a": 20.0}, "beside": {"a": 22.04}, "both": {"a": 22.06}},
    }
    (tmp_path / "ngrams.json").write_text(json.dumps({"scores": scores}), encoding="utf-8")
    lines = ngrams_block(tmp_path).splitlines()
    assert lines[2] == "| topic accuracy | mean of 2 sets | 0.600 | 0.700 | 0.800 |"
    assert lines[3] == "| topic accuracy | a | 0.500 | 0.600 | 0.700 |"
    assert lines[6] == "| best sentence ROUGE-1 | a | 20.0 | 22.0 | 22.1 |"


def test_the_best_sentence_is_that_of_each_system() -> None:
    articles = [Article("a", summary="Rain fell", source="one"), Article("b", summary="A goal was scored", source="two"), Article("c", source="two")]
    light, heavy = (ngrams.best_sentence_rouge1(articles, [logits(0, 0, [])] * 3, weight) for weight in (1.0, 2.0))
    assert light["encoder"] == light["both"] == {"one": 100.0, "two": 0.0}
    assert light["beside"] == heavy["both"] == {"one": 0.0, "two": 100.0}
    assert ngrams.best_sentence_rouge1(articles, [logits(0, 0, [])] * 3, 0.0)["beside"] == light["beside"]


@pytest.mark.parametrize("buckets", [{}, {"ngram_buckets": 64}, {"word_buckets": 64}])
def test_a_checkpoint_without_models_beside_its_encoder_is_refused(
    buckets: dict[str, int], make_model: Callable[..., ArticleModel], tokenizer: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = save_checkpoint(tmp_path / "saved", make_model(**buckets), tokenizer, {})
    with pytest.raises(SystemExit):
        ngrams.main([str(saved), "--data-root", str(tmp_path)])
    assert "lacks models beside its encoder. Train one with model.ngram_buckets and model.word_buckets above 0." in capsys.readouterr().err
