"""What an evaluation keeps of each article, and how that becomes rows of scores.

In: one article with gold labels and its analysis at a time. Out: a `Row` for every task, group and system, and example summaries.
Only labels, summaries and counts are kept, not the articles' text. Does not know: where articles come from, or who made the analysis.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from statistics import fmean
from typing import Protocol, TypeVar

from inference.analyzer import Analysis
from inference.article import Article
from inference.words import count_words
from training.baselines import MAJORITY, baseline_summaries, label_shares
from training.metrics.labels import best_label, label_scores, merge_neutral, merged_stance, stance_scores
from training.metrics.spans import characters, precision_recall
from training.metrics.summaries import chrf, rouge

MODEL = "model"
EXAMPLES = 12  # about one screen of a report each for a dozen languages


@dataclass(frozen=True, slots=True)
class Row:
    """The scores of one system on one group of one task.

    `scores` by metric: accuracy, precision, recall and F1 in 0 to 1; ROUGE and chrF in 0 to 100; `words` = mean words of a summary;
    `boilerplate_sentences` = summary sentences that hold gold boilerplate, a count. A metric that is undefined on the group is absent.
    """

    task: str  # topic, stance, summary, headline (one sentence against the headline) or cleaning
    group_kind: str  # overall, lang or source
    group: str  # "all", a language code or a source name
    system: str  # model, majority (of gold), lead-1, lead-2, lead-3 or oracle
    n: int  # articles; for stance, pairs of article and target
    scores: dict[str, float]


@dataclass(frozen=True, slots=True)
class Example:
    """A summary beside its reference."""

    id: str
    lang: str
    source: str
    reference: str
    summaries: dict[str, str]  # by system


class _Grouped(Protocol):
    @property
    def lang(self) -> str: ...
    @property
    def source(self) -> str: ...


@dataclass(frozen=True, slots=True)
class _Labels:
    """One gold label with its prediction, and both again in the variant: restricted topics, merged stances."""

    lang: str
    source: str
    gold: str
    predicted: str
    variant_gold: str
    variant_predicted: str


@dataclass(frozen=True, slots=True)
class _Summary:
    id: str
    lang: str
    source: str
    reference: str
    text: str
    rouge: dict[str, float]


@dataclass(frozen=True, slots=True)
class _Cleaned:
    lang: str
    source: str
    hits: int  # characters, white space left out
    removed: int
    gold: int
    chosen: int  # summary sentences that hold gold boilerplate


Item = TypeVar("Item", bound=_Grouped)


@dataclass(slots=True)
class Tally:
    """Gold and predictions, article by article: `add` as they come, `rows` and `examples` at the end."""

    source_topics: Mapping[str, Set[str]]
    three_way: Collection[str]  # sources whose neutral covers unrelated
    baselines: bool
    articles: int = 0
    warnings: list[str] = field(default_factory=list)
    _topics: list[_Labels] = field(default_factory=list)
    _stances: list[_Labels] = field(default_factory=list)
    _summaries: dict[tuple[str, str], list[_Summary]] = field(default_factory=dict)  # by task and system
    _cleaned: list[_Cleaned] = field(default_factory=list)

    def add(self, article: Article, analysis: Analysis, max_sentences: int | None) -> None:
        """Keep what one article's gold labels say about its analysis; `max_sentences` is the limit its summary was made under."""
        self.articles += 1
        lang, source = article.lang or analysis.lang, article.source
        if article.topic:
            restricted = best_label(analysis.topic.scores, self.source_topics[source])
            self._topics.append(_Labels(lang, source, article.topic, best_label(analysis.topic.scores), article.topic, restricted))
        for stance, result in zip(article.stances, analysis.stances, strict=True):
            if stance.stance:
                merged = best_label(merge_neutral(result.scores))
                self._stances.append(_Labels(lang, source, stance.stance, best_label(result.scores), merged_stance(stance.stance), merged))
        if article.summary:
            self.add_summary("summary", article, analysis, article.summary, max_sentences)
        if article.boilerplate is not None:
            self._cleaned.append(self._clean(article, article.boilerplate, analysis))

    def add_summary(self, task: str, article: Article, analysis: Analysis, reference: str, max_sentences: int | None) -> None:
        """Keep the summary of one article, and those of the baselines, beside `reference`; `task` is summary or headline."""
        texts = {MODEL: analysis.summary.text}
        if self.baselines:
            texts |= baseline_summaries(article, reference, max_sentences)
        for system, text in texts.items():
            item = _Summary(article.id, article.lang or analysis.lang, article.source, reference, text, rouge(text, reference))
            self._summaries.setdefault((task, system), []).append(item)

    def rows(self) -> list[Row]:
        """The scores of every task that has gold."""
        topics = {MODEL: self._topics} | ({MAJORITY: self._majority_topics()} if self.baselines else {})
        stances = {MODEL: self._stances} | ({MAJORITY: self._majority_stances()} if self.baselines else {})
        rows = _rows("topic", topics, _topic_row) + _rows("stance", stances, self._stance_row)
        for task in ("summary", "headline"):
            systems = {system: items for (kind, system), items in self._summaries.items() if kind == task}
            rows += _rows(task, systems, _summary_row)
        return rows + _rows("cleaning", {MODEL: self._cleaned}, _cleaning_row)

    def examples(self) -> tuple[Example, ...]:
        """Up to `EXAMPLES` summaries, one of each language in turn; those with a real reference come before headlines."""
        by_lang: dict[str, list[Example]] = {}
        for task in ("summary", "headline"):
            systems = [system for kind, system in self._summaries if kind == task]
            for items in zip(*(self._summaries[task, system] for system in systems), strict=True):
                texts = {system: item.text for system, item in zip(systems, items, strict=True)}
                by_lang.setdefault(items[0].lang, []).append(Example(items[0].id, items[0].lang, items[0].source, items[0].reference, texts))
        in_turn = [example for turn in zip_longest(*by_lang.values()) for example in turn if example is not None]
        return tuple(in_turn[:EXAMPLES])

    def _majority_topics(self) -> list[_Labels]:
        shares = label_shares([item.gold for item in self._topics])
        restricted = {source: best_label(shares, topics) for source, topics in self.source_topics.items() if not topics.isdisjoint(shares)}
        return [replace(item, predicted=best_label(shares), variant_predicted=restricted[item.source]) for item in self._topics]

    def _majority_stances(self) -> list[_Labels]:
        shares = label_shares([item.gold for item in self._stances])
        return [replace(item, predicted=best_label(shares), variant_predicted=best_label(merge_neutral(shares))) for item in self._stances]

    def _stance_row(self, items: Sequence[_Labels]) -> dict[str, float] | None:
        if any(item.source in self.three_way for item in items):  # one definition for the whole group, so that its classes can be told apart
            return stance_scores([item.variant_gold for item in items], [item.variant_predicted for item in items])
        return stance_scores([item.gold for item in items], [item.predicted for item in items])

    def _clean(self, article: Article, lines: Sequence[str], analysis: Analysis) -> _Cleaned:
        spans, missing = _line_spans(article.text, lines)
        if missing:
            self.warnings.append(f"article {article.id!r}: boilerplate lines that are no lines of its text, not scored: {missing}.")
        gold = characters(article.text, spans)
        # a copy of the title is left out of the body, but nobody calls it boilerplate
        removed = characters(article.text, [(span.start, span.end) for span in analysis.removed if span.kind != "title"])
        chosen = sum(not gold.isdisjoint(range(sentence.start, sentence.end)) for sentence in analysis.summary.sentences)
        return _Cleaned(article.lang or analysis.lang, article.source, len(gold & removed), len(removed), len(gold), chosen)


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


