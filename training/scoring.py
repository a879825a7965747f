"""What an evaluation keeps of each article, and how that becomes rows of scores.

In: one article with gold labels and its analysis at a time. Out: a `Row` for every task, group and system, and example summaries.
Only sums are kept, by language and source and for every bootstrap replicate: memory does not grow with the number of articles.
Does not know: where articles come from, or who made the analysis.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from inference.analyzer import Analysis
from inference.article import Article
from inference.words import count_words
from training.baselines import MAJORITY, baseline_summaries, label_shares
from training.bootstrap import REPLICATES, interval, weights
from training.metrics.labels import best_label, label_values, merge_neutral, merged_stance, stance_values
from training.metrics.spans import characters, precision_recall
from training.metrics.summaries import ROUGE_TYPES, chrf_counts, chrf_value, rouge
from training.metrics.sums import Sums, add_up, plain, ratio
from training.results import MODEL, Example, Row

EXAMPLES = 12  # about one screen of a report each for a dozen languages


class _Cell(NamedTuple):
    """The smallest group: every other one is made of these."""

    lang: str
    source: str


class _Answer(NamedTuple):
    """One gold label with its prediction, and both again in the variant: restricted topics, merged stances."""

    gold: str
    predicted: str
    variant_gold: str
    variant_predicted: str


_Cells = dict[_Cell, dict[Any, Sums]]  # the sums of each cell by name: an `_Answer` counted, or a statistic added up


@dataclass(slots=True)
class Tally:
    """Gold and predictions, article by article: `add` as they come, `rows` and `examples` at the end."""

    source_topics: Mapping[str, Set[str]]
    three_way: Collection[str]  # sources whose neutral covers unrelated
    baselines: bool
    replicates: int = REPLICATES  # of the bootstrap; 0 = no intervals
    articles: int = 0
    warnings: list[str] = field(default_factory=list)
    _topics: _Cells = field(default_factory=dict)
    _stances: _Cells = field(default_factory=dict)
    _summaries: dict[tuple[str, str], _Cells] = field(default_factory=dict)  # by task and system
    _cleaned: _Cells = field(default_factory=dict)
    _examples: dict[tuple[str, str], list[Example]] = field(default_factory=dict)  # by task and language

    def add(self, article: Article, analysis: Analysis, max_sentences: int | None) -> None:
        """Keep what one article's gold labels say about its analysis; `max_sentences` is the limit its summary was made under."""
        self.articles += 1
        cell, drawn = _cell(article, analysis), weights(article.text, self.replicates)
        if article.topic:
            restricted = best_label(analysis.topic.scores, self.source_topics[cell.source])
            _add(self._topics, cell, {_Answer(article.topic, best_label(analysis.topic.scores), article.topic, restricted): 1}, drawn)
        for stance, result in zip(article.stances, analysis.stances, strict=True):
            if stance.stance:
                merged = best_label(merge_neutral(result.scores))
                _add(self._stances, cell, {_Answer(stance.stance, best_label(result.scores), merged_stance(stance.stance), merged): 1}, drawn)
        if article.summary:
            self.add_summary("summary", article, analysis, article.summary, max_sentences)
        if article.boilerplate is not None:
            _add(self._cleaned, cell, self._clean(article, article.boilerplate, analysis), drawn)

    def add_summary(self, task: str, article: Article, analysis: Analysis, reference: str, max_sentences: int | None) -> None:
        """Keep how the summary of one article, and those of the baselines, compare with `reference`; `task` is summary or headline."""
        texts = {MODEL: analysis.summary.text}
        if self.baselines:
            texts |= baseline_summaries(article, reference, max_sentences)
        cell, drawn = _cell(article, analysis), weights(article.text, self.replicates)
        for system, text in texts.items():
            statistics: dict[str, ArrayLike] = {"n": 1, **rouge(text, reference), "chrf": chrf_counts(text, reference), "words": count_words(text)}
            _add(self._summaries.setdefault((task, system), {}), cell, statistics, drawn)
        examples = self._examples.setdefault((task, cell.lang), [])
        if len(examples) < EXAMPLES:
            examples.append(Example(article.id, cell.lang, cell.source, reference, texts))

    def rows(self) -> list[Row]:
        """The scores of every task that has gold."""
        topics = {MODEL: self._topics} | ({MAJORITY: self._majority_topics()} if self.baselines else {})
        stances = {MODEL: self._stances} | ({MAJORITY: self._majority_stances()} if self.baselines else {})
        rows = _rows("topic", topics, _topic_values) + _rows("stance", stances, self._stance_values)
        for task in ("summary", "headline"):
            rows += _rows(task, {system: cells for (kind, system), cells in self._summaries.items() if kind == task}, _summary_values)
        return rows + _rows("cleaning", {MODEL: self._cleaned}, _cleaning_values)

    def examples(self) -> tuple[Example, ...]:
        """Up to `EXAMPLES` summaries, one of each language in turn; those with a real reference come before headlines."""
        by_lang: dict[str, list[Example]] = {}
        for task in ("summary", "headline"):
            for (kind, lang), examples in self._examples.items():
                if kind == task:
                    by_lang.setdefault(lang, []).extend(examples)
        in_turn = [example for turn in zip_longest(*by_lang.values()) for example in turn if example is not None]
        return tuple(in_turn[:EXAMPLES])

    def _majority_topics(self) -> _Cells:
        shares = label_shares(_gold(self._topics))
        best = best_label(shares) if shares else ""
        restricted = {source: best_label(shares, topics) for source, topics in self.source_topics.items() if not topics.isdisjoint(shares)}
        return _answered(self._topics, lambda cell, answer: answer._replace(predicted=best, variant_predicted=restricted[cell.source]))

    def _majority_stances(self) -> _Cells:
        shares = label_shares(_gold(self._stances))
        best, merged = (best_label(shares), best_label(merge_neutral(shares))) if shares else ("", "")
        return _answered(self._stances, lambda cell, answer: answer._replace(predicted=best, variant_predicted=merged))

    def _stance_values(self, cells: _Cells) -> dict[str, Sums]:
        # one definition for the whole group, so that its classes can be told apart
        confusion = _confusion(cells, variant=any(cell.source in self.three_way for cell in cells))
        return stance_values(confusion) | {"n": _items(confusion)}

    def _clean(self, article: Article, lines: Sequence[str], analysis: Analysis) -> dict[str, int]:
        spans, missing = _line_spans(article.text, lines)
        if missing:
            self.warnings.append(f"article {article.id!r}: boilerplate lines that are no lines of its text, not scored: {missing}.")
        gold = characters(article.text, spans)
        # a copy of the title is left out of the body, but nobody calls it boilerplate
        removed = characters(article.text, [(span.start, span.end) for span in analysis.removed if span.kind != "title"])
        chosen = sum(not gold.isdisjoint(range(sentence.start, sentence.end)) for sentence in analysis.summary.sentences)
        return {"n": 1, "hits": len(gold & removed), "removed": len(removed), "gold": len(gold), "chosen": chosen}


