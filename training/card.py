"""The generated parts of a model card: scores, data, the facts of the run, and the metadata that the Hugging Face Hub reads.

In: a model card (Markdown with YAML front matter, or none yet) and the report.json files of one checkpoint. Out: the card with its blocks
between `<!-- begin:card:NAME -->` and `<!-- end:card:NAME -->`, and the keys `language` and `model-index` of the front matter, written anew;
whatever people wrote around them stays byte for byte; a comment inside one of the two keys goes with it. Does not know: how scores are made.
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath
from typing import Any, NamedTuple

from huggingface_hub import EvalResult, ModelCardData
from pydantic import BaseModel, ConfigDict, ValidationError

from inference.article import open_whole
from inference.errors import DataError
from training import yaml_text
from training.bootstrap import FEW
from training.card_text import fill_block, read_text, replace_keys
from training.config_problems import describe_problems
from training.corpus import SHARED_WITH_HELD_OUT
from training.report import FORMAT
from training.report_rows import MAIN, METRICS, NEITHER_IS_BETTER, TITLES, UNDEFINED, bounds, marked_n, number
from training.results import MODEL

FILES_NAMED = 5
LANGUAGES_NAMED = 16  # a line of a table; MasakhaNEWS has as many
TAGS = ["news", "topic-classification", "stance-detection", "summarization"]


class _HubNames(NamedTuple):
    task: str
    metric: str


HUB_NAMES = {
    "topic": _HubNames("text-classification", "f1"),
    "stance": _HubNames("text-classification", "f1"),
    "summary": _HubNames("summarization", "rouge"),
    "headline": _HubNames("summarization", "rouge"),
}
"""Of the tasks that the Hub knows, and of their main scores."""

HUB_SPLITS = {"dev": "validation", "held_out": "test", "": None}

SPLIT_NOTES = {
    "dev": " These are dev articles: they chose the weights and the temperatures, so the scores are a little too good.",
    "held_out": " These articles chose nothing.",
    "": "",
}

GROUP_NAMES = {"overall": "{}", "source": "source {}", "lang": "language {}"}

TEMPLATE = """\
---
{metadata}
---

# Model card: {name}

## Use and limits

Not described yet: say what the model is meant for, what it must not be used for, where it fails, and for which languages and texts nothing was measured.

## Training

<!-- begin:card:run -->
<!-- end:card:run -->

## Data

Licenses stand as the sources state them. What they mean for the weights has not been cleared.

<!-- begin:card:data -->
<!-- end:card:data -->

## Scores

<!-- begin:card:scores -->
<!-- end:card:scores -->
"""
"""A card to begin with. `license` is missing in its front matter: only people can say it."""


class _Read(BaseModel):
    """What is read of report.json; the rest of it is left alone."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Row(_Read):
    task: str
    group_kind: str
    group: str
    system: str
    n: int
    scores: dict[str, float]
    intervals: dict[str, tuple[float, float]]


class _File(_Read):
    path: str
    sha256: str
    articles: int


class _Source(_Read):
    articles: int
    left_out: dict[str, int]
    topics: int
    stances: int
    summaries: int
    headline_as_summary: bool
    languages: tuple[str, ...]
    license: str | None
    home: str | None


class _Run(_Read):
    steps: int
    tokens: int
    seconds: float
    parameters: int
    processes: int
    device: str
    precision: str


class _Trained(_Read):
    name: str
    config: str
    best_step: int
    run: _Run
    sources: dict[str, _Source]


class _Report(_Read):
    rows: tuple[_Row, ...]
    files: tuple[_File, ...]
    articles: int
    max_words: int
    split: str = ""
    trained: _Trained


def update_card(card: Path, reports: Sequence[Path]) -> None:
    """Write the generated parts of `card` anew from the report.json files of one checkpoint; a card that is not there is begun from `TEMPLATE`.

    The scores of each report stand in tables of their own. The card is written whole or not at all, and the same reports give the same card.

    Raises `DataError` for a report that cannot be read, has another format or is of another checkpoint than the first, and `ConfigError` for a
    card without front matter, or without a place for one of the blocks.
    """
    found = _read_reports(reports)
    text = fill_card(read_text(card) if card.exists() else _new_card(found[0].trained), reports, card)
    with open_whole(card) as file:
        file.write(text)


