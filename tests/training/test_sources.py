import gzip
import json
import lzma
from datetime import date
from pathlib import Path
from typing import Any

import datasets
import pytest

from inference.article import Stance
from inference.errors import DataError
from training.config import Source
from training.sources import LoadedSource, load_source

TOPICS = ("arts", "politics", "sport", "weather")


def load(root: Path, rows: list[dict[str, Any]] | str, name: str = "a.jsonl", seed: int = 1, **source: Any) -> LoadedSource:
    text = rows if isinstance(rows, str) else "".join(json.dumps(row) + "\n" for row in rows)
    opener = {".gz": gzip.open, ".xz": lzma.open}.get(Path(name).suffix, open)
    with opener(root / name, "wt", encoding="utf-8") as file:
        file.write(text)
    return load_source(Source.model_validate({"name": "s", "path": name, **source}), root, TOPICS, seed)


def error(root: Path, rows: list[dict[str, Any]] | str, name: str = "a.jsonl", **source: Any) -> str:
    with pytest.raises(DataError) as caught:
        load(root, rows, name, **source)
    return str(caught.value)


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.jsonl.xz"])
def test_json_lines_with_any_subset_of_labels(tmp_path: Path, name: str) -> None:
    rows = [
        {"id": "x", "text": "Rain fell.", "topic": None, "summary": None, "source": "their own"},
        {"text": "They won.", "topic": "sport", "lang": "no", "stances": [{"target": "the team", "stance": "favor"}], "summary": "Won."},
    ]
    loaded = load(tmp_path, rows, name, lang="en")
    first, second = loaded.articles
    assert (first.id, first.lang, first.source, first.topic, first.summary) == ("x", "en", "s", None, None)
    assert (second.id, second.lang, second.topic, second.stances, second.summary) == ("row-2", "no", "sport", (Stance("the team", "favor"),), "Won.")
    assert loaded.topic_labels == ("sport",)
    assert loaded.dropped == {}


def test_columns_and_labels_are_mapped(tmp_path: Path) -> None:
    rows = [
        {"body": "a b", "topic": "ignored", "kind": "Sports"},
        {"body": "c d", "kind": 3},
        {"body": "e f", "kind": "geography"},
        {"body": "g h", "kind": " politics "},
        {"body": "i j", "kind": ""},
    ]
    labels = {"topic": {"Sports": "sport", 3: "weather", "geography": None, "Never": "arts"}, "stance": {"pro": "favor"}}
    loaded = load(tmp_path, rows, columns={"text": "body", "topic": "kind"}, labels=labels)
    assert [article.topic for article in loaded.articles] == ["sport", "weather", None, "politics", None]
    assert loaded.topic_labels == ("politics", "sport", "weather")
    assert loaded.dropped == {"topic 'geography' is mapped to null (the label is left out, not the article)": 1}
    assert loaded.unused_labels == ("topic: Never", "stance: pro")


def test_empty_csv_cells_read_as_fields_that_json_leaves_out(tmp_path: Path) -> None:
    table = "id,lang,title,text,topic,stances,summary,boilerplate,date\n,,,Rain fell.,,,,,\n7,en,Won,They won.,sport,,Won.,,2024-05-01\n8,,,,,,,,\n"
    rows = [{"text": "Rain fell."}, {"id": "7", "lang": "en", "title": "Won", "text": "They won.", "topic": "sport", "summary": "Won.", "date": "2024-05-01"}]
    loaded = load(tmp_path, table, "a.csv")
    assert loaded.articles == load(tmp_path, rows).articles
    assert loaded.articles[0].boilerplate is None  # not annotated, and not known to be clean
    assert loaded.dropped == {"no words in the text": 1}


def test_stances_in_a_list_are_mapped(tmp_path: Path) -> None:
    stances = [{"target": "a", "stance": "AGREE"}, {"target": "b", "stance": "skip"}, {"target": "c", "stance": "neutral"}]
    loaded = load(tmp_path, [{"text": "x", "stances": stances}], labels={"stance": {"AGREE": "favor", "skip": None}})
    assert loaded.articles[0].stances == (Stance("a", "favor"), Stance("c", "neutral"))
    assert loaded.dropped == {"stance 'skip' is mapped to null (the label is left out, not the article)": 1}


