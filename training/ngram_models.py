"""Fits the linear models of n-grams that answer beside the encoder (`inference.ngrams`), on the training articles, before the encoder is trained.

In: an `ArticleModel`, the training sources, what each says about its labels. Out: the models' numbers, in place. With scikit-learn.
Does not know: the encoder, batches, or dev articles: how much the n-grams count beside the encoder is for `training.calibration` to say.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from random import Random
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from inference.article import Article
from inference.cleaning import read_page
from inference.labels import STANCES
from inference.model import ArticleModel
from inference.ngrams import ARTICLE, SHORTEST, TARGET, Bag, NgramModel, article_words, character_ngrams, index_words, pair_bags
from inference.words import words
from training.examples import SourceLabels
from training.sources import LoadedSource

TOPIC_STRENGTH = 3.0
STANCE_STRENGTH = 0.3
"""Inverse regularization, each chosen on the dev articles of configs/news.yaml among 0.3, 1 and 3."""

STANCE_ITERATIONS = 100
"""Of L-BFGS, at most."""

MOST_ARTICLES = 50_000
MOST_PAIRS = 150_000
"""That are learned from, a seeded sample. 28,817 articles with a topic take a minute and a half of one CPU, 94,993 pairs as much."""

SOURCE_POWER = -0.5
"""Pairs count by this power of their source's number of pairs: else one source with 40,000 speaks for all."""

ABSENT = -1.0
"""Logit of a topic that no article has: the distance from a class of what is surely not of it."""

T = TypeVar("T")
Progress = Callable[[str, int, int], None]


def fit_ngrams(model: ArticleModel, sources: Sequence[LoadedSource], labels: Sequence[SourceLabels], seed: int, progress: Progress = lambda *_: None) -> None:
    """Fit both models; `labels` are those of `sources`. A task without two labels to tell apart keeps weights of 0."""
    if model.topic_ngrams is not None:
        articles = _sample([article for source in sources for article in source.articles if article.topic], MOST_ARTICLES, seed)
        fit_topics(model.topic_ngrams, articles, model.config.topics, seed, progress)
    if model.stance_ngrams is not None:
        pairs: list[tuple[Article, str, int, float]] = []
        for source, one in zip(sources, labels, strict=True):
            own = [(article, stance.target, STANCES.index(stance.stance)) for article in source.articles for stance in article.stances if stance.stance]
            pairs += [(article, target, gold, one.stance_weights[gold] * len(own) ** SOURCE_POWER) for article, target, gold in own]
        fit_stances(model.stance_ngrams, _sample(pairs, MOST_PAIRS, seed), progress)


def fit_topics(model: NgramModel, articles: Sequence[Article], topics: Sequence[str], seed: int, progress: Progress = lambda *_: None) -> None:
    """A linear SVM of each topic against the others."""
    gold = np.array([topics.index(str(article.topic)) for article in articles])
    if len(np.unique(gold)) < 2:
        return
    bags = [character_ngrams(_words(article), ARTICLE) for article in _counted(articles, "n-grams of topics", progress)]
    _set_rarity(model, bags)
    svm = LinearSVC(C=TOPIC_STRENGTH, random_state=seed)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="The number of unique classes")  # a few articles of many topics are no regression
        svm.fit(_rows(model, bags), gold)
    weights, bias = svm.coef_, svm.intercept_
    if len(svm.classes_) == 2:  # one plane, the second class on its upper side
        weights, bias = np.concatenate([-weights, weights]), np.concatenate([-bias, bias])
    model.bias.fill_(ABSENT)
    _store(model, svm.classes_, weights, bias)


