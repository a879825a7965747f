"""A `Report` as terminal tables, JSON, Markdown and one self-contained HTML page.

In: a `Report`. Out: a rich renderable, text, or the files report.json, report.md and report.html.
Does not know: models, articles, or how a score is computed.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from html import escape
from itertools import groupby
from pathlib import Path
from string import Template
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from inference.article import open_whole
from inference.labels import STANCES
from training.bootstrap import LEVEL
from training.metrics.labels import MERGED_NEUTRAL
from training.report_page import PAGE
from training.results import MODEL, Example, Report, Row

FEW = 30
"""Groups with fewer items are marked: at n = 30 one item moves an accuracy by 3 points."""

EXAMPLE_CHARACTERS = 400  # about 60 words: a summary of the default length is shown whole

_TITLES = {
    "topic": "Topic",
    "stance": "Stance toward a target",
    "summary": "Summary against the reference",
    "headline": "One sentence against the headline",
    "cleaning": "Boilerplate taken out",
}
_MAIN = {"topic": "macro_f1", "stance": "macro_f1", "summary": "rouge1", "headline": "rouge1", "cleaning": "f1"}
_METRICS = {
    "accuracy": "acc.",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "macro_f1": "macro F1",
    "weighted_f1": "wtd. F1",
    "restricted_accuracy": "acc.*",
    "restricted_macro_f1": "macro F1*",
    "restricted_weighted_f1": "wtd. F1*",
    **{f"f1_{stance}": stance.replace("_", " ") for stance in (*STANCES, MERGED_NEUTRAL)},
    "rouge1": "ROUGE-1",
    "rouge2": "ROUGE-2",
    "rougeL": "ROUGE-L",
    "chrf": "chrF",
    "words": "words",
    "boilerplate_sentences": "in summaries",
}
_NOTES = {
    "topic": "acc. = accuracy; wtd. = weighted by class size; * = only the topics that the source uses compete.",
    "stance": "F1 of each stance; n counts pairs of article and target.",
    "summary": "F-measures and corpus chrF, 0 to 100; the oracle sees the reference: a ceiling for extraction; words = mean length.",
    "headline": "The model reads the article without its headline; the oracle sees the headline: a ceiling for one sentence.",
    "cleaning": "In characters; in summaries = summary sentences that hold boilerplate (a count).",
}
_INTERVAL_NOTE = f"Ranges are {LEVEL:.0%} intervals over resampled articles; articles with the same text are drawn together."


@dataclass(frozen=True, slots=True)
class _Line:
    """One printed row: texts of its cells, and the main score as a share of its scale."""

    kind: str
    group: str
    system: str
    n: str
    cells: tuple[str, ...]
    intervals: tuple[str, ...]  # "" where there is none
    share: float


@dataclass(frozen=True, slots=True)
class _Table:
    task: str
    metrics: tuple[str, ...]
    lines: tuple[_Line, ...]
    note: str

    @property
    def main(self) -> int | None:
        """The column of the main score, None where no row has it."""
        return self.metrics.index(_MAIN[self.task]) if _MAIN[self.task] in self.metrics else None

    @property
    def has_intervals(self) -> bool:
        return any(any(line.intervals) for line in self.lines)


def report_tables(report: Report) -> RenderableType:
    """One rich table a task, the model beside the baselines, then the warnings. Nothing is printed here.

    Only the main score has its interval beside it, so that a table fits a terminal; `write_report` writes all of them.
    """
    parts: list[RenderableType] = []
    for table in _tables(report):
        view = RichTable(title=_TITLES[table.task], title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
        view.add_column("group", overflow="fold", min_width=len("lang xx"))
        view.add_column("system", no_wrap=True)
        headers = ["n", *(_METRICS[metric] for metric in table.metrics)]
        after_main = None if table.main is None or not table.has_intervals else table.main + 1
        for place, header in enumerate(headers):
            view.add_column(header, justify="right", min_width=max(5, *(len(word) for word in header.split())))
            if place == after_main:
                view.add_column("95%", no_wrap=True)
        for _, lines in groupby(table.lines, key=lambda line: (line.kind, line.group)):
            for position, line in enumerate(lines):
                group = "" if position else _group_name(line)
                cells = [line.n, *line.cells]
                if after_main is not None:
                    cells.insert(after_main + 1, line.intervals[after_main - 1])
                view.add_row(Text(group), Text(line.system), *cells, style="bold" if line.system == MODEL else None)
        parts += [view, Text(table.note, style="dim"), ""]
    parts += [Text(f"Note: {warning}", style="yellow") for warning in report.warnings]
    return Group(*parts)


def report_json(report: Report) -> dict[str, Any]:
    """The whole report as JSON values; `format` grows when a field changes its meaning."""
    fields = {"format": 1, **asdict(replace(report, rows=tuple(replace(row, replicates={}) for row in report.rows)))}
    for row in fields["rows"]:
        del row["replicates"]  # thousands of numbers that the intervals sum up
    values: dict[str, Any] = json.loads(_encodable(json.dumps(fields, ensure_ascii=False)))
    return values


def report_markdown(report: Report) -> str:
    """The tables as Markdown, for a README or a model card."""
    parts = []
    for table in _tables(report):
        headers = ["group", "system", "n", *(_METRICS[metric].replace("*", "\\*") for metric in table.metrics)]
        lines = [f"### {_TITLES[table.task]}", "", f"| {' | '.join(headers)} |", "|---|---|" + "--:|" * (len(headers) - 2)]
        for line in table.lines:
            cells = [_group_name(line), line.system, line.n, *line.cells]
            if line.system == MODEL:
                cells = [f"**{cell}**" for cell in cells]
            cells = [f"{cell} {bounds}".rstrip() for cell, bounds in zip(cells, ("", "", "", *line.intervals), strict=True)]
            lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
        parts.append("\n".join([*lines, "", table.note.replace("*", "\\*"), ""]))
    parts += [f"- Note: {warning}\n" for warning in report.warnings]
    return _encodable("\n".join(parts))


def report_html(report: Report) -> str:
    """One page with every table and example; it needs no network and no script, and fits a phone and a dark screen."""
    tables = list(_tables(report))
    files = "".join(f"<li><code>{escape(file.path)}</code>, {file.articles} articles, SHA-256 <code>{file.sha256[:16]}…</code></li>" for file in report.files)
    limit = f"{report.max_words} words" + (f", {report.max_sentences} sentences" if report.max_sentences else "")
    warnings = "".join(f"<li>{escape(warning)}</li>" for warning in report.warnings)
    page = Template(PAGE).substitute(
        checkpoint=escape(report.checkpoint or "a model in memory"),
        facts=f"{report.articles} held-out articles · summaries of at most {limit} · {report.seconds:.0f} seconds",
        cards="".join(_card(table) for table in tables),
        tables="".join(_html_table(table) for table in tables),
        examples="".join(_html_example(example) for example in report.examples),
        warnings=f"<h2>Notes</h2><ul>{warnings}</ul>" if warnings else "",
        files=files,
        versions=escape(", ".join(f"{name} {number}" for name, number in report.versions.items())),
    )
    return _encodable(page)


def write_report(report: Report, folder: str | Path) -> Path:
    """Write report.json, report.md and report.html into `folder`; return the path of report.html, the one to open."""
    folder = Path(folder)
    files = {
        "report.json": json.dumps(report_json(report), ensure_ascii=False, indent=1) + "\n",
        "report.md": report_markdown(report),
        "report.html": report_html(report),
    }
    for name, text in files.items():
        with open_whole(folder / name) as file:
            file.write(text)
    return folder / "report.html"


def _tables(report: Report) -> Iterator[_Table]:
    for task, rows in groupby(report.rows, key=lambda row: row.task):
        members = list(rows)
        metrics = tuple(metric for metric in _METRICS if any(metric in row.scores for row in members))
        note = _NOTES[task]
        if any(row.intervals for row in members):
            note += f"\n{_INTERVAL_NOTE}"
        if any(row.n < FEW for row in members):
            note += f"\n† n is below {FEW}: chance weighs heavily."
        yield _Table(task, metrics, tuple(_line(row, metrics) for row in members), note)


def _line(row: Row, metrics: tuple[str, ...]) -> _Line:
    main = _MAIN[row.task]
    share = row.scores.get(main, 0.0) / (100 if main == "rouge1" else 1)
    cells = tuple(_number(metric, row.scores[metric]) if metric in row.scores else "–" for metric in metrics)
    intervals = tuple("–".join(_number(metric, bound) for bound in row.intervals.get(metric, ())) for metric in metrics)
    return _Line(row.group_kind, row.group, row.system, f"{row.n}{'†' if row.n < FEW else ''}", cells, intervals, share)


def _number(metric: str, value: float) -> str:
    if metric == "boilerplate_sentences":
        return f"{value:.0f}"
    return f"{value:.1f}" if metric in ("rouge1", "rouge2", "rougeL", "chrf", "words") else f"{value:.3f}"


def _group_name(line: _Line) -> str:
    return line.group if line.kind == "overall" else f"{line.kind} {line.group}"


def _encodable(text: str) -> str:
    """Lone surrogates, which UTF-8 cannot hold, become question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _card(table: _Table) -> str:
    """The main score of a task over all articles as a bar for every system."""
    overall = [line for line in table.lines if line.kind == "overall"]
    if table.main is None:
        return ""
    bars = "".join(
        f'<li class="{_css(line)}"><span>{escape(line.system)}</span><b>{line.cells[table.main]}{_html_interval(line.intervals[table.main])}</b>'
        f'<i style="width:{100 * line.share:.1f}%"></i></li>'
        for line in overall
    )
    return f"<section class=card><h3>{_TITLES[table.task]}</h3><p>{_METRICS[_MAIN[table.task]]}, n = {overall[0].n}</p><ul>{bars}</ul></section>"


