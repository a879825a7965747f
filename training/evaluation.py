"""Held-out scores of a checkpoint, from the same `Analyzer` that users call.

In: an analyzer, and held-out articles with gold labels. Out: a `Report`: one row per task, group and system with n and an interval
beside every score, what stands behind the scores, and what is needed to repeat the run. Articles are read anew for every reading and
never held: memory does not grow with them. Does not know: files of articles, tables, or how the model was trained.
"""

import platform
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from itertools import repeat
from statistics import fmean
from typing import Any, Generic, TypeVar

from inference.analysis import ABSTRACTIVE, AUTO, EXTRACTIVE, Analysis
from inference.analyzer import Analyzer
from inference.article import Article
from inference.errors import DataError
from inference.language import identify
from inference.words import words
from training.baselines import MAJORITY
from training.bootstrap import REPLICATES
from training.gold import check_gold, check_topics, has_headline, majority_answers, read_gold, source_topics
from training.probes import NO_ARTICLE, OTHER_TARGETS, other_targets, without_article
from training.results import MODEL, Answers, Report, Row
from training.scoring import Tally

if sys.platform != "win32":
    import resource

Entry = TypeVar("Entry")

PACKAGES = ("torch", "transformers", "sentencex", "py3langid", "rouge-score", "sacrebleu", "numpy")
_DEV_PREFIX = {"topic": "topic_", "stance": "stance_", "summary": "", "headline": "headline_", "cleaning": "cleaning_"}
_NO_SCORES = ("words", "boilerplate_sentences", "ece")  # of which more is not better


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Articles to evaluate on, and what is known about them. `articles` is read several times: a list, or an object that reads a file anew."""

    articles: Iterable[Article]
    topic_labels: Mapping[str, Sequence[str]] = field(default_factory=dict)  # the topics that a source uses, beside those found in it
    neutral_covers_unrelated: Collection[str] = ()  # sources that are scored three ways, and with them every group that holds one
    copies: Mapping[str, str] = field(default_factory=dict)  # source/id -> a name that overlapping articles share: they are drawn together


def evaluate(
    analyzer: Analyzer,
    held_out: HeldOut,
    *,
    headlines: bool = False,
    max_words: int = 60,
    max_sentences: int | None = None,
    method: str = AUTO,
    baselines: bool = True,
    answers: Mapping[str, Iterable[Answers]] | None = None,
    replicates: int = REPLICATES,
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Score the analyzer on held-out articles, overall and by language, script, source (`Article.source`), length and gold topic.

    Where summaries are written (`method`, as `Analyzer.analyze_many` has it), the extractive ones of the same model are a system beside it, and the
    score `refused` says how many of the written ones did not pass the check, in %. With `headlines`, articles that have a title and no summary are
    read once more without the title, wherever it stands, and their best single sentence is scored against it.

    `baselines=False` leaves out all systems but the model, and the probes of its stances (`training.probes`); `answers` are those of further
    systems, one an article in their order. `replicates=0` leaves out the intervals (`training.bootstrap`). `progress(done, total)` counts readings.

    Articles that the analyzer refuses are left out and counted in the warnings.

    Raises `DataError` for repeated ids, no gold at all, or a source whose topics are all unknown to the checkpoint.
    """
    started = time.perf_counter()
    gold = read_gold(held_out.articles)
    check_gold(gold, headlines)
    writes = analyzer.method(method) == ABSTRACTIVE
    total = (1 + (writes and baselines)) * gold.articles + headlines * gold.headlines + baselines * 2 * gold.pairs
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if progress:
            progress(done, total)

    three_way = gold.stance_sources.intersection(held_out.neutral_covers_unrelated)
    tally = Tally(source_topics(gold, held_out.topic_labels), three_way, analyzer.temperatures, held_out.copies, replicates, writes)
    limits: dict[str, Any] = {"max_words": max_words, "max_sentences": max_sentences, "method": method}
    refused = _Refused()
    majority = {MAJORITY: majority_answers(gold)} if baselines else {}
    readings = _analyze(analyzer, _beside(held_out.articles, answers or {}), lambda pair: pair[0], refused, **limits)
    extracts = _extracts(analyzer, held_out.articles, limits) if writes and baselines else repeat({})
    for ((article, said), analysis), extract in zip(readings, extracts, strict=False):  # what is refused is refused in both
        if not tally.articles:
            tally.notes += check_topics(gold, analysis.topic.scores)
        trivial = {name: answer(article) for name, answer in majority.items()}
        tally.add(article, analysis, trivial | extract | said, max_sentences, baselines)
        for _ in range(1 + len(extract)):
            step()
    headless = _Refused()
    if headlines:
        headed = (without_headline(article) for article in held_out.articles if has_headline(article))
        for (headline, page), analysis in _analyze(analyzer, headed, lambda entry: entry[1], headless, **limits | {"max_sentences": 1}):
            tally.add_summary("headline", page, analysis, headline, 1, {}, baselines)
            step()
    if baselines:
        _probe_stances(analyzer, held_out.articles, tally, max_words, step)
    if progress:
        progress(total, total)  # what was refused, and what has no probe, was never begun

    rows = tally.rows()
    return Report(
        rows=tuple(rows),
        examples=tally.examples(),
        articles=tally.articles,
        method=analyzer.method(method),
        max_words=max_words,
        max_sentences=max_sentences,
        seconds=time.perf_counter() - started,
        versions={"python": platform.python_version()} | {name: version(name) for name in PACKAGES},
        warnings=(
            *tally.warnings(),
            *_unscored(rows),
            *refused.notes("articles left out"),
            *headless.notes("articles not scored against their headline"),
        ),
        mistakes=tally.mistakes(),
        worst_summaries=tally.worst_summaries(),
        confusions=tally.confusions(),
        reliability=tally.reliability(),
        positions=tally.positions(),
        peak_memory=_peak_memory(),
    )


