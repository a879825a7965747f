"""The same figures in every form, and nothing in a text can break a page."""

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from training.report import report_html, report_json, report_markdown, report_tables, write_report
from training.results import Example, HeldOutFile, Report, Row


@pytest.fixture
def report() -> Report:
    topic = {"accuracy": 0.8125, "macro_f1": 0.75, "weighted_f1": 0.8}
    rouge = {"rouge1": 31.26, "rouge2": 12.5, "rougeL": 25.0, "chrf": 40.0, "words": 23.4}
    return Report(
        rows=(
            Row("topic", "overall", "all", "model", 160, topic),
            Row("topic", "overall", "all", "majority (of gold)", 160, {name: value / 4 for name, value in topic.items()}),
            Row("topic", "source", "a|b <news>", "model", 29, topic),
            Row("stance", "overall", "all", "model", 30, {"macro_f1": 0.5, "f1_favor": 1.0, "f1_neutral_or_unrelated": 0.0}),
            Row("stance", "lang", "fa", "model", 30, {"macro_f1": 1.0, "f1_favor": 1.0}),
            Row("summary", "overall", "all", "model", 40, rouge),
            Row("summary", "overall", "all", "lead-1", 40, rouge | {"rouge1": 28.0}),
            Row("cleaning", "overall", "all", "model", 40, {"precision": 1.0, "boilerplate_sentences": 2.0}),
        ),
        examples=(
            Example(
                "1", "ar", "sample", "رفض المجلس العبّارة.", {"model": "رفض المجلس <b>خطة</b> العبّارة.", "lead-1": "اجتمع المجلس.", "oracle": "never shown"}
            ),
            Example("2", "en", "sample", "x" * 500, {"model": "lone \ud800 surrogate"}),
        ),
        articles=160,
        max_words=60,
        max_sentences=None,
        seconds=12.3,
        versions={"python": "3.12.1"},
        warnings=("source 'b': topic <weather> is unknown.",),
        checkpoint="runs/quickstart/checkpoint",
        files=(HeldOutFile("held_out.jsonl", "ab" * 32, 160),),
    )


def on_terminal(report: Report, width: int = 120) -> str:
    console = Console(width=width, record=True, file=open("/dev/null", "w", encoding="utf-8"))  # noqa: SIM115
    console.print(report_tables(report))
    return console.export_text()


def test_the_terminal_shows_model_beside_baseline_with_n(report: Report) -> None:
    text = on_terminal(report)
    lines = [" ".join(line.replace("│", " ").split()) for line in text.splitlines()]
    assert "all model 160 0.812 0.750 0.800" in lines
    assert "majority (of gold) 160 0.203 0.188 0.200" in lines
    assert "all model 40 31.3 12.5 25.0 40.0 23.4" in lines
    assert "all model 40 1.000 2" in lines
    assert "Note: source 'b': topic <weather> is unknown." in lines


@pytest.fixture
def with_intervals(report: Report) -> Report:
    """The report with intervals on topic and summary, as an evaluation gives them."""

    def bounds(row: Row) -> Row:
        if row.task not in ("topic", "summary"):
            return row
        found = {metric: (0.9 * value, 1.1 * value) for metric, value in row.scores.items()}
        return replace(row, intervals=found, replicates={metric: np.full(500, value) for metric, value in row.scores.items()})

    return replace(report, rows=tuple(bounds(row) for row in report.rows))


def test_the_terminal_shows_the_interval_of_the_main_score(with_intervals: Report) -> None:
    text = on_terminal(with_intervals, width=80)
    lines = [" ".join(line.replace("│", " ").split()) for line in text.splitlines()]
    assert "all model 160 0.812 0.750 0.675–0.825 0.800" in lines
    assert "majority (of gold) 160 0.203 0.188 0.169–0.206 0.200" in lines
    assert "all model 40 31.3 28.1–34.4 12.5 25.0 40.0 23.4" in lines
    assert "all model 40 1.000 2" in lines
    assert text.count("Ranges are 95% intervals over resampled articles; articles with the same") == 2


def test_markdown_and_html_show_every_interval(with_intervals: Report) -> None:
    assert "| **all** | **model** | **160** | **0.812** 0.731–0.894 | **0.750** 0.675–0.825 | **0.800** 0.720–0.880 |" in report_markdown(with_intervals)
    page = report_html(with_intervals)
    assert "<td class=number>0.812 <small>0.731–0.894</small></td>" in page
    assert '<li class="model"><span>model</span><b>0.750 <small>0.675–0.825</small></b><i style="width:75.0%"></i></li>' in page
    assert "<td class=number>–</td>" in page


