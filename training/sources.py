"""A source of the config -> articles with labels of the run's own sets.

In: a `Source`, the data root, the run's topics, the seed. Out: a `LoadedSource`, or `DataError` naming the row and the remedy:
a training set must be right, so a bad row stops the run. Rows left out by rule are counted with the reason.
Does not know: other sources, splits, tokens.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from inference.article import Article, Stance, article_from_row
from inference.errors import DataError
from inference.labels import STANCES
from training.config import Source
from training.config_problems import nearest
from training.rows import Row, read_rows

_ARTICLE_FIELDS = ("id", "lang", "title", "text", "topic", "stances", "summary", "boilerplate", "date")
_PAIR_FIELDS = ("target", "stance")
_UNKNOWN_LABELS_SHOWN = 10

NO_WORDS = "no words in the text"
OVER_CAP = "beyond max_articles"
CONTRADICTION = "target with two different stances (the target is left out, not the article)"


@dataclass(frozen=True, slots=True)
class LoadedSource:
    """The articles of one source, and what was left out of them."""

    source: Source
    articles: list[Article]
    topic_labels: tuple[str, ...]  # what the source's topic loss is a softmax over, in the run's order
    dropped: dict[str, int] = field(default_factory=dict)  # reason -> rows or labels
    unused_labels: tuple[str, ...] = ()  # names in its label maps that no row has


def load_source(source: Source, root: Path, topics: Sequence[str], seed: int) -> LoadedSource:
    """Read, map and check a source. `root` is where a relative `path` starts; `seed` picks the sample under `max_articles`.

    Raises `DataError` for a file that cannot be read, a bad row, a missing column, unknown labels, or no article at all.
    """
    reader = _Reader(source, topics)
    articles = reader.read(read_rows(source, root))
    reader.check_columns()
    reader.check_labels()
    if not articles:
        left_out = "; ".join(f"{count} rows: {reason}" for reason, count in reader.dropped.items())
        raise DataError(f"{_place(source)}: source {source.name!r} has no article ({left_out or 'it has no rows'}). Give a source with text, or remove it.")
    found = {article.topic for article in articles}
    topic_labels = tuple(topic for topic in topics if topic in (source.topic_labels or found))
    undeclared = [topic for topic in topics if topic in found and topic not in topic_labels]
    if undeclared:
        raise DataError(
            f"{_place(source)}: articles of source {source.name!r} have topics that its topic_labels leave out: {', '.join(undeclared)}. "
            "Add them to topic_labels, or map them to null."
        )
    if source.max_articles is not None and len(articles) > source.max_articles:
        reader.dropped[OVER_CAP] = len(articles) - source.max_articles
        articles = _sample(articles, source.max_articles, seed)
    return LoadedSource(source, articles, topic_labels, dict(reader.dropped), reader.unused_labels())


class _Reader:
    """Turns the rows of one source into articles, and remembers what it met."""

    def __init__(self, source: Source, topics: Sequence[str]) -> None:
        self.source = source
        self.dropped: Counter[str] = Counter()
        self._allowed: dict[str, Sequence[str]] = {"topic": topics, "stance": STANCES}
        self._maps: dict[str, Mapping[str, str | None]] = {"topic": source.labels.topic, "stance": source.labels.stance}
        self._columns: dict[str, str] = {name: name for name in (*_ARTICLE_FIELDS, *_PAIR_FIELDS)} | {**source.columns}
        self._columns_met: dict[str, None] = {}  # in the order of the data
        self._labels_met: dict[str, set[str]] = {"topic": set(), "stance": set()}
        self._unknown: dict[str, Counter[str]] = {"topic": Counter(), "stance": Counter()}
        self._unknown_at: dict[str, str] = {}

    def read(self, rows: Iterable[tuple[str, Row]]) -> list[Article]:
        """All articles, in the order of the rows; rows that differ in target and stance only become one article."""
        articles: list[Article] = []
        first_at: dict[str, str] = {}  # id -> where it was used
        merged: dict[Article, int] = {}  # an article of a table, without id and stances -> its place in `articles`
        for number, (where, row) in enumerate(rows, start=1):
            self._columns_met.update(dict.fromkeys(row))
            pair = self._pair(row, where)
            article = self._article(row, number, where)
            if article is None:
                self.dropped[NO_WORDS] += 1
                continue
            if self._is_pair(row):
                index = merged.setdefault(replace(article, id="", stances=()), len(articles))
                pairs = () if pair is None else (pair,)
                if index < len(articles):
                    articles[index] = replace(articles[index], stances=(*articles[index].stances, *pairs))
                    continue
                article = replace(article, stances=(*article.stances, *pairs))
            article = self._with_own_id(article, where, first_at)
            articles.append(article)
        return [self._without_contradictions(article) for article in articles]

    def check_columns(self) -> None:
        for ours, theirs in self.source.columns.items():
            if self._columns_met and theirs not in self._columns_met:
                raise DataError(f"{_place(self.source)}: {self._no_column(ours, self._columns_met)}")

    def check_labels(self) -> None:
        for kind, counts in self._unknown.items():
            if counts:
                raise DataError(self._unknown_labels(kind, counts))

    def unused_labels(self) -> tuple[str, ...]:
        return tuple(f"{kind}: {label}" for kind, labels in self._maps.items() for label in labels if label not in self._labels_met[kind])

    def _article(self, row: Row, number: int, where: str) -> Article | None:
        """The row as an article, or None where it has no text with a word in it."""
        values = {name: row[self._columns[name]] for name in _ARTICLE_FIELDS if self._columns[name] in row}
        if "text" not in values:
            raise DataError(f"{where}: {self._no_column('text', row)}")
        text = values["text"]
        if text is None or (isinstance(text, str) and not any(map(str.isalpha, text))):
            return None
        if isinstance(values.get("date"), date):
            values["date"] = values["date"].isoformat()  # Parquet and Hub data sets have dates of their own type
        if "topic" in values:
            values["topic"] = self._label("topic", values["topic"], where)
        if isinstance(values.get("stances"), list):
            values["stances"] = self._stances(values["stances"], where)
        article = article_from_row(values, where)
        return replace(article, id=article.id or f"row-{number}", lang=article.lang or self.source.lang or "", source=self.source.name)

    def _is_pair(self, row: Row) -> bool:
        """Whether the row is of a table with one target and stance a row, whether or not this one's stance is known."""
        return self._columns["stance"] in row and row.get(self._columns["target"]) not in (None, "")

    def _pair(self, row: Row, where: str) -> Stance | None:
        """The target and stance of a table's row, where it has both."""
        target, stance = (row.get(self._columns[name]) for name in _PAIR_FIELDS)
        if stance in (None, ""):
            return None
        if not isinstance(target, str) or not target.strip():
            raise DataError(
                f"{where}: the row has the stance {stance!r} but no target, found {target!r}. Map the column of its target: `columns: {{target: …}}`."
            )
        label = self._label("stance", stance, where)
        return Stance(target, label) if isinstance(label, str) else None

    def _stances(self, items: list[Any], where: str) -> list[Any]:
        """A list of stances in our names; an item of another form is left for `article_from_row` to refuse."""
        mapped = []
        for item in items:
            if not isinstance(item, dict) or item.get("stance") is None:
                mapped.append(item)
                continue
            label = self._label("stance", item["stance"], where)
            if label is not None:
                mapped.append({**item, "stance": label})
        return mapped

    def _label(self, kind: str, value: Any, where: str) -> Any:
        """Our name of a label; None where it is empty, mapped to null (counted) or unknown (reported by `check_labels`)."""
        if isinstance(value, int) and not isinstance(value, bool):
            value = str(value)
        if not isinstance(value, str):
            return value
        value = value.strip()
        self._labels_met[kind].add(value)
        if value in self._maps[kind]:
            ours = self._maps[kind][value]
            if ours is None:
                self.dropped[f"{kind} {value!r} is mapped to null (the label is left out, not the article)"] += 1
            return ours
        if not value or value in self._allowed[kind]:
            return value or None
        self._unknown[kind][value] += 1
        self._unknown_at.setdefault(kind, where)
        return None

    def _with_own_id(self, article: Article, where: str, first_at: dict[str, str]) -> Article:
        if article.id in first_at:
            if self.source.hub is None:
                raise DataError(f"{where}: id {article.id!r} was used at {first_at[article.id]}. Give every article its own id.")
            article = replace(article, id=f"{article.id} ({where})")  # nobody can correct a Hub data set from here
        first_at[article.id] = where
        return article

    def _without_contradictions(self, article: Article) -> Article:
        """Without the targets that have two different stances, and without repeated pairs."""
        stances: dict[str, set[str | None]] = {}
        for pair in article.stances:
            stances.setdefault(pair.target, set()).add(pair.stance)
        if len(stances) == len(article.stances):
            return article
        self.dropped[CONTRADICTION] += sum(len(found) > 1 for found in stances.values())
        return replace(article, stances=tuple(pair for pair in dict.fromkeys(article.stances) if len(stances[pair.target]) == 1))

    def _no_column(self, ours: str, columns: Iterable[str]) -> str:
        theirs = self._columns[ours]
        known = [str(column) for column in columns]
        return f"there is no column {theirs!r} to read the {ours} from{nearest(theirs, known)}; found {', '.join(known)}. Correct `columns: {{{ours}: …}}`."

    def _unknown_labels(self, kind: str, counts: Counter[str]) -> str:
        shown = [f"{label!r} ({count} rows){nearest(label, self._allowed[kind])}" for label, count in counts.most_common(_UNKNOWN_LABELS_SHOWN)]
        if len(counts) > len(shown):
            shown.append(f"and {len(counts) - len(shown)} more")
        first = next(iter(counts))
        return (
            f"{_place(self.source)}: source {self.source.name!r} has unknown {kind} labels, first at {self._unknown_at[kind]}: {', '.join(shown)}. "
            f"Allowed: {', '.join(self._allowed[kind])}. Map theirs to ours, e.g. "
            f"`labels: {{{kind}: {{{first}: {self._allowed[kind][0]}}}}}`, or to null to leave a label out."
        )


def _place(source: Source) -> str:
    return str(source.path) if source.hub is None else f"{source.hub.id}[{source.hub.split}]"


def _sample(articles: list[Article], count: int, seed: int) -> list[Article]:
    """`count` articles drawn by a hash of seed and text, in their order: the same ones however the rows are ordered."""

    def draw(article: Article) -> bytes:
        return hashlib.sha256(f"{seed}\0{article.text}\0{article.title}".encode(errors="surrogatepass")).digest()

    ranks = sorted((draw(article), index) for index, article in enumerate(articles))
    return [articles[index] for index in sorted(index for _, index in ranks[:count])]
