"""Does stance read the target, and the article? The same articles with the one or the other taken away.

In: articles with gold stances, as an iterable that is read once. Out: each with a changed copy to be asked instead; the gold stays. A model that
scores as well on the copies did not need what was taken away: it went by the claim alone, or by the article alone (Poliak et al. 2018, Hypothesis Only
Baselines in Natural Language Inference; Kaushal et al. 2021, tWT-WT: A Dataset to Assert the Role of Target Entities for Detecting Stance of Tweets).
Does not know: models, scores.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import cycle
from random import Random

from inference.article import Article, Stance
from inference.words import words

OTHER_TARGETS = "model, other targets"
NO_ARTICLE = "model, no article"

REMEMBERED = 200
"""Targets of a source to draw from: enough to find one that an article does not have, and the same memory for any number of articles."""

BLANK = "x"
"""What is read in place of an article: one letter, since a text without any is refused."""


def other_targets(articles: Iterable[Article]) -> Iterator[tuple[Article, Article]]:
    """Each article that has a gold stance, and a copy whose targets are those of earlier articles of its source, none its own.

    They are drawn by the article's id and text, each once while they last. An article that comes before there are any is left out.

    >>> first, second = (Article("Rain.", id=name, stances=(Stance(name, "favor"),)) for name in ("dams", "boats"))
    >>> [(article.id, copy.stances) for article, copy in other_targets([first, second])]
    [('boats', (Stance(target='dams', stance='favor'),))]
    """
    remembered: dict[str, deque[str]] = {}
    for article in articles:
        if not any(stance.stance for stance in article.stances):
            continue
        known = remembered.setdefault(article.source, deque(maxlen=REMEMBERED))
        own = {tuple(words(stance.target)) for stance in article.stances}
        foreign = [target for target in known if tuple(words(target)) not in own]
        if foreign:
            drawn = Random(f"{article.id}:{article.text}").sample(foreign, len(foreign))
            given = [Stance(target, stance.stance) for target, stance in zip(cycle(drawn), article.stances, strict=False)]
            yield article, replace(article, stances=tuple(given))
        seen = {tuple(words(target)) for target in known}
        known.extend(stance.target for stance in article.stances if tuple(words(stance.target)) not in seen)


def without_article(articles: Iterable[Article]) -> Iterator[tuple[Article, Article]]:
    """Each article that has a gold stance, and a copy without title and text."""
    for article in articles:
        if any(stance.stance for stance in article.stances):
            yield article, replace(article, title="", text=BLANK)
