"""The sections of a report's page, in their order, from the cards to what is needed to repeat the run.

In: a `Report`. Out: HTML for every place in `training.report_page`. Every text is escaped and has the direction and language of its own.
Does not know: how the page looks, or how anything was computed.
"""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Any

from training.baselines import ORACLE
from training.report_comparison import html_comparison
from training.report_plots import length_plot, positions_plot, reliability_diagram, risk_coverage_plot, training_curves
from training.report_rows import MAIN, METRICS, TITLES, Table, bounds, decimals, tables
from training.report_scores import NUMBER, OPEN_LINES, card, confusion_section, data_table, systems_note, task_section
from training.results import MODEL, Example, Mistake, Report, Row

ARTICLES = {"": "held-out articles", "held_out": "held-out articles, which chose nothing", "dev": "dev articles, which chose the weights and the temperatures"}
"""What was evaluated, by `Report.split`."""

EXAMPLE_CHARACTERS = 400  # about 60 words: a summary of the default length is shown whole

NOTES_SHOWN = 6  # the others unfold

_PLOTTED_BY_LENGTH = ("topic", "stance", "summary", "headline")
_GIBIBYTE, _MEBIBYTE = 2**30, 2**20


def page_parts(report: Report) -> dict[str, str]:
    """What fills the places of the page, by their names."""
    scores = list(tables(report.rows))
    body = {
        "notes": _notes(report),
        "tables": "".join(task_section(table) for table in scores),
        "confusion": confusion_section(report.confusions),
        "confidence": _confidence(report),
        "comparison": html_comparison(report),
        "curves": _curves(report.trained),
        "places": _places(report, scores),
        "mistakes": _mistakes(report.mistakes, report.worst_summaries),
        "examples": _examples(report.examples),
        "trained": _trained(report.trained),
        "repeat": _repeat(report),
    }
    limit = f"{report.max_words} words" + (f", {report.max_sentences} sentences" if report.max_sentences else "")
    return body | {
        "checkpoint": escape(report.checkpoint or "a model in memory"),
        "facts": f"{report.articles:,} {ARTICLES[report.split]} · {report.method} summaries of at most {limit}",
        "cards": "".join(card(table) for table in scores),
        "systems": systems_note(scores),
        "contents": _contents(scores, body),
    }


def _contents(scores: Sequence[Table], body: Mapping[str, str]) -> str:
    """Links to the sections that there are."""
    names = {"confusion": "Confusion", "confidence": "Confidence", "comparison": "Comparison", "curves": "Training curves", "places": "Length and place"}
    names |= {"mistakes": "Mistakes", "examples": "Examples", "trained": "Training data", "repeat": "How to repeat this"}
    links = [(table.task, TITLES[table.task]) for table in scores] + [(key, name) for key, name in names.items() if body[key]]
    return "".join(f'<a href="#{key}">{escape(name)}</a>' for key, name in links)


def _notes(report: Report) -> str:
    if not report.warnings:
        return ""
    items = [f'<li dir="auto">{escape(warning)}</li>' for warning in report.warnings]
    shown = f"<ul>{''.join(items[:NOTES_SHOWN])}</ul>"
    if len(items) > NOTES_SHOWN:
        shown += f"<details><summary>{len(items) - NOTES_SHOWN} more</summary><ul>{''.join(items[NOTES_SHOWN:])}</ul></details>"
    return f'<section class="warnings" id="notes"><h2>Notes</h2>{shown}{_overlaps(report)}</section>'


def _overlaps(report: Report) -> str:
    if not report.overlaps:
        return ""
    rows = "".join(
        f'<tr><td dir="auto">{escape(one.article)}</td><td dir="auto">{escape(one.other)}</td><td{NUMBER}>{one.similarity:.0%}</td>'
        f'<td dir="auto">{escape(one.opening)}</td></tr>'
        for one in report.overlaps
    )
    table = data_table("Overlaps", [("held out", False), ("trained on", False), ("shared", True), ("first words", False)], rows)
    return f"<details><summary>{len(report.overlaps)} articles left out since they overlap with training articles</summary>{table}</details>"


