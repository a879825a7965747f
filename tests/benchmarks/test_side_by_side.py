"""The comparison with other systems: a dry run of each in a process of its own, what they answer, and what the documents say of it."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sumy.summarizers.lex_rank import LexRankSummarizer
from sumy.summarizers.text_rank import TextRankSummarizer
from transformers import PreTrainedTokenizerBase

from benchmarks import contenders, side_by_side
from benchmarks.contender_process import ask, peak_bytes, train
from benchmarks.contenders import BROADSHEET, CONTENDERS, LEADS, LEXRANK, SVM
from benchmarks.side_by_side import TOPICS, topic_scores, unavailable
from benchmarks.side_by_side_block import Column, side_by_side_block
from inference.analyzer import BOILERPLATE_THRESHOLD
from inference.article import Article, article_to_row
from inference.checkpoint import save_checkpoint
from inference.errors import DataError
from inference.model import ArticleModel
from training.baselines import LEAD_SENTENCES, LEXRANK_SENTENCES, baseline_summaries, lexrank_summary
from training.config import RunConfig
from training.config_file import config_to_yaml
from training.corpus import load_corpus
from training.linear import TOPIC_CHARACTERS

ROOT = Path(__file__).parents[2]
TRAINABLE = [system for system in TOPICS if CONTENDERS[system].train is not None and system not in unavailable(TOPICS)]


def two_topics() -> tuple[list[Article], list[Article]]:
    """Training articles on two topics with over 256 words that come twice, as fastText's compression wants, and one of each topic to ask about."""
    sport = [Article(f"The striker scored {number} goals in the match.", lang="en", topic="sport") for number in range(150)]
    weather = [Article(f"Heavy rain of {number} millimeters fell overnight.", lang="en", topic="weather") for number in range(150, 300)]
    return [*sport, *weather] * 2, [Article("Rain fell. Heavy rain.", lang="en"), Article("A striker scored goals.", lang="en")]


@pytest.mark.parametrize("system", TRAINABLE)
def test_a_classifier_learns_is_written_and_answers(system: str, tmp_path: Path) -> None:
    articles, questions = two_topics()
    assert train(system, articles, tmp_path)["processor_seconds"] > 0
    assert side_by_side._bytes_in(tmp_path) > 0
    answered = ask(system, questions, tmp_path)
    assert answered["answers"] == [{"topic": "weather"}, {"topic": "sport"}]
    assert answered["load_seconds"] > 0 < answered["seconds"]


def test_a_system_without_training_says_so(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"^LexRank \(sumy\) is not trained here$"):
        train(LEXRANK, [], tmp_path)


def test_sumy_is_asked_as_in_evaluation(one_a_language: list[Article], tmp_path: Path) -> None:
    assert contenders.BOILERPLATE_THRESHOLD == BOILERPLATE_THRESHOLD
    assert (contenders.RANKED_SENTENCES, contenders.LEAD_SENTENCES) == (LEXRANK_SENTENCES, LEAD_SENTENCES)
    assert contenders.OPENING_CHARACTERS == TOPIC_CHARACTERS
    found = CONTENDERS[LEXRANK].load(tmp_path)(one_a_language)
    assert [row["summary"] for row in found] == [lexrank_summary(article, max_words=60, max_sentences=None) for article in one_a_language]
    leads = CONTENDERS[LEADS].load(tmp_path)(one_a_language)
    for article, row in zip(one_a_language, leads, strict=True):
        baselines = baseline_summaries(article, str(article.summary))
        assert row == {name: baselines[name].text for name in ("lead-1", "lead-2", "lead-3")}


def test_sentences_are_ranked_by_what_they_share() -> None:
    sentences = ["The river rose by two metres.", "Bread is cheap.", "The river rose again by one metre.", "Schools near the river closed."]
    shares = contenders.sumy_salience(sentences, TextRankSummarizer())
    assert sum(shares) == pytest.approx(1.0)
    assert sorted(range(4), key=lambda place: -shares[place]) == [2, 0, 1, 3]
    first, *_, last = contenders.sumy_salience(sentences * 40, TextRankSummarizer())
    assert last == 0.0 < first  # beyond what is compared
    assert contenders.sumy_salience(["One.", "Two."], LexRankSummarizer()) == [0.5, 0.5]
    assert contenders.ranked_summary([], TextRankSummarizer()) == ""
    long = "word " * 80 + "end."
    assert contenders.ranked_summary([long], TextRankSummarizer()) == ("word " * 60).strip()


