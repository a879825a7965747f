"""Pairs of an article and a target -> what a linear model can read of them: words of either, and how much of the target the article has.

In: articles and (article, target) pairs. Out: sparse and dense features, a row per pair. Inverse document frequencies and scales are
fitted on training pairs alone; articles and targets are read once each, not once a pair.
Does not know: stances, models, scores, or whether a pair is trained on or judged.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from math import log

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack
from sklearn.feature_extraction import FeatureHasher
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.preprocessing import StandardScaler

from inference.article import Article
from inference.words import words

LEAD_WORDS = 300
"""Article words that are read: FNC-1's claims are answered early, and memory grows with it."""

OPENING_WORDS = 40
"""The opening of an article, about its first two sentences."""

CROSS_VALUE = 0.3
"""A present cross feature weighs about as much as one word of a short text; not tuned."""

WORD_FEATURES = 2**18
CROSS_FEATURES = 2**16
"""Sizes of the hash spaces of words and word pairs, and of crosses: collisions are rare at some 100,000 distinct ones."""

# Words that deny or doubt what they stand with, in the languages of the stance sets whose words are written apart.
_REFUTING = """
not no never false fake hoax fraud bogus deny denies denied denying doubt doubts doubtful debunk debunked debunks refute refuted refutes untrue wrong
rumor rumors rumour rumours unconfirmed despite retract retracted prank satire myth claim claims allegedly
nicht kein keine nie falsch gegen не нет никогда против ложь опроверг отрицает لا ليس لم لن نفى ينفي كاذب شائعة نه نیست تکذیب شایعه دروغ رد
ei pole mitte vale vastu nunca jamás contra falso falsa mentira mai cap fals
"""
REFUTING_WORDS = frozenset(_REFUTING.split())


@dataclass(frozen=True, slots=True)
class Pairs:
    """Q pairs of an article and a target, as words; N articles, M distinct targets."""

    article_words: list[list[str]]  # [N], the first LEAD_WORDS of title and text
    target_words: list[list[str]]  # [M]
    articles: NDArray[np.int64]  # [Q] the place of each pair's article
    targets: NDArray[np.int64]  # [Q] the place of its target


@dataclass(frozen=True, slots=True)
class PairFeatures:
    """What stands in Q pairs. `both` alone is a whole model's input; the others are what it could get by on."""

    both: csr_matrix  # [Q, F] TF-IDF of the article and of the target, overlap, and crosses of refuting words with it
    target: csr_matrix  # [Q, WORD_FEATURES] TF-IDF of the target alone
    shared: NDArray[np.float64]  # [Q, SHARED_NUMBERS] how much of the target the article has; no word is named


SHARED_NUMBERS = 8


@dataclass(frozen=True, slots=True)
class _Reading:
    """An article as its targets look at it."""

    present: frozenset[str]
    opening: frozenset[str]
    next_to: frozenset[tuple[str, str]]  # words that follow each other
    refuting: list[str]
    refuting_opening: list[str]


def read_pairs(articles: Sequence[Article], pairs: Sequence[tuple[int, str]]) -> Pairs:
    """The words of `articles` and of the targets of `pairs`, each (place of the article, target).

    >>> read_pairs([Article("It rained.", title="Rain")], [(0, "the rain"), (0, "snow")]).target_words
    [['the', 'rain'], ['snow']]
    """
    targets = {target: None for _, target in pairs}
    places = {target: place for place, target in enumerate(targets)}
    return Pairs(
        article_words=[words(f"{article.title}\n{article.text}")[:LEAD_WORDS] for article in articles],
        target_words=[words(target) for target in targets],
        articles=np.array([place for place, _ in pairs], dtype=np.int64),
        targets=np.array([places[target] for _, target in pairs], dtype=np.int64),
    )


def word_ngrams(tokens: Sequence[str]) -> list[str]:
    """Words, and words with the next one.

    >>> word_ngrams(["the", "old", "bridge"])
    ['the', 'old', 'bridge', 'the old', 'old bridge']
    """
    return [*tokens, *(f"{first} {second}" for first, second in pairwise(tokens))]