def _html_table(table: _Table) -> str:
    headers = "".join(f"<th class=number scope=col>{escape(_METRICS[metric])}</th>" for metric in table.metrics)
    body = ""
    for _, lines in groupby(table.lines, key=lambda line: (line.kind, line.group)):
        members = list(lines)
        for position, line in enumerate(members):
            group = f'<th scope=rowgroup rowspan={len(members)} dir="auto">{escape(_group_name(line))}</th>' if not position else ""
            scores = (f"{cell}{_html_interval(bounds)}" for cell, bounds in zip(line.cells, line.intervals, strict=True))
            cells = "".join(f"<td class=number>{cell}</td>" for cell in (line.n, *scores))
            body += f'<tr class="{_css(line)}{"" if position else " first"}">{group}<td>{escape(line.system)}</td>{cells}</tr>'
    return (
        f"<h2>{_TITLES[table.task]}</h2><div class=scroll tabindex=0><table><thead><tr><th scope=col>group</th><th scope=col>system</th>"
        f"<th class=number scope=col>n</th>{headers}</tr></thead><tbody>{body}</tbody></table></div><p class=note>{escape(table.note)}</p>"
    )


def _html_interval(bounds: str) -> str:
    return f" <small>{bounds}</small>" if bounds else ""


def _html_example(example: Example) -> str:
    texts = {"reference": example.reference, **example.summaries}
    shown = "".join(
        f'<dt>{escape(name)}</dt><dd dir="auto" lang="{escape(example.lang)}">{escape(_shortened(texts[name]))}</dd>'
        for name in ("reference", MODEL, "lead-1")
        if name in texts
    )
    return f"<article><h3>{escape(example.lang)} · {escape(example.source)} · {escape(example.id)}</h3><dl>{shown}</dl></article>"


def _shortened(text: str) -> str:
    return text if len(text) <= EXAMPLE_CHARACTERS else text[:EXAMPLE_CHARACTERS].rstrip() + "…"


def _css(line: _Line) -> str:
    return "model" if line.system == MODEL else "baseline"