def test_json_holds_intervals_and_no_replicates(with_intervals: Report) -> None:
    rows = report_json(with_intervals)["rows"]
    assert rows[0]["intervals"] == {metric: [pytest.approx(0.9 * value), pytest.approx(1.1 * value)] for metric, value in rows[0]["scores"].items()}
    assert {*rows[0]} == {"task", "group_kind", "group", "system", "n", "scores", "intervals"}


def test_few_items_are_marked_and_explained(report: Report) -> None:
    text = on_terminal(report)
    assert " 29† " in text
    assert text.count("† n is below 30: chance weighs heavily.") == 1  # only under the table that has such a group
    assert "† n is below 30" in report_markdown(report)


def test_an_undefined_score_is_a_dash_and_not_a_zero(report: Report) -> None:
    lines = report_markdown(report).splitlines()
    assert "| **all** | **model** | **30** | **0.500** | **1.000** | **0.000** |" in lines
    assert "| **lang fa** | **model** | **30** | **1.000** | **1.000** | **–** |" in lines


def test_markdown_has_one_table_a_task(report: Report) -> None:
    text = report_markdown(report)
    assert [line for line in text.splitlines() if line.startswith("###")] == [
        "### Topic",
        "### Stance toward a target",
        "### Summary against the reference",
        "### Boilerplate taken out",
    ]
    assert "| group | system | n | acc. | macro F1 | wtd. F1 |\n|---|---|--:|--:|--:|--:|\n" in text
    assert "| **source a\\|b <news>** | **model** | **29†** |" in text


def test_json_holds_everything_unrounded(report: Report) -> None:
    values = report_json(report)
    assert values["format"] == 1
    assert values["rows"][5] == {
        "task": "summary",
        "group_kind": "overall",
        "group": "all",
        "system": "model",
        "n": 40,
        "scores": {"rouge1": 31.26, "rouge2": 12.5, "rougeL": 25.0, "chrf": 40.0, "words": 23.4},
        "intervals": {},
    }
    assert values["files"] == [{"path": "held_out.jsonl", "sha256": "ab" * 32, "articles": 160}]


class _Tags(HTMLParser):
    """Checks that tags close in order, and gathers them with the text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attributes)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_html_is_well_formed_and_self_contained(report: Report) -> None:
    page = report_html(report)
    parser = _Tags()
    parser.feed(page)
    assert parser.open == []
    assert {tag for tag, _ in parser.seen}.isdisjoint({"script", "link", "img", "iframe", "b:"})
    assert not [values for _, values in parser.seen if "src" in values or "href" in values]
    assert "url(" not in page
    assert "prefers-color-scheme: dark" in page
    assert "width=device-width" in page


def test_html_escapes_texts_and_sets_their_direction(report: Report) -> None:
    page = report_html(report)
    assert '<dd dir="auto" lang="ar">رفض المجلس &lt;b&gt;خطة&lt;/b&gt; العبّارة.</dd>' in page
    assert "a|b &lt;news&gt;" in page
    assert "topic &lt;weather&gt; is unknown" in page
    assert "never shown" not in page
    assert "x" * 400 + "…" in page
    assert "x" * 401 not in page


def test_html_bars_have_the_length_of_the_score(report: Report) -> None:
    page = report_html(report)
    assert '<li class="model"><span>model</span><b>0.750</b><i style="width:75.0%"></i></li>' in page
    assert '<li class="baseline"><span>lead-1</span><b>28.0</b><i style="width:28.0%"></i></li>' in page


def test_files_are_written_whole(report: Report, tmp_path: Path) -> None:
    assert write_report(report, tmp_path / "new") == tmp_path / "new" / "report.html"
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["report.html", "report.json", "report.md"]
    text = (tmp_path / "new" / "report.json").read_text(encoding="utf-8")
    assert json.loads(text) == report_json(report)
    assert "رفض المجلس" in text
    assert "lone ? surrogate" in text
    assert (tmp_path / "new" / "report.md").read_text(encoding="utf-8") == report_markdown(report)


def test_a_report_that_is_killed_in_writing_leaves_the_old_files_whole(report: Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_report(report, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def killed(source: str, target: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("os.replace", killed)  # everything is written by now, and nothing is in its place
    with pytest.raises(KeyboardInterrupt):
        write_report(replace(report, checkpoint="another"), tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_report_without_warnings_or_files(report: Report) -> None:
    bare = replace(report, warnings=(), files=(), checkpoint="", examples=())
    assert "Note" not in on_terminal(bare)
    assert "<h2>Notes</h2>" not in report_html(bare)
    assert "a model in memory" in report_html(bare)
