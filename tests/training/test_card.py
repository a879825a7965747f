"""The generated parts of a model card say what the reports say; the rest of it stays byte for byte."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import ModelCard

from inference.errors import ConfigError, DataError
from training.card import update_card

CARD = """\
---
# what people say
license: other   # see below
language: en
# the tags
tags: [news, 'no']
---
# Our model

By hand: | <b>café</b> \t
<!-- begin:card:run -->
old
<!-- end:card:run -->
<!-- begin:scores -->
another tool's
<!-- end:scores -->
<!-- begin:card:data --><!-- end:card:data -->
Before. <!-- begin:card:scores -->
<!-- end:card:scores --> After.
"""

SOURCE: dict[str, Any] = {
    "articles": 1200,
    "left_out": {"text shared with a dev or held-out article": 3, "no label to learn from": 40},
    "topics": 900,
    "stances": 0,
    "summaries": 10,
    "headline_as_summary": False,
    "languages": ["nb", "zh-Hant"],
    "license": "CC BY 4.0 | texts <theirs>",
    "home": "https://example.org/set",
    "sha256": "0" * 64,
}
TRAINED: dict[str, Any] = {
    "name": "news",
    "config": "data:\n  train:\n  - {name: daily, path: daily.jsonl, hub: null}\n  - {name: wire, hub: {id: agency/wire, split: train}}\n",
    "best_step": 1500,
    "run": {
        "steps": 2000,
        "tokens": 8_000_000,
        "seconds": 5400.0,
        "parameters": 11_841_438,
        "processes": 1,
        "device": "cpu, 2 threads",
        "precision": "float32",
    },
    "sources": {
        "daily": SOURCE,
        "wire": SOURCE | {"articles": 50, "left_out": {}, "topics": 0, "stances": 7, "headline_as_summary": True, "languages": ["no", "zh"], "license": None},
    },
    "history": [{"step": 10, "loss": 1.0}],
}


def row(task: str, kind: str, group: str, system: str, n: int, interval: tuple[float, float] | None = None, **scores: float) -> dict[str, Any]:
    intervals = {} if interval is None else {next(iter(scores)): list(interval)}
    return {"task": task, "group_kind": kind, "group": group, "system": system, "n": n, "scores": scores, "intervals": intervals}


ROWS = [
    row("topic", "overall", "all", "model", 1040, (0.5, 0.625), macro_f1=0.5625, accuracy=0.9),
    row("topic", "overall", "all", "majority (of gold)", 1040, (0.01, 0.02), macro_f1=0.015, accuracy=0.2),
    row("topic", "source", "daily", "model", 1040, (0.5, 0.625), macro_f1=0.5625, accuracy=0.9),
    row("topic", "lang", "nb", "majority (of gold)", 29, macro_f1=0.25),
    row("topic", "lang", "nb", "model", 29, macro_f1=1.0),
    row("topic", "script", "Latin", "model", 29, macro_f1=0.1234),
    row("stance", "overall", "all", "model", 60, macro_f1=0.4),
    row("stance", "source", "daily", "model", 60, macro_f1=0.4),
    row("stance", "overall", "all", "model, other targets", 60, macro_f1=0.3),
    row("summary", "source", "daily", "model", 40, (28.04, 31.06), rouge1=30.26),
    row("summary", "source", "daily", "lead-1", 40, rouge1=22.0),
    row("cleaning", "source", "daily", "model", 40, precision=1.0),
]


@pytest.fixture
def write_report(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a report.json in which the given fields are other ones."""

    def write(name: str = "report.json", **changes: Any) -> Path:
        report = {"format": 2, "rows": ROWS, "articles": 1040, "max_words": 60, "trained": TRAINED, "warnings": ["…"]}
        report["files"] = [{"path": "/home/me/data/dev/daily.jsonl.xz", "sha256": "0123456789abcdef" * 4, "articles": 1040}]
        (tmp_path / name).write_text(json.dumps(report | changes), encoding="utf-8")
        return tmp_path / name

    return write


@pytest.fixture
def card(tmp_path: Path) -> Path:
    path = tmp_path / "model_card.md"
    path.write_text(CARD, encoding="utf-8")
    return path


def block(text: str, name: str) -> str:
    return text.partition(f"<!-- begin:card:{name} -->\n")[2].partition(f"<!-- end:card:{name} -->")[0]


