"""A `Report` as terminal tables, JSON, Markdown and one self-contained HTML page.

In: a `Report`. Out: a rich renderable, text, or the files report.json, report.md and report.html.
Does not know: models, articles, or how a score is computed.
"""

import json
from dataclasses import asdict, replace
from pathlib import Path
from string import Template
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Group, RenderableType
from rich.table import Table as RichTable
from rich.text import Text

from inference.article import open_whole
from training.report_comparison import markdown_comparison, terminal_comparison
from training.report_page import PAGE
from training.report_rows import METRICS, SYSTEMS, TITLES, Line, Table, encodable, markdown_cell, tables
from training.report_sections import page_parts
from training.report_svg import STYLE
from training.results import MODEL, Report, Row

FORMAT = 2
"""Of report.json; it grows when a field changes its meaning. 2: groups by script, length and topic; what stands behind the scores."""

_ALSO_KINDS = ("lang", "source")  # beside overall, outside of the page
_NOT_ON_TERMINAL = ("restricted_accuracy", "restricted_weighted_f1", "ece")
"""Left to the files, so that no table needs more than 80 columns."""


def report_tables(report: Report) -> RenderableType:
    """One rich table a task, then a comparison and the warnings. Nothing is printed here.

    The baselines stand beside the model over all articles, the model alone by language and source, and only the main score has its
    interval, so that a table fits a terminal; `write_report` writes everything.
    """
    parts: list[RenderableType] = []
    for table in tables(report.rows, _on_terminal, _NOT_ON_TERMINAL):
        groups = ["Rows of a language or a source are the model's."] if any(line.kind != "overall" for line in table.lines) else []
        parts += [_terminal_table(table), Text("\n".join([*table.notes, *groups]), style="dim"), ""]
    parts += terminal_comparison(report)
    parts += [Text(f"Note: {warning}", style="yellow") for warning in report.warnings]
    return Group(*parts)


def report_json(report: Report) -> dict[str, Any]:
    """The whole report as JSON values, `format` first; numbers that are none (a loss that ran away) are null."""
    fields = {"format": FORMAT, **asdict(replace(report, rows=tuple(replace(row, replicates={}) for row in report.rows)))}
    for row in fields["rows"]:
        del row["replicates"]  # thousands of numbers that the intervals sum up
    text = encodable(json.dumps(fields, ensure_ascii=False))
    values: dict[str, Any] = json.loads(text, parse_constant=lambda name: None)
    return values


def report_markdown(report: Report) -> str:
    """The tables as Markdown, for a README or a model card: overall, by language and by source."""
    parts = []
    for table in tables(report.rows, lambda row: row.group_kind in ("overall", *_ALSO_KINDS)):
        headers = ["group", "system", "n", *(METRICS[metric] for metric in table.metrics)]
        lines = [f"### {TITLES[table.task]}", "", f"| {' | '.join(map(markdown_cell, headers))} |", "|---|---|" + "--:|" * (len(headers) - 2)]
        for line in table.lines:
            cells = [markdown_cell(cell) for cell in (line.name, line.system, line.n, *line.cells)]
            if line.system == MODEL:
                cells = [f"**{cell}**" for cell in cells]
            cells = [f"{cell} {bounds}".rstrip() for cell, bounds in zip(cells, ("", "", "", *line.intervals), strict=True)]
            lines.append(f"| {' | '.join(cells)} |")
        systems = [f"- {markdown_cell(system)}: {SYSTEMS[system]}" for system in table.systems]
        parts.append("\n".join([*lines, "", *map(markdown_cell, table.notes), *(["", *systems] if systems else []), ""]))
    parts += markdown_comparison(report)
    parts += [f"- Note: {markdown_cell(warning)}\n" for warning in report.warnings]
    return encodable("\n".join(parts))


def report_html(report: Report) -> str:
    """One page with everything; it needs no network and no script, and fits a phone and a dark screen."""
    return encodable(Template(PAGE).substitute(plot_style=STYLE, **page_parts(report)))


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


def _on_terminal(row: Row) -> bool:
    return row.group_kind == "overall" or (row.system == MODEL and row.group_kind in _ALSO_KINDS)


def _terminal_table(table: Table) -> RichTable:
    """The systems over all articles, then the groups of the model; one space between columns, since eight of them have to fit."""
    view = RichTable(title=TITLES[table.task], title_justify="left", title_style="bold", box=SIMPLE_HEAD, padding=0, pad_edge=False)
    view.add_column("system", overflow="fold", min_width=len("majority (of"))
    headers = ["n", *(METRICS[metric] for metric in table.metrics)]
    after_main = None if table.main is None or not table.has_intervals else table.main + 1
    for place, header in enumerate(headers):
        view.add_column(header, justify="right", min_width=max(5, *(len(word) for word in header.split())))
        if place == after_main:
            view.add_column("95%", no_wrap=True)
    for line in table.lines:
        name = line.system if line.kind == "overall" else line.name
        cells = [line.n, *line.cells]
        if after_main is not None:
            cells.insert(after_main + 1, line.intervals[after_main - 1])
        view.add_row(Text(name), *cells, style="bold" if line.kind == "overall" and line.system == MODEL else None)
        if line is _last_overall(table):
            view.add_section()
    return view


def _last_overall(table: Table) -> Line | None:
    return next((line for line in reversed(table.lines) if line.kind == "overall"), None)
