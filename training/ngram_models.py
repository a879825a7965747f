"""Fits the linear models of n-grams that answer beside the encoder (`inference.ngrams`), on the training articles, before the encoder is trained.

In: an `ArticleModel`, the training sources, what each says about its labels. Out: the models' numbers, in place. With scikit-learn.
Does not know: the encoder, batches, how often a source is read, or dev articles: how much the n-grams count beside the encoder is for
`training.calibration` to say.
"""

import warnings
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from random import Random
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.sparse import csr_matrix, vstack
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.svm import LinearSVC

from inference.article import Article
from inference.cleaning import Page, read_page
from inference.labels import STANCES
from inference.model import ArticleModel
from inference.ngrams import (
    ARTICLE,
    OPENING_CHARACTERS,
    PAIR_CHARACTERS,
    SHORTEST,
    STANCE_ORDERS,
    TARGET,
    TOPIC_ORDERS,
    Bag,
    ChosenNgrams,
    NgramModel,
    article_words,
    character_ngrams,
    index_words,
    pair_bags,
)
from inference.words import words
from training.examples import SourceLabels
from training.sources import LoadedSource

TOPIC_STRENGTH = 1.0
STANCE_STRENGTH = 0.3
"""Inverse regularization, each chosen on the dev articles of configs/news.yaml among 0.3, 1 and 3."""

CANDIDATES = 2**20
"""N-grams that topics are first learned from, the most common; all that stand in three articles. On training articles of MasakhaNEWS left out, 196,608 of
them chosen by weight had a weighted F1 of 0.881, all 3 million n-grams 0.880, and 115,000 chosen by how common they are 0.876, by weight 0.880."""

STANCE_ITERATIONS = 100
"""Of L-BFGS, at most."""

MOST_ARTICLES = 50_000
MOST_PAIRS = 150_000
"""That are learned from, a seeded sample. 28,817 articles with a topic took 218 s of one CPU, and the process stood at 3.8 GB; 94,993 pairs take less."""

SOURCE_POWER = -0.5
"""Pairs count by this power of their source's number of pairs: else one source with 40,000 speaks for all."""

ABSENT = -1.0
"""Logit of a topic that no article has: the distance from a class of what is surely not of it. A stance that no pair has lies as far below the others."""

EITHER = (STANCES.index("neutral"), STANCES.index("unrelated"))

T = TypeVar("T")
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Pair:
    """A target that an article is asked about, as the regression sees it."""

    article: Article
    target: str
    stance: int
    weight: float
    merged: bool = False  # neutral, from a source whose neutral covers unrelated as well


def fit_ngrams(model: ArticleModel, sources: Sequence[LoadedSource], labels: Sequence[SourceLabels], seed: int, progress: Progress = lambda *_: None) -> None:
    """Fit the models of the tasks that have a loss; `labels` are those of `sources`. A task without two labels to tell apart keeps weights of 0."""
    if model.topic_ngrams is not None and model.loss_weights["topic"]:
        topical = [(article, one) for source, one in zip(sources, labels, strict=True) for article in source.articles if article.topic]
        fit_topics(model.topic_ngrams, _sample(topical, MOST_ARTICLES, seed), model.config.topics, seed, progress)
    if model.stance_ngrams is not None and model.loss_weights["stance"]:
        pairs: list[Pair] = []
        for source, one in zip(sources, labels, strict=True):
            own = [(article, stance.target, STANCES.index(stance.stance)) for article in source.articles for stance in article.stances if stance.stance]
            for article, target, gold in own:
                weight = one.stance_weights[gold] * len(own) ** SOURCE_POWER
                pairs.append(Pair(article, target, gold, weight, one.neutral_covers_unrelated and gold in EITHER))
        fit_stances(model.stance_ngrams, _sample(pairs, MOST_PAIRS, seed), progress)


def fit_topics(
    model: ChosenNgrams, articles: Sequence[tuple[Article, SourceLabels]], topics: Sequence[str], seed: int, progress: Progress = lambda *_: None
) -> None:
    """A linear SVM for each topic, over the n-grams that weigh most in SVMs over all candidates."""
    gold = np.array([topics.index(str(article.topic)) for article, _ in articles])
    if len(np.unique(gold)) < 2:
        return
    read = _counted(articles, "n-grams of topics", progress)
    bags = [character_ngrams(article_words(_page(article), OPENING_CHARACTERS), ARTICLE, TOPIC_ORDERS) for article, _ in read]
    asked = np.zeros((len(articles), len(topics)), dtype=bool)
    for place, (_, labels) in enumerate(articles):
        asked[place, list(labels.topics)] = True
    candidates = _most_common(bags, CANDIDATES)
    everything = ChosenNgrams(len(candidates), len(topics))
    everything.choose(candidates)
    weights, _ = _planes(everything, bags, gold, asked, seed)
    heaviest = np.argsort(-np.linalg.norm(weights, axis=1), kind="stable")[: len(model.hashes)]
    model.choose(candidates[np.sort(heaviest)])
    model.learn(*_planes(model, bags, gold, asked, seed))


def _most_common(bags: Sequence[Bag], most: int) -> NDArray[np.uint32]:
    """The hashes that stand in most bags, ascending."""
    hashes, occurrences = np.unique(np.concatenate([bag.hashes for bag in bags]), return_counts=True)
    return np.sort(hashes[np.argsort(-occurrences, kind="stable")[:most]])


