"""Rows become articles, wrong rows become one sentence with file:line, and files appear whole or not at all."""

import gzip
import json
import lzma
from pathlib import Path

import pytest

from inference.article import Article, Stance, article_from_row, article_to_row, open_whole, read_articles, write_articles
from inference.errors import DataError


def test_every_field_survives_writing_and_reading(tmp_path: Path) -> None:
    article = Article(
        "नदी बढ़ी।",
        id="hi-1",
        lang="hi",
        title="बाढ़",
        topic="weather",
        stances=(Stance("बांध", "against"), Stance("asked only")),
        summary="नदी।",
        boilerplate=(),
        source="पत्र",
        date="2025-01-02",
    )
    assert write_articles(tmp_path / "a.jsonl", [article, Article("Rain.", id="2")]) == 2
    assert list(read_articles(tmp_path / "a.jsonl")) == [article, Article("Rain.", id="2")]


def test_not_annotated_and_known_clean_are_told_apart() -> None:
    assert article_from_row({"text": "Rain."}, "a:1").boilerplate is None
    assert article_from_row({"text": "Rain.", "boilerplate": []}, "a:1").boilerplate == ()
    assert article_to_row(Article("Rain.")) == {"text": "Rain."}


@pytest.mark.parametrize("opener", [gzip.open, lzma.open, open])
def test_compressed_files_are_read(tmp_path: Path, opener) -> None:
    path = tmp_path / {gzip.open: "a.jsonl.gz", lzma.open: "a.jsonl.xz", open: "a.jsonl"}[opener]
    with opener(path, "wt", encoding="utf-8") as file:
        file.write('\ufeff{"text": "Rain."}\n\n{"text": "Sun.", "id": 7}\n')
    assert [(a.id, a.text) for a in read_articles(path)] == [("line-1", "Rain."), ("7", "Sun.")]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{", "a.jsonl:1: the line is not JSON"),
        ('["text"]', "a.jsonl:1: the line must be a JSON object, found list. Write one JSON object per line."),
        ('{"body": "x"}', "a.jsonl:1: 'text' must be a string; the row has body. Name the column that holds the article text 'text', or map it."),
        ('{"text": 3}', "a.jsonl:1: 'text' must be a string; it is int."),
        ('{"text": "x", "lang": false}', "'lang' must be a string, found False (YAML and spreadsheets turn a bare `no` into False: quote it)."),
        ('{"text": "x", "stances": [{"target": "t", "stance": "pro"}]}', "stances[0]: unknown stance 'pro'. Allowed: favor, against, neutral, unrelated."),
        ('{"text": "x", "stances": [{"target": " "}]}', "stances[0] must have a non-empty string 'target'"),
        ('{"text": "x", "stances": "favor"}', "'stances' must be a list of"),
        ('{"text": "x", "boilerplate": "Menu"}', "'boilerplate' must be a list of strings, found 'Menu'."),
    ],
)
def test_a_wrong_row_is_named_by_its_line(tmp_path: Path, row: str, message: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(row + "\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        list(read_articles(path))
    assert message in str(caught.value)


def test_a_repeated_id_names_both_lines(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": "x", "text": "Rain."}\n\n{"id": "x", "text": "Sun."}\n', encoding="utf-8")
    with pytest.raises(DataError, match=r"a\.jsonl:3: id 'x' was used on line 1\. Give every article its own id\."):
        list(read_articles(path))


def test_bad_rows_can_be_collected_and_the_others_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "Rain."}\n{"text": "caf\xe9"}\nnot json\n{"text": "Sun."}\n')
    errors: list[DataError] = []
    assert [a.text for a in read_articles(path, errors.append)] == ["Rain.", "Sun."]
    assert "a.jsonl:2: the file must be UTF-8, found byte 0xe9. Convert it, e.g. with `iconv -t UTF-8`." in str(errors[0])
    assert "a.jsonl:3: the line is not JSON" in str(errors[1])
    assert len(errors) == 2


def test_an_unreadable_file_is_a_data_error(tmp_path: Path) -> None:
    (tmp_path / "broken.jsonl.xz").write_bytes(b"no archive")
    for name in ("missing.jsonl", "broken.jsonl.xz"):
        with pytest.raises(DataError, match=rf"{name}: cannot be read .*Give a readable JSON Lines file"):
            list(read_articles(tmp_path / name))


def test_odd_characters_come_back_as_they_were(tmp_path: Path) -> None:
    odd = Article("null \x00 bidi \u202e surrogate \ud800 done", id="odd")
    write_articles(tmp_path / "a.jsonl", [odd])
    assert next(read_articles(tmp_path / "a.jsonl")) == odd
    assert json.loads((tmp_path / "a.jsonl").read_text(encoding="utf-8"))["id"] == "odd"


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old", encoding="utf-8")
    with pytest.raises(TypeError), open_whole(path) as file:
        file.writelines(["half", 3])  # type: ignore[list-item]
    assert path.read_text(encoding="utf-8") == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]
