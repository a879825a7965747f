"""The same figures in every form, and nothing in a text can break a page."""

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from training.leakage import Overlap
from training.report import report_html, report_json, report_markdown, report_tables, write_report
from training.results import Bin, Confusion, Difference, Example, HeldOutFile, Mistake, Positions, Reliability, Report, Row


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


def cells(text: str) -> list[str]:
    """Lines with single spaces between their words."""
    return [" ".join(line.split()) for line in text.splitlines()]


def test_the_terminal_shows_model_beside_baseline_with_n(report: Report) -> None:
    lines = cells(on_terminal(report))
    assert "model 160 0.812 0.750 0.800" in lines
    assert "majority (of gold) 160 0.203 0.188 0.200" in lines
    assert "source a|b <news> 29† 0.812 0.750 0.800" in lines
    assert "model 40 31.3 12.5 25.0 40.0 23.4" in lines
    assert "model 40 1.000 2" in lines
    assert "Note: source 'b': topic <weather> is unknown." in lines


def test_the_terminal_shows_languages_and_sources_of_the_model_alone(report: Report) -> None:
    scores = {"accuracy": 0.125, "macro_f1": 0.5}
    more = [Row("topic", kind, "x", system, 50, scores) for kind in ("lang", "script", "source", "length", "topic") for system in ("model", "TF-IDF linear")]
    text = on_terminal(replace(report, rows=(*report.rows[:3], *more)))
    lines = cells(text)
    assert [line for line in lines if "0.125" in line] == ["lang x 50 0.125 0.500 –", "source x 50 0.125 0.500 –"]
    assert "Rows of a language or a source are the model's." in lines
    assert "TF-IDF" not in text


def test_a_table_of_stances_fits_80_columns(report: Report) -> None:
    names = ("macro_f1", "f1_favor", "f1_against", "f1_neutral", "f1_unrelated", "fnc1", "ece")
    scores = dict.fromkeys(names, 0.123)
    intervals = dict.fromkeys(names, (0.111, 0.135))
    systems = ("model", "majority (of gold)", "model, other targets")
    rows = [Row("stance", "overall", "all", system, 19853, scores, intervals) for system in systems]
    lines = cells(on_terminal(replace(report, rows=(*rows, Row("stance", "source", "cic_tweets_ca_es", "model", 19853, scores, intervals))), width=80))
    assert "system n macro F1 95% favor against neutral unrel. FNC-1" in " ".join(lines)
    assert len([line for line in lines if line.endswith("19,853 0.123 0.111–0.135 0.123 0.123 0.123 0.123 0.123")]) == 4


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
    lines = cells(text)
    assert "model 160 0.812 0.750 0.675–0.825 0.800" in lines
    assert "majority (of gold) 160 0.203 0.188 0.169–0.206 0.200" in lines
    assert "model 40 31.3 28.1–34.4 12.5 25.0 40.0 23.4" in lines
    assert "model 40 1.000 2" in lines
    assert text.count("Ranges are 95% intervals over resampled articles") == 2


def test_markdown_and_html_show_every_interval(with_intervals: Report) -> None:
    assert "| **all** | **model** | **160** | **0.812** 0.731–0.894 | **0.750** 0.675–0.825 | **0.800** 0.720–0.880 |" in report_markdown(with_intervals)
    page = report_html(with_intervals)
    assert '<td class="number">0.812 <small>0.731–0.894</small></td>' in page
    assert '<b>0.750 <small>0.675–0.825</small></b><i><span style="width:75.0%"></span><span class="range" style="left:67.5%;width:15.0%"></span></i>' in page


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
    assert "| **source a\\|b \\<news\\>** | **model** | **29†** |" in text
    assert "- majority (of gold): always the most frequent gold label\n" in text