def test_the_run_in_a_sentence_each(card: Path, write_report: Callable[..., Path]) -> None:
    update_card(card, [write_report()])
    assert block(card.read_text(encoding="utf-8"), "run") == (
        "The run `news` read 8,000,000 tokens of 1,250 articles in 90.0 minutes on cpu, 2 threads (float32) and trained 11,841,438 parameters. "
        "The weights are those of step 1,500 of 2,000, the best on dev. 3 training articles were left out because they overlap dev or held-out articles.\n"
    )
    run = TRAINED["run"] | {"processes": 4, "device": "NVIDIA H200", "precision": "bfloat16"}
    update_card(card, [write_report(trained=TRAINED | {"run": run})])
    assert " minutes on 4 × NVIDIA H200 (bfloat16) and trained " in card.read_text(encoding="utf-8")


def test_the_data_with_licenses(card: Path, write_report: Callable[..., Path]) -> None:
    update_card(card, [write_report()])
    assert block(card.read_text(encoding="utf-8"), "data").splitlines() == [
        "| source | labels | languages | articles used | license as stated | home |",
        "| --- | --- | --- | --: | --- | --- |",
        "| `daily` | topic, summary | nb zh-Hant | 1,200 | CC BY 4.0 \\| texts &lt;theirs> | https://example.org/set |",
        "| `wire` | stance, summary, headline | no zh | 50 | not stated | https://example.org/set |",
    ]


def test_many_languages_are_counted(card: Path, write_report: Callable[..., Path]) -> None:
    languages = [f"q{letter}" for letter in "abcdefghijklmnopq"]
    update_card(card, [write_report(trained=TRAINED | {"sources": {"daily": SOURCE | {"languages": languages}}})])
    assert "| `daily` | topic, summary | 17 languages | 1,200 |" in card.read_text(encoding="utf-8")


def test_the_scores_stand_beside_their_baselines(card: Path, write_report: Callable[..., Path]) -> None:
    update_card(card, [write_report()])
    assert (
        block(card.read_text(encoding="utf-8"), "scores")
        == """\
1,040 held-out articles of `dev/daily.jsonl.xz` (SHA-256 `0123456789ab…`); summaries have at most 60 words. \
Ranges are 95% intervals over resampled articles; † marks fewer than 30 items.

**Topic**: macro F1, n = articles

| group | n | model | majority (of gold) |
| --- | --: | --: | --: |
| all | 1,040 | **0.562** 0.500–0.625 | 0.015 |
| source daily | 1,040 | **0.562** 0.500–0.625 | – |
| language nb | 29† | **1.000** | 0.250 |

**Stance toward a target**: macro F1, n = pairs of article and target

| group | n | model | model, other targets |
| --- | --: | --: | --: |
| all | 60 | **0.400** | 0.300 |
| source daily | 60 | **0.400** | – |

**Summary against the reference**: ROUGE-1, n = articles

| group | n | model | lead-1 |
| --- | --: | --: | --: |
| source daily | 40 | **30.3** 28.0–31.1 | 22.0 |

**Boilerplate taken out**: F1, n = articles

| group | n | model |
| --- | --: | --: |
| source daily | 40 | – |
"""
    )


def test_each_report_has_its_tables(card: Path, write_report: Callable[..., Path]) -> None:
    files = [{"path": f"{name}.jsonl", "sha256": "f" * 64, "articles": 1} for name in "abcdefg"]
    second = write_report("second.json", rows=[row("topic", "overall", "all", "model", 7, macro_f1=0.25)], files=files, articles=7)
    update_card(card, [write_report(), second])
    text = block(card.read_text(encoding="utf-8"), "scores")
    assert text.count("**Topic**") == 2
    named = ", ".join(f"`{name}.jsonl` (SHA-256 `ffffffffffff…`)" for name in "abcde")
    assert f"\n\n7 held-out articles of {named}, 2 more files; summaries" in text
    assert text.endswith("| all | 7† | **0.250** |\n")


def test_what_people_wrote_stays_byte_for_byte(card: Path, write_report: Callable[..., Path]) -> None:
    update_card(card, [write_report()])
    text = card.read_text(encoding="utf-8")
    head = "---\n# what people say\nlicense: other   # see below\nlanguage:\n- nb\n- 'no'\n- zh\n# the tags\ntags: [news, 'no']\nmodel-index:\n"
    assert text.startswith(head)
    for name in ("run", "data", "scores"):
        text = text.replace(block(text, name), "")
    body = text.partition("\n---\n")[2]
    assert body == (
        "# Our model\n\nBy hand: | <b>café</b> \t\n<!-- begin:card:run -->\n<!-- end:card:run -->\n<!-- begin:scores -->\nanother tool's\n<!-- end:scores -->\n"
        "<!-- begin:card:data -->\n<!-- end:card:data -->\nBefore. <!-- begin:card:scores -->\n<!-- end:card:scores --> After.\n"
    )