def _confidence(report: Report) -> str:
    if not report.reliability:
        return ""
    ranges = {row.task: bounds("ece", row.intervals["ece"]) for row in report.rows if _is_overall_model(row) and "ece" in row.intervals}
    plots = "".join(reliability_diagram(one, ranges.get(one.task, "")) for one in report.reliability) + risk_coverage_plot(report.reliability)
    return f'<h2 id="confidence">Can confidences be believed?</h2><div class="plots">{plots}</div>'


def _is_overall_model(row: Row) -> bool:
    return row.system == MODEL and row.group_kind == "overall"


def _curves(trained: Mapping[str, Any]) -> str:
    best = trained.get("best_step")
    plots = training_curves(trained.get("history") or (), best if isinstance(best, int) else None)
    return f'<h2 id="curves">Training curves</h2><div class="plots">{plots}</div>' if plots else ""


def _places(report: Report, scores: Sequence[Table]) -> str:
    plots = positions_plot(report.positions)
    for task in (table.task for table in scores if table.task in _PLOTTED_BY_LENGTH):
        metric = MAIN[task]
        systems = _plotted_systems(report, task, metric)
        rows = [row for row in report.rows if row.task == task and row.group_kind == "length" and row.system in systems]
        plots += length_plot(task, rows, metric, METRICS[metric], decimals(metric))
    return f'<h2 id="places">Length of articles, place of sentences</h2><div class="plots">{plots}</div>' if plots else ""


def _plotted_systems(report: Report, task: str, metric: str) -> set[str]:
    """The model, the oracle, and the baseline that scores best over all articles: what there is to lose and to win."""
    overall = {row.system: row.scores[metric] for row in report.rows if row.task == task and row.group_kind == "overall" and metric in row.scores}
    baselines = [system for system in overall if system != ORACLE and not system.startswith(MODEL)]
    return {MODEL, ORACLE, *([max(baselines, key=overall.__getitem__)] if baselines else [])}


def _mistakes(mistakes: Sequence[Mistake], worst_summaries: Sequence[Example]) -> str:
    shown = ""
    for task, members in groupby(mistakes, key=lambda mistake: mistake.task):
        cards = "".join(_mistake(mistake) for mistake in members)
        shown += f'<h3>{escape(task.capitalize())}</h3><div class="examples">{cards}</div>'
    if worst_summaries:
        shown += f'<h3>Summaries furthest from their references</h3><div class="examples">{"".join(map(_example, worst_summaries))}</div>'
    return f'<h2 id="mistakes">Most confident mistakes</h2>{shown}' if shown else ""


def _mistake(mistake: Mistake) -> str:
    attributes = f'dir="auto" lang="{escape(mistake.lang)}"'
    target = f"<dt>toward</dt><dd {attributes}>{escape(mistake.target)}</dd>" if mistake.target else ""
    labels = f"<b>{escape(mistake.predicted)}</b> at {mistake.confidence:.0%}, gold <b>{escape(mistake.gold)}</b>"
    text = f"<dt>article</dt><dd {attributes}>{escape(mistake.opening)} …</dd>"
    return f"<article><h4>{labels}</h4>{_where(mistake)}<dl>{target}{text}</dl></article>"


def _examples(examples: Sequence[Example]) -> str:
    cards = "".join(_example(example) for example in examples)
    return f'<h2 id="examples">Examples of summaries</h2><div class="examples">{cards}</div>' if cards else ""


def _example(example: Example) -> str:
    texts = {"reference": example.reference, **example.summaries}
    shown = "".join(
        f'<dt>{escape(name)}</dt><dd dir="auto" lang="{escape(example.lang)}">{escape(_shortened(texts[name]))}</dd>'
        for name in ("reference", MODEL, "lead-1")
        if name in texts
    )
    return f"<article>{_where(example)}<dl>{shown}</dl></article>"


def _where(item: Example | Mistake) -> str:
    """Language, source and id, each with the direction of its own."""
    return f'<p class="where">{" · ".join(f"<bdi>{escape(part)}</bdi>" for part in (item.lang, item.source, item.id) if part)}</p>'


