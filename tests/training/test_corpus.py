import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console, RenderableType

from inference.article import Article
from inference.errors import DataError
from training.config import RunConfig
from training.corpus import Corpus, describe, digest, load_corpus
from training.corpus_view import corpus_tables
from training.leakage import Overlap

STORY = (
    "The city council voted late on Tuesday to close the old bridge for repairs that will take at least two years, its engineers said. "
    "Drivers will be sent over the motorway until then, and the ferry, which was given up in spring, returns on weekdays."
)


def make_config(root: Path, train: dict[str, list[dict[str, Any]]], dev: list[dict[str, Any]], exponent: float = 0.5, **options: Any) -> RunConfig:
    for name, rows in {**train, "dev": dev}.items():
        (root / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    sources = [{"name": name, "path": f"{name}.jsonl", **options.get(name, {})} for name in train]
    return RunConfig.model_validate(
        {
            "name": "test",
            "output": "runs/test",
            "data": {"root": str(root), "train": sources, "dev": [{"name": "dev", "path": "dev.jsonl"}], "mixing_exponent": exponent},
            "model": {"backbone": {"hub": "owner/model"}},
        }
    )


def rows(count: int, start: int = 0, **labels: Any) -> list[dict[str, Any]]:
    return [{"id": str(number), "text": f"Story number {number}.", "lang": "en", "topic": "sport", **labels} for number in range(start, start + count)]


def printed(tables: RenderableType) -> str:
    console = Console(width=160, no_color=True)
    with console.capture() as capture:
        console.print(tables)
    return capture.get()


def load(root: Path, train: dict[str, list[dict[str, Any]]], dev: list[dict[str, Any]], **options: Any) -> Corpus:
    return load_corpus(make_config(root, train, dev, **options))


@pytest.mark.parametrize(
    ("text", "similarity"),
    [
        ("The council met.", 1.0),
        ("  THE COUNCIL\n met…", 1.0),
        (STORY, 1.0),
        (STORY.replace(",", " –").upper(), 1.0),
        (STORY[:140], 1.0),
        (STORY + " Update: " + STORY[:60] + "It was closed on Wednesday, and the first drivers were late for work.", 1.0),
        ("Home | News | Sport\nAccept all cookies\n" + STORY.replace("Tuesday", "Wednesday"), 0.93),
    ],
)
def test_training_articles_that_overlap_dev_are_dropped_and_named(tmp_path: Path, text: str, similarity: float) -> None:
    dev = [{"id": "short", "text": "The council met."}, {"id": "story", "text": STORY}]
    corpus = load(tmp_path, {"a": [*rows(2), {"id": "copy", "text": text, "topic": "sport"}]}, dev)
    (overlap,) = corpus.shared_with_held_out
    assert (overlap.article, overlap.other) == ("a/copy", "dev/short" if len(text) < 50 else "dev/story")
    assert overlap.similarity == pytest.approx(similarity, abs=0.01)
    assert overlap.opening == " ".join(text[:200].split())
    assert [article.id for article in corpus.train[0].articles] == ["0", "1"]
    assert corpus.train[0].dropped == {"text shared with a dev or held-out article": 1}
    assert corpus.signatures.names == ("a/0", "a/1")


@pytest.mark.parametrize("text", ["The council met again.", STORY[:60], "He quoted: " + STORY[:60] + "… That is what they said.", "市議会は橋を閉鎖した。"])
def test_other_texts_stay(tmp_path: Path, text: str) -> None:
    dev = [{"text": "The council met."}, {"text": STORY}, {"text": "市議会は橋を閉鎖しなかった。"}]
    corpus = load(tmp_path, {"a": [{"id": "0", "text": text, "topic": "sport"}]}, dev)
    assert corpus.shared_with_held_out == ()
    assert corpus.signatures.names == ("a/0",)


def test_repeated_texts_and_targets_are_named_and_kept(tmp_path: Path) -> None:
    stances = [{"target": "The  bridge!", "stance": "favor"}, {"target": "the ferry", "stance": "against"}, {"target": "a question"}]
    train = {"a": rows(2), "dev": [{"id": "x", "text": "story NUMBER 1", "stances": [{"target": "the bridge", "stance": "against"}]}]}
    config = make_config(tmp_path, {"a": train["a"]}, [])
    for name, lines in {"b": train["dev"], "dev": [{"id": "1", "text": STORY, "stances": stances}, {"id": "2", "text": STORY[:150]}]}.items():
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines), encoding="utf-8")
    sources = [{"name": "a", "path": "a.jsonl"}, {"name": "dev", "path": "b.jsonl"}]
    values = config.model_dump()
    config = RunConfig.model_validate({**values, "data": {"root": str(tmp_path), "train": sources, "dev": [{"name": "dev", "path": "dev.jsonl"}]}})
    corpus = load_corpus(config)
    report = describe(corpus, config)
    assert report.repeated_in_train == (Overlap("dev/x", "a/1", 1.0, "story NUMBER 1"),)
    assert report.repeated_in_dev == (Overlap("dev/2", "dev/1", 1.0, STORY[:150]),)
    assert report.shared_targets == {"dev dev": (1, 2)}
    assert [len(loaded.articles) for loaded in corpus.train] == [2, 1]
    shown = printed(corpus_tables(report))
    for line in (
        "dev dev: 1 of 2 stance targets also stand in train; the scores say less about targets that it has not seen",
        "1 training articles overlap with another (kept):",
        "  train  earlier in train  similar  first words",
        "  dev/x  a/1                  100%  story NUMBER 1",
        "1 dev articles overlap with another (kept):",
        "  dev    earlier in dev  similar  first words",
        "  dev/2  dev/1              100%  The city council voted late on Tuesday to close the old bri…",
    ):
        assert line in shown