def _planes(
    model: ChosenNgrams, bags: Sequence[Bag], gold: NDArray[np.int64], asked: NDArray[np.bool_], seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weights [F, C] and bias [C] of each topic against the other articles of the sources that use it: the others say nothing about it. Sets rarity."""
    known = list(model.numbered(bags))
    _set_rarity(model, known)
    rows = _rows(model, known)
    weights, bias = np.zeros((rows.shape[1], asked.shape[1])), np.full(asked.shape[1], ABSENT)
    for topic in range(asked.shape[1]):
        own = np.flatnonzero(asked[:, topic])
        if 0 < np.count_nonzero(gold[own] == topic) < len(own):
            svm = LinearSVC(C=TOPIC_STRENGTH, random_state=seed)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # a plane that is nearly there serves as well
                svm.fit(rows[own], gold[own] == topic)
            weights[:, topic], bias[topic] = svm.coef_[0], float(svm.intercept_[0])
    return weights, bias


def fit_stances(model: NgramModel, pairs: Sequence[Pair], progress: Progress = lambda *_: None) -> None:
    """A logistic regression of stances.

    A merged pair may be neutral or unrelated: it counts as either by the share that a regression on the other pairs gives it (one step of expectation
    maximization), or as half of each where they do not know the two.
    """
    gold = np.array([pair.stance for pair in pairs])
    if len(np.unique(gold)) < 2:
        return
    rows = _pair_rows(model, pairs, progress)
    used = np.flatnonzero(rows.getnnz(axis=0))  # empty columns could teach nothing and cost time
    rows = rows[:, used]
    weights = np.array([pair.weight for pair in pairs])
    merged = np.array([pair.merged for pair in pairs])
    if merged.any():
        shares = _shares_of_neutral(rows, gold, weights, merged)
        rows = vstack([rows[~merged], rows[merged], rows[merged]], format="csr")
        neutral, unrelated = (np.full(len(shares), label) for label in EITHER)
        gold = np.concatenate([gold[~merged], neutral, unrelated])
        weights = np.concatenate([weights[~merged], shares * weights[merged], (1 - shares) * weights[merged]])
    regression = _regression(rows, gold, weights)
    found, bias = regression.coef_, regression.intercept_
    if len(regression.classes_) == 2:  # one row, for the second of the two
        found, bias = np.concatenate([-found, found]) / 2, np.concatenate([-bias, bias]) / 2
    places, labels = torch.from_numpy(used), torch.from_numpy(regression.classes_)
    model.bias.fill_(float(bias.min()) + ABSENT)
    model.bias[labels] = torch.from_numpy(bias).to(model.bias.dtype)
    model.weights[places[:, None], labels] = torch.from_numpy(found.T).to(model.weights.dtype)


def _regression(rows: csr_matrix, gold: NDArray[np.int64], weights: NDArray[np.float64]) -> LogisticRegression:
    regression = LogisticRegression(C=STANCE_STRENGTH, max_iter=STANCE_ITERATIONS, tol=1e-3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # STANCE_ITERATIONS is a ceiling on purpose
        warnings.filterwarnings("ignore", message="The number of unique classes")  # a few pairs of four stances are no regression
        return regression.fit(rows, gold, sample_weight=weights / weights.mean())


def _shares_of_neutral(rows: csr_matrix, gold: NDArray[np.int64], weights: NDArray[np.float64], merged: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How far each merged pair is neutral rather than unrelated, 0 to 1, to a regression on the others."""
    if not set(EITHER) <= set(gold[~merged].tolist()):
        return np.full(np.count_nonzero(merged), 0.5)
    regression = _regression(rows[~merged], gold[~merged], weights[~merged])
    neutral, unrelated = (regression.predict_proba(rows[merged])[:, list(regression.classes_).index(label)] for label in EITHER)
    shares: NDArray[np.float64] = neutral / (neutral + unrelated)
    return shares


def _pair_rows(model: NgramModel, pairs: Sequence[Pair], progress: Progress) -> csr_matrix:
    """What `model` sees of each pair, [pairs, F]; sets its rarity. The pairs of an article stand together, and it is read once for them."""
    asked = {pair.target: words(pair.target) for pair in pairs}
    articles = {id(pair.article): pair.article for pair in pairs}
    article_bags: list[Bag] = []
    between: list[tuple[Bag, Bag]] = []
    groups = (list(group) for _, group in groupby(pairs, lambda pair: id(pair.article)))
    for article, group in zip(_counted(articles.values(), "n-grams of stances", progress), groups, strict=True):
        page = _page(article)
        article_bags.append(character_ngrams(article_words(page, OPENING_CHARACTERS), ARTICLE, STANCE_ORDERS))
        index = index_words(article_words(page, PAIR_CHARACTERS))
        between += [pair_bags(index, asked[pair.target]) for pair in group]
    target_bags = [character_ngrams(target, TARGET, STANCE_ORDERS) for target in asked.values()]
    of_article = {key: place for place, key in enumerate(articles)}
    of_target = {target: place for place, target in enumerate(asked)}
    kinds = (
        (article_bags, [of_article[id(pair.article)] for pair in pairs]),
        (target_bags, [of_target[pair.target] for pair in pairs]),
        ([near for near, _ in between], None),
        ([found for _, found in between], None),
    )
    rows = csr_matrix((len(pairs), len(model.rarity)))
    for bags, places in kinds:
        _set_rarity(model, bags)
        one = _rows(model, bags)
        rows = rows + (one if places is None else one[places])
    return rows


def _page(article: Article) -> Page:
    """What the model reads of an article when it answers."""
    return read_page(article.text, article.title, article.lang)


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


def _sample(items: list[T], most: int, seed: int) -> list[T]:
    """At most so many of the items, in their order."""
    return items if len(items) <= most else [items[place] for place in sorted(Random(seed).sample(range(len(items)), most))]


def _counted(items: Collection[T], what: str, progress: Progress) -> Iterator[T]:
    total = len(items)
    for number, item in enumerate(items, 1):
        yield item
        if number % 200 == 0 or number == total:
            progress(what, number, total)