def test_rows_of_a_table_that_share_their_text_are_one_article(tmp_path: Path) -> None:
    table = "id,text,claim,label\n1,Rain fell.,it rained,agree\n2,Sun shone.,it rained,disagree\n1,Rain fell.,sun shone,disagree\n3,Rain fell.,it snowed,\n"
    labels = {"stance": {"agree": "favor", "disagree": "against"}}
    loaded = load(tmp_path, table.replace("3,Rain fell.,it snowed,\n", ""), "a.csv", columns={"target": "claim", "stance": "label"}, labels=labels)
    assert [(article.id, article.stances) for article in loaded.articles] == [
        ("1", (Stance("it rained", "favor"), Stance("sun shone", "against"))),
        ("2", (Stance("it rained", "against"),)),
    ]
    unlabeled = load(tmp_path, table.replace("3,", "1,"), "a.csv", columns={"target": "claim", "stance": "label"}, labels=labels)
    assert unlabeled.articles == loaded.articles  # a pair without a stance is a row of its article all the same
    dropped = load(
        tmp_path,
        table.replace("disagree", "skip"),
        "a.csv",
        columns={"target": "claim", "stance": "label"},
        labels={"stance": {"agree": "favor", "skip": None}},
    )
    assert [(article.id, len(article.stances)) for article in dropped.articles] == [("1", 1), ("2", 0)]


def test_the_same_id_with_another_text_is_an_error_in_a_table_too(tmp_path: Path) -> None:
    message = error(tmp_path, "id,text,target,stance\n1,Rain fell.,a,favor\n1,Sun shone.,a,favor\n", "a.csv")
    assert message == f"{tmp_path}/a.csv:3: id '1' was used at {tmp_path}/a.csv:2. Give every article its own id."


def test_contradicting_and_repeated_targets(tmp_path: Path) -> None:
    pairs = [("a", "favor"), ("b", "favor"), ("a", "against"), ("b", "favor")]
    loaded = load(tmp_path, [{"text": "x", "stances": [{"target": target, "stance": stance} for target, stance in pairs]}])
    assert loaded.articles[0].stances == (Stance("b", "favor"),)
    assert loaded.dropped == {"target with two different stances (the target is left out, not the article)": 1}


def test_rows_without_words_are_counted(tmp_path: Path) -> None:
    loaded = load(tmp_path, [{"text": " \n"}, {"text": "…!?"}, {"text": None}, {"text": "雨"}])
    assert [article.text for article in loaded.articles] == ["雨"]
    assert loaded.dropped == {"no words in the text": 3}


def test_a_sample_does_not_depend_on_the_order_of_the_rows(tmp_path: Path) -> None:
    rows = [{"id": str(number), "text": f"text {number}"} for number in range(50)]
    ids = {article.id for article in load(tmp_path, rows, max_articles=10).articles}
    shuffled = load(tmp_path, rows[::-1], max_articles=10)
    assert {article.id for article in shuffled.articles} == ids
    assert shuffled.dropped == {"beyond max_articles": 40}
    assert [int(article.id) for article in shuffled.articles] == sorted(map(int, ids), reverse=True)
    assert {article.id for article in load(tmp_path, rows, seed=2, max_articles=10).articles} != ids


def test_declared_topic_labels(tmp_path: Path) -> None:
    rows = [{"text": "x", "topic": "sport"}, {"text": "y", "topic": "arts"}]
    assert load(tmp_path, rows, topic_labels=["weather", "sport", "arts"]).topic_labels == ("arts", "sport", "weather")
    assert error(tmp_path, rows, topic_labels=["weather", "sport"]) == (
        "a.jsonl: articles of source 's' have topics that its topic_labels leave out: arts. Add them to topic_labels, or map them to null."
    )


