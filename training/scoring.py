"""What an evaluation keeps of each article, and how that becomes rows of scores and the other parts of a report.

In: one article with gold labels and what every system says about it, at a time. Out: a `Row` for every task, group and system, and what
`training.results` has beside them. Only sums are kept, by group and for every bootstrap replicate: memory does not grow with the number
of articles. Does not know: where articles come from, or who made the answers.
"""

from bisect import insort
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from inference.analysis import ABSTRACTIVE, Analysis
from inference.article import Article
from inference.sentences import split_sentences
from inference.support import Source, novel_share, unsupported_names, unsupported_numbers
from inference.words import count_words
from training.baselines import baseline_summaries
from training.bootstrap import REPLICATES, weights
from training.groups import EVERYTHING, Group, groups_of
from training.judgment import Judgment
from training.leakage import opening
from training.metrics.confidence import confidence_counts, uncalibrated
from training.metrics.labels import best_label, merge_neutral, merged_stance
from training.metrics.spans import characters, copied_sentences
from training.metrics.summaries import chrf_counts, rouge
from training.results import MODEL, Answers, Confusion, Example, Mistake, Positions, Reliability, Row
from training.score_rows import GroupSums, cleaning_row, confusion_of, rows_of, stance_row, summary_row, support_row, topic_row

EXAMPLES = 16  # one of each language of the sample corpus, and some more
WORST_SUMMARIES = 6

REFERENCE = "reference"
"""The row of what people wrote, among those of what systems say that the article does not."""

TENTHS = 10


