"""An evaluation fails below a floor, and never passes because nothing was compared."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from inference.errors import ConfigError, DataError
from training.floors import Floor, check_floors, floors_table, read_floors
from training.results import HeldOutFile, Report, Row

ROOT = Path(__file__).parents[2]
DIGEST, OTHER = "ab" * 32, "cd" * 32


@pytest.fixture
def report() -> Report:
    return Report(
        rows=(
            Row("topic", "overall", "all", "model", 40, {"accuracy": 0.625, "macro_f1": 0.5}),
            Row("topic", "overall", "all", "majority (of gold)", 40, {"accuracy": 0.2, "macro_f1": 0.01}),
            Row("topic", "lang", "ja", "model", 8, {"accuracy": 0.25, "macro_f1": 0.125}),
            Row("topic", "source", "daily", "model", 40, {"accuracy": 0.625, "macro_f1": 0.5}),
            Row("summary", "overall", "all", "model", 40, {"rouge1": 30.25, "words": 50.0}),
            Row("summary", "overall", "all", "lead-1", 40, {"rouge1": 99.0, "words": 20.0}),
        ),
        examples=(),
        articles=40,
        max_words=60,
        max_sentences=None,
        seconds=1.0,
        versions={},
        warnings=(),
        files=(HeldOutFile("/home/me/news/data/daily.jsonl", DIGEST, 40),),
    )


@pytest.fixture
def floors(tmp_path: Path) -> Path:
    return tmp_path / "floors.json"


def check(report: Report, path: Path) -> tuple[Floor, ...]:
    return check_floors(report, read_floors(path, report.files))


def write(path: Path, floors: object, digest: str = DIGEST, held_out: str = "data/daily.jsonl") -> Path:
    path.write_text(json.dumps({digest: {"path": held_out, "floors": floors}}), encoding="utf-8")
    return path


def test_the_models_scores_are_held_against_the_floors(report: Report, floors: Path) -> None:
    write(floors, {"topic.macro_f1": 0.5, "topic.accuracy@lang=ja": 0.3, "topic.macro_f1@source=daily": 0.25, "summary.rouge1": 30.26})
    found = check(report, floors)
    assert [(floor.task, floor.metric, floor.group_kind, floor.group, floor.found, floor.n, floor.holds) for floor in found] == [
        ("topic", "macro_f1", "overall", "all", 0.5, 40, True),
        ("topic", "accuracy", "lang", "ja", 0.25, 8, False),
        ("topic", "macro_f1", "source", "daily", 0.5, 40, True),
        ("summary", "rouge1", "overall", "all", 30.25, 40, False),
    ]


def test_the_table_shows_what_sank(report: Report, floors: Path) -> None:
    write(floors, {"topic.macro_f1": 0.5, "topic.accuracy@lang=ja": 0.3, "summary.rouge1": 30.26})
    console = Console(width=120, record=True, file=open("/dev/null", "w", encoding="utf-8"))  # noqa: SIM115
    console.print(floors_table(check(report, floors)))
    lines = [" ".join(line.split()) for line in console.export_text().splitlines()]
    assert "Below the floor" in lines
    assert "file task metric group n floor found" in lines
    assert "/home/me/news/data/daily.jsonl topic accuracy lang ja 8 0.3 0.2500" in lines
    assert "/home/me/news/data/daily.jsonl summary rouge1 all 40 30.26 30.2500" in lines
    assert not any("macro_f1" in line for line in lines)


def test_a_changed_file_is_told_from_an_unknown_one(report: Report, floors: Path) -> None:
    write(floors, {"topic.macro_f1": 0.1}, digest=OTHER)
    with pytest.raises(DataError) as changed:
        check(report, floors)
    assert str(changed.value) == (
        f"/home/me/news/data/daily.jsonl: the file is not the one that {floors} has floors for: its SHA-256 is {DIGEST}, there it is {OTHER}. "
        "Restore the file; or, where it was changed on purpose, set floors for it under its new digest."
    )
    write(floors, {"topic.macro_f1": 0.1}, digest=OTHER, held_out="other/daily.jsonl")
    with pytest.raises(ConfigError) as unknown:
        check(report, floors)
    assert str(unknown.value) == (
        f"{floors}: has floors for other/daily.jsonl, and none for what is evaluated: /home/me/news/data/daily.jsonl ({DIGEST}). "
        "Evaluate such a file, or add floors for this one."
    )


def test_a_changed_file_is_found_beside_one_that_is_not(report: Report, floors: Path) -> None:
    changed = HeldOutFile("data/weekly.jsonl", "ef" * 32, 0)
    entries = {DIGEST: {"path": "data/daily.jsonl", "floors": {"topic.macro_f1@source=daily": 0.1}}}
    entries[OTHER] = {"path": "data/weekly.jsonl", "floors": {"topic.macro_f1@source=weekly": 0.1}}
    floors.write_text(json.dumps(entries), encoding="utf-8")
    with pytest.raises(DataError, match=r"^data/weekly\.jsonl: the file is not the one"):
        check(replace(report, files=(*report.files, changed)), floors)


def test_articles_that_were_not_scored_do_not_help(report: Report, floors: Path) -> None:
    write(floors, {"topic.macro_f1": 0.1})
    with pytest.raises(DataError, match=r"floors are for whole files, and 38 of 40 held-out articles were scored"):
        check(replace(report, articles=38), floors)


def test_a_report_of_several_files_has_floors_by_source_only(report: Report, floors: Path) -> None:
    report = replace(report, files=(*report.files, HeldOutFile("weekly.jsonl", OTHER, 5)), articles=45)
    (floor,) = check(report, write(floors, {"topic.macro_f1@source=daily": 0.5}))
    assert floor.holds
    with pytest.raises(ConfigError, match=r"topic\.macro_f1: 2 files are evaluated together\. Evaluate this one alone, or set its floors by source"):
        check(report, write(floors, {"topic.macro_f1": 0.5}))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("stance.macro_f1", "the report has no scores of stance; it has topic, summary. Remove the floor."),
        ("topics.macro_f1", "the report has no scores of topics (did you mean 'topic'?); it has topic, summary. Remove the floor."),
        ("topic.macrof1", "the report has no macrof1 of topic (did you mean 'macro_f1'?); it has accuracy, macro_f1. Correct or remove the floor."),
        ("topic.accuracy@lang=jp", "topic has no lang 'jp'; it has ja. Correct or remove the floor."),
        ("summary.rouge1@source=daily", "summary has no source 'daily'; it has none. Correct or remove the floor."),
    ],
)
def test_a_floor_under_nothing_is_an_error(name: str, message: str, report: Report, floors: Path) -> None:
    with pytest.raises(ConfigError) as error:
        check(report, write(floors, {name: 1.0}))
    assert str(error.value) == f"{floors}: /home/me/news/data/daily.jsonl: {name}: {message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", r"floors\.json: must be a mapping, found \[\]\."),
        ('{"abc": {"path": "a", "floors": {"topic.f1": 1}}}', "'abc' is no SHA-256; write 64 digits"),
        (f'{{"{DIGEST}": {{"path": "a", "floor": {{}}}}}}', "floor: unknown key; did you mean 'floors'?"),
        (
            f'{{"{DIGEST}":\n {{"path": "a",\n "floors": {{"topic.f1": "1"}}}}}}',
            rf"floors\.json:3: {DIGEST}: floors: topic\.f1: must be a valid number, found '1'",
        ),
        (f'{{"{DIGEST}": {{"path": "a", "floors": {{"topic.f1": .nan}}}}}}', "found nan"),
        (f'{{"{DIGEST}": {{"path": "a", "floors": {{"topic.f1": -1}}}}}}', "a floor of this score lies above 0, from 0 to 1, found -1"),
        (f'{{"{DIGEST}": {{"path": "a", "floors": {{}}}}}}', "floors: has no floor; give at least one"),
        (f'{{"{DIGEST}": {{"path": "a", "floors": {{"f1": 1}}}}}}', "'f1' is no name of a score; write TASK.METRIC"),
        (f'{{"{DIGEST}": {{"path": "a", "floors": {{"summary.words": 1}}}}}}', "more of words is not better"),
        (f'{{"{DIGEST}": {{"path": "a", "floors": {{"topic.f1@language=ja": 1}}}}}}', r"'language' is no kind of group.*allowed are overall, lang"),
        (f'{{"{DIGEST}": {{"path": "a", "floors": {{"topic.f1": 1, "topic.f1": 0}}}}}}', "the key stands twice"),
        ("{", "not valid YAML"),
    ],
)
def test_a_wrong_file_is_explained(text: str, message: str, report: Report, floors: Path) -> None:
    floors.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        check(report, floors)


def test_a_missing_file_is_named(report: Report, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.json: cannot be read \(No such file or directory\)"):
        check(report, tmp_path / "none.json")


def test_the_floors_of_the_repository_are_for_its_files() -> None:
    entries = json.loads((ROOT / "configs" / "floors.json").read_text(encoding="utf-8"))
    assert [entry["path"] for entry in entries.values()] == ["data/sample/test.jsonl"]
    for digest, entry in entries.items():
        assert hashlib.sha256((ROOT / entry["path"]).read_bytes()).hexdigest() == digest, f"{entry['path']} was changed: set its floors anew"


def test_the_floors_of_the_repository_fit_a_report() -> None:
    """The scores that a quickstart run reached on the sample's test articles."""
    reached = {
        "topic": {"macro_f1": 0.056},
        "stance": {"macro_f1": 0.352},
        "summary": {"rouge1": 30.03, "rouge2": 12.55, "rougeL": 21.88, "chrf": 36.1},
        "cleaning": {"precision": 0.937, "f1": 0.903},
    }
    (digest,) = json.loads((ROOT / "configs" / "floors.json").read_text(encoding="utf-8"))
    rows = tuple(Row(task, "overall", "all", "model", 65, scores) for task, scores in reached.items())
    files = (HeldOutFile("data/sample/test.jsonl", digest, 65),)
    report = Report(rows, (), 65, 60, None, 1.0, {}, (), files=files)
    found = check(report, ROOT / "configs" / "floors.json")
    assert {(floor.task, floor.metric) for floor in found} == {(task, metric) for task, scores in reached.items() for metric in scores}
    assert all(floor.holds for floor in found)


def test_floors_of_summaries_are_for_one_length(report: Report, floors: Path) -> None:
    shorter = replace(report, max_words=30)
    assert check(shorter, write(floors, {"topic.macro_f1": 0.5}))[0].holds
    with pytest.raises(ConfigError, match=r"the floors are for summaries of at most 60 words, found 30\. Leave out --max-words\.$"):
        check(shorter, write(floors, {"summary.rouge1": 20.0}))


@pytest.mark.parametrize(
    ("name", "value", "scale"), [("topic.macro_f1", 0.0, "from 0 to 1"), ("topic.macro_f1", 55.0, "from 0 to 1"), ("summary.rouge1", 0.3, "from 1 to 100")]
)
def test_a_floor_on_the_wrong_scale_or_of_0_is_an_error(report: Report, floors: Path, name: str, value: float, scale: str) -> None:
    with pytest.raises(ConfigError, match=f"a floor of this score lies above 0, {scale}, found {value:g}; 0 could never sink"):
        check(report, write(floors, {name: value}))
