"""Linear models of n-grams, and models of less than the question: what simple methods answer after the same training files.

In: training articles with topics and stances, then any articles. Out: a score for every topic, and for every stance of each target, by
system. TF-IDF over word and character n-grams of any script, with scikit-learn. Does not know: files, sources, gold of what it answers.
"""

import warnings
from collections.abc import Sequence
from random import Random
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, hstack, vstack
from scipy.special import softmax
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from inference.article import Article
from inference.labels import STANCES
from inference.words import words
from training.pair_features import PairEncoder, PairFeatures, read_pairs, word_ngrams

LINEAR = "TF-IDF linear"
TARGET_ONLY = "target only"
SHARED_WORDS = "shared words"

SEED = 13

TOPIC_CHARACTERS = 2_000
"""Characters of a text that the topic model reads, about 300 words: the opening says what an article is about."""

TOPIC_ARTICLES = 50_000
STANCE_PAIRS = 150_000
"""Training articles and pairs, at most, a seeded sample. 12,362 news articles took 36 s of one CPU and 1.1 GB: 50,000 should take 5 GB."""

CHUNK_ARTICLES = 1_000
"""Articles whose n-grams are counted at a time: their distinct words are cut into character n-grams once, and memory stays small."""

NGRAM_FEATURES = 2**20
"""Size of each hash space of the topic model, as many as there are distinct n-grams in about 10,000 news articles."""

STANCE_STRENGTH = 1.0
STANCE_ITERATIONS = 150
"""Inverse regularization of the stance models, and iterations of L-BFGS at most. With balanced classes, held-out training articles chose 1
on four and 10 on five of the eleven sets of benchmarks/linear_floors.py; at 1 the slowest of five sets (FNC-1) took 130 iterations, at 10
some stop short of the end."""


T = TypeVar("T")


class LinearTopics:
    """TF-IDF of word 1-2-grams and of character 2-5-grams within words, and a linear SVM over both.

    >>> articles = [Article("The striker scored twice.", topic="sport"), Article("Heavy rain fell overnight.", topic="weather")]
    >>> scores = LinearTopics(["arts", "weather", "sport"]).fit(articles).scores([Article("Rain again.")])
    >>> [{topic: round(score, 2) for topic, score in found.items()} for found in scores]
    [{'arts': 0.0, 'weather': 0.59, 'sport': 0.41}]
    """

    def __init__(self, topics: Sequence[str]) -> None:
        self._classifier = _Classifier(LinearSVC(C=1.0, random_state=SEED), topics)
        self._idf = [TfidfTransformer(sublinear_tf=True), TfidfTransformer(sublinear_tf=True)]

    def fit(self, articles: Sequence[Article]) -> "LinearTopics":
        """Learn from the articles that have a topic; `ValueError` where none has."""
        labelled = _sample([article for article in articles if article.topic], TOPIC_ARTICLES)
        _check_some(labelled)
        rows = self._weigh(_ngram_counts(labelled), fit=True)
        self._classifier.fit(rows, [article.topic or "" for article in labelled])
        return self

    def scores(self, articles: Sequence[Article]) -> list[dict[str, float]]:
        """A score for every topic, by article: the softmax of the distances to the planes, no probability; 0 for a topic never trained on."""
        if not articles:
            return []
        return self._classifier.scores(self._weigh(_ngram_counts(articles)))

    def _weigh(self, counts: Sequence[csr_matrix], fit: bool = False) -> csr_matrix:
        """Both families of n-grams have length 1, so that they weigh the same. The counts are overwritten: a copy would be a gigabyte."""
        return hstack([(idf.fit(one) if fit else idf).transform(one, copy=False) for idf, one in zip(self._idf, counts, strict=True)], format="csr")


class LinearStances:
    """Stances by three systems: all that a linear model can read of article and target, and two that read less than the question.

    `TF-IDF linear`: n-grams of article and target, their overlap, and refuting words crossed with it; logistic regression.
    `target only`: n-grams of the target, the article never seen: what claims give away by themselves. Logistic regression.
    `shared words`: eight numbers on how much of the target the article has, no word named; gradient-boosted trees.

    Classes weigh the same however rare they are, since macro F1 is what stances are judged by. Where neutral also covers unrelated, the
    pairs are learned as neutral: scores that add the two up lose nothing by it.
    """

    def __init__(self) -> None:
        self._encoder = PairEncoder()
        self._classifiers = {
            LINEAR: _Classifier(logistic_regression("balanced", STANCE_STRENGTH), STANCES),
            TARGET_ONLY: _Classifier(logistic_regression("balanced", STANCE_STRENGTH), STANCES),
            SHARED_WORDS: _Classifier(
                HistGradientBoostingClassifier(max_leaf_nodes=15, class_weight="balanced", early_stopping=False, random_state=SEED), STANCES
            ),
        }

    def fit(self, articles: Sequence[Article]) -> "LinearStances":
        """Learn from the pairs that have a stance; `ValueError` where there is none."""
        labelled = [article for article in articles if any(pair.stance for pair in article.stances)]
        pairs = [(place, pair.target, pair.stance) for place, article in enumerate(labelled) for pair in article.stances if pair.stance]
        _check_some(pairs)
        pairs = _sample(pairs, STANCE_PAIRS)
        features = self._encoder.fit_encode(read_pairs(labelled, [(place, target) for place, target, _ in pairs]))
        gold = [stance for _, _, stance in pairs]
        for system, classifier in self._classifiers.items():
            classifier.fit(_input(system, features), gold)
        return self

    def scores(self, articles: Sequence[Article]) -> dict[str, list[tuple[dict[str, float], ...]]]:
        """By system, for each article the scores of the four stances for each of its targets, in order; an article without targets has ()."""
        pairs = [(place, pair.target) for place, article in enumerate(articles) for pair in article.stances]
        if not pairs:
            return {system: [()] * len(articles) for system in self._classifiers}
        features = self._encoder.encode(read_pairs(articles, pairs))
        found: dict[str, list[tuple[dict[str, float], ...]]] = {}
        for system, classifier in self._classifiers.items():
            answers = iter(classifier.scores(_input(system, features)))
            found[system] = [tuple(next(answers) for _ in article.stances) for article in articles]
        return found


