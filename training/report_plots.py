"""The plots of a report as inline SVG: reliability, risk against coverage, training curves, positions of sentences, scores by length.

In: parts of a `Report`. Out: a `<figure>` with its caption for each, as text; "" where there is nothing to draw. They need no script and no
network, and scale to the page. Does not know: what else is on the page.
"""

from collections.abc import Mapping, Sequence
from html import escape
from math import isfinite
from typing import Any

from training.report_svg import (
    BOTTOM,
    LABEL_GAP,
    LABELED_RIGHT,
    LEFT,
    RIGHT,
    SERIES,
    TOP,
    Scale,
    end_labels,
    figure,
    frame,
    legend,
    line,
    mark,
    percent,
    radius,
    rounded_up,
    text,
)
from training.results import MODEL, Positions, Reliability, Row

_LOSSES = {"loss_topic": "topic", "loss_stance": "stance", "loss_salience": "salience", "loss_boilerplate": "boilerplate"}
_DEV_SCORES = {
    "eval_topic_macro_f1": "topic F1",
    "eval_stance_macro_f1": "stance F1",
    "eval_rouge1": "ROUGE-1",
    "eval_cleaning_f1": "cleaning F1",
    "eval_score": "selection",
}
_TENTHS = 10


def reliability_diagram(found: Reliability, ece_range: str = "") -> str:
    """How often answers are right (Niculescu-Mizil and Caruana 2005), by how sure the model is of them; `ece_range` is printed beside the ECE."""
    if not found.bins:
        return ""
    x, y = Scale(0, 1, LEFT, RIGHT), Scale(0, 1, BOTTOM, TOP)
    parts = [frame(x, y, "confidence", "right answers", percent, percent)]
    parts.append(f'<line class="aside" x1="{x.start:g}" y1="{y.start:g}" x2="{x.end:g}" y2="{y.end:g}"/>')
    parts += [
        text(x.at(0.04), y.at(0.9), "right more often than it says", quiet=True),
        text(x.at(0.97), y.at(0.06), "right less often than it says", anchor="end", quiet=True),
    ]
    most = max(one.n for one in found.bins)
    for one in sorted(found.bins, key=lambda one: -one.n):
        at = f'cx="{x.at(one.confidence):.1f}" cy="{y.at(one.accuracy):.1f}" r="{radius(one.n / most):.1f}"'
        words = f"confidence {one.confidence:.0%}, right {one.accuracy:.0%}, n = {one.n:,}"
        parts.append(f'<circle class="answers s0" {at}><title>{words}</title></circle>')
    after = f"{found.ece:.3f}{f' ({ece_range})' if ece_range else ''}"
    if found.temperature == 1:
        error = f"Calibration error (ECE) {after}; the checkpoint has no temperature for this task."
    else:
        error = f"Calibration error (ECE) {found.ece_before:.3f} without the temperature of {found.temperature:.2f}, {after} with it, as drawn."
    described = "; ".join(f"{one.confidence:.0%} sure: {one.accuracy:.0%} right, n = {one.n}" for one in found.bins)
    caption = f"Area of a circle: its share of {found.n:,} answers. {error}"
    return figure(f"reliability-{found.task}", f"Reliability, {found.task}", described, "".join(parts), caption)


