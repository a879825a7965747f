"""Dry runs of the benchmarks on a few sample articles: every figure comes out, and what is compared is alike."""

import json
import lzma
import subprocess
import sys
from array import array
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch

from benchmarks import linear_floors, pair_encoding, quickstart, single_task, speed, streaming
from benchmarks.common import Figure, Goal, figure_rows, interleave, ratio
from benchmarks.pair_model import Pair, PairModel, join_pair, pair_batches, predict_pairs
from inference.analyzer import Analyzer
from inference.article import Article, Stance, article_to_row, write_articles
from inference.encoding import ArticleTokenizer
from inference.model import ArticleModel
from training.config import RunConfig
from training.duplicates import repeats, sign


@pytest.fixture(scope="module")
def data_root(tmp_path_factory: pytest.TempPathFactory, sample: list[Article]) -> Path:
    """The files that the benchmarks read, filled with English sample articles: other ones in dev than in train."""
    root = tmp_path_factory.mktemp("public")
    english = [article for article in sample if article.lang == "en" and article.stances]
    for split, articles in (("train", english[:8]), ("dev", english[8:14])):
        (root / split).mkdir()
        for name in ("fnc1_en", "vast_en", "masakhanews"):
            part = articles[: len(articles) // 2] if name == "fnc1_en" else articles[len(articles) // 2 :]
            titled = part * 4 if name == "masakhanews" else part  # a group of the three-pass comparison wants eight
            rows = [article_to_row(replace(article, id=f"{name}-{number}")) for number, article in enumerate(titled)]
            (root / split / f"{name}.jsonl.xz").write_bytes(lzma.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    return root


def test_speed_measures_every_figure(
    data_root: Path, saved_checkpoint: Path, tiny_config: Callable[..., RunConfig], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tiny_config(tmp_path / "tiny")  # writes tiny.yaml
    output = tmp_path / "speed.json"
    speed.main(
        ["--data-root", str(data_root), "--config", str(tmp_path / "tiny.yaml"), "--checkpoint", str(saved_checkpoint), "--quick", "--output", str(output)]
    )
    result: dict[str, Any] = json.loads(output.read_text())
    assert result["figures"].keys() == speed.GOALS.keys()
    assert all(figure["measured"] > 0 for name, figure in result["figures"].items() if name != "padding")
    padding = result["figures"]["padding"]
    assert padding["measured"] == pytest.approx(1 - padding["real"] / padding["tokens"])
    assert padding["met"] == (padding["measured"] <= 0.05)
    assert result["figures"]["claims_forward"]["target_tokens_32"] > result["figures"]["claims_forward"]["target_tokens_1"]
    assert result["settings"]["weights"] == "tiny"
    assert "at least 2.5" in capsys.readouterr().out


def test_single_tasks_answer_as_one_encoding_does(analyzer: Analyzer, one_a_language: list[Article]) -> None:
    articles = [replace(article, stances=(Stance("the flood"), Stance("taxes"))) for article in one_a_language[:3]]
    analyses = list(analyzer.analyze_many(articles, max_words=60))
    topics = torch.tensor(single_task.topics(analyzer, articles))
    assert torch.allclose(topics, torch.tensor([list(analysis.topic.scores.values()) for analysis in analyses]), atol=1e-5)
    stances = torch.tensor(single_task.stances(analyzer, articles))
    assert torch.allclose(stances, torch.tensor([list(stance.scores.values()) for analysis in analyses for stance in analysis.stances]), atol=1e-5)
    assert single_task.summaries(analyzer, articles, 60) == [analysis.summary.text for analysis in analyses]


def test_pair_encoding_compares_as_many_pairs(data_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "pairs.json"
    pair_encoding.main(["--data-root", str(data_root), "--quick", "--output", str(output)])
    result: dict[str, Any] = json.loads(output.read_text())
    pair, same, long = (result["contenders"][name] for name in (pair_encoding.PAIR, pair_encoding.SAME_PAIRS, pair_encoding.SAME_TIME))
    assert pair["pairs"] == same["pairs"] > 0
    assert pair["tokens"] <= pair_encoding.QUICK_TOKENS
    assert same["tokens"] < pair["tokens"]
    assert long["scores"].keys() == {"fnc1_en", "vast_en"}
    assert result["figures"].keys() == pair_encoding.GOALS.keys()
    gain = 100 * (long["scores"]["vast_en"]["macro_f1"] - pair["scores"]["vast_en"]["macro_f1"])
    assert result["figures"]["vast_en"]["measured"] == pytest.approx(gain)
    assert pair_encoding.SAME_TIME in capsys.readouterr().out


def _write_split(root: Path, name: str, train: list[Article], dev: list[Article]) -> None:
    for split, articles in (("train", train), ("dev", dev)):
        (root / split).mkdir(exist_ok=True)
        rows = [article_to_row(replace(article, id=f"{name}-{number}")) for number, article in enumerate(articles)]
        (root / split / f"{name}.jsonl.xz").write_bytes(lzma.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))


def test_floor_of_topics_is_measured_by_language(tmp_path: Path) -> None:
    texts = {"sport": ("The striker scored twice.", "A striker scored."), "weather": ("Heavy rain and wind.", "Rain, then wind.")}
    langs = linear_floors.FULL_TRAINING + linear_floors.FEW_SHOT
    train, dev = ([Article(pair[split], lang=lang, topic=topic) for lang in langs for topic, pair in texts.items()] for split in (0, 1))
    _write_split(tmp_path, "masakhanews", train * 2, dev)
    result = linear_floors.measure_topic(tmp_path, max_articles=None, max_characters=None)
    assert result["scores"]["all_languages"]["mean_10_full"] == result["scores"]["one_per_language"]["mean_6_few_shot"] == 1.0
    assert result["n_train"]["ig"] == 4
    assert result["n_dev"]["ti"] == 2
    blind = linear_floors.measure_topic(tmp_path, max_articles=None, max_characters=0)  # one text for all: one topic for all
    assert blind["scores"]["all_languages"]["mean_10_full"] == pytest.approx(1 / 3)


def test_floor_of_a_stance_set_is_measured_with_the_chosen_model(tmp_path: Path) -> None:
    names = ("bridge", "harbor", "school", "tunnel", "market", "library", "stadium", "station")
    articles = [
        Article(f"The council welcomes the new {name}.", stances=(Stance(f"good {name}", "favor"), Stance(f"bad {name}", "against"), Stance(name)))
        for name in names
    ]
    _write_split(tmp_path, "vast_en", articles, articles[:3])
    result = linear_floors.measure_stance(tmp_path, "vast_en")
    assert result["scores"] == {"macro_f1": 1.0, "f1": {"favor": 1.0, "against": 1.0}}
    assert result["n"] == {"train_articles": 8, "train_pairs": 16, "dev_articles": 3, "dev_pairs": 6}
    assert (result["settings"]["class_weight"], result["settings"]["C"]) in linear_floors.STANCE_CHOICES


def test_pair_is_cut_to_the_window() -> None:
    assert list(join_pair([1, 7, 2], [5], [8, 9], 10)) == [1, 7, 2, 5, 2, 8, 9, 2]
    assert list(join_pair([1, 7, 2], [5], [8] * 50, 8)) == [1, 7, 2, 5, 2, 8, 8, 2]


@pytest.mark.parametrize("random", [None, Random(3)])
def test_pair_batches_hold_every_pair_within_the_budget(random: Random | None) -> None:
    pairs = [Pair(array("i", [1] * length)) for length in (5, 40, 7, 7, 90, 33, 12, 38)]
    batches = pair_batches(pairs, 80, random)
    assert sorted(index for batch in batches for index in batch) == list(range(8))
    assert all(len(batch) == 1 or len(batch) * max(len(pairs[index].ids) for index in batch) <= 80 for batch in batches)


def test_pairs_do_not_see_each_other_or_padding(model: ArticleModel, encode: ArticleTokenizer, one_a_language: list[Article]) -> None:
    pair_model = PairModel(model).eval()
    articles = [replace(article, stances=(Stance("rain"), Stance("the new tax on fuel"))) for article in one_a_language[:3]]
    together = predict_pairs(pair_model, encode, articles, batch_tokens=4096)
    alone = predict_pairs(pair_model, encode, articles[1:2], batch_tokens=1)
    assert [list(scores.values()) for scores in together[1]] == [pytest.approx(list(scores.values()), abs=1e-5) for scores in alone[0]]
    assert together[1][0] != together[1][1]


def test_pair_model_starts_from_the_same_weights_and_learns_alone(model: ArticleModel) -> None:
    pair_model = PairModel(model)
    before = [parameter.clone() for parameter in model.backbone.parameters()]
    assert all(torch.equal(ours, theirs) for ours, theirs in zip(before, pair_model.backbone.parameters(), strict=True))
    pairs = [Pair(array("i", [2, 60 + label, 3, 70, 71, 3]), label) for label in range(4)]
    optimizer = torch.optim.AdamW(pair_model.parameters(), lr=3e-3)
    losses = []
    for _ in range(40):
        losses.append(pair_model.loss(pairs))
        optimizer.zero_grad()
        losses[-1].backward()
        optimizer.step()
    assert losses[-1] < 0.1 < losses[0]
    assert all(torch.equal(was, parameter) for was, parameter in zip(before, model.backbone.parameters(), strict=True))


def test_contenders_run_in_turn_and_the_first_round_is_not_counted() -> None:
    calls: list[str] = []
    seconds = interleave({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, repetitions=2)
    assert calls == ["a", "b"] * 3
    assert [len(values) for values in seconds.values()] == [2, 2]


def test_ratio_is_that_of_the_medians() -> None:
    found, details = ratio([2.0, 2.2, 9.0], [1.0, 1.1, 1.2])
    assert found == pytest.approx(2.0)
    assert (details["least"], details["greatest"]) == (pytest.approx(2.0), pytest.approx(7.5))


def test_goals_are_met_missed_or_for_information() -> None:
    most, least, none = Goal("a", 1.0, at_most=2.0), Goal("b", 1.0, at_least=2.0), Goal("c", 1.0)
    assert [Figure("x", goal, 2.5, "").met for goal in (most, least, none)] == [False, True, None]
    row = figure_rows([Figure("x", most, 1.5, "3 articles", {"tokens": 9})])["x"]
    assert row == {"what": "a", "measured": 1.5, "goal": "at most 2", "met": True, "predicted": 1.0, "n": "3 articles", "tokens": 9}


def test_a_command_is_measured(tmp_path: Path) -> None:
    code = "import time, pathlib; pages = b'x' * 900_000_000; time.sleep(0.2); pathlib.Path('here').touch()"
    usage = quickstart.run_measured([sys.executable, "-c", code], tmp_path)
    assert 0.2 <= usage.seconds < 60
    assert 900_000_000 <= usage.peak_bytes < 5_000_000_000
    assert (tmp_path / "here").exists()
    assert [figure.met for figure in quickstart.figures(quickstart.Usage(239.0, 3_100_000_000))] == [True, False]


def test_a_command_that_fails_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError, match="returned non-zero exit status 3"):
        quickstart.run_measured([sys.executable, "-c", "raise SystemExit(3)"], tmp_path)


def test_quickstart_scores_the_checkpoint(saved_checkpoint: Path, sample: list[Article], tmp_path: Path) -> None:
    articles = [article for article in sample if article.topic in ("weather", "sport", "arts")][:6]
    write_articles(tmp_path / "test.jsonl", articles)
    scores = quickstart.scores_of(saved_checkpoint, tmp_path / "test.jsonl")
    assert 0 <= scores["test"]["topic_accuracy"] <= 1
    assert not any("/" in name for name in scores["test"])
    assert scores["dev"] == {}  # this checkpoint comes from no run
    assert "topic_accuracy" in set(quickstart.score_table(scores).columns[0].cells)


def test_the_articles_of_the_stream_are_told_apart_and_come_again() -> None:
    vocabulary = [f"word{number}" for number in range(500)]
    articles = [*streaming.made_up(50, vocabulary)]
    assert articles == [*streaming.made_up(50, vocabulary)]
    assert len({article.text for article in articles}) == len({article.id for article in articles}) == 50
    assert list(repeats(sign((article.id, article.text) for article in articles), [article.text for article in articles])) == []
    assert all(article.topic and article.stances[0].stance for article in articles)
    assert {len(article.text.split()) for article in articles} == {streaming.WORDS}