@dataclass(slots=True)
class Tally:
    """Gold and answers, article by article: `add` as they come, then ask for the parts of the report."""

    source_topics: Mapping[str, Set[str]]
    three_way: Collection[str]  # sources with gold stances whose neutral covers unrelated
    temperatures: Mapping[str, float] = field(default_factory=dict)  # by task, of the checkpoint; 1 where it has none
    copies: Mapping[str, str] = field(default_factory=dict)  # source/id -> a name that overlapping articles share
    replicates: int = REPLICATES  # of the bootstrap; 0 = no intervals
    written: bool = False  # whether the model was asked to write its summaries
    articles: int = 0
    notes: list[str] = field(default_factory=list)
    _sums: dict[str, dict[str, GroupSums]] = field(default_factory=dict)  # by task and system
    _merged: set[Group] = field(default_factory=set)  # groups that hold an article of a three-way source
    _examples: dict[tuple[str, str], list[Example]] = field(default_factory=dict)  # by task and language
    _worst: list[tuple[float, Example]] = field(default_factory=list)  # ROUGE-1 of the model's summary, lowest first
    _judgments: dict[str, Judgment] = field(default_factory=dict)  # by task
    _missing_lines: int = 0  # boilerplate lines that are no lines of their article's text
    _without_lines: str = ""  # the first article with such a line
    _positions: dict[str, NDArray[np.int64]] = field(default_factory=dict)  # by system, [TENTHS] chosen sentences
    _last: tuple[Article, tuple[Group, ...], NDArray[np.int64]] | None = None  # of the article that is being added: its groups, its draws

    def add(self, article: Article, analysis: Analysis, answers: Mapping[str, Answers], max_sentences: int | None, baselines: bool) -> None:
        """Keep what one article's gold labels say about its analysis and about the `answers` of other systems.

        `max_sentences` is the limit that the summary was made under; with `baselines`, leads and the oracle are scored beside it.
        """
        self.articles += 1
        said = Answers(analysis.topic.scores, tuple(result.scores for result in analysis.stances))
        for system, answer in {MODEL: said, **answers}.items():
            if article.topic and answer.topic is not None:
                self._add_topic(system, article, analysis, answer.topic)
            if answer.stances:
                self.add_stances(system, article, analysis, answer.stances)
        if article.summary:
            others = {system: answer.summary for system, answer in answers.items() if answer.summary is not None}
            self.add_summary("summary", article, analysis, article.summary, max_sentences, others, baselines)
        if article.boilerplate is not None:
            self._add("cleaning", MODEL, article, analysis, self._clean(article, article.boilerplate, analysis))

    def _add_topic(self, system: str, article: Article, analysis: Analysis, scores: Mapping[str, float]) -> None:
        gold, best = str(article.topic), best_label(scores)
        restricted = best_label(scores, self.source_topics[article.source])
        values: dict[Any, ArrayLike] = {("all", gold, best): 1, ("restricted", gold, restricted): 1}
        if system == MODEL:
            values["confidence", "all"] = confidence_counts(scores[best], best == gold)
            self._judge("topic", article, analysis, "", gold, scores, self._before_temperature("topic", scores))
        self._add("topic", system, article, analysis, values)

    def add_stances(self, system: str, article: Article, analysis: Analysis, stances: Sequence[Mapping[str, float]]) -> None:
        """Keep what `system` says about the article's targets, in their order; targets without gold are left out."""
        for stance, scores in zip(article.stances, stances, strict=True):
            if not stance.stance:
                continue
            merged = merge_neutral(scores)
            gold, merged_gold = stance.stance, merged_stance(stance.stance)
            values: dict[Any, ArrayLike] = {("all", gold, best_label(scores)): 1, ("merged", merged_gold, best_label(merged)): 1}
            if system == MODEL:
                values["confidence", "all"] = confidence_counts(max(scores.values()), best_label(scores) == gold)
                values["confidence", "merged"] = confidence_counts(max(merged.values()), best_label(merged) == merged_gold)
                before = self._before_temperature("stance", scores)
                if self.three_way:  # as the row over all articles has it
                    self._judge("stance", article, analysis, stance.target, merged_gold, merged, merge_neutral(before))
                else:
                    self._judge("stance", article, analysis, stance.target, gold, scores, before)
            self._add("stance", system, article, analysis, values)

    def add_summary(
        self, task: str, article: Article, analysis: Analysis, reference: str, max_sentences: int | None, others: Mapping[str, str], baselines: bool
    ) -> None:
        """Keep how the summary of one article, and those of other systems, compare with `reference`; `task` is summary or headline."""
        extracts = baseline_summaries(article, reference, max_sentences) if baselines else {}
        texts = {MODEL: analysis.summary.text, **{name: extract.text for name, extract in extracts.items()}, **others}
        scored = {system: rouge(text, reference) for system, text in texts.items()}
        for system, text in texts.items():
            statistics: dict[Any, ArrayLike] = {"n": 1, **scored[system], "chrf": chrf_counts(text, reference), "words": count_words(text)}
            if system == MODEL and self.written:
                statistics["refused"] = analysis.summary.method != ABSTRACTIVE
            self._add(task, system, article, analysis, statistics)
        if task == "summary":
            starts = {name: extract.starts for name, extract in extracts.items()}
            if not self.written:  # else only refused ones have places
                starts = {MODEL: tuple(sentence.start for sentence in analysis.summary.sentences), **starts}
            self._add_positions(article.text, starts)
        if task == "summary" and baselines:
            own = [sentence.text for sentence in analysis.summary.sentences] or None
            self._add_support(
                article, analysis, {MODEL: (analysis.summary.text, own), REFERENCE: (reference, None), **{name: (text, None) for name, text in others.items()}}
            )
        lang = article.lang or analysis.lang
        example = Example(article.id, lang, article.source, reference, texts)
        examples = self._examples.setdefault((task, lang), [])
        if len(examples) < EXAMPLES:
            examples.append(example)
        if task == "summary":
            insort(self._worst, (scored[MODEL]["rouge1"], example), key=lambda kept: kept[0])
            del self._worst[WORST_SUMMARIES:]

    def _add_positions(self, text: str, starts: Mapping[str, Sequence[int]]) -> None:
        """Count the tenths of the text in which the chosen sentences begin; copies of an article count like any other."""
        for system, places in starts.items():
            tenths = [min(TENTHS * place // len(text), TENTHS - 1) for place in places]
            self._positions[system] = self._positions.get(system, 0) + np.bincount(tenths, minlength=TENTHS)

    def _add_support(self, article: Article, analysis: Analysis, summaries: Mapping[str, tuple[str, list[str] | None]]) -> None:
        """Keep what each summary says that the article does not; None = its sentences are to be found first."""
        source = Source(f"{article.title}\n{article.text}")
        for system, (text, sentences) in summaries.items():
            if sentences is None:
                sentences = [text[start:end] for start, end in split_sentences(text, article.lang or analysis.lang)]
            novel = novel_share(text, source)
            statistics: dict[Any, ArrayLike] = {
                "n": 1,
                "sentences": len(sentences),
                "copied": copied_sentences(sentences, article.text),
                "bigrams": novel is not None,
                "novel": novel or 0.0,
                "numbers": len(unsupported_numbers(text, source)),
                "names": len(unsupported_names(text, source)),
                "words": count_words(text),
            }
            self._add("support", system, article, analysis, statistics)

    def rows(self) -> list[Row]:
        """The scores of every task that has gold."""
        score = {
            "topic": topic_row,
            "stance": stance_row(self._merged),
            "summary": summary_row,
            "headline": summary_row,
            "support": support_row,
            "cleaning": cleaning_row,
        }
        return [row for task, row_of in score.items() for row in rows_of(task, self._sums.get(task, {}), row_of)]

    def examples(self) -> tuple[Example, ...]:
        """Up to `EXAMPLES` summaries, one of each language in turn; those with a real reference come before headlines."""
        by_lang: dict[str, list[Example]] = {}
        for task in ("summary", "headline"):
            for (kind, lang), examples in self._examples.items():
                if kind == task:
                    by_lang.setdefault(lang, []).extend(examples)
        in_turn = [example for turn in zip_longest(*by_lang.values()) for example in turn if example is not None]
        return tuple(in_turn[:EXAMPLES])

    def worst_summaries(self) -> tuple[Example, ...]:
        """The summaries with the lowest ROUGE-1 against their references, the worst first."""
        return tuple(example for _, example in self._worst)

    def mistakes(self) -> tuple[Mistake, ...]:
        """The wrong labels that the model was most sure of, of topics and of stances."""
        return tuple(mistake for judgment in self._judgments.values() for mistake in judgment.mistakes)

    def confusions(self) -> tuple[Confusion, ...]:
        """What the model answered to each gold label of topics and of stances."""
        found = []
        for task, merged in (("topic", "all"), ("stance", "merged" if EVERYTHING in self._merged else "all")):
            sums = self._sums.get(task, {}).get(MODEL, {}).get(EVERYTHING)
            if sums:
                confusion = confusion_of(sums, merged)
                labels = sorted({label for pair in confusion for label in pair})
                counts = tuple(tuple(int(confusion[gold, label][0]) if (gold, label) in confusion else 0 for label in labels) for gold in labels)
                found.append(Confusion(task, tuple(labels), counts))
        return tuple(found)

    def reliability(self) -> tuple[Reliability, ...]:
        """How far the model's confidences can be believed, for topics and for stances."""
        return tuple(judgment.reliability() for judgment in self._judgments.values())

    def positions(self) -> tuple[Positions, ...]:
        """Where in their articles the sentences of summaries begin, for the model, the oracle and leads."""
        return tuple(
            Positions(system, int(counts.sum()), tuple((counts / counts.sum()).tolist())) for system, counts in self._positions.items() if counts.any()
        )

    def _judge(self, task: str, article: Article, analysis: Analysis, target: str, gold: str, scores: Mapping[str, float], before: Mapping[str, float]) -> None:
        """Keep how sure the model was of an answer, and the answer where it was wrong."""

        def mistake(predicted: str, confidence: float) -> Mistake:
            lang = article.lang or analysis.lang
            return Mistake(task, article.id, lang, article.source, opening(article.text), target, gold, predicted, confidence)

        judgment = self._judgments.setdefault(task, Judgment(task, self.temperatures.get(task, 1.0)))
        judgment.add(gold, scores, before, mistake)

    def _before_temperature(self, task: str, scores: Mapping[str, float]) -> dict[str, float]:
        return dict(zip(scores, uncalibrated([*scores.values()], self.temperatures.get(task, 1.0)).tolist(), strict=True))

    def _add(self, task: str, system: str, article: Article, analysis: Analysis, values: Mapping[Any, ArrayLike]) -> None:
        """Add what one article says to each of its groups, as often as it was drawn."""
        if self._last is None or self._last[0] is not article:
            drawn = weights(self.copies.get(f"{article.source}/{article.id}", article.text), self.replicates)
            self._last = (article, tuple(groups_of(article, analysis.lang)), drawn)
        _, groups, drawn = self._last
        scaled = {name: np.multiply.outer(np.asarray(value, np.float64), drawn) for name, value in values.items()}
        by_group = self._sums.setdefault(task, {}).setdefault(system, {})
        for group in groups:
            sums = by_group.setdefault(group, {})
            for name, value in scaled.items():
                if name in sums:
                    sums[name] += value
                else:
                    sums[name] = value.copy()
            if task == "stance" and article.source in self.three_way:
                self._merged.add(group)

    def warnings(self) -> tuple[str, ...]:
        """What people should know who read the scores."""
        if not self._missing_lines:
            return tuple(self.notes)
        missing = f"boilerplate lines that are no lines of their article's text, not scored: {self._missing_lines}, the first of {self._without_lines!r}."
        return (*self.notes, missing)

    def _clean(self, article: Article, lines: Sequence[str], analysis: Analysis) -> dict[Any, ArrayLike]:
        spans, missing = _line_spans(article.text, lines)
        if missing:
            self._missing_lines += missing
            self._without_lines = self._without_lines or article.id
        gold = characters(article.text, spans)
        # a copy of the title is left out of the body, but nobody calls it boilerplate
        removed = characters(article.text, [(span.start, span.end) for span in analysis.removed if span.kind != "title"])
        counts: dict[Any, ArrayLike] = {"n": 1, "hits": len(gold & removed), "removed": len(removed), "gold": len(gold)}
        if not self.written:  # a written summary has no sentences of the article
            counts["chosen"] = sum(not gold.isdisjoint(range(sentence.start, sentence.end)) for sentence in analysis.summary.sentences)
        return counts


def _line_spans(text: str, lines: Sequence[str]) -> tuple[list[tuple[int, int]], int]:
    """Spans of the lines of `text` that are among `lines` (white space around them aside), and how many of `lines` were not found."""
    wanted = {line.strip() for line in lines if line.strip()}
    spans, found, start = [], set(), 0
    for line in text.split("\n"):
        if line.strip() in wanted:
            found.add(line.strip())
            spans.append((start, start + len(line)))
        start += len(line) + 1
    return spans, len(wanted - found)