def test_markdown_has_every_system_overall_by_language_and_by_source(report: Report) -> None:
    rows = [
        Row("topic", kind, "x", system, 50, {"macro_f1": 0.5})
        for kind in ("lang", "script", "source", "length", "topic")
        for system in ("model", "shared words")
    ]
    lines = report_markdown(replace(report, rows=tuple(rows))).splitlines()
    assert [line for line in lines if "0.500" in line] == [
        "| **lang x** | **model** | **50** | **0.500** |",
        "| lang x | shared words | 50 | 0.500 |",
        "| **source x** | **model** | **50** | **0.500** |",
        "| source x | shared words | 50 | 0.500 |",
    ]


def test_abbreviations_are_explained_where_they_stand(report: Report) -> None:
    text = report_markdown(report)
    assert "acc. = accuracy; wtd. = weighted by class size.\n" in text
    assert "ECE" not in text
    rows = (Row("topic", "overall", "all", "model", 50, {"restricted_macro_f1": 0.5, "ece": 0.1}),)
    assert "\\* = only the topics that the source uses compete; ECE = expected calibration error, 0 to 1, lower is better.\n" in report_markdown(
        replace(report, rows=rows)
    )


def test_what_summaries_add_has_units(report: Report) -> None:
    scores = {"copied": 98.76, "novel_bigrams": 1.25, "numbers": 0.5, "names": 12.0, "words": 48.0}
    text = report_markdown(replace(report, rows=(Row("support", "overall", "all", "model", 50, scores),)))
    assert "| system | n | copied % | new pairs % | new numbers | new names | words |" in text
    assert "| **98.8** | **1.2** | **0.5** | **12.0** | **48.0** |" in text
    assert "per 100 summaries" in text


