"""Two checkpoints beside each other: which differences hold, as tables for the terminal, Markdown and HTML.

In: a `Report` with `differences`. Out: rich renderables or text; nothing where no second checkpoint was scored.
Does not know: how a difference is computed, or what else is shown.
"""

from collections.abc import Iterator, Sequence
from html import escape
from itertools import groupby

from rich.box import SIMPLE_HEAD
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from training.bootstrap import LEVEL
from training.report_rows import KINDS, LOWER_IS_BETTER, MAIN, METRICS, NEITHER_IS_BETTER, markdown_cell, marked_n, number
from training.report_scores import NUMBER, data_table
from training.results import Difference, Report

TITLE = "Beside a second checkpoint"
HEADERS = ("task", "group", "score", "n", "first", "second", "first − second", "the first is")
_NUMBERS = (3, 4, 5)  # the columns that stand flush right

_NOTE = (
    f"Ranges are {LEVEL:.0%} intervals of the difference, both checkpoints on the same draws of articles; a difference holds where 0 lies outside. "
    "Of twenty comparisons of equals, one is expected to hold by chance."
)


def terminal_comparison(report: Report) -> Iterator[RenderableType]:
    """Every score over all articles, and those main scores of languages and sources whose difference holds."""
    if not report.compared_with:
        return
    view = Table(title=TITLE, title_justify="left", title_style="bold", box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for place, header in enumerate(HEADERS):
        view.add_column(header, justify="right" if place in _NUMBERS else "left", overflow="fold")
    for difference in _short(report.differences):
        view.add_row(*map(Text, (difference.task, _group(difference), *cells(difference))), style="bold" if difference.holds else None)
    yield view
    yield Text("\n".join(_notes(report)), style="dim")
    yield ""


def markdown_comparison(report: Report) -> Iterator[str]:
    """The same rows as on the terminal."""
    if not report.compared_with:
        return
    lines = [f"### {TITLE}", "", f"| {' | '.join(HEADERS)} |", "|---|---|---|--:|--:|--:|---|---|"]
    for difference in _short(report.differences):
        lines.append(f"| {' | '.join(map(markdown_cell, (difference.task, _group(difference), *cells(difference))))} |")
    yield "\n".join([*lines, "", *map(markdown_cell, _notes(report)), ""])


def html_comparison(report: Report) -> str:
    """Every difference, a table for each kind of group; those by language and source fold away."""
    if not report.compared_with:
        return ""
    shown = ""
    for kind, members in groupby(sorted(report.differences, key=lambda one: [*KINDS].index(one.group_kind)), key=lambda one: one.group_kind):
        differences = list(members)
        held = sum(one.holds for one in differences)
        if kind == "overall":
            shown += _html_table(TITLE, differences)
        else:
            table = _html_table(f"{TITLE}, {KINDS[kind].lower()}", differences)
            shown += f"<details><summary>{KINDS[kind]}: {held} of {len(differences)} differences hold</summary>{table}</details>"
    if not report.differences:
        shown = "<p>The checkpoints have no score with an interval in common.</p>"
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in _notes(report))
    return f'<h2 id="comparison">{TITLE}</h2>{shown}{notes}'


def cells(difference: Difference) -> tuple[str, str, str, str, str, str]:
    """The name of the score, n, both scores, their difference with its interval, and what that says about the first.

    >>> cells(Difference("topic", "lang", "sw", "macro_f1", 29, 0.75, 0.7, (0.01, 0.08)))
    ('macro F1', '29†', '0.750', '0.700', '+0.050 (+0.010 to +0.080)', '▲ better')
    """
    metric, (low, high) = difference.metric, difference.interval
    change = f"{_signed(metric, difference.first - difference.second)} ({_signed(metric, low)} to {_signed(metric, high)})"
    return METRICS[metric], marked_n(difference.n), number(metric, difference.first), number(metric, difference.second), change, _verdict(difference)


def _signed(metric: str, value: float) -> str:
    shown = number(metric, abs(value))
    return f"{'+' if value > 0 else '−' if value < 0 else ''}{shown}" if float(shown) else shown


def _verdict(difference: Difference) -> str:
    if not difference.holds:
        return "not told apart"
    higher = difference.first > difference.second
    arrow = "▲" if higher else "▼"
    if difference.metric in NEITHER_IS_BETTER:
        return f"{arrow} {'higher' if higher else 'lower'}"
    return f"{arrow} {'better' if higher != (difference.metric in LOWER_IS_BETTER) else 'worse'}"


def _short(differences: Sequence[Difference]) -> list[Difference]:
    return [one for one in differences if one.group_kind == "overall" or (one.metric == MAIN[one.task] and one.holds)]


def _group(difference: Difference) -> str:
    return difference.group if difference.group_kind == "overall" else f"{difference.group_kind} {difference.group}"


def _notes(report: Report) -> list[str]:
    notes = [f"first: {report.checkpoint or 'a model in memory'}; second: {report.compared_with}.", _NOTE]
    grouped = [one for one in report.differences if one.group_kind != "overall" and one.metric == MAIN[one.task]]
    if grouped:
        notes.append(f"By language and source, {sum(one.holds for one in grouped)} of {len(grouped)} differences of main scores hold.")
    return notes


def _html_table(label: str, differences: Sequence[Difference]) -> str:
    body = ""
    for difference in differences:
        texts = (difference.task, difference.group, *cells(difference))
        columns = "".join(f'<td{NUMBER if place in _NUMBERS else ""} dir="auto">{escape(text)}</td>' for place, text in enumerate(texts))
        holds = ' class="holds"' if difference.holds else ""
        body += f"<tr{holds}>{columns}</tr>"
    return data_table(label, [(header, place in _NUMBERS) for place, header in enumerate(HEADERS)], body)
