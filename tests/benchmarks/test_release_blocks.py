import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks import release_blocks
from benchmarks.doc_blocks import MissingResultError


def store(folder: Path, name: str, value: Any) -> None:
    (folder / name).write_text(json.dumps(value), encoding="utf-8")


def test_vocabularies_show_their_mean_and_their_most_costly_language(tmp_path: Path) -> None:
    one = {"pieces": 900, "seconds": 12.4, "tokens_a_word": 1.756, "worst": "ka", "bytes_of_all_tokens": 0.00123, "languages": {"en": 1.2, "ka": 2.312}}
    store(tmp_path, "vocabulary.json", {"tokenizers": {"bpe, 32,000": one}})
    header, _, row = release_blocks.vocabulary_block(tmp_path).splitlines()
    assert "mean of 2 languages" in header
    assert row == "| bpe, 32,000 | 1.76 | 2.31 (ka) | 0.12% | 12 |"


def test_contenders_without_bits_per_byte_have_an_empty_cell(tmp_path: Path) -> None:
    contenders = {
        "counted": {"seconds": 0.0, "bits_per_byte": None, "topic_macro_f1": 0.517},
        "masked": {"seconds": 97.2, "bits_per_byte": 2.9799, "topic_macro_f1": 0.4682},
    }
    store(tmp_path, "pretraining.json", {"settings": {"tokens": 400_000}, "contenders": contenders})
    header, _, *rows = release_blocks.pretraining_block(tmp_path).splitlines()
    assert header.startswith("| 400,000 tokens each |")
    assert rows == ["| counted | 0 |  | 0.517 |", "| masked | 97 | 2.98 | 0.468 |"]


def test_runs_show_the_scores_that_they_have(tmp_path: Path) -> None:
    runs = {"topic alone": {"tokens": 499_000, "scores": {"topic_macro_f1": 0.6123, "rouge1": 0.2731}}}
    store(tmp_path, "choices.json", {"runs": runs})
    assert release_blocks.choices_block(tmp_path).splitlines()[2] == "| topic alone | 499,000 | 0.612 |  | 27.3 |  |"


def test_topics_come_from_the_thinnest_on_and_are_added_up(tmp_path: Path) -> None:
    topics = {
        "sport": {"training": 3830, "sources": 12, "languages": 44, "written": 120, "test": 5, "right": 4, "predicted": 8},
        "weather": {"training": 10, "sources": 1, "languages": 1, "written": 90, "test": 1, "right": 0, "predicted": 0},
    }
    store(tmp_path, "topics.json", {"topics": topics})
    rows = release_blocks.topics_block(tmp_path).splitlines()[2:]
    assert rows[0] == "| `weather` (thin) | 10 | 1 | 1 | 90 | 0 of 1 | 0 |"
    assert rows[1] == "| `sport` | 3,830 | 12 | 44 | 120 | 4 of 5 | 8 |"
    assert rows[2] == "| all |  |  |  |  | 4 of 6 |  |"


@pytest.mark.parametrize(
    "block", [release_blocks.vocabulary_block, release_blocks.pretraining_block, release_blocks.choices_block, release_blocks.topics_block]
)
def test_a_missing_file_names_its_command(block: Any, tmp_path: Path) -> None:
    with pytest.raises(MissingResultError, match="not measured yet: run `python -m benchmarks"):
        block(tmp_path)


def test_mistakes_are_named_with_what_was_right(tmp_path: Path) -> None:
    one = {"id": "en-3", "lang": "en", "title": "Rain", "gold": "weather", "named": "sport", "confidence": 0.713}
    store(tmp_path, "topics.json", {"mistakes": [one]})
    assert release_blocks.mistakes_block(tmp_path) == "- en, `en-3`, “Rain”: `sport` with 71%; it is about `weather`\n"


def test_the_base_says_what_it_read(tmp_path: Path) -> None:
    base = {"tokens": 1234567, "seconds": 150.0, "parameters": 9000, "bits_per_byte": {"mean": 2.0123, "en": 1.5, "ka": 2.5}}
    store(tmp_path, "release.json", {"trained": {"base": base}})
    assert release_blocks.base_block(tmp_path) == (
        "The base read 1,234,567 tokens in 2 minutes and has 9,000 parameters; it needs 2.01 bits per byte of held-out text, mean of 2 languages.\n"
    )