def fit_stances(model: NgramModel, pairs: Sequence[tuple[Article, str, int, float]], progress: Progress = lambda *_: None) -> None:
    """A logistic regression of pairs of (article, target, stance, weight in the loss)."""
    gold = np.array([stance for _, _, stance, _ in pairs])
    if len(np.unique(gold)) < 2:
        return
    articles = {id(article): article for article, *_ in pairs}
    read = {key: _words(article) for key, article in zip(articles, _counted(articles.values(), "n-grams of stances", progress), strict=True)}
    asked = {target: words(target) for _, target, *_ in pairs}
    first = [character_ngrams(text, ARTICLE) for text in read.values()]
    second = [character_ngrams(text, TARGET) for text in asked.values()]
    between = [bags for key, group in groupby(pairs, lambda pair: id(pair[0])) for bags in _between(read[key], [asked[target] for _, target, *_ in group])]
    third, fourth = [near for near, _ in between], [found for _, found in between]
    for bags in (first, second, third, fourth):
        _set_rarity(model, bags)
    place_of_article = {key: place for place, key in enumerate(read)}
    place_of_target = {target: place for place, target in enumerate(asked)}
    rows = _rows(model, first)[[place_of_article[id(article)] for article, *_ in pairs]]
    rows += _rows(model, second)[[place_of_target[target] for _, target, *_ in pairs]]
    rows += _rows(model, third) + _rows(model, fourth)
    used = np.flatnonzero(rows.getnnz(axis=0))  # empty columns could teach nothing and cost time
    weights = np.array([weight for *_, weight in pairs])
    regression = LogisticRegression(C=STANCE_STRENGTH, max_iter=STANCE_ITERATIONS, tol=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # STANCE_ITERATIONS is a ceiling on purpose
        warnings.filterwarnings("ignore", message="The number of unique classes")
        regression.fit(rows[:, used], gold, sample_weight=weights / weights.mean())
    found, bias = regression.coef_, regression.intercept_
    if len(regression.classes_) == 2:
        found, bias = np.concatenate([-found, found]) / 2, np.concatenate([-bias, bias]) / 2
    coefficients = np.zeros((len(found), rows.shape[1]))
    coefficients[:, used] = found
    model.bias.fill_(float(bias.min()) + ABSENT)
    _store(model, regression.classes_, coefficients, bias)


def _between(article: Sequence[str], targets: Sequence[Sequence[str]]) -> list[tuple[Bag, Bag]]:
    index = index_words(article)
    return [pair_bags(index, target) for target in targets]


def _words(article: Article) -> list[str]:
    """What the model reads of an article when it answers."""
    return article_words(read_page(article.text, article.title, article.lang))


def _set_rarity(model: NgramModel, bags: Sequence[Bag]) -> None:
    """Inverse document frequency of each bucket of a kind, ln((1 + N) / (1 + n)) + 1."""
    kind = bags[0].kind * model.buckets
    seen = np.bincount(np.concatenate([np.unique(model.places(bag)) for bag in bags]), minlength=kind + model.buckets)[kind : kind + model.buckets]
    model.rarity[kind : kind + model.buckets] = torch.from_numpy(np.log((1 + len(bags)) / (1 + seen)) + 1)


def _rows(model: NgramModel, bags: Sequence[Bag]) -> csr_matrix:
    """Bags as `model` sees them, [bags, F]: counts times rarity, each row of length 1."""
    rarity = model.rarity.numpy()
    places = [model.places(bag) for bag in bags]
    values: list[NDArray[np.float64]] = []
    for bag, place in zip(bags, places, strict=True):
        row = np.asarray(bag.counts * rarity[place], dtype=np.float64)
        values.append(row / max(float(np.linalg.norm(row)), SHORTEST))
    ends = np.cumsum([0, *map(len, places)])
    rows = csr_matrix((np.concatenate(values), np.concatenate(places), ends), shape=(len(bags), len(rarity)))
    rows.sum_duplicates()
    return rows


def _store(model: NgramModel, labels: Any, weights: NDArray[np.float64], bias: NDArray[np.float64]) -> None:
    columns = torch.from_numpy(np.asarray(labels, dtype=np.int64))
    model.weights[:, columns] = torch.from_numpy(weights.T).to(model.weights.dtype)
    model.bias[columns] = torch.from_numpy(bias).to(model.bias.dtype)


def _sample(items: list[T], most: int, seed: int) -> list[T]:
    """At most so many of the items, in their order."""
    return items if len(items) <= most else [items[place] for place in sorted(Random(seed).sample(range(len(items)), most))]


def _counted(articles: Any, what: str, progress: Progress) -> Iterator[Article]:
    total = len(articles)
    for number, article in enumerate(articles, 1):
        yield article
        if number % 200 == 0 or number == total:
            progress(what, number, total)