def risk_coverage_plot(found: Sequence[Reliability]) -> str:
    """The share of wrong answers when only the surest are given (El-Yaniv and Wiener 2010), a line for each task."""
    found = [one for one in found if one.risk_coverage][:SERIES]
    if not found:
        return ""
    highest = max(wrong for one in found for _, wrong, _ in one.risk_coverage)
    x, y = Scale(0, 1, LEFT, LABELED_RIGHT + 20), Scale(0, rounded_up(highest), BOTTOM, TOP)
    parts = [frame(x, y, "answers given, the surest first", "wrong answers", percent, percent)]
    facts, ends = [], []
    for series, one in enumerate(found):
        parts.append(line([(x.at(given), y.at(wrong)) for given, wrong, _ in one.risk_coverage], series))
        half, half_wrong, half_sure = min(one.risk_coverage, key=lambda point: abs(point[0] - 0.5))
        most, most_wrong, most_sure = min(one.risk_coverage, key=lambda point: abs(point[0] - 0.8))
        all_wrong = one.risk_coverage[-1][1]
        facts.append(
            f"{one.task}: {half_wrong:.1%} wrong among the surest {half:.0%} (min_confidence {half_sure:.2f}), {most_wrong:.1%} among {most:.0%} "
            f"({most_sure:.2f}), {all_wrong:.1%} among all {one.n:,}"
        )
        ends.append((one.task, y.at(all_wrong), series))
    parts.append(end_labels(ends, x.end, TOP, BOTTOM))
    return figure("risk-coverage", "Risk against coverage", "; ".join(facts), "".join(parts), f"What abstaining below a confidence buys: {'; '.join(facts)}.")


def training_curves(history: Sequence[Mapping[str, Any]], best_step: int | None) -> str:
    """Losses by task, and dev scores, step by step: two figures; a curve that was not logged is left out."""
    losses = _curves(history, _LOSSES) or _curves(history, {"loss": "loss"})
    scores = _curves(history, _DEV_SCORES)
    shown = _curve_figure("losses", "Training losses", "loss per labeled item", losses, best_step, "Each loss is the mean over its labeled items.")
    if scores:
        best = f" The weights of step {best_step:,} were kept." if best_step is not None else ""
        note = f"Plain means over dev sources, 0 to 1; selection: the mean of those that choose the weights.{best}"
        shown += _curve_figure("dev-scores", "Dev scores", "score", scores, best_step, note)
    return shown


def positions_plot(found: Sequence[Positions]) -> str:
    """Where chosen sentences stand in their articles: bars for the model, a line for each other system."""
    found = sorted((one for one in found if one.sentences), key=lambda one: one.system != MODEL)[:SERIES]
    if not found:
        return ""
    x, y = Scale(0, 1, LEFT, RIGHT), Scale(0, rounded_up(max(max(one.shares) for one in found)), BOTTOM, TOP)
    parts = [frame(x, y, "place in the article, by tenths", "chosen sentences", percent, percent)]
    for series, one in enumerate(found):
        if not series:
            width = (x.end - x.start) / _TENTHS
            parts += [
                f'<rect class="bar s0" x="{x.at(tenth / _TENTHS) + 2:.1f}" y="{y.at(share):.1f}" width="{width - 4:.1f}" height="{y.start - y.at(share):.1f}">'
                f"<title>{share:.1%}</title></rect>"
                for tenth, share in enumerate(one.shares)
            ]
        else:
            parts.append(line([(x.at((tenth + 0.5) / _TENTHS), y.at(share)) for tenth, share in enumerate(one.shares)], series))
    parts.append(legend([(f"{one.system}, {one.sentences:,} sentences", series) for series, one in enumerate(found)], RIGHT - 180, TOP + 6))
    described = "; ".join(f"{one.system}: {', '.join(f'{share:.0%}' for share in one.shares)}" for one in found)
    openings = ", ".join(f"{one.system} {one.shares[0]:.0%}" for one in found)
    return figure("positions", "Where summary sentences stand", described, "".join(parts), f"From the first tenth of the article: {openings}.")