def _cell(article: Article, analysis: Analysis) -> _Cell:
    return _Cell(article.lang or analysis.lang, article.source)


def _add(cells: _Cells, cell: _Cell, values: Mapping[Any, ArrayLike], drawn: NDArray[np.int64]) -> None:
    """Add what one article says, as often as it was drawn."""
    sums = cells.setdefault(cell, {})
    for name, value in values.items():
        if name not in sums:
            sums[name] = np.zeros((*np.shape(value), len(drawn)))
        sums[name] += np.multiply.outer(value, drawn)


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


def _gold(cells: _Cells) -> Counter[str]:
    """How often each gold label occurs."""
    counts: Counter[str] = Counter()
    for sums in cells.values():
        for answer, count in sums.items():
            counts[answer.gold] += int(count[0])
    return counts


def _answered(cells: _Cells, answer_with: Callable[[_Cell, _Answer], _Answer]) -> _Cells:
    """The same gold with other predictions."""
    return {cell: add_up((answer_with(cell, answer), count) for answer, count in sums.items()) for cell, sums in cells.items()}


def _rows(task: str, systems: Mapping[str, _Cells], score: Callable[[_Cells], dict[str, Sums]]) -> list[Row]:
    """Rows of a task, group after group, and in each group the systems in order."""
    rows = []
    for group_kind, group in _groups([cell for cells in systems.values() for cell in cells]):
        for system, cells in systems.items():
            members = {cell: sums for cell, sums in cells.items() if group_kind == "overall" or getattr(cell, group_kind) == group}
            if members:
                rows.append(_row((task, group_kind, group, system), score(members)))
    return rows


def _groups(cells: Sequence[_Cell]) -> Iterator[tuple[str, str]]:
    yield "overall", "all"
    for kind in ("lang", "source"):
        for name in sorted({getattr(cell, kind) for cell in cells}):
            yield kind, name


def _row(names: tuple[str, str, str, str], values: dict[str, Sums]) -> Row:
    items = values.pop("n")
    scores = plain(values)
    found = {name: interval(values[name], items) for name in scores}
    intervals = {name: bounds for name, bounds in found.items() if bounds is not None}
    return Row(*names, int(items[0]), scores, intervals, {name: values[name][1:] for name in scores})


def _confusion(cells: _Cells, variant: bool) -> dict[tuple[str, str], Sums]:
    """All answers of a group by gold and predicted label, those of the variant if asked for."""
    answers = ((answer, count) for sums in cells.values() for answer, count in sums.items())
    if variant:
        return add_up(((answer.variant_gold, answer.variant_predicted), count) for answer, count in answers)
    return add_up(((answer.gold, answer.predicted), count) for answer, count in answers)


def _items(confusion: Mapping[tuple[str, str], Sums]) -> Sums:
    return np.asarray(np.sum([*confusion.values()], axis=0))


def _total(cells: _Cells) -> dict[str, Sums]:
    return add_up(part for sums in cells.values() for part in sums.items())


def _topic_values(cells: _Cells) -> dict[str, Sums]:
    confusion = _confusion(cells, variant=False)
    restricted = label_values(_confusion(cells, variant=True))
    return label_values(confusion) | {f"restricted_{name}": value for name, value in restricted.items()} | {"n": _items(confusion)}


def _summary_values(cells: _Cells) -> dict[str, Sums]:
    sums = _total(cells)
    means = {name: ratio(sums[name], sums["n"]) for name in (*ROUGE_TYPES, "words")}
    return means | {"chrf": np.where(sums["n"] > 0, chrf_value(sums["chrf"]), np.nan), "n": sums["n"]}


def _cleaning_values(cells: _Cells) -> dict[str, Sums]:
    sums = _total(cells)
    # a count: in a replicate, of as many articles as there are
    chosen = ratio(sums["chosen"], sums["n"]) * sums["n"][0]
    return precision_recall(sums["hits"], sums["removed"], sums["gold"]) | {"boilerplate_sentences": chosen, "n": sums["n"]}