def fill_card(text: str, reports: Sequence[Path], card: Path) -> str:
    """The text of a card with its generated parts written anew, as `update_card` writes them; `card` is named in errors."""
    found = _read_reports(reports)
    trained = found[0].trained
    for name, content in (("run", _run(trained)), ("data", _data(trained)), ("scores", "\n".join(map(_scores, found)))):
        text = fill_block(text, name, content, card)
    return replace_keys(text, {"language": _languages(trained), "model-index": _model_index(trained.name, found)}, card)


def _read_reports(paths: Sequence[Path]) -> list[_Report]:
    found = [_read_report(path) for path in paths]
    for path, report in zip(paths, found, strict=True):
        if report.trained != found[0].trained:
            raise DataError(f"{path}: the report is of another checkpoint than {paths[0]}, and a card describes one. Name reports of one checkpoint.")
    return found


def _read_report(path: Path) -> _Report:
    try:
        value: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}). Name a report.json that `python -m training evaluate` wrote.") from error
    except ValueError as error:
        raise DataError(f"{path}: is no JSON ({error}). Name a report.json that `python -m training evaluate` wrote.") from error
    version = value.get("format") if isinstance(value, dict) else None
    if version != FORMAT:
        what = f"is a report of format {version}" if version is not None else "is no report"
        raise DataError(f"{path}: {what}; a card is written from format {FORMAT}. Evaluate anew: python -m training evaluate CHECKPOINT HELD_OUT")
    try:
        return _Report.model_validate(value)
    except ValidationError as error:
        place, sentence = describe_problems(error, _Report)[0]
        raise DataError(
            f"{path}: {'.'.join(map(str, place))}: {sentence.rstrip('. ')}. A card needs what a checkpoint of this version says about its run: "
            "train and evaluate anew."
        ) from error


def _new_card(trained: _Trained) -> str:
    config, _, _ = yaml_text.parse(trained.config, "trained.config")
    hubs = (source.get("hub") for source in config["data"]["train"])
    datasets = list(dict.fromkeys(hub["id"] for hub in hubs if hub))
    return TEMPLATE.format(name=trained.name, metadata=ModelCardData(tags=TAGS, datasets=datasets or None).to_yaml())


def _run(trained: _Trained) -> str:
    run = trained.run
    articles = sum(source.articles for source in trained.sources.values())
    overlapping = sum(source.left_out.get(SHARED_WITH_HELD_OUT, 0) for source in trained.sources.values())
    device = f"{run.processes} × {run.device}" if run.processes > 1 else run.device
    return (
        f"The run `{_escaped(trained.name)}` read {run.tokens:,} tokens of {articles:,} articles in {run.seconds / 60:,.1f} minutes on {_escaped(device)} "
        f"({run.precision}) and trained {run.parameters:,} parameters. The weights are those of step {trained.best_step:,} of {run.steps:,}, the best on dev. "
        f"{overlapping:,} training articles were left out because they overlap dev or held-out articles.\n"
    )


def _data(trained: _Trained) -> str:
    lines = []
    for name, source in trained.sources.items():
        given = {"topic": source.topics, "stance": source.stances, "summary": source.summaries, "headline": source.headline_as_summary}
        labels = ", ".join(label for label, some in given.items() if some)
        few = len(source.languages) <= LANGUAGES_NAMED
        languages = " ".join(source.languages) if few else f"{len(source.languages)} languages"
        lines.append((f"`{name}`", labels, languages, f"{source.articles:,}", source.license or "not stated", source.home or ""))
    return _table(["source", "labels", "languages", "articles used", "license as stated", "home"], lines, numbers=(3,))


