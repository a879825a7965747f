from pathlib import Path
from typing import Any

import datasets
import pytest

from inference.errors import DataError
from training.config import Source
from training.rows import Row, read_rows


def rows(root: Path, **source: Any) -> list[tuple[str, Row]]:
    return list(read_rows(Source.model_validate({"name": "s", **source}), root))


def test_csv_keeps_text_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('\ufeffid,text,topic\n007,"two\nlines, one cell",NA\n8,"say ""no""",null\n', encoding="utf-8")
    assert rows(tmp_path, path="a.csv") == [
        (f"{tmp_path}/a.csv:2", {"id": "007", "text": "two\nlines, one cell", "topic": "NA"}),
        (f"{tmp_path}/a.csv:4", {"id": "8", "text": 'say "no"', "topic": "null"}),
    ]


def test_an_empty_csv_cell_is_not_given(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text('id,text,topic\n1,,""\n2, ,x\n', encoding="utf-8")
    assert [row for _, row in rows(tmp_path, path="a.csv")] == [{"id": "1", "text": None, "topic": None}, {"id": "2", "text": " ", "topic": "x"}]


def test_a_long_csv_cell_is_read_whole(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text\n" + "a" * 200_000 + "\n", encoding="utf-8")
    assert len(rows(tmp_path, path="a.csv")[0][1]["text"]) == 200_000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b\n1,2\n\n3\n", "a.csv:4: the row has 1 cells, the header has 2. Quote cells that hold a comma or line break."),
        (b"a,a\n1,2\n", "a.csv:1: the header names 'a' twice. Give every column its own name."),
        (b'a\nx\n"y\n', "a.csv:3: not valid CSV: unexpected end of data. Check the quotes of the row."),
        (b"a\n\xff\n", "the file must be UTF-8 (invalid start byte). Convert it, e.g. with `iconv -t UTF-8`."),
    ],
)
def test_bad_csv_is_named_by_line(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(DataError) as caught:
        rows(tmp_path, path="a.csv")
    assert message in str(caught.value)


def test_parquet_class_numbers_become_names(tmp_path: Path) -> None:
    features = datasets.Features({"text": datasets.Value("string"), "label": datasets.ClassLabel(names=["World", "Sports"])})
    datasets.Dataset.from_dict({"text": ["a", "b", "c"], "label": [1, -1, None]}, features=features).to_parquet(str(tmp_path / "a.parquet"))
    assert rows(tmp_path, path="a.parquet") == [
        (f"{tmp_path}/a.parquet:1", {"text": "a", "label": "Sports"}),
        (f"{tmp_path}/a.parquet:2", {"text": "b", "label": None}),
        (f"{tmp_path}/a.parquet:3", {"text": "c", "label": None}),
    ]


def test_a_damaged_parquet_file(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"junk")
    with pytest.raises(DataError, match=r"a\.parquet: cannot be read as Parquet \(ArrowInvalid: Parquet file size is 4 bytes"):
        rows(tmp_path, path="a.parquet")


def test_a_hub_data_set_in_a_local_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    folder = tmp_path / "set"
    folder.mkdir()
    features = datasets.Features({"body": datasets.Value("string"), "label": datasets.ClassLabel(names=["World", "Sports"])})
    datasets.Dataset.from_dict({"body": ["a", "b"], "label": [0, 1]}, features=features).to_parquet(str(folder / "train.parquet"))
    assert rows(tmp_path, hub={"id": str(folder), "split": "train"}) == [
        (f"{folder}[train]:1", {"body": "a", "label": "World"}),
        (f"{folder}[train]:2", {"body": "b", "label": "Sports"}),
    ]
    with pytest.raises(DataError, match=r'cannot be loaded \(ValueError: Unknown split "dev"'):
        rows(tmp_path, hub={"id": str(folder), "split": "dev"})


def test_a_hub_data_set_without_a_network_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(DataError) as caught:
        rows(tmp_path, hub={"id": "nobody/nothing-here", "split": "train"})
    assert str(caught.value).startswith("nobody/nothing-here[train]: the Hub data set 'nobody/nothing-here' cannot be loaded (")
    assert "https://huggingface.co/datasets/nobody/nothing-here; without a network, load it once where there is one, or give its files as 'path'." in str(
        caught.value
    )


def test_a_missing_file_names_the_nearest(tmp_path: Path) -> None:
    (tmp_path / "news_train.csv").write_text("text\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"/news\.train\.csv: no such file \(did you mean 'news_train.csv'\?\)\. Correct the path of source 's', or name"):
        rows(tmp_path, path="news.train.csv")
    with pytest.raises(DataError, match=r"no such file \(the folder .*/nowhere does not exist\)\."):
        rows(tmp_path, path="nowhere/a.csv")
    with pytest.raises(DataError, match=r"no such file \(.* has news_train.csv\)\."):
        rows(tmp_path, path="zzz.jsonl")