def test_twice_changes_nothing_and_keeps_line_ends(card: Path, write_report: Callable[..., Path]) -> None:
    card.write_bytes(CARD.replace("\n", "\r\n").encode())
    update_card(card, [write_report()])
    once = card.read_bytes()
    assert b"license: other   # see below\r\nlanguage:\n" in once
    assert b"# Our model\r\n\r\nBy hand" in once
    update_card(card, [write_report()])
    assert card.read_bytes() == once
    update_card(card, [write_report(rows=[])])  # nothing scored
    assert b"model-index" not in card.read_bytes()


def test_the_hub_reads_the_results(card: Path, write_report: Callable[..., Path]) -> None:
    update_card(card, [write_report()])
    data = ModelCard.load(card).data
    assert data.language == ["nb", "no", "zh"]
    assert (data.license, data.tags, data.model_name) == ("other", ["news", "no"], "news")
    results = data.eval_results
    assert results is not None
    assert [(r.task_type, r.task_name, r.dataset_name, r.dataset_config, r.metric_type, r.metric_value, r.metric_name) for r in results] == [
        ("text-classification", "Topic", "daily", "topic", "f1", 0.562, "macro F1, n = 1040, 95% interval 0.500–0.625"),
        ("text-classification", "Stance toward a target", "daily", "stance", "f1", 0.4, "macro F1, n = 60"),
        ("summarization", "Summary against the reference", "daily", "summary", "rouge", 30.3, "ROUGE-1, n = 40, 95% interval 28.0–31.1"),
    ]


def test_a_new_card_has_every_place(tmp_path: Path, write_report: Callable[..., Path]) -> None:
    card = tmp_path / "new" / "README.md"
    update_card(card, [write_report()])
    text = card.read_text(encoding="utf-8")
    assert "\n# Model card: news\n" in text
    assert all(block(text, name) for name in ("run", "data", "scores"))
    metadata = ModelCard.load(card).data
    assert metadata.datasets == ["agency/wire"]
    assert metadata.license is None  # only people can say it
    update_card(card, [write_report()])
    assert card.read_text(encoding="utf-8") == text


def test_a_card_without_a_place_is_left_alone(card: Path, write_report: Callable[..., Path]) -> None:
    text = CARD.replace("<!-- begin:card:scores -->", "")  # the last block: the others were filled before
    card.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        update_card(card, [write_report()])
    assert str(error.value) == (
        f"{card}: <!-- begin:card:scores --> is missing. Put the lines <!-- begin:card:scores --> and <!-- end:card:scores --> once "
        "where the scores shall stand; what they hold is generated."
    )
    assert card.read_text(encoding="utf-8") == text
    assert {path.name for path in card.parent.iterdir()} == {"model_card.md", "report.json"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format": 1}, "is a report of format 1; a card is written from format 2. Evaluate anew: python -m training evaluate CHECKPOINT HELD_OUT"),
        ({"format": None}, "is no report; a card is written from format 2. Evaluate anew: python -m training evaluate CHECKPOINT HELD_OUT"),
        (
            {"trained": {key: value for key, value in TRAINED.items() if key != "run"}},
            "trained.run: missing; give a value. A card needs what a checkpoint of this version says about its run: train and evaluate anew.",
        ),
    ],
)
def test_a_report_that_says_too_little(changes: dict[str, Any], message: str, card: Path, write_report: Callable[..., Path]) -> None:
    path = write_report(**changes)
    with pytest.raises(DataError) as error:
        update_card(card, [path])
    assert str(error.value) == f"{path}: {message}"
    assert card.read_text(encoding="utf-8") == CARD


def test_reports_of_two_checkpoints(card: Path, write_report: Callable[..., Path]) -> None:
    first, second = write_report(), write_report("second.json", trained=TRAINED | {"best_step": 7})
    with pytest.raises(DataError, match=r"second\.json: the report is of another checkpoint than .*report\.json, and a card describes one\."):
        update_card(card, [first, second])


def test_files_that_are_no_reports(card: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"model_card\.md: is no JSON \(.*\)\. Name a report\.json that `python -m training evaluate` wrote\."):
        update_card(card, [card])
    with pytest.raises(DataError, match=r"none\.json: cannot be read \(No such file or directory\)\."):
        update_card(card, [tmp_path / "none.json"])
    (tmp_path / "list.json").write_text("[1]", encoding="utf-8")
    with pytest.raises(DataError, match=r"list\.json: is no report; a card is written from format 2\."):
        update_card(card, [tmp_path / "list.json"])