def _scores(report: _Report) -> str:
    """What was evaluated, and a table of the main score for every task."""
    named = [f"`{_escaped('/'.join(PurePath(file.path).parts[-2:]))}` (SHA-256 `{file.sha256[:12]}…`)" for file in report.files[:FILES_NAMED]]
    more = [f"{len(report.files) - FILES_NAMED} more files"] if len(report.files) > FILES_NAMED else []
    parts = [
        f"{report.articles:,} held-out articles of {', '.join(named + more) or 'no file'}; summaries have at most {report.max_words} words. "
        f"Ranges are 95% intervals over resampled articles; † marks fewer than {FEW} items.{SPLIT_NOTES[report.split]}\n"
    ]
    for task, title in TITLES.items():
        rows = [row for row in report.rows if row.task == task and row.group_kind in GROUP_NAMES]
        if rows and MAIN[task] not in NEITHER_IS_BETTER:
            items = "pairs of article and target" if task == "stance" else "articles"
            parts.append(f"**{title}**: {METRICS[MAIN[task]]}, n = {items}\n\n{_score_table(MAIN[task], rows)}")
    return "\n".join(parts)


def _score_table(metric: str, rows: Sequence[_Row]) -> str:
    """A line a group, overall first, then sources, then languages; a column a system, the model first and with its intervals."""
    systems = sorted(dict.fromkeys(row.system for row in rows), key=lambda system: system != MODEL)
    cells = {(row.group_kind, row.group, row.system): row for row in rows}
    lines = []
    for kind, form in GROUP_NAMES.items():
        for group in dict.fromkeys(row.group for row in rows if row.group_kind == kind):
            n = next(row.n for row in rows if (row.group_kind, row.group) == (kind, group))
            scored = [_score(metric, cells.get((kind, group, system))) for system in systems]
            lines.append((form.format(group), marked_n(n), *scored))
    return _table(["group", "n", *systems], lines, numbers=range(1, 2 + len(systems)))


def _score(metric: str, row: _Row | None) -> str:
    if row is None or metric not in row.scores:
        return UNDEFINED
    score = number(metric, row.scores[metric])
    return f"**{score}** {bounds(metric, row.intervals.get(metric, ()))}".rstrip() if row.system == MODEL else score


def _table(headers: Sequence[str], lines: Sequence[Sequence[str]], numbers: Sequence[int]) -> str:
    rules = ["--:" if column in numbers else "---" for column in range(len(headers))]
    return "".join(f"| {' | '.join(map(_escaped, cells))} |\n" for cells in (headers, rules, *lines))


def _escaped(text: str) -> str:
    """`text` on one line, with nothing in it that ends a cell or opens a tag or a comment."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


def _languages(trained: _Trained) -> str:
    """The languages of the training articles as the Hub names them: without script or region, once each."""
    found = sorted({lang.partition("-")[0].lower() for source in trained.sources.values() for lang in source.languages})
    return ModelCardData(language=found).to_yaml() + "\n" if found else ""


def _model_index(name: str, reports: Sequence[_Report]) -> str:
    """The model's main scores by task and source."""
    results = [result for report in reports for result in _eval_results(report)]
    return ModelCardData(model_name=name, eval_results=results).to_yaml() + "\n" if results else ""


def _eval_results(report: _Report) -> Iterator[EvalResult]:
    for row in report.rows:
        hub, metric = HUB_NAMES.get(row.task), MAIN[row.task]
        if hub is None or row.system != MODEL or row.group_kind != "source" or metric not in row.scores:
            continue
        interval = bounds(metric, row.intervals.get(metric, ()))
        yield EvalResult(
            task_type=hub.task,
            task_name=TITLES[row.task],
            dataset_type=row.group,
            dataset_name=row.group,
            dataset_config=row.task,  # one source may have labels of several tasks, which the Hub calls the same
            dataset_split=HUB_SPLITS[report.split],
            metric_type=hub.metric,
            metric_name=f"{METRICS[metric]}, n = {row.n}" + (f", 95% interval {interval}" if interval else ""),
            metric_value=float(number(metric, row.scores[metric])),
        )