def test_a_process_has_the_memory_of_its_own_system(tmp_path: Path) -> None:
    """This process has torch; neither that of sumy nor what it measures may have it."""
    (tmp_path / "articles.jsonl").write_text(json.dumps({"text": "Rain fell. The rain fell again."}) + "\n", encoding="utf-8")
    arguments = ["ask", LEXRANK, str(tmp_path / "articles.jsonl"), str(tmp_path), str(tmp_path / "output.json")]
    code = f"import sys; from benchmarks.contender_process import main; main({arguments!r}); print('torch' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"
    result = json.loads((tmp_path / "output.json").read_text(encoding="utf-8"))
    assert 0 < result["peak_bytes"] < peak_bytes()
    assert result["answers"] == [{"summary": "Rain fell."}]  # the other says it again


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(CONTENDERS, SVM, replace(CONTENDERS[SVM], packages=("no_such_package",)))
    monkeypatch.setitem(side_by_side.PACKAGES, "no_such_package", "no-such-package")
    assert unavailable([SVM, LEADS]) == {SVM: "the package no-such-package is not installed"}


def test_topics_are_scored_by_language_and_by_source() -> None:
    gold = [("yo", "masakhanews", "sport"), ("yo", "masakhanews", "arts"), ("ig", "masakhanews", "sport"), ("tr", "b", "arts"), ("tr", "b", "sport")]
    articles = [Article("…", lang=lang, source=source, topic=topic) for lang, source, topic in gold]
    scores = topic_scores(articles, ["sport", "arts", "arts", "arts", "arts"])
    assert scores["by_language"] == {"ig": 0.0, "yo": 1.0}
    assert scores["weighted_f1"] == 0.5
    assert scores["by_source"] == {"b": pytest.approx(1 / 3)}  # arts: 2/3, sport: 0
    assert scores["macro_f1"] == pytest.approx(1 / 3)
    assert topic_scores(articles[3:], ["arts", "sport"])["weighted_f1"] is None


