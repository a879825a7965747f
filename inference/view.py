"""An `Analysis` for people and for files: a readable terminal view and a JSON row.

In: an analysis and the article's text. Out: a rich renderable, or a plain dictionary. Nothing is printed here.
Does not know: where articles come from, the model.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import regex
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from inference.analysis import Analysis, StanceResult, Topic
from inference.cleaning import Removed
from inference.words import count_words

DIGITS = 4
"""Decimal places of probabilities in rows: what comes behind depends on which articles shared a batch."""

RUNNERS_UP = 2
UNSURE = "unsure"  # what stands for a label below min_confidence
BAR_CELLS = 20
EXCERPT_CHARACTERS = 200  # of a removed passage; the line cuts it further

_ESCAPE = regex.compile(r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|\x1b[\]PX^_](?:[^\x07\x1b]*(?:\x07|\x1b\\))?|\x1b[ -/]*[0-~]")
"""ANSI escape sequences (ECMA-48): CSI, strings such as OSC with their terminator, and the short ones."""

_BIDI_CONTROL = regex.compile(r"[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]")
_CONTROL = regex.compile(r"[\p{Cc}\p{Cs}\p{Co}\p{Cn}\u2028\u2029\uFEFF]")
_RIGHT_TO_LEFT = regex.compile(r"[\p{Bidi_Class:R}\p{Bidi_Class:AL}]")


def plain(text: str, *, isolate: bool = True) -> str:
    """`text` on one line, without anything that could steer a terminal or reorder what stands beside it.

    Text that runs from right to left is wrapped in a Unicode isolate (not with `isolate=False`, for files), so that numbers and
    labels on its line stay in place.

    >>> plain("\\x1b[31mRain\\x1b[0m\\nfell\\u202e.")
    'Rain fell.'
    """
    text = _BIDI_CONTROL.sub("", _ESCAPE.sub("", text))
    text = " ".join(_CONTROL.sub(" ", text).split())
    return f"\u2068{text}\u2069" if isolate and _RIGHT_TO_LEFT.search(text) else text


def analysis_to_row(analysis: Analysis) -> dict[str, Any]:
    """The JSON object of an analysis; probabilities have four decimal places, offsets are exact.

    >>> analysis_to_row(analysis)["topic"]["name"]  # doctest: +SKIP
    'weather'
    """
    return {
        "id": analysis.id,
        "lang": analysis.lang,
        "title": analysis.title,
        "topic": {"name": analysis.topic.name, **_probabilities(analysis.topic)},
        "stances": [{"target": result.target, "stance": result.stance, **_probabilities(result)} for result in analysis.stances],
        "summary": {
            "text": analysis.summary.text,
            "method": analysis.summary.method,
            "sentences": [{"text": s.text, "start": s.start, "end": s.end, "salience": round(s.salience, DIGITS)} for s in analysis.summary.sentences],
            "claims": [{"kind": c.kind, "text": c.text, "place": c.place, "start": c.start, "end": c.end} for c in analysis.summary.claims],
            "warnings": list(analysis.summary.warnings),
        },
        "removed": [{"start": r.start, "end": r.end, "kind": r.kind, "score": round(r.score, DIGITS)} for r in analysis.removed],
        "warnings": list(analysis.warnings),
    }


def analysis_view(analysis: Analysis, text: str) -> RenderableType:
    """Title, topic, stances, summary, what was left out and warnings; `text` is the article's, for the passages left out.

    Everything from the article stands last on its line, so that right-to-left text disturbs nothing.
    """
    parts: list[RenderableType] = [Text(plain(analysis.title) or "(no title)", style="bold"), Text(_facts(analysis), style="dim"), ""]
    parts += [_topic_table(analysis.topic), ""]
    if analysis.stances:
        parts += [_stance_table(analysis.stances), ""]
    parts += _summary(analysis)
    if analysis.removed:
        parts += ["", *_removed(analysis.removed, text)]
    warnings = (*analysis.warnings, *analysis.summary.warnings)
    if warnings:
        parts += ["", *(Text(f"Note: {plain(warning)}", style="yellow") for warning in warnings)]
    return Group(*parts)


def _probabilities(result: Topic | StanceResult) -> dict[str, Any]:
    return {"confidence": round(result.confidence, DIGITS), "scores": {name: round(score, DIGITS) for name, score in result.scores.items()}}


def _facts(analysis: Analysis) -> str:
    return " · ".join(filter(None, (plain(analysis.id), f"language {analysis.lang}" if analysis.lang else "language unknown")))


def _grid(*widths: int | None) -> Table:
    """Columns of a fixed width (or, for None, as wide as the line allows) without lines around them."""
    table = Table.grid(padding=(0, 2), pad_edge=False)
    for width in widths:
        table.add_column(width=width, no_wrap=width is not None, overflow="fold")
    return table


def _bar(share: float) -> Text:
    halves = round(share * BAR_CELLS * 2)
    return Text("━" * (halves // 2) + "╸" * (halves % 2), style="cyan")


def _topic_table(topic: Topic) -> Table:
    ranked = sorted(topic.scores.items(), key=lambda item: -item[1])[: 1 + RUNNERS_UP]
    table = _grid(8, max(len(UNSURE), *(len(name) for name, _ in ranked)), 4, None)
    if topic.name is None:
        table.add_row(Text("Topic", style="bold"), Text(UNSURE, style="bold"), "", "")
    for name, score in ranked:
        style = "bold" if name == topic.name else "dim"
        table.add_row(Text("Topic" if name == topic.name else "", style="bold"), Text(name, style=style), Text(f"{score:4.0%}", style=style), _bar(score))
    return table


def _stance_table(stances: Sequence[StanceResult]) -> Table:
    colors = {"favor": "green", "against": "red"}
    table = _grid(8, max(len(result.stance or UNSURE) for result in stances), 4, None)
    for place, result in enumerate(stances):
        color = colors.get(result.stance or UNSURE, "none")
        label = Text("" if place else "Stance", style="bold")
        table.add_row(label, Text(result.stance or UNSURE, style=color), Text(f"{result.confidence:4.0%}", style=color), Text(plain(result.target)))
    return table


def _summary(analysis: Analysis) -> list[RenderableType]:
    summary = analysis.summary
    count, length = len(summary.sentences), count_words(summary.text)
    sentences = f", {count} sentence{'s' if count > 1 else ''}" if count else ""
    heading = Text("Summary", style="bold")
    heading.append(f"  {summary.method}{sentences}, {length} word{'s' if length > 1 else ''}", style="not bold dim")
    texts = [sentence.text for sentence in summary.sentences] or [summary.text]
    return [heading, *(Padding(Text(plain(text), overflow="fold"), (0, 0, 0, 2), expand=False) for text in texts)]


def _removed(removed: Sequence[Removed], text: str) -> list[RenderableType]:
    counts = Counter(passage.kind for passage in removed)
    heading = Text("Left out", style="bold")
    heading.append(f"  {len(removed)} passage{'s' if len(removed) > 1 else ''} that {'are' if len(removed) > 1 else 'is'} not article", style="not bold dim")
    table = _grid(max(map(len, counts)) + 2, max(len(str(count)) for count in counts.values()), None)
    for kind, count in counts.most_common():
        first = next(passage for passage in removed if passage.kind == kind)
        table.add_row(
            Text(f"  {kind}"), Text(str(count)), Text(plain(text[first.start : first.end][:EXCERPT_CHARACTERS]), style="dim", no_wrap=True, overflow="ellipsis")
        )
    return [heading, table]
