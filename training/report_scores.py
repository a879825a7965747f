"""The scores on the page of a report: a card for each task, its tables by group, and the confusion matrices.

In: `Table`s of scores, confusion matrices. Out: HTML. Does not know: the rest of the page, or how a score is computed.
"""

from collections.abc import Sequence
from html import escape
from itertools import groupby

from training.report_rows import KINDS, MAIN, METRICS, NEITHER_IS_BETTER, SYSTEMS, TITLES, UNDEFINED, Line, Table
from training.results import MODEL, Confusion

OPEN_LINES = 12
"""A table of groups with up to so many lines is shown at once, a longer one on demand: about a third of a screen."""

NUMBER = ' class="number"'
"""Of a cell that holds a number."""

_PROBES = f"{MODEL}, "  # what the names of probes begin with
STRONGEST_TINT = 50
"""Per cent of the color behind a cell that has its whole row: text on it keeps a contrast of 4.5, light and dark."""


def card(table: Table) -> str:
    """The main score of a task over all articles as a bar for every system, with its interval as a line on it; "" without a main score."""
    overall = [line for line in table.lines if line.kind == "overall"]
    if table.main is None or not overall or MAIN[table.task] in NEITHER_IS_BETTER:
        return ""
    bars = "".join(_bar(line, table.main, overall[0].n) for line in overall)
    heading = f'<h3><a href="#{table.task}">{escape(TITLES[table.task])}</a></h3>'
    return f'<section class="card">{heading}<p>{escape(METRICS[MAIN[table.task]])}, n = {overall[0].n}</p><ul>{bars}</ul></section>'


def systems_note(tables: Sequence[Table]) -> str:
    """What the systems beside the model do, each once."""
    names = dict.fromkeys(system for table in tables for system in table.systems)
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(SYSTEMS[name])}</dd>" for name in names)
    return f'<details class="systems"><summary>What the systems beside the model do</summary><dl>{items}</dl></details>' if items else ""


def task_section(table: Table) -> str:
    """All scores of a task: over all articles, then by each kind of group; long kinds fold away."""
    title, shown = TITLES[table.task], ""
    for kind, members in groupby(table.lines, key=lambda line: line.kind):
        lines = list(members)
        if kind == "overall":
            shown += _score_table(f"{title}, all articles", table.metrics, lines, grouped=False)
        else:
            groups = len({line.group for line in lines})
            few = " open" if len(lines) <= OPEN_LINES else ""
            scores = _score_table(f"{title}, {KINDS[kind].lower()}", table.metrics, lines, grouped=True)
            shown += f"<details{few}><summary>{KINDS[kind]} ({groups})</summary>{scores}</details>"
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in table.notes)
    return f'<h2 id="{table.task}">{escape(title)}</h2>{shown}{notes}'


def confusion_section(confusions: Sequence[Confusion]) -> str:
    """A matrix for each task, cells tinted by their share of the row."""
    if not confusions:
        return ""
    note = (
        "Rows are gold labels, columns the model's answers. A cell has its count and its share of the row; right answers stand on the diagonal, inside a frame."
    )
    tables = "".join(f"<h3>{escape(one.task.capitalize())}</h3>{_matrix(one)}" for one in confusions)
    return f'<h2 id="confusion">What is taken for what</h2><p class="note">{note}</p>{tables}'


def data_table(label: str, headers: Sequence[tuple[str, bool]], body: str, css: str = "") -> str:
    """A table that scrolls in a box of its own: `headers` are plain texts, with whether their column holds numbers; `body` is HTML."""
    head = "".join(f'<th scope="col"{NUMBER if is_number else ""}>{escape(name)}</th>' for name, is_number in headers)
    style = f' class="{css}"' if css else ""
    return _scrolled(label, f"<table{style}><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>")


def _scrolled(label: str, table: str) -> str:
    return f'<div class="scroll" role="region" aria-label="{escape(label)}" tabindex="0">{table}</div>'


def interval(bounds: str) -> str:
    return f" <small>{bounds}</small>" if bounds else ""


def _bar(line: Line, main: int, usual_n: str) -> str:
    """A system's main score; its n where that is not `usual_n`, since a probe may have found fewer articles to ask about."""
    low, high = line.shares or (0.0, 0.0)
    whisker = f'<span class="range" style="left:{100 * low:.1f}%;width:{100 * (high - low):.1f}%"></span>' if line.shares else ""
    n = f" <small>n = {line.n}</small>" if line.n != usual_n else ""
    return (
        f'<li class="{_css(line)}"><span>{escape(line.system)}{n}</span><b>{line.cells[main]}{interval(line.intervals[main])}</b>'
        f'<i><span style="width:{100 * line.share:.1f}%"></span>{whisker}</i></li>'
    )


def _score_table(label: str, metrics: Sequence[str], lines: Sequence[Line], *, grouped: bool) -> str:
    """Lines of one kind of group, without the columns that none of them has."""
    shown = [column for column in range(len(metrics)) if any(line.cells[column] != UNDEFINED for line in lines)]
    names = ["group", "system"] if grouped else ["system"]
    headers = [(name, False) for name in names] + [(name, True) for name in ("n", *(METRICS[metrics[column]] for column in shown))]
    body = ""
    for _, members in groupby(lines, key=lambda line: line.group):
        group = list(members)
        for position, line in enumerate(group):
            name = f'<th scope="rowgroup" rowspan="{len(group)}" dir="auto">{escape(line.group)}</th>' if grouped and not position else ""
            scores = (f"{line.cells[column]}{interval(line.intervals[column])}" for column in shown)
            cells = "".join(f'<td class="number">{cell}</td>' for cell in (line.n, *scores))
            body += f'<tr class="{_css(line)}{"" if position else " first"}">{name}<td>{escape(line.system)}</td>{cells}</tr>'
    return data_table(label, headers, body)


def _matrix(confusion: Confusion) -> str:
    headers = "".join(f'<th scope="col"><span dir="auto">{_breakable(label)}</span></th>' for label in confusion.labels)
    body = ""
    for place, (label, counts) in enumerate(zip(confusion.labels, confusion.counts, strict=True)):
        total = sum(counts)
        cells = "".join(_matrix_cell(count, total, place == column) for column, count in enumerate(counts))
        body += f'<tr><th scope="row" dir="auto">{_breakable(label)}</th>{cells}<td class="number">{total:,}</td></tr>'
    head = f'<th scope="col">gold</th>{headers}<th scope="col" class="number">n</th>'
    return _scrolled(f"{confusion.task}, gold labels and answers", f'<table class="matrix"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>')


def _matrix_cell(count: int, total: int, right: bool) -> str:
    style = f' style="--share:{STRONGEST_TINT * count / total:.0f}%"' if count else ""
    share = f"<small>{count / total:.0%}</small>" if count else ""
    return f'<td class="{"right" if right else "wrong"}"{style}>{count:,}{share}</td>'


def _breakable(label: str) -> str:
    """A label that may be broken after an underscore."""
    return escape(label).replace("_", "_<wbr>")


def _css(line: Line) -> str:
    return "model" if line.system == MODEL else "probe" if line.system.startswith(_PROBES) else "baseline"