def logistic_regression(class_weight: str | None, strength: float) -> LogisticRegression:
    """The model of stances; `strength` is the inverse of the regularization."""
    return LogisticRegression(C=strength, class_weight=class_weight, max_iter=STANCE_ITERATIONS, tol=1e-3)


class _Classifier:
    """A model of scikit-learn that has a score for every label asked for, whichever it was trained on."""

    def __init__(self, model: Any, labels: Sequence[str]) -> None:
        self._model = model
        self._labels = labels
        self._found: list[str] = []  # labels trained on, in the model's order
        self._columns: NDArray[np.int64] | None = None  # of a hash space, those that training rows fill; the others could teach nothing

    def fit(self, features: Any, gold: Sequence[str]) -> None:
        self._found = sorted(set(gold))
        if isinstance(features, csr_matrix):
            seen = np.flatnonzero(features.getnnz(axis=0))
            self._columns = seen if len(seen) else np.zeros(1, dtype=np.int64)  # targets may be without any word; a model wants a column
            place = np.zeros(features.shape[1], dtype=np.int32)
            place[self._columns] = np.arange(len(self._columns))
            # the same numbers in fewer columns, without a copy of them
            features = csr_matrix((features.data, place[features.indices], features.indptr), shape=(features.shape[0], len(self._columns)))
        if len(self._found) > 1:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # STANCE_ITERATIONS is a ceiling on purpose
                warnings.filterwarnings("ignore", message="The number of unique classes")  # a few articles of many topics are no regression
                self._model.fit(features, np.array(gold))

    def scores(self, features: Any) -> list[dict[str, float]]:
        if self._columns is not None:
            features = features[:, self._columns]
        empty = dict.fromkeys(self._labels, 0.0)
        return [empty | dict(zip(self._found, row, strict=True)) for row in self._values(features).tolist()]

    def _values(self, features: Any) -> NDArray[np.float64]:
        """[rows, labels found]"""
        if len(self._found) == 1:
            return np.ones((features.shape[0], 1))
        if not isinstance(self._model, LinearSVC):
            return np.asarray(self._model.predict_proba(features))
        distances = self._model.decision_function(features)
        return np.asarray(softmax(np.column_stack([-distances, distances]) if distances.ndim == 1 else distances, axis=1))


def _check_some(labelled: Sequence[object]) -> None:
    if not labelled:
        raise ValueError("there is nothing to learn from: no article has such a label")


def _input(system: str, features: PairFeatures) -> Any:
    return {LINEAR: features.both, TARGET_ONLY: features.target, SHARED_WORDS: features.shared}[system]


def _sample(items: list[T], most: int) -> list[T]:
    """At most so many of the items, in their order."""
    return items if len(items) <= most else [items[place] for place in sorted(Random(SEED).sample(range(len(items)), most))]


def _ngram_counts(articles: Sequence[Article]) -> list[csr_matrix]:
    """Counts [articles, NGRAM_FEATURES] of word n-grams and of character n-grams."""
    chunks = [_count_chunk(articles[start : start + CHUNK_ARTICLES]) for start in range(0, len(articles), CHUNK_ARTICLES)]
    return [vstack(family, format="csr") for family in zip(*chunks, strict=True)]


def _count_chunk(articles: Sequence[Article]) -> tuple[csr_matrix, csr_matrix]:
    texts = [words(f"{article.title}\n{article.text[:TOPIC_CHARACTERS]}") for article in articles]
    # float64, as the SVM wants it: a copy in another type would cost more memory than it saves
    by_word = HashingVectorizer(analyzer=word_ngrams, n_features=NGRAM_FEATURES, alternate_sign=False, norm=None)
    by_character = HashingVectorizer(analyzer="char_wb", ngram_range=(2, 5), lowercase=False, n_features=NGRAM_FEATURES, alternate_sign=False, norm=None)
    number: dict[str, int] = {}
    columns = [number.setdefault(word, len(number)) for text in texts for word in text]
    ends = np.cumsum([0, *map(len, texts)])
    words_of_texts = csr_matrix((np.ones(len(columns)), columns, ends), shape=(len(texts), max(1, len(number))))
    # a word's n-grams are cut once however often it stands: many times faster than text by text
    return by_word.transform(texts), words_of_texts @ by_character.transform(list(number) or [""])