def test_held_out_articles_keep_training_clear_of_them_and_are_counted(tmp_path: Path) -> None:
    dev = rows(2, start=50, stances=[{"target": "t", "stance": "favor"}])
    config = make_config(tmp_path, {"a": [*rows(2), {"id": "copy", "text": STORY[:140], "topic": "sport"}]}, dev)
    reported = [{"id": "1", "text": STORY, "topic": "sport"}, {"id": "2", "text": STORY[:150], "stances": [{"target": "T", "stance": "favor"}]}]
    (tmp_path / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in reported), encoding="utf-8")
    values = config.model_dump()
    values["data"]["held_out"] = [{"name": "dev", "path": "test.jsonl"}]
    corpus = load_corpus(RunConfig.model_validate(values))
    assert [(overlap.article, overlap.other) for overlap in corpus.shared_with_held_out] == [("a/copy", "dev/1")]
    assert [article.id for article in corpus.train[0].articles] == ["0", "1"]
    assert [len(loaded.articles) for loaded in (*corpus.dev, *corpus.held_out)] == [2, 2]
    report = describe(corpus, config)
    assert [(counts.split, counts.name, counts.articles) for counts in report.sources] == [("train", "a", 2), ("dev", "dev", 2), ("held out", "dev", 2)]
    assert report.shared_targets == {}
    shown = printed(corpus_tables(report))
    assert "1 training articles left out for text shared with dev or held-out articles:" in shown
    assert "1 held-out articles overlap with another (kept):" in shown
    assert "train  dev  held out" in shown


def test_articles_that_teach_nothing_are_dropped(tmp_path: Path) -> None:
    bare = [
        {"id": "0", "text": "no label"},
        {"id": "1", "text": "a title only", "title": "A title"},
        {"id": "2", "text": "a question", "stances": [{"target": "t"}]},
    ]
    train = {"a": [*bare, *rows(1, start=3)], "b": [dict(row) for row in bare]}
    corpus = load(tmp_path, train, rows(1, start=50), b={"headline_as_summary": True})
    assert [[article.id for article in loaded.articles] for loaded in corpus.train] == [["3"], ["1"]]
    assert [loaded.dropped for loaded in corpus.train] == [{"no label to learn from": 3}, {"no label to learn from": 2}]