@pytest.fixture
def trained(
    tiny_config: Callable[..., RunConfig], make_model: Callable[..., ArticleModel], tokenizer: PreTrainedTokenizerBase, tiny_corpus: Path, tmp_path: Path
) -> tuple[Path, Path]:
    """A checkpoint that says what it was trained on, and a config whose dev articles have the names of the public sets."""
    config = tiny_config(tmp_path / "run")
    portable = config.model_copy(update={"data": config.data.model_copy(update={"root": Path()})})
    info = {
        "name": "tiny",
        "config": config_to_yaml(portable),
        "sources": {name: {"sha256": digest} for name, digest in load_corpus(config).digests.items()},
        "run": {"seconds": 12.5, "device": "cpu, 1 threads"},
    }
    checkpoint = save_checkpoint(tmp_path / "checkpoint", make_model(), tokenizer, info)
    text = (tmp_path / "run.yaml").read_text(encoding="utf-8")
    dev = "    - {name: dev, path: dev.jsonl}\n"
    assert dev in text
    public = "".join(f"    - {{name: {name}, path: {path}}}\n" for name, path in (("masakhanews", tmp_path / "yo.jsonl"), ("orangesum_fr", "dev.jsonl")))
    (tmp_path / "public.yaml").write_text(text.replace(dev, public), encoding="utf-8")
    rows = [article_to_row(Article("Rain fell.", id=f"{lang}-{n}", lang=lang, topic="weather")) for lang in ("yo", "ha") for n in range(3)]
    (tmp_path / "yo.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return checkpoint, tmp_path / "public.yaml"


def test_every_system_is_measured(
    trained: tuple[Path, Path], tiny_corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(side_by_side, "TOPICS", (BROADSHEET, SVM))  # a process each takes seconds; the others are tested in this one
    monkeypatch.setattr(side_by_side, "SUMMARIES", (BROADSHEET, LEADS))
    checkpoint, config = trained
    output = tmp_path / "side_by_side.json"
    side_by_side.main([str(checkpoint), "--data-root", str(tiny_corpus), "--config", str(config), "--articles", "2", "--output", str(output)])
    result: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
    assert result["topic"]["n"] == {"masakhanews": 2, "orangesum_fr": 6}  # two of Yoruba, none of Hausa; two of each of three languages
    assert result["topic"]["training_articles"] == 30
    for row in result["topic"]["systems"].values():
        assert 0 <= row["weighted_f1"] <= 1
        assert row["by_source"].keys() == {"orangesum_fr"}
        assert min(row[name] for name in ("articles_per_second", "peak_megabytes", "model_megabytes", "training_seconds", "load_seconds")) > 0
    assert result["topic"]["systems"][BROADSHEET]["training_seconds"] == 12.5
    assert list(result["summary"]["systems"]) == [BROADSHEET, "lead-1", "lead-2", "lead-3"]
    assert all(row["by_source"]["orangesum_fr"]["n"] == 6 for row in result["summary"]["systems"].values())
    assert result["summary"]["systems"]["lead-1"]["peak_megabytes"] < result["summary"]["systems"][BROADSHEET]["peak_megabytes"]
    printed = capsys.readouterr().out
    assert "articles/s" in printed
    block = side_by_side_block(tmp_path)
    assert "Topic, 8 dev articles, after 30 training articles (checkpoint: tiny)" in block
    assert "trained for all tasks, on cpu, 1 threads." in block


def test_dev_sources_without_summaries_are_refused(trained: tuple[Path, Path], tiny_corpus: Path, tmp_path: Path) -> None:
    checkpoint, config = trained
    config.write_text(config.read_text(encoding="utf-8").replace("orangesum_fr", "other"), encoding="utf-8")
    with pytest.raises(DataError, match=r"none of orangesum_fr, vietnews_vi, indo_newssum_id is among data\.dev"):
        side_by_side.main([str(checkpoint), "--data-root", str(tiny_corpus), "--config", str(config), "--output", str(tmp_path / "x.json")])


def test_who_is_ahead_is_computed() -> None:
    rows = {BROADSHEET: {"a": 0.5, "b": 10.0}, "x": {"a": 0.6, "b": 9.0}, "y": {"a": 0.7, "b": 11.0}, "z": {"a": 0.5, "b": None}}
    assert Column("a", "score", "{:.1f}").ahead(rows) == "y (0.7 against 0.5), x (0.6 against 0.5)"
    assert Column("b", "seconds", "{:.0f}", more_is_better=False).ahead(rows) == "x (9 against 10)"
    assert Column("b", "speed", "{:.0f}").ahead({BROADSHEET: {"b": 12.0}, "x": {"b": 9.0}}) == ""


def test_the_block_says_where_others_win(tmp_path: Path) -> None:
    costs = {"articles_per_second": 15.0, "peak_megabytes": 600.0}
    ours = {"weighted_f1": 0.85, "macro_f1": 0.7, "by_source": {"a": 0.6, "b": 0.8}, "model_megabytes": 47.5, "training_seconds": 3600.0} | costs
    other = ours | {"weighted_f1": 0.86, "macro_f1": 0.65, "by_source": {"a": 0.65, "b": 0.65}, "articles_per_second": 3000.0}
    rouge = {"rouge1": 27.5, "rouge2": 9.0, "rougeL": 18.0, "words": 50.2}
    summaries = {BROADSHEET: {"by_source": {"s": rouge}} | costs, "lead-2": {"by_source": {"s": rouge | {"rouge2": 9.5}}} | costs}
    result = {
        "settings": {"checkpoint": "tiny", "run": {"device": "cpu"}, "max_words": 60},
        "not_measured": {"fastText": "the package fasttext is not installed"},
        "topic": {"articles": 1200, "training_articles": 23000, "systems": {BROADSHEET: ours, "SVM": other}},
        "summary": {"articles": 460, "systems": summaries},
    }
    (tmp_path / "side_by_side.json").write_text(json.dumps(result), encoding="utf-8")
    block = side_by_side_block(tmp_path)
    assert "| SVM | 0.860 | 0.650 | 3,000 | 600 | 47.5 | 3,600 |\n" in block
    assert "| lead-2 | 27.5/9.5/18.0 in 50 | 15 | 600 |\n" in block
    assert "fastText was not measured: the package fasttext is not installed." in block
    assert "topic: weighted F1, MasakhaNEWS: SVM (0.860 against 0.850); articles a second: SVM (3,000 against 15); nobody in macro F1, other sources" in block
    assert "SVM has the higher macro F1 on 1 of the 2 other sources: a." in block
    assert "summaries: ROUGE-2 on s: lead-2 (9.5 against 9.0); nobody in ROUGE-1 on s, ROUGE-L on s, articles a second, memory, MB.\n" in block
