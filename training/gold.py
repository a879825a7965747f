"""A first reading of held-out articles: what gold they have, and whether it can be scored at all.

In: articles, as an iterable that is read once. Out: counts, and errors or warnings about what is wrong with them. Does not know: models, scores.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from inference.article import Article
from inference.errors import DataError
from inference.words import words
from training.baselines import label_shares
from training.results import Answers


@dataclass(slots=True)
class Gold:
    """What a first reading of the articles finds."""

    articles: int = 0
    headlines: int = 0  # articles with a title and no summary
    topics: Counter[tuple[str, str]] = field(default_factory=Counter)  # (source, topic)
    stances: Counter[str] = field(default_factory=Counter)
    stance_sources: set[str] = field(default_factory=set)
    pairs: int = 0  # articles with a gold stance
    others: int = 0  # articles with a summary or boilerplate lines


def read_gold(articles: Iterable[Article]) -> Gold:
    """Count the gold labels, and make sure that ids tell the articles of a source apart."""
    gold = Gold()
    seen: set[int] = set()
    repeated: Counter[tuple[str, str]] = Counter()
    for article in articles:
        gold.articles += 1
        name = (article.source, article.id)
        if article.id and hash(name) in seen:  # hashes, since names of a hundred thousand articles would fill memory
            repeated[name] += 1
        seen.add(hash(name))
        gold.headlines += has_headline(article)
        if article.topic:
            gold.topics[article.source, article.topic] += 1
        labels = [stance.stance for stance in article.stances if stance.stance]
        gold.stances.update(labels)
        gold.pairs += bool(labels)
        if labels:
            gold.stance_sources.add(article.source)
        gold.others += bool(article.summary) or article.boilerplate is not None
    if repeated:
        (source, twice), times = repeated.most_common(1)[0]
        raise DataError(f"source {source!r}: id {twice!r} occurs {times + 1} times ({len(repeated)} in all repeat). Give every article its own id.")
    return gold


def check_gold(gold: Gold, headlines: bool) -> None:
    if not (gold.topics or gold.stances or gold.others or (headlines and gold.headlines)):
        raise DataError(f"none of the {gold.articles} articles has a topic, a stance, a summary or boilerplate lines. Give articles with gold labels.")


def source_topics(gold: Gold, declared: Mapping[str, Sequence[str]]) -> dict[str, set[str]]:
    """The topics that each source uses: those declared and those found in its gold."""
    topics = {source: set(labels) for source, labels in declared.items()}
    for source, topic in gold.topics:
        topics.setdefault(source, set()).add(topic)
    return topics


def majority_answers(gold: Gold) -> Callable[[Article], Answers]:
    """The system that always gives the most frequent gold label."""
    topics: Counter[str] = Counter()
    for (_, topic), count in gold.topics.items():
        topics[topic] += count
    topic_shares, stance_shares = label_shares(topics), label_shares(gold.stances)
    return lambda article: Answers(topic_shares or None, (stance_shares,) * len(article.stances) if stance_shares else ())


def check_topics(gold: Gold, known: Collection[str]) -> list[str]:
    """Warnings on gold topics that the checkpoint does not have: they stay in the scores, as errors of the model."""
    warnings = []
    for source in sorted({source for source, _ in gold.topics}):
        counts = {topic: count for (where, topic), count in sorted(gold.topics.items()) if where == source}
        outside = {topic: count for topic, count in counts.items() if topic not in known}
        if len(outside) == len(counts):
            names = ", ".join(outside)
            raise DataError(
                f"source {source!r}: the checkpoint knows none of its topics ({names}). Known: {', '.join(known)}. "
                "Map the source's names with `labels: {topic: {…}}`."
            )
        warnings += [f"source {source!r}: topic {topic!r} (n = {count}) is unknown to the checkpoint and counts as wrong." for topic, count in outside.items()]
    return warnings


def has_headline(article: Article) -> bool:
    return not article.summary and bool(words(article.title))