def _shortened(text: str) -> str:
    return text if len(text) <= EXAMPLE_CHARACTERS else text[:EXAMPLE_CHARACTERS].rstrip() + "…"


def _trained(trained: Mapping[str, Any]) -> str:
    """What the checkpoint says about its run and its sources; a checkpoint of another version may say less."""
    if not trained:
        return ""
    run: Mapping[str, Any] = trained.get("run") or {}
    names = ("steps", "tokens", "seconds", "parameters", "device", "precision", "processes")
    facts = {"run": trained.get("name"), "best step": trained.get("best_step")} | {name: run.get(name) for name in names}
    shown = _facts({name: _said(value) for name, value in facts.items() if value is not None})
    sources: Mapping[str, Mapping[str, Any]] = trained.get("sources") or {}
    if sources:
        counts = ("articles", "topics", "stances", "summaries", "left out")
        headers = [("source", False), *((name, True) for name in counts), *((name, False) for name in ("languages", "license", "home", "SHA-256"))]
        table = data_table("Training sources", headers, "".join(_source(name, source) for name, source in sources.items()), "wide")
        few = " open" if len(sources) <= OPEN_LINES else ""
        shown += f"<details{few}><summary>Sources ({len(sources)})</summary>{table}</details>"
    if trained.get("config"):
        shown += f"<details><summary>The config of the run</summary><pre>{escape(str(trained['config']))}</pre></details>"
    return f'<h2 id="trained">What it was trained on</h2>{shown}'


def _source(name: str, source: Mapping[str, Any]) -> str:
    left_out = source.get("left_out")
    counts = [source.get(key) for key in ("articles", "topics", "stances", "summaries")]
    counts.append(sum(left_out.values()) if isinstance(left_out, Mapping) else left_out)
    home = str(source.get("home") or "")
    link = f'<a href="{escape(home)}" rel="noreferrer">{escape(home)}</a>' if home.startswith(("https://", "http://")) else escape(home)
    languages = source.get("languages") or ()
    texts = (
        escape(" ".join(map(str, languages))),
        escape(str(source.get("license") or "")),
        link,
        f"<code>{escape(str(source.get('sha256', ''))[:16])}</code>",
    )
    cells = "".join(f"<td{NUMBER}>{_said(count)}</td>" for count in counts) + "".join(f"<td>{text}</td>" for text in texts)
    return f'<tr><th scope="row" dir="auto">{escape(name)}</th>{cells}</tr>'


def _repeat(report: Report) -> str:
    """What the run read, on what, and what it cost."""
    memory = report.peak_memory
    facts = {
        "articles": f"{report.articles:,}",
        "time of the evaluation": f"{report.seconds:,.0f} seconds, {report.articles / report.seconds:,.1f} articles a second" if report.seconds else "",
        "peak memory of the process": f"{memory / _GIBIBYTE:.1f} GiB" if memory >= _GIBIBYTE else f"{memory / _MEBIBYTE:.0f} MiB" if memory else "",
        "device": escape(report.device),
    }
    versions = escape(", ".join(f"{name} {number}" for name, number in report.versions.items()))
    rows = "".join(
        f'<tr><td dir="auto"><code>{escape(file.path)}</code></td><td{NUMBER}>{file.articles:,}</td><td><code>{escape(file.sha256)}</code></td></tr>'
        for file in report.files
    )
    files = data_table("Held-out files", [("held-out file", False), ("articles", True), ("SHA-256", False)], rows) if rows else ""
    return f'<h2 id="repeat">How to repeat this</h2>{_facts({name: said for name, said in facts.items() if said})}<p class="note">{versions}</p>{files}'


def _facts(facts: Mapping[str, str]) -> str:
    """Names with their values, which are HTML."""
    return f'<dl class="values">{"".join(f"<div><dt>{escape(name)}</dt><dd>{said}</dd></div>" for name, said in facts.items())}</dl>'


def _said(value: object) -> str:
    """A value out of a checkpoint's description."""
    return "–" if value is None else f"{value:,}" if isinstance(value, int | float) else escape(str(value))