def test_json_holds_everything_unrounded(report: Report) -> None:
    values = report_json(report)
    assert values["format"] == 2
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
    """Checks that tags close in order, and gathers them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attributes)))
        if tag not in ("meta", "wbr"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture
def full(report: Report) -> Report:
    """A report with all that a page can hold."""
    trained = {
        "name": "news <1>",
        "best_step": 20,
        "run": {"steps": 30, "tokens": 1234567, "device": "cpu, 2 threads"},
        "sources": {
            "a": {"articles": 1000, "left_out": {"overlaps": 3}, "languages": ["am", "yo"], "license": "CC BY 4.0", "home": "https://a.example/?b&c"},
            "b": {"articles": 10, "home": "javascript:alert(1)", "sha256": "cd" * 32},
        },
        "config": "name: news\nlabels: {a: <b>}\n",
        "history": [{"step": 10, "loss_topic": 2.0}, {"step": 20, "eval_score": 0.5}],
    }
    by_length = [Row("summary", "length", "up to 100 words", system, 12, {"rouge1": 30.0}) for system in ("model", "lead-1", "oracle")]
    return replace(
        report,
        rows=(*report.rows[:-1], *by_length, report.rows[-1]),
        mistakes=(Mistake("stance", "7", "ur", "روزنامہ", "کراچی میں <i>بارش</i>", "بجلی", "favor", "against", 0.987),),
        confusions=(Confusion("topic", ("arts", "human_interest"), ((3, 1), (0, 0))),),
        reliability=(Reliability("topic", 100, 2.0, 0.2, 0.05, (Bin(100, 0.5, 0.25),), ((0.5, 0.1, 0.6), (1.0, 0.2, 0.3))),),
        positions=(Positions("model", 10, (0.5, 0.5, *[0.0] * 8)),),
        peak_memory=1_610_612_736,
        device="cpu",
        trained=trained,
        overlaps=(Overlap("held/1", "seen/<2>", 0.973, "Rais wa Kenya"),),
        compared_with="runs/<old>",
        differences=(
            Difference("topic", "overall", "all", "macro_f1", 160, 0.75, 0.70, (0.01, 0.09)),
            Difference("topic", "overall", "all", "ece", 160, 0.05, 0.10, (-0.08, -0.02)),
            Difference("topic", "lang", "sw", "macro_f1", 29, 0.75, 0.76, (-0.05, 0.03)),
            Difference("topic", "lang", "ha", "macro_f1", 40, 0.75, 0.85, (-0.15, -0.05)),
            Difference("topic", "lang", "ha", "accuracy", 40, 0.75, 0.85, (-0.15, -0.05)),
        ),
    )


def test_html_is_well_formed_and_self_contained(full: Report) -> None:
    page = report_html(full)
    seen = _Tags(page).seen
    assert {tag for tag, _ in seen}.isdisjoint({"script", "link", "img", "iframe", "object", "style:", "i>"})
    assert not [values for _, values in seen if "src" in values or any(name.startswith("on") for name in values)]
    assert {tag for tag, values in seen if "href" in values} == {"a"}
    assert "url(" not in page
    assert "@import" not in page
    assert "prefers-color-scheme: dark" in page
    assert "width=device-width" in page


def test_links_lead_to_sections_and_to_homes_of_sources(full: Report) -> None:
    page = report_html(full)
    seen = _Tags(page).seen
    ids = [values["id"] for _, values in seen if "id" in values]
    assert len(ids) == len(set(ids))
    links = [str(values["href"]) for tag, values in seen if tag == "a"]
    assert {link[1:] for link in links if link.startswith("#")} <= set(ids)
    assert [link for link in links if not link.startswith("#")] == ["https://a.example/?b&c"]
    assert "<td>javascript:alert(1)</td>" in page


def test_sections_stand_in_the_order_of_a_reader(full: Report) -> None:
    seen = _Tags(report_html(full)).seen
    tasks = ["topic", "stance", "summary", "cleaning"]
    evidence = ["confusion", "confidence", "comparison", "curves", "places", "mistakes", "examples", "trained", "repeat"]
    assert [values["id"] for tag, values in seen if "id" in values and tag in ("h2", "section")] == ["notes", *tasks, *evidence]
    bare = _Tags(report_html(replace(full, rows=full.rows[:3], warnings=(), examples=(), mistakes=(), trained={}, compared_with=""))).seen
    assert [values["id"] for tag, values in bare if "id" in values and tag in ("h2", "section")] == ["topic", "confusion", "confidence", "places", "repeat"]


def test_every_text_of_others_is_escaped_and_has_its_direction(full: Report) -> None:
    page = report_html(full)
    assert '<dd dir="auto" lang="ur">بجلی</dd>' in page
    assert '<dd dir="auto" lang="ur">کراچی میں &lt;i&gt;بارش&lt;/i&gt; …</dd>' in page
    assert "<bdi>ur</bdi> · <bdi>روزنامہ</bdi> · <bdi>7</bdi>" in page
    assert "<b>against</b> at 99%, gold <b>favor</b>" in page
    assert '<td dir="auto">seen/&lt;2&gt;</td><td class="number">97%</td>' in page
    assert "<pre>name: news\nlabels: {a: &lt;b&gt;}\n</pre>" in page
    assert "second: runs/&lt;old&gt;." in page
    for name in ("<1>", "<old>", "<i>ب", "<news>"):
        assert name not in page


def test_cells_of_a_confusion_matrix_are_tinted_by_their_share_of_the_row(full: Report) -> None:
    page = report_html(full)
    first = '<td class="right" style="--share:38%">3<small>75%</small></td><td class="wrong" style="--share:12%">1<small>25%</small></td>'
    assert f'<th scope="row" dir="auto">arts</th>{first}<td class="number">4</td>' in page
    assert 'human_<wbr>interest</th><td class="wrong">0</td><td class="right">0</td><td class="number">0</td>' in page  # no gold: no shares


def test_groups_fold_away_where_they_are_many(report: Report) -> None:
    rows = [Row("topic", "overall", "all", "model", 40, {"macro_f1": 0.5})]
    rows += [Row("topic", "lang", f"l{number}", "model", 40, {"macro_f1": 0.5}) for number in range(13)]
    rows += [Row("topic", "source", f"s{number}", "model", 40, {"macro_f1": 0.5}) for number in range(12)]
    page = report_html(replace(report, rows=tuple(rows)))
    assert "<details><summary>By language (13)</summary>" in page
    assert "<details open><summary>By source (12)</summary>" in page


def test_a_table_has_no_column_that_none_of_its_rows_fills(report: Report) -> None:
    page = report_html(report)
    stances = page[page.index('<h2 id="stance">') : page.index('<h2 id="summary">')]
    assert stances.count('<th scope="col" class="number">neutral or unrel.</th>') == 1  # overall, and not by language
    assert '<td class="number">–</td>' not in stances
    partly = replace(report, rows=(*report.rows[:2], replace(report.rows[0], system="TF-IDF linear", scores={"accuracy": 0.5})))
    assert '<td>TF-IDF linear</td><td class="number">160</td><td class="number">0.500</td><td class="number">–</td>' in report_html(partly)


def test_a_comparison_says_which_differences_hold(full: Report) -> None:
    lines = cells(on_terminal(full))
    assert "topic all macro F1 160 0.750 0.700 +0.050 (+0.010 to +0.090) ▲ better" in lines
    assert "topic all ECE 160 0.050 0.100 −0.050 (−0.080 to −0.020) ▼ better" in lines  # of errors, less is better
    assert "topic lang ha macro F1 40 0.750 0.850 −0.100 (−0.150 to −0.050) ▼ worse" in lines
    assert "lang sw" not in " ".join(lines)  # does not hold: in the page alone
    assert "By language and source, 1 of 2 differences of main scores hold." in lines
    assert "first: runs/quickstart/checkpoint; second: runs/<old>." in lines
    assert "| topic | lang ha | macro F1 | 40 | 0.750 | 0.850 | −0.100 (−0.150 to −0.050) | ▼ worse |" in report_markdown(full).splitlines()
    page = report_html(full)
    assert "<summary>By language: 2 of 3 differences hold</summary>" in page
    assert '<td dir="auto">not told apart</td>' in page


def test_the_page_says_what_was_trained_and_what_the_run_cost(full: Report) -> None:
    page = report_html(full)
    assert "<dt>tokens</dt><dd>1,234,567</dd>" in page
    assert "<dt>peak memory of the process</dt><dd>1.5 GiB</dd>" in page
    assert "<dt>time of the evaluation</dt><dd>12 seconds, 13.0 articles a second</dd>" in page
    assert '<th scope="row" dir="auto">a</th><td class="number">1,000</td>' in page
    assert "<td>am yo</td><td>CC BY 4.0</td>" in page
    assert f"<code>{'ab' * 32}</code>" in page


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
    assert '<li class="model"><span>model</span><b>0.750</b><i><span style="width:75.0%"></span></i></li>' in page
    assert '<li class="baseline"><span>lead-1</span><b>28.0</b><i><span style="width:28.0%"></span></i></li>' in page


def test_a_probe_is_not_taken_for_the_model(report: Report) -> None:
    probe = Row("stance", "overall", "all", "model, no article", 7, {"macro_f1": 0.25})
    page = report_html(replace(report, rows=(report.rows[3], probe)))
    assert '<li class="probe"><span>model, no article <small>n = 7†</small></span><b>0.250</b>' in page
    assert "<dt>model, no article</dt><dd>the model, shown the target alone;" in page


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


def test_a_number_that_ran_away_is_null_in_json(report: Report) -> None:
    values = report_json(replace(report, trained={"history": [{"step": 1, "loss": float("nan")}]}))
    assert values["trained"] == {"history": [{"step": 1, "loss": None}]}


def test_a_report_without_warnings_or_files(report: Report) -> None:
    bare = replace(report, warnings=(), files=(), checkpoint="", examples=())
    assert "Note" not in on_terminal(bare)
    assert "<h2>Notes</h2>" not in report_html(bare)
    assert "<h2>Notes</h2>" in report_html(report)
    assert "a model in memory" in report_html(bare)


def test_the_page_says_what_the_articles_chose(report: Report) -> None:
    assert "160 held-out articles · " in report_html(report)
    assert "160 dev articles, which chose the weights and the temperatures · " in report_html(replace(report, split="dev"))
    assert "160 held-out articles, which chose nothing · " in report_html(replace(report, split="held_out"))