def length_plot(task: str, rows: Sequence[Row], metric: str, metric_name: str, decimals: int) -> str:
    """A score by length class, with its interval: `rows` are of one task, of group kind length, in the order to be drawn."""
    rows = [row for row in rows if metric in row.scores]
    systems = list(dict.fromkeys(row.system for row in rows))[:SERIES]
    groups = list(dict.fromkeys(row.group for row in rows))
    if not groups:
        return ""
    step = 26 + LABEL_GAP * len(systems)
    top = 14 + LABEL_GAP * len(systems)
    bottom = top + step * len(groups)
    high = max(row.intervals.get(metric, (0.0, row.scores[metric]))[1] for row in rows)
    x = Scale(0, rounded_up(high), 14, RIGHT - 8)
    parts = [legend([(system, series) for series, system in enumerate(systems)], 20, 10)]
    for tick in x.ticks():
        parts.append(f'<line class="grid" x1="{x.at(tick):.1f}" x2="{x.at(tick):.1f}" y1="{top:g}" y2="{bottom:g}"/>')
        parts.append(text(x.at(tick), bottom + 16, f"{tick:g}", anchor="middle", quiet=True))
    parts.append(text((x.start + x.end) / 2, bottom + 34, metric_name, anchor="middle"))
    for place, group in enumerate(groups):
        members = {row.system: row for row in rows if row.group == group and row.system in systems}
        parts.append(text(14, top + step * place + 16, f"{group}, n = {next(iter(members.values())).n:,}", quiet=True))
        for series, system in enumerate(systems):
            if system in members:
                parts.append(_point(members[system], metric, x, top + step * place + 28 + LABEL_GAP * series, series, decimals))
    described = "; ".join(f"{row.group}, {row.system}: {row.scores[metric]:.{decimals}f}, n = {row.n}" for row in rows if row.system in systems)
    title = f"{metric_name} by length of the article, {task}"
    return figure(f"length-{task}", title, described, "".join(parts), "Bars are 95% intervals.", bottom + 42)


def _point(row: Row, metric: str, x: Scale, y: float, series: int, decimals: int) -> str:
    """A score with its interval, level."""
    value = row.scores[metric]
    low, high = row.intervals.get(metric, (value, value))
    words = f"{row.system}: {value:.{decimals}f} ({low:.{decimals}f}–{high:.{decimals}f})" if low != high else f"{row.system}: {value:.{decimals}f}"
    ends = "".join(f'<line class="range s{series}" x1="{x.at(end):.1f}" x2="{x.at(end):.1f}" y1="{y - 4:g}" y2="{y + 4:g}"/>' for end in (low, high))
    bar = f'<line class="range s{series}" x1="{x.at(low):.1f}" x2="{x.at(high):.1f}" y1="{y:g}" y2="{y:g}"/>{ends}' if low != high else ""
    return f"<g>{bar}{mark(series, x.at(value), y)}<title>{escape(words)}</title></g>"


def _curves(history: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> dict[str, list[tuple[float, float]]]:
    """(step, value) pairs by shown name; what is no finite number, as a loss that ran away, is left out."""
    curves: dict[str, list[tuple[float, float]]] = {}
    for entry in history:
        for name, shown in names.items():
            if _is_number(entry.get("step")) and _is_number(entry.get(name)):
                curves.setdefault(shown, []).append((float(entry["step"]), float(entry[name])))
    return {shown: curves[shown] for shown in names.values() if shown in curves}


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and isfinite(value)


def _curve_figure(key: str, title: str, y_name: str, curves: Mapping[str, Sequence[tuple[float, float]]], best_step: int | None, note: str) -> str:
    if not curves:
        return ""
    steps = [step for points in curves.values() for step, _ in points]
    x = Scale(0, max(steps) or 1, LEFT, LABELED_RIGHT)
    y = Scale(0, rounded_up(max(value for points in curves.values() for _, value in points)), BOTTOM, TOP)
    parts = [frame(x, y, "step", y_name)]
    if best_step is not None and best_step <= x.high:
        at = x.at(best_step)
        parts.append(f'<line class="aside" x1="{at:.1f}" x2="{at:.1f}" y1="{y.start:g}" y2="{y.end:g}"/>')
        parts.append(text(min(at, x.end) + 4, TOP - 16, f"best: {best_step:,}", anchor="middle", quiet=True))
    ends = []
    for series, (name, points) in enumerate(curves.items()):
        parts.append(line([(x.at(step), y.at(value)) for step, value in points], series))
        ends.append((name, y.at(points[-1][1]), series))
    parts.append(end_labels(ends, x.end, TOP, BOTTOM))
    described = "; ".join(f"{name} from {points[0][1]:.3f} to {points[-1][1]:.3f}" for name, points in curves.items())
    return figure(key, title, described, "".join(parts), note)