def _extracts(analyzer: Analyzer, articles: Iterable[Article], limits: Mapping[str, Any]) -> Iterator[dict[str, Answers]]:
    """The extractive summary of each article that can be read, as the answer of another system."""
    for _, analysis in _analyze(analyzer, articles, lambda article: article, _Refused(), **{**limits, "method": EXTRACTIVE}):
        yield {EXTRACTIVE: Answers(summary=analysis.summary.text)}


def _probe_stances(analyzer: Analyzer, articles: Iterable[Article], tally: Tally, max_words: int, step: Callable[[], None]) -> None:
    """Ask about other targets and without the article; what is refused here was refused before."""
    for name, probe in ((OTHER_TARGETS, other_targets), (NO_ARTICLE, without_article)):
        for (article, _), analysis in _analyze(
            analyzer, probe(articles), lambda pair: pair[1], _Refused(), max_words=max_words, max_sentences=1, method=EXTRACTIVE
        ):
            known = article if article.lang else replace(article, lang=identify(article.text)[0])  # not that of the probe's text
            tally.add_stances(name, known, analysis, [result.scores for result in analysis.stances])
            step()


def dev_scores(report: Report) -> dict[str, float]:
    """The model's scores as a flat mapping for the trainer, all in 0 to 1 (ROUGE and chrF divided by 100) so that they can be averaged.

    `topic_macro_f1`, `stance_macro_f1`, `rouge1`, `headline_rouge1`, `cleaning_f1` ... are plain means over sources, so that a large
    source does not outweigh the others; `<source>/topic_macro_f1` is the score of one source.
    """
    scores: dict[str, float] = {}
    by_metric: dict[str, list[float]] = {}
    for row in report.rows:
        if row.system != MODEL or row.group_kind != "source" or row.task not in _DEV_PREFIX:
            continue
        for metric, value in row.scores.items():
            if metric in _NO_SCORES:
                continue
            name = _DEV_PREFIX[row.task] + metric
            value = value / 100 if metric == "chrf" or metric.startswith("rouge") else value
            scores[f"{row.group}/{name}"] = value
            by_metric.setdefault(name, []).append(value)
    return {name: fmean(values) for name, values in by_metric.items()} | scores


def _beside(articles: Iterable[Article], answers: Mapping[str, Iterable[Answers]]) -> Iterator[tuple[Article, dict[str, Answers]]]:
    """Each article with what the other systems say about it."""
    streams = {system: iter(said) for system, said in answers.items()}
    for article in articles:
        said = {system: next(stream, None) for system, stream in streams.items()}
        given = {system: answer for system, answer in said.items() if answer is not None}
        if len(given) < len(said):
            raise DataError("there are more held-out articles than other systems answered: a file changed meanwhile. Evaluate again.")
        yield article, given


def _analyze(
    analyzer: Analyzer,
    entries: Iterable[Entry],
    article_of: Callable[[Entry], Article],
    refused: "_Refused",
    **limits: Any,
) -> Iterator[tuple[Entry, Analysis]]:
    """Each entry whose article can be read, with its analysis; the others are counted in `refused` with the reason."""
    waiting: deque[_Waiting[Entry]] = deque()

    def read() -> Iterator[Article]:
        for entry in entries:
            waiting.append(_Waiting(entry, article_of(entry)))
            yield waiting[-1].article

    def refuse(article: Article, error: DataError) -> None:
        refused.add(article, error)
        next(one for one in waiting if one.article is article and one.is_read).is_read = False

    for analysis in analyzer.analyze_many(read(), on_error=refuse, **limits):
        while not waiting[0].is_read:
            waiting.popleft()
        yield waiting.popleft().entry, analysis


@dataclass(slots=True)
class _Waiting(Generic[Entry]):
    """An entry whose analysis has been asked for and has not come yet."""

    entry: Entry
    article: Article
    is_read: bool = True


@dataclass(slots=True)
class _Refused:
    """Articles that could not be read: their number by reason, and the first of each."""

    counts: Counter[str] = field(default_factory=Counter)
    first: dict[str, str] = field(default_factory=dict)

    def add(self, article: Article, error: DataError) -> None:
        reason = str(error.__cause__ or error)  # the cause, where there is one, does not name the article
        self.counts[reason] += 1
        self.first.setdefault(reason, article.id)

    def notes(self, what: str) -> list[str]:
        return [f"{what}: {count:,}, the first is {self.first[reason]!r}. {reason}" for reason, count in self.counts.items()]


def _unscored(rows: Sequence[Row]) -> list[str]:
    scored = {row.task for row in rows}
    return [f"no article has gold for {task}, which is not scored." for task in ("topic", "stance", "summary") if task not in scored]


def _peak_memory() -> int:
    """Bytes that the process held at most; 0 where the system does not say."""
    if sys.platform == "win32":
        return 0
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return used if sys.platform == "darwin" else 1024 * used


def without_headline(article: Article) -> tuple[str, Article]:
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