def test_unknown_labels_come_with_counts_and_the_remedy(tmp_path: Path) -> None:
    rows = [{"text": "x", "topic": topic} for topic in ("sport", "sports", "Kultur", "sports")]
    assert error(tmp_path, rows) == (
        f"a.jsonl: source 's' has unknown topic labels, first at {tmp_path}/a.jsonl:2: 'sports' (2 rows) (did you mean 'sport'?), 'Kultur' (1 rows). "
        "Allowed: arts, politics, sport, weather. Map theirs to ours, e.g. `labels: {topic: {sports: arts}}`, or to null to leave a label out."
    )
    message = error(tmp_path, [{"text": "x", "stances": [{"target": "t", "stance": "favour"}]}])
    assert "unknown stance labels" in message
    assert "'favour' (1 rows) (did you mean 'favor'?). Allowed: favor, against, neutral, unrelated." in message


@pytest.mark.parametrize(
    ("rows", "columns", "message"),
    [
        ([{"body": "x"}], {}, "a.jsonl:1: there is no column 'text' to read the text from; found body. Correct `columns: {text: …}`."),
        (
            [{"article_body": "x", "id": 1}],
            {"text": "articl_body"},
            "column 'articl_body' to read the text from (did you mean 'article_body'?); found",
        ),
        (
            [{"text": "x"}, {"text": "y", "headlines": "z"}],
            {"title": "headline"},
            "there is no column 'headline' to read the title from (did you mean 'headlines'?)",
        ),
        ([{"text": ["x"]}], {}, "a.jsonl:1: 'text' must be a string; it is list."),
        (
            [{"text": "x"}, {"text": "y", "lang": False}],
            {},
            "a.jsonl:2: 'lang' must be a string, found False (YAML and spreadsheets turn a bare `no` into False: quote it).",
        ),
        ([{"text": "x", "topic": ["sport"]}], {}, "a.jsonl:1: 'topic' must be a string, found ['sport']."),
        ([{"text": "x", "stances": "favor"}], {}, "a.jsonl:1: 'stances' must be a list of"),
        ([{"text": "x", "stances": [{"stance": "favor"}]}], {}, "a.jsonl:1: stances[0] must have a non-empty string 'target'"),
        (
            [{"text": "x", "stance": "favor"}],
            {},
            "a.jsonl:1: the row has the stance 'favor' but no target, found None. Map the column of its target: `columns: {target: …}`.",
        ),
        ([{"id": "1", "text": "x"}, {"id": "1", "text": "y"}], {}, "a.jsonl:2: id '1' was used at"),
        ([], {}, "a.jsonl: source 's' has no article (it has no rows). Give a source with text, or remove it."),
        ([{"text": ""}], {}, "a.jsonl: source 's' has no article (1 rows: no words in the text)."),
        ("{\n", {}, "a.jsonl:1: the line is not JSON"),
    ],
)
def test_a_bad_row_stops_the_run(tmp_path: Path, rows: list[dict[str, Any]] | str, columns: dict[str, str], message: str) -> None:
    assert message in error(tmp_path, rows, columns=columns)


def test_a_hub_data_set_may_repeat_its_ids(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "set"
    folder.mkdir()
    features = datasets.Features({"id": datasets.Value("int64"), "body": datasets.Value("string"), "label": datasets.ClassLabel(names=["Sport", "arts"])})
    rows = datasets.Dataset.from_dict({"id": [1, 1], "body": ["a", "b"], "label": [0, 1]}, features=features)
    rows.to_parquet(str(folder / "train.parquet"))
    hub = {"id": str(folder), "split": "train"}
    source = Source.model_validate({"name": "s", "hub": hub, "columns": {"text": "body", "topic": "label"}, "labels": {"topic": {"Sport": "sport"}}})
    loaded = load_source(source, tmp_path, TOPICS, seed=1)
    assert [(article.id, article.topic) for article in loaded.articles] == [("1", "sport"), (f"1 ({folder}[train]:2)", "arts")]


def test_dates_of_a_parquet_file_become_text(tmp_path: Path) -> None:
    datasets.Dataset.from_dict({"text": ["a"], "date": [date(2024, 5, 1)]}).to_parquet(str(tmp_path / "a.parquet"))
    loaded = load_source(Source.model_validate({"name": "s", "path": "a.parquet"}), tmp_path, TOPICS, seed=1)
    assert loaded.articles[0].date == "2024-05-01"
