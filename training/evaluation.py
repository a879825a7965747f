"""Held-out scores of a checkpoint, from the same `Analyzer` that users call.

In: an analyzer and articles with gold labels. Out: a `Report`: one row per task, group and system with n and an interval beside
every score, example summaries, and what is needed to repeat the run. Does not know: files of articles, tables, or how the model was trained.
"""

import hashlib
import platform
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from statistics import fmean

from inference.analyzer import Analysis, Analyzer
from inference.article import Article
from inference.errors import DataError
from inference.words import words
from training.bootstrap import REPLICATES
from training.results import MODEL, HeldOutFile, Report, Row
from training.scoring import Tally

PACKAGES = ("torch", "transformers", "sentencex", "py3langid", "rouge-score", "sacrebleu", "numpy")
_DEV_PREFIX = {"topic": "topic_", "stance": "stance_", "summary": "", "headline": "headline_", "cleaning": "cleaning_"}


def evaluate(
    analyzer: Analyzer,
    articles: Sequence[Article],
    *,
    topic_labels: Mapping[str, Sequence[str]] | None = None,
    neutral_covers_unrelated: Collection[str] = (),
    headlines: bool = False,
    max_words: int = 60,
    max_sentences: int | None = None,
    baselines: bool = True,
    replicates: int = REPLICATES,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Score the analyzer on held-out articles, overall, per language and per source (`Article.source`).

    `topic_labels` names the topics that each source uses, beside those found in it: only these compete in the restricted scores.
    Sources in `neutral_covers_unrelated` are scored three ways, and so is every group that holds one of them.
    With `headlines`, articles that have a title and no summary are read once more without the title, wherever it stands, and their best
    single sentence is scored against it. `baselines=False` leaves out all systems but the model, `replicates=0` the intervals
    (`training.bootstrap`). `progress(done, total)` counts readings.

    Articles that the analyzer refuses are left out and counted in the warnings.

    Raises `DataError` for repeated ids, no gold at all, or a source whose topics are all unknown to the checkpoint.
    """
    started = time.perf_counter()
    _check_ids(articles)
    _check_gold(articles, headlines)
    headed = [_without_headline(article) for article in articles if headlines and not article.summary and words(article.title)]
    pages = [page for _, page in headed]
    total = len(articles) + len(pages)
    tally = Tally(_source_topics(articles, topic_labels or {}), neutral_covers_unrelated, baselines, replicates)
    refused: list[tuple[Article, DataError]] = []

    for place, analysis in _analyze(analyzer, articles, refused, max_words, max_sentences):
        if not tally.articles:
            tally.warnings += _check_topics(articles, analysis.topic.scores)
        tally.add(articles[place], analysis, max_sentences)
        if progress:
            progress(place + 1, total)
    for place, analysis in _analyze(analyzer, pages, refused, max_words, max_sentences=1):
        headline, page = headed[place]
        tally.add_summary("headline", page, analysis, headline, max_sentences=1)
        if progress:
            progress(len(articles) + place + 1, total)

    rows = tally.rows()
    return Report(
        rows=tuple(rows),
        examples=tally.examples(),
        articles=tally.articles,
        max_words=max_words,
        max_sentences=max_sentences,
        seconds=time.perf_counter() - started,
        versions={"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
        warnings=(*tally.warnings, *_unscored(rows), *_left_out(refused)),
    )


def held_out_file(path: str | Path, articles: int) -> HeldOutFile:
    """The record of a file for the report; the digest is that of its bytes as they lie on disk."""
    with Path(path).open("rb") as file:
        return HeldOutFile(str(path), hashlib.file_digest(file, "sha256").hexdigest(), articles)


def dev_scores(report: Report) -> dict[str, float]:
    """The model's scores as a flat mapping for the trainer, all in 0 to 1 (ROUGE and chrF divided by 100) so that they can be averaged.

    `topic_macro_f1`, `stance_macro_f1`, `rouge1`, `headline_rouge1`, `cleaning_f1` ... are plain means over sources, so that a large
    source does not outweigh the others; `<source>/topic_macro_f1` is the score of one source.
    """
    scores: dict[str, float] = {}
    by_metric: dict[str, list[float]] = {}
    for row in report.rows:
        if row.system != MODEL or row.group_kind != "source":
            continue
        for metric, value in row.scores.items():
            if metric in ("words", "boilerplate_sentences"):
                continue
            name = _DEV_PREFIX[row.task] + metric
            value = value / 100 if metric == "chrf" or metric.startswith("rouge") else value
            scores[f"{row.group}/{name}"] = value
            by_metric.setdefault(name, []).append(value)
    return {name: fmean(values) for name, values in by_metric.items()} | scores


def _check_ids(articles: Sequence[Article]) -> None:
    counts = Counter((article.source, article.id) for article in articles if article.id)
    repeated = [key for key, count in counts.items() if count > 1]
    if repeated:
        source, name = repeated[0]
        raise DataError(f"source {source!r}: id {name!r} occurs {counts[repeated[0]]} times ({len(repeated)} in all repeat). Give every article its own id.")


def _check_gold(articles: Sequence[Article], headlines: bool) -> None:
    for article in articles:
        if article.topic or article.summary or article.boilerplate is not None or any(stance.stance for stance in article.stances):
            return
        if headlines and article.title:
            return
    raise DataError(f"none of the {len(articles)} articles has a topic, a stance, a summary or boilerplate lines. Give articles with gold labels.")


def _source_topics(articles: Sequence[Article], declared: Mapping[str, Sequence[str]]) -> dict[str, set[str]]:
    """The topics that each source uses: those declared and those found in its gold."""
    topics = {source: set(labels) for source, labels in declared.items()}
    for article in articles:
        if article.topic:
            topics.setdefault(article.source, set()).add(article.topic)
    return topics


def _check_topics(articles: Sequence[Article], known: Collection[str]) -> list[str]:
    """Warnings on gold topics that the checkpoint does not have: they stay in the scores, as errors of the model."""
    warnings = []
    for source in sorted({article.source for article in articles}):
        gold = Counter(article.topic for article in articles if article.source == source and article.topic)
        outside = {topic: count for topic, count in sorted(gold.items()) if topic not in known}
        if gold and len(outside) == len(gold):
            names = ", ".join(outside)
            raise DataError(
                f"source {source!r}: the checkpoint knows none of its topics ({names}). Known: {', '.join(known)}. "
                "Map the source's names with `labels: {topic: {…}}`."
            )
        warnings += [f"source {source!r}: topic {topic!r} (n = {count}) is unknown to the checkpoint and counts as wrong." for topic, count in outside.items()]
    return warnings


def _analyze(
    analyzer: Analyzer, articles: Sequence[Article], refused: list[tuple[Article, DataError]], max_words: int, max_sentences: int | None
) -> Iterator[tuple[int, Analysis]]:
    """The place of each article that can be read, with its analysis; the others go to `refused` with the reason."""
    unreadable: set[int] = set()

    def refuse(article: Article, error: DataError) -> None:
        unreadable.add(id(article))
        refused.append((article, error))

    places = iter(range(len(articles)))
    for analysis in analyzer.analyze_many(articles, max_words=max_words, max_sentences=max_sentences, on_error=refuse):
        yield next(place for place in places if id(articles[place]) not in unreadable), analysis


def _unscored(rows: Sequence[Row]) -> list[str]:
    scored = {row.task for row in rows}
    return [f"no article has gold for {task}, which is not scored." for task in ("topic", "stance", "summary") if task not in scored]


def _left_out(refused: Sequence[tuple[Article, DataError]]) -> list[str]:
    """One warning per reason, with the number of articles and the id of the first."""
    first: dict[str, str] = {}
    for article, error in refused:
        first.setdefault(str(error), article.id)
    counts = Counter(str(error) for _, error in refused)
    return [f"articles left out: {counts[reason]}, the first is {name!r}. {reason}" for reason, name in first.items()]


def _without_headline(article: Article) -> tuple[str, Article]:
    """The headline, and the article with nothing of it: no title, no line that says the same words, no text that opens with it.

    A copy of the headline among the sentences would win every time and say nothing about summaries.
    """
    headline = article.title.strip()
    key = words(headline)
    text = "\n".join(line for line in article.text.split("\n") if words(line) != key)
    opening, rest = text.strip()[: len(headline)], text.strip()[len(headline) :]
    if opening == headline and not rest[:1].isalnum():
        text = rest
    return headline, replace(article, title="", text=text, stances=(), boilerplate=None)