def test_a_source_with_nothing_left_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        load(tmp_path, {"a": rows(2)}, rows(2))
    assert str(caught.value) == (
        "data.train: no article of source 'a' is left to train on (2: text shared with a dev or held-out article). Remove it or correct its labels."
    )


@pytest.mark.parametrize(("exponent", "expected"), [(1.0, (0.1, 0.9)), (0.5, (0.25, 0.75)), (0.0, (0.5, 0.5))])
def test_sources_are_mixed_by_size_to_an_exponent(tmp_path: Path, exponent: float, expected: tuple[float, float]) -> None:
    corpus = load(tmp_path, {"a": rows(2), "b": rows(18, start=2)}, rows(1, start=50), exponent=exponent)
    assert corpus.probabilities == pytest.approx(expected)


def test_a_weight_multiplies_the_probability(tmp_path: Path) -> None:
    corpus = load(tmp_path, {"a": rows(2), "b": rows(2, start=2)}, rows(1, start=50), b={"weight": 3.0})
    assert corpus.probabilities == pytest.approx((0.25, 0.75))


def test_a_digest_changes_with_any_label_and_with_nothing_else() -> None:
    articles = [Article("x", topic="sport"), Article("y\ud800")]
    assert digest(articles) == digest(list(articles))
    assert len({digest(articles), digest(articles[::-1]), digest([Article("x", topic="arts"), articles[1]]), digest(articles[:1])}) == 4


def test_digests_and_corpus_are_the_same_every_time(tmp_path: Path) -> None:
    train = {"a": rows(30)}
    first, second = (load(tmp_path, train, rows(1, start=50), a={"max_articles": 5}) for _ in range(2))
    assert first == second
    assert first.digests == {"a": digest(first.train[0].articles)}


def test_the_report_counts_and_its_tables_show_it(tmp_path: Path) -> None:
    stances = [{"target": "t", "stance": "favor"}, {"target": "u", "stance": "against"}]
    train = {
        "a": [*rows(12), *rows(3, start=20, topic="arts", lang="fr", summary="Short."), *rows(1, start=50)],
        "b": [{"id": "x", "text": "A text.", "title": "A title", "stances": stances, "boilerplate": []}, {"id": "y", "text": "Story number 2"}],
    }
    options = {"a": {"labels": {"topic": {"Sports": "sport"}}}, "b": {"headline_as_summary": True}}
    config = make_config(tmp_path, train, rows(1, start=50), **options)
    report = describe(load_corpus(config), config, count_windows=lambda article: 2 if article.lang == "fr" else 1)
    a, b, dev = report.sources
    assert (a.split, a.name, a.articles, a.topics, a.summaries, a.languages) == ("train", "a", 15, {"sport": 12, "arts": 3}, 3, {"en": 12, "fr": 3})
    assert (a.windows, a.windowed, a.unused_labels, a.dropped) == (18, 3, ("topic: Sports",), {"text shared with a dev or held-out article": 1})
    assert (b.articles, b.stances, b.headlines, b.boilerplate, b.languages) == (1, {"favor": 1, "against": 1}, 1, 1, {"": 1})
    assert (dev.split, dev.articles, dev.probability) == ("dev", 1, 0.0)
    assert a.probability + b.probability == pytest.approx(1)
    assert report.rare_topics == {"arts": 3}
    assert len(report.unused_topics) == 15
    assert report.languages["fr"] == {"articles": 3, "topics": 3, "stances": 0, "summaries": 3}

    shown = printed(corpus_tables(report))
    for line in (
        "train a: left out 1: text shared with a dev or held-out article",
        "train b: left out 1: no label to learn from",
        "train a: no row has these labels of its map: topic: Sports",
        "fewer than 10 training articles: arts 3",
        "1 training articles left out for text shared with dev or held-out articles:",
        "  train  held out  similar  first words",
        "  a/50   dev/50       100%  Story number 50.",
        "not named",
    ):
        assert line in shown
    assert "windowed" in shown
