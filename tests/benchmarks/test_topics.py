import json
from pathlib import Path

import pytest

from benchmarks import topics
from inference.analyzer import Analyzer
from inference.article import Article
from inference.labels import IPTC_TOPICS
from training.config import load_config
from training.corpus import load_corpus


def test_public_training_articles_are_counted_apart_from_those_written_for_the_project(tmp_path: Path) -> None:
    def rows(name: str, found: list[tuple[str, str]]) -> None:
        lines = [{"id": str(i), "lang": lang, "text": f"Article {name} {i} says a thing of its own.", "topic": topic} for i, (lang, topic) in enumerate(found)]
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")

    rows("one", [("en", "sport"), ("fr", "sport"), ("en", "health")])
    rows("two", [("en", "sport")])
    rows("sample", [("de", "sport"), ("de", "weather")])
    rows("synthetic", [("it", "weather")])
    rows("dev", [("en", "sport")])
    (tmp_path / "run.yaml").write_text(
        f"""
name: run
output: {tmp_path}/run
data:
  root: {tmp_path}
  train: [{{name: one, path: one.jsonl}}, {{name: two, path: two.jsonl}}, {{name: sample, path: sample.jsonl}}, {{name: synthetic, path: synthetic.jsonl}}]
  dev: [{{name: dev, path: dev.jsonl}}]
model:
  backbone: {{architecture: {{type: modernbert, layers: 1, width: 16, heads: 2, feed_forward: 16}}}}
  tokenizer: {{type: bpe, vocabulary_size: 400}}
""",
        encoding="utf-8",
    )
    found = topics.count(load_corpus(load_config(tmp_path / "run.yaml")), IPTC_TOPICS)
    assert found["sport"] == {"training": 3, "sources": 2, "languages": 2, "written": 1}
    assert found["health"] == {"training": 1, "sources": 1, "languages": 1, "written": 0}
    assert found["weather"] == {"training": 0, "sources": 0, "languages": 0, "written": 2}


def test_answers_are_counted_by_gold_and_by_answer(analyzer: Analyzer, tmp_path: Path, one_a_language: list[Article], monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [article.text for article in one_a_language[:4]]
    named = [str(analysis.topic.name) for analysis in analyzer.analyze_many([Article(text) for text in texts])]
    gold = [named[0], "none of them", named[2], "none of them"]
    rows = [{"text": text, "topic": topic} for text, topic in zip(texts, gold, strict=True)] + [{"text": texts[0]}]
    (tmp_path / "articles.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    counts, mistakes = topics.score(analyzer, tmp_path / "articles.jsonl")
    assert sum(counts["test"].values()) == sum(counts["predicted"].values()) == 4
    assert sum(counts["right"].values()) == 2
    assert counts["right"]["none of them"] == 0
    assert counts["test"]["none of them"] == 2
    assert next((one["gold"], one["named"]) for one in mistakes if one["named"] == named[1]) == ("none of them", named[1])
    assert len(mistakes) == 2
    assert mistakes[0]["confidence"] >= mistakes[1]["confidence"]
