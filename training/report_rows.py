"""What tables of scores say, in any form: names, units and notes of tasks, metrics and systems, and rows as texts.

In: the rows of a `Report`. Out: a `Table` for every task. Does not know: terminals, Markdown or HTML.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from inference.analysis import EXTRACTIVE
from inference.labels import STANCES
from training.baselines import LEAD_SENTENCES, LEXRANK, MAJORITY, ORACLE
from training.bootstrap import FEW, LEVEL
from training.linear import LINEAR, SHARED_WORDS, TARGET_ONLY
from training.metrics.labels import MERGED_NEUTRAL
from training.probes import NO_ARTICLE, OTHER_TARGETS
from training.results import Row
from training.scoring import REFERENCE

TITLES = {
    "topic": "Topic",
    "stance": "Stance toward a target",
    "summary": "Summary against the reference",
    "headline": "One sentence against the headline",
    "support": "What summaries add to the source",
    "cleaning": "Boilerplate taken out",
}
MAIN = {"topic": "macro_f1", "stance": "macro_f1", "summary": "rouge1", "headline": "rouge1", "support": "copied", "cleaning": "f1"}
METRICS = {
    "accuracy": "acc.",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "macro_f1": "macro F1",
    "weighted_f1": "wtd. F1",
    "restricted_accuracy": "acc.*",
    "restricted_macro_f1": "macro F1*",
    "restricted_weighted_f1": "wtd. F1*",
    **{f"f1_{stance}": stance for stance in STANCES[:-1]},
    "f1_unrelated": "unrel.",
    f"f1_{MERGED_NEUTRAL}": "neutral or unrel.",
    "fnc1": "FNC-1",
    "ece": "ECE",
    "rouge1": "ROUGE-1",
    "rouge2": "ROUGE-2",
    "rougeL": "ROUGE-L",
    "chrf": "chrF",
    "refused": "refused %",
    "copied": "copied %",
    "novel_bigrams": "new pairs %",
    "numbers": "new numbers",
    "names": "new names",
    "words": "words",
    "boilerplate_sentences": "in summaries",
}
_TASK_NOTES = {
    "stance": "n counts pairs of article and target",
    "summary": "F-measures of ROUGE, and chrF over all summaries, 0 to 100",
    "headline": "the model reads the article without its headline; F-measures of ROUGE, and chrF over all sentences, 0 to 100",
    "cleaning": "in characters",
}
_METRIC_NOTES = {
    "accuracy": "acc. = accuracy",
    "weighted_f1": "wtd. = weighted by class size",
    "restricted_macro_f1": "* = only the topics that the source uses compete",
    "f1_unrelated": "unrel. = unrelated",
    f"f1_{MERGED_NEUTRAL}": "unrel. = unrelated",
    "f1_favor": "F1 of each stance",
    "fnc1": "FNC-1 = weighted score of the Fake News Challenge, nearly one of relatedness",
    "ece": "ECE = expected calibration error, 0 to 1, lower is better",
    "refused": "refused = written summaries that did not pass the check, in place of which the extractive one was scored, in %, lower is better",
    "copied": "copied = sentences that are exact spans of the source, in %",
    "novel_bigrams": "new pairs = word pairs that the source does not have, in %",
    "numbers": "new numbers = numbers that the source does not have, per 100 summaries, lower is better",
    "names": "new names = names that the source does not have, per 100 summaries, lower is better",
    "words": "words = mean length",
    "boilerplate_sentences": "in summaries = summary sentences that hold boilerplate, a count, lower is better",
}
SYSTEMS = {
    MAJORITY: "always the most frequent gold label",
    LINEAR: "a linear model of word and character n-grams, trained on the same training files",
    TARGET_ONLY: "a linear model of the target alone, the article never seen: what claims give away by themselves",
    SHARED_WORDS: "trees over how much of the target the article has, no word named",
    OTHER_TARGETS: "the model, asked about targets of other articles; a score near the model's says that it does not read the target",
    NO_ARTICLE: "the model, shown the target alone; a score near the model's says that it does not read the article",
    EXTRACTIVE: "the same model's choice of sentences, where it was asked to write",
    **{f"lead-{count}": f"the first {count} sentences" if count > 1 else "the first sentence" for count in LEAD_SENTENCES},
    LEXRANK: "the most central sentences of a graph of similar ones",
    REFERENCE: "what people wrote, by the same count",
    ORACLE: "the sentences closest to the reference, picked with it in sight: a ceiling for extraction",
}
"""What each system beside the model does."""

KINDS = {"overall": "All articles", "lang": "By language", "script": "By script", "source": "By source", "length": "By length", "topic": "By gold topic"}

LOWER_IS_BETTER = ("ece", "refused", "numbers", "names", "boilerplate_sentences")
NEITHER_IS_BETTER = ("words", "copied", "novel_bigrams")

INTERVAL_NOTE = f"Ranges are {LEVEL:.0%} intervals over resampled articles; articles that overlap with each other are drawn together."
FEW_NOTE = f"† n is below {FEW}: chance weighs heavily."

UNDEFINED = "–"
"""In place of a score that a group does not have."""

_IN_HUNDREDTHS = ("rouge1", "rouge2", "rougeL", "chrf", "refused", "copied", "novel_bigrams")
_COUNTS = ("boilerplate_sentences",)


@dataclass(frozen=True, slots=True)
class Line:
    """One printed row: texts of its cells, and the main score with its interval as shares of their scale."""

    kind: str
    group: str
    system: str
    n: str
    cells: tuple[str, ...]
    intervals: tuple[str, ...]  # "" where there is none
    share: float
    shares: tuple[float, float] | None

    @property
    def name(self) -> str:
        """The group with its kind, for tables that mix kinds."""
        return self.group if self.kind == "overall" else f"{self.kind} {self.group}"


@dataclass(frozen=True, slots=True)
class Table:
    task: str
    metrics: tuple[str, ...]
    lines: tuple[Line, ...]
    notes: tuple[str, ...]

    @property
    def main(self) -> int | None:
        """The column of the main score, None where no row has it."""
        return self.metrics.index(MAIN[self.task]) if MAIN[self.task] in self.metrics else None

    @property
    def has_intervals(self) -> bool:
        return any(any(line.intervals) for line in self.lines)

    @property
    def systems(self) -> list[str]:
        """The systems beside the model that `SYSTEMS` has a word on, in order of their first row."""
        return [system for system in dict.fromkeys(line.system for line in self.lines) if system in SYSTEMS]


def tables(rows: Sequence[Row], keep: Callable[[Row], bool] = lambda row: True, leave_out: Sequence[str] = ()) -> Iterator[Table]:
    """A table for each task, of the rows that `keep` holds for, without the metrics in `leave_out`."""
    for task, members in groupby(filter(keep, rows), key=lambda row: row.task):
        kept = list(members)
        metrics = tuple(metric for metric in METRICS if metric not in leave_out and any(metric in row.scores for row in kept))
        notes = _notes(task, metrics)
        if any(row.intervals for row in kept):
            notes.append(INTERVAL_NOTE)
        if any(row.n < FEW for row in kept):
            notes.append(FEW_NOTE)
        yield Table(task, metrics, tuple(_line(row, metrics) for row in kept), tuple(notes))


def number(metric: str, value: float) -> str:
    """A score in the digits that its scale deserves.

    >>> number("macro_f1", 0.75), number("rouge1", 31.26), number("boilerplate_sentences", 2.0)
    ('0.750', '31.3', '2')
    """
    return f"{value:.{decimals(metric)}f}"


def decimals(metric: str) -> int:
    if metric in _COUNTS:
        return 0
    return 1 if metric in (*_IN_HUNDREDTHS, "words", "numbers", "names") else 3


def bounds(metric: str, interval: tuple[float, float] | tuple[()]) -> str:
    """An interval as text, "" for none."""
    return "–".join(number(metric, bound) for bound in interval)


def marked_n(n: int) -> str:
    return f"{n:,}{'†' if n < FEW else ''}"


def markdown_cell(text: str) -> str:
    """Text that no sign of Markdown in it can turn into something else.

    >>> print(markdown_cell("a|b <news>"))
    a\\|b \\<news\\>
    """
    return "".join(f"\\{character}" if character in "\\|*_`<>[]" else " " if character in "\r\n" else character for character in text)


def encodable(text: str) -> str:
    """Lone surrogates, which UTF-8 cannot hold, become question marks."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _notes(task: str, metrics: Sequence[str]) -> list[str]:
    """The units and abbreviations of a table, as a sentence; none where there is nothing to say."""
    found = [_TASK_NOTES[task]] if task in _TASK_NOTES else []
    found += [_METRIC_NOTES[metric] for metric in metrics if metric in _METRIC_NOTES]
    return [f"{'; '.join(dict.fromkeys(found))}."] if found else []


def _line(row: Row, metrics: tuple[str, ...]) -> Line:
    main = MAIN[row.task]
    scale = 100 if main in _IN_HUNDREDTHS else 1
    low, high = row.intervals.get(main, (None, None))
    return Line(
        kind=row.group_kind,
        group=row.group,
        system=row.system,
        n=marked_n(row.n),
        cells=tuple(number(metric, row.scores[metric]) if metric in row.scores else UNDEFINED for metric in metrics),
        intervals=tuple(bounds(metric, row.intervals.get(metric, ())) for metric in metrics),
        share=row.scores.get(main, 0.0) / scale,
        shares=(low / scale, high / scale) if low is not None and high is not None else None,
    )