def _rows(task: str, systems: Mapping[str, Sequence[Item]], score: Callable[[Sequence[Item]], dict[str, float] | None]) -> list[Row]:
    """Rows of a task, group after group, and in each group the systems in order."""
    rows = []
    for group_kind, group in _groups([item for items in systems.values() for item in items]):
        for system, items in systems.items():
            members = [item for item in items if group_kind == "overall" or getattr(item, group_kind) == group]
            scores = score(members)
            if scores is not None:
                rows.append(Row(task, group_kind, group, system, len(members), scores))
    return rows


def _groups(items: Sequence[Item]) -> Iterator[tuple[str, str]]:
    yield "overall", "all"
    for kind in ("lang", "source"):
        for name in sorted({getattr(item, kind) for item in items}):
            yield kind, name


def _topic_row(items: Sequence[_Labels]) -> dict[str, float] | None:
    scores = label_scores([item.gold for item in items], [item.predicted for item in items])
    restricted = label_scores([item.variant_gold for item in items], [item.variant_predicted for item in items])
    return scores and restricted and scores | {f"restricted_{name}": value for name, value in restricted.items()}


def _summary_row(items: Sequence[_Summary]) -> dict[str, float] | None:
    if not items:
        return None
    scores = {name: fmean(item.rouge[name] for item in items) for name in items[0].rouge}
    overlap = chrf([item.text for item in items], [item.reference for item in items])
    return scores | ({} if overlap is None else {"chrf": overlap}) | {"words": fmean(count_words(item.text) for item in items)}


def _cleaning_row(items: Sequence[_Cleaned]) -> dict[str, float] | None:
    if not items:
        return None
    counts = (sum(item.hits for item in items), sum(item.removed for item in items), sum(item.gold for item in items))
    return precision_recall(*counts) | {"boilerplate_sentences": float(sum(item.chosen for item in items))}