@dataclass(slots=True)
class PairEncoder:
    """Pairs as features: `fit` on training pairs, then `encode` any, those among them."""

    _article_idf: TfidfTransformer = field(default_factory=lambda: TfidfTransformer(sublinear_tf=True))
    _target_idf: TfidfTransformer = field(default_factory=lambda: TfidfTransformer(sublinear_tf=True))
    _scale: StandardScaler = field(default_factory=StandardScaler)
    _frequency: Counter[str] = field(default_factory=Counter)  # training articles that have the word
    _articles: int = 0

    def fit_encode(self, pairs: Pairs) -> PairFeatures:
        """Learn how rare words are and how the overlap varies, and encode the same pairs."""
        self._articles = len(pairs.article_words)
        for article in pairs.article_words:
            self._frequency.update(set(article))
        self._article_idf.fit(_count(pairs.article_words))
        self._target_idf.fit(_count(pairs.target_words))
        return self._encode(pairs, fit_scale=True)

    def encode(self, pairs: Pairs) -> PairFeatures:
        """Features of other pairs, in the same columns."""
        return self._encode(pairs, fit_scale=False)

    def _encode(self, pairs: Pairs, fit_scale: bool) -> PairFeatures:
        target_counts = _count(pairs.target_words)
        article = self._article_idf.transform(_count(pairs.article_words))[pairs.articles]
        target = self._target_idf.transform(target_counts)[pairs.targets]
        cosine = np.asarray(article.multiply(self._article_idf.transform(target_counts)[pairs.targets]).sum(axis=1)).reshape(-1, 1)
        overlap: list[list[float]] = []
        shared: list[list[float]] = []
        crosses = FeatureHasher(CROSS_FEATURES, input_type="string", alternate_sign=False, dtype=np.float32).transform(self._read(pairs, overlap, shared))
        crosses.data[:] = CROSS_VALUE
        dense = np.hstack([cosine, np.array(overlap)])
        if fit_scale:
            self._scale.fit(dense)
        both = hstack([article, target, csr_matrix(self._scale.transform(dense).astype(np.float32)), crosses], format="csr")
        return PairFeatures(both, target, np.hstack([cosine, np.array(shared)]))

    def _read(self, pairs: Pairs, overlap: list[list[float]], shared: list[list[float]]) -> Iterator[list[str]]:
        """Names of the crosses of each pair; its numbers are put into `overlap` and `shared`."""
        readings: dict[int, _Reading] = {}
        for place, target_place in zip(pairs.articles.tolist(), pairs.targets.tolist(), strict=True):
            if place not in readings:
                readings[place] = _read_article(pairs.article_words[place])
            names, shares = _overlap(readings[place], pairs.target_words[target_place])
            overlap.append(shares)
            shared.append(self._shared_numbers(readings[place], pairs.target_words[target_place], shares[:3]))
            yield names

    def _shared_numbers(self, article: _Reading, target: Sequence[str], shares: Sequence[float]) -> list[float]:
        """The three plain shares, the shares of target words weighted by rarity, the longest run that is found, and the target's length."""
        rarity = {word: log((1 + self._articles) / (1 + self._frequency[word])) + 1 for word in set(target)}
        total = sum(rarity.values()) or 1.0
        found = sum(value for word, value in rarity.items() if word in article.present) / total
        found_early = sum(value for word, value in rarity.items() if word in article.opening) / total
        longest = run = int(bool(target) and target[0] in article.present)
        for pair in pairwise(target):
            run = run + 1 if pair in article.next_to else int(pair[1] in article.present)
            longest = max(longest, run)
        return [*shares, found, found_early, longest / max(1, len(target)), log(1 + len(target))]


def _count(texts: Sequence[Sequence[str]]) -> csr_matrix:
    vectorizer = HashingVectorizer(analyzer=word_ngrams, n_features=WORD_FEATURES, alternate_sign=False, norm=None, dtype=np.float32)
    counts: csr_matrix = vectorizer.transform(texts)
    return counts


def _read_article(tokens: Sequence[str]) -> _Reading:
    present, opening = frozenset(tokens), frozenset(tokens[:OPENING_WORDS])
    return _Reading(present, opening, frozenset(pairwise(tokens)), sorted(present & REFUTING_WORDS), sorted(opening & REFUTING_WORDS))


def _overlap(article: _Reading, target: Sequence[str]) -> tuple[list[str], list[float]]:
    """Names of the crosses of refuting words with the target and how much of it is found, and the shares of target words and pairs found."""
    wanted, wanted_pairs = set(target), set(pairwise(target))
    found = len(wanted & article.present) / max(1, len(wanted))
    found_early = len(wanted & article.opening) / max(1, len(wanted))
    found_pairs = len(wanted_pairs & article.next_to) / max(1, len(wanted_pairs))
    level, level_early = int(found * 4), int(found_early * 4)
    in_target = wanted & REFUTING_WORDS
    names = [f"found {level}", f"early {level_early}"]
    names += [f"target {word} {level}" for word in sorted(in_target)]
    names += [f"opening {word} {level_early}" for word in article.refuting_opening]
    names += [f"article {word} {level}" for word in article.refuting]
    names += [f"near {word} {other}" for word in article.refuting_opening for other in sorted(wanted & article.opening)]
    names += [f"only target {level}" for _ in in_target - article.present]
    names += [f"only opening {level_early}" for word in article.refuting_opening if word not in wanted]
    return names, [found, found_early, found_pairs, found * bool(in_target), found_early * len(article.refuting_opening)]
